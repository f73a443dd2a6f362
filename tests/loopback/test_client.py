"""`reactor_runtime.client` against a server as a person runs it."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from reactor_runtime.client import (
    Client,
    CommandRefused,
    Frame,
    Message,
    NotConnected,
    Refused,
    Reply,
    SyncClient,
    Track,
    connect,
)
from tests.loopback.client_model import everything
from tests.loopback.playing import pitch
from tests.running import RunningServer

WAIT = 20.0
RED, GREEN, BLUE = (220, 20, 30), (20, 200, 40), (30, 40, 210)
Colour = tuple[int, int, int]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with everything(tmp_path_factory.mktemp("everything")) as server:
        yield server


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[Client]:
    async with Client(server.url) as client:
        yield client
        await client.stop()


def shows(frame: Frame, colour: Colour) -> bool:
    return bool(np.abs(frame.data.mean(axis=(0, 1)) - colour).max() < 12)


async def until_shown(client: Client, colour: Colour) -> Frame:
    async with asyncio.timeout(WAIT):
        async for frame in client.frames("main_video"):
            if shows(frame, colour):
                return frame
    raise AssertionError("the pictures ended")


async def until_said(client: Client, holds: Callable[[Message], bool]) -> Message:
    async with asyncio.timeout(WAIT):
        async for message in client.messages():
            if holds(message):
                return message
    raise AssertionError("the messages ended")


async def test_a_client_knows_the_model_once_it_is_connected(client: Client) -> None:
    assert (client.state, client.model) == ("connected", "everything")
    assert Track("main_video", "video", "out") in client.tracks
    assert Track("webcam", "video", "in") in client.tracks
    assert client.schema["info"]["title"] == "everything"
    say = client.commands["say"]
    assert (say.description, say.required, say.reply) == ("Say it back", {"text"}, "said")
    assert client.commands["set_colour"].reply is None


async def test_the_picture_follows_a_command(client: Client) -> None:
    assert await client.send("set_colour", red=RED[0], green=RED[1], blue=RED[2]) == Reply()
    frame = await until_shown(client, RED)
    assert (frame.data.shape, frame.data.dtype, frame.track) == ((96, 160, 3), np.uint8, "main_video")


async def test_a_reply_is_that_of_the_command_that_it_answers(client: Client) -> None:
    texts = [f"line {number}" for number in range(20)]
    replies = await asyncio.gather(*(client.send("say", text=text) for text in texts))
    assert [reply.data["text"] for reply in replies] == texts
    assert {(reply.name, reply.confirmed) for reply in replies} == {("said", True)}


async def test_what_the_model_said_before_anybody_listened_is_kept(client: Client) -> None:
    await client.send("say", text="hello")
    names = []
    async with asyncio.timeout(WAIT):
        async for message in client.messages():
            names.append(message.name)
            if message.name == "said":
                break
    assert names == ["welcome", "said"]


@pytest.mark.parametrize(
    ("command", "arguments", "code", "words"),
    [
        ("set_colour", {"red": 999}, "invalid_command", "999"),
        ("fly", {}, "invalid_command", "fly"),
        ("refuse", {}, "too_tired", "ask me tomorrow"),
    ],
)
async def test_a_refused_command_raises_the_models_words(
    client: Client, command: str, arguments: dict[str, int], code: str, words: str
) -> None:
    with pytest.raises(CommandRefused, match=words) as refused:
        await client.send(command, **arguments)
    assert refused.value.code == code


async def test_a_command_larger_than_a_message_is_refused_here(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        await client.send("say", text="x" * 300_000)
    assert refused.value.code == "too_large"
    assert (await client.send("say", text="short")).data["text"] == "short"


async def test_files_are_arguments_alone_and_in_lists(client: Client, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"x" * 3000)
    photo = await client.upload(tmp_path / "photo.png")
    assert (photo.name, photo.mime_type, photo.size) == ("photo.png", "image/png", 3000)
    note = await client.upload(b"note", name="note.txt")
    assert (await client.send("weigh_one", file=note)).data == {"text": "note.txt", "n": 4}
    assert (await client.send("weigh", files=[photo, note])).data == {"text": "photo.png note.txt", "n": 3004}


async def test_an_upload_that_the_server_does_not_take_is_refused(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        await client.upload(b"", name="empty.txt")
    assert refused.value.http_status == 400


async def test_every_picture_comes_in_its_place_when_all_are_wanted(client: Client) -> None:
    async with asyncio.timeout(WAIT):
        frames = [frame async for frame in _first(client.frames(every=True), 60)]
    assert {frame.skipped for frame in frames} == {0}
    steps = np.diff([frame.pts for frame in frames])
    assert steps.min() > 0
    assert np.median(steps) == pytest.approx(1 / 30, abs=0.004)


async def test_the_newest_picture_wins_for_a_slow_reader(client: Client) -> None:
    reader = client.frames()
    async with asyncio.timeout(WAIT):
        first = await anext(reader)
        quick = [frame async for frame in _first(client.frames(), 10)]
        late = await anext(reader)
    assert late.skipped >= 5
    assert late.pts > quick[-2].pts > first.pts
    await reader.aclose()


async def test_sound_is_heard_as_the_model_makes_it(client: Client) -> None:
    async with asyncio.timeout(WAIT):
        async for run in client.sound("main_audio"):
            assert (run.data.shape[1], run.data.dtype, run.rate) == (480, np.int16, 48_000)
            if np.abs(run.data).max() > 3000:
                break
        runs = [run async for run in _first(client.sound(), 100)]
    heard = np.concatenate([run.data[0] for run in runs[50:]]).astype(float)
    assert pitch(heard) == pytest.approx(600, abs=5)
    assert np.diff([run.pts for run in runs]) == pytest.approx(0.01)


async def test_a_published_camera_reaches_the_model_and_can_be_given_back(
    server: RunningServer, client: Client
) -> None:
    publication = await client.publish("webcam", itertools.repeat(np.full((180, 320, 3), GREEN, np.uint8)))
    await until_shown(client, GREEN)
    async with Client(server.url) as other:
        with pytest.raises(Refused) as refused:
            await other.publish("webcam")
        assert refused.value.code == "publish_refused"
        await publication.close()
        async with asyncio.timeout(WAIT):
            while True:
                try:
                    theirs = await other.publish("webcam", _camera(BLUE), fps=None)
                    break
                except Refused:
                    await asyncio.sleep(0.02)
        await until_shown(client, BLUE)
        await theirs.close()


async def test_a_published_microphone_reaches_the_model(client: Client) -> None:
    moments = np.arange(48_000 * 30) / 48_000
    tone = np.sin(moments * 2 * np.pi * 440).astype(np.float32) * 0.4
    # Pieces of a length that no run has.
    publication = await client.publish("mic", (tone[at : at + 1111] for at in range(0, tone.size, 1111)))
    heard = await until_said(client, lambda said: said.name == "heard" and abs(said.data["hertz"] - 440) < 6)
    assert heard.name == "heard"
    await publication.close()


async def test_a_source_that_fails_tells_who_waits_for_it(client: Client) -> None:
    publication = await client.publish("webcam", [np.zeros((4, 4, 7), np.uint8)])
    with pytest.raises(ValueError, match=r"\(height, width, 3\)"):
        await publication.done()


async def test_a_client_goes_on_over_a_lost_connection(client: Client) -> None:
    colour = np.array(RED)
    publication = await client.publish("webcam", _camera(colour), fps=None)
    reader = client.frames()
    async with asyncio.timeout(WAIT):
        while not shows(before := await anext(reader), RED):
            pass
        client._live().close()
        with pytest.raises(NotConnected):
            await client.send("say", text="lost")
        while client.state == "connected":
            await client.news()
        while client.state != "connected":
            await client.news()
        assert (await client.send("say", text="found")).data["text"] == "found"
        colour[:] = GREEN
        while not shows(after := await anext(reader), GREEN):
            pass
    assert after.pts > before.pts
    await publication.close()
    await reader.aclose()


async def test_a_command_that_is_under_way_when_the_connection_goes_says_so(client: Client) -> None:
    asked = asyncio.create_task(client.send("say", text="?"))
    await asyncio.sleep(0)
    client._live().close()
    with pytest.raises(NotConnected, match="lost before the answer"):
        await asked


async def test_the_end_of_the_session_ends_everything(server: RunningServer) -> None:
    async with Client(server.url) as one, Client(server.url) as other:
        frames, messages = one.frames(), one.messages()
        async with asyncio.timeout(WAIT):
            await anext(frames)
            await other.stop()
            assert [frame async for frame in frames][-1:] is not None
            assert {message.name async for message in messages} == {"welcome"}
        assert (one.state, other.state) == ("ended", "closed")
        with pytest.raises(NotConnected):
            await one.send("say", text="anybody?")


async def test_leaving_lets_others_stay(server: RunningServer, client: Client) -> None:
    async with Client(server.url) as guest:
        assert guest.session_id == client.session_id
    assert guest.state == "closed"
    assert (await client.send("say", text="still here")).data["text"] == "still here"


async def test_tracks_that_are_not_there_are_named(client: Client) -> None:
    for ask in (lambda: client.frames("main_audio"), lambda: client.sound("main_video")):
        with pytest.raises(ValueError, match=r"there is: main_"):
            ask()
    with pytest.raises(ValueError, match=r"there is: webcam, mic"):
        await client.publish("main_video")


async def test_figures_tell_what_is_watched(client: Client) -> None:
    async with asyncio.timeout(WAIT):
        async for _ in client.frames():
            figures = await client.figures()
            if (video := figures.tracks.get("main_video")) is not None and video.fps and video.codec:
                break
    assert (video.codec, video.width, video.height) == ("VP8", 160, 96)
    assert figures.path == "udp direct"


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(NotConnected, match=r"127\.0\.0\.1:9 does not answer"):
        await Client("127.0.0.1:9").connect()


async def test_a_server_of_something_else_is_told_from_ours() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        serving = threading.Thread(target=other.serve_forever)
        serving.start()
        try:
            with pytest.raises(Refused, match="does not answer as a server of this wire"):
                await Client(f"127.0.0.1:{other.server_port}").connect()
        finally:
            other.shutdown()
            serving.join()


async def test_a_session_that_does_not_run_cannot_be_joined(server: RunningServer) -> None:
    with pytest.raises(Refused):
        await Client(server.url, session_id="00000000-0000-0000-0000-00000000ffff").connect()


def test_the_client_without_a_loop_does_the_same(server: RunningServer) -> None:
    with connect(server.url) as client:
        assert (client.state, client.model) == ("connected", "everything")
        assert client.send("say", text="hello").data["text"] == "hello"
        with pytest.raises(CommandRefused):
            client.send("refuse")
        assert next(client.messages()).name == "welcome"
        publication = client.publish("webcam", itertools.repeat(np.full((90, 160, 3), GREEN, np.uint8)))
        assert shows(next(frame for frame in client.frames() if shows(frame, GREEN)), GREEN)
        publication.close()
        assert next(client.sound()).rate == 48_000
        assert client.figures().path == "udp direct"
        client.stop()
    assert client.state == "closed"


def test_a_closed_client_without_a_loop_says_so(server: RunningServer) -> None:
    with SyncClient(server.url) as client:
        client.stop()
        with pytest.raises(RuntimeError, match="closed"):
            client.send("say", text="?")


async def _first(items: AsyncIterator[Frame], count: int) -> AsyncIterator[Frame]:
    async for item in items:
        yield item
        count -= 1
        if not count:
            return


async def _camera(colour: Colour | np.ndarray) -> AsyncIterator[np.ndarray]:
    while True:
        yield np.full((90, 160, 3), colour, np.uint8)
        await asyncio.sleep(1 / 30)
