"""From a client's camera and microphone to a model in its own process, over a server as a person runs it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from textwrap import dedent
from typing import Any

import httpx
import pytest

from tests.loopback.published_client import PublishedClient, until
from tests.loopback.sending import BLUE, GREEN, RED, Camera, Colour, Microphone, running
from tests.running import RunningServer, serving

WITNESS = dedent("""
    import asyncio
    import time

    import numpy as np

    from reactor_runtime import Audio, BufferClosed, Input, ModelMessage, Output, ReactorModel, ReadMode, Video


    class Speech(Audio):
        sample_rate = 16_000


    class Media(Input):
        webcam: Video
        speech: Speech
        music: Audio


    class Out(Output):
        main_video: Video


    class Seen(ModelMessage):
        width: int
        height: int
        rgb: list[int]
        pts: float
        age: float


    class Heard(ModelMessage):
        track: str
        block: int
        rate: float
        hertz: float
        age: float


    class Nobody(ModelMessage):
        track: str


    def age(frame):
        # The client's clock is ours here.
        return time.time() - frame.capture_time_us / 1e6 if frame.capture_time_us else -1


    class Witness(ReactorModel):
        media: Media

        async def run(self):
            await asyncio.gather(self.watch(), self.listen("speech", 16_000), self.listen("music", 48_000))

        async def watch(self):
            while True:
                try:
                    (frame,) = await self.media.webcam.read()
                except BufferClosed:
                    await self.send(Nobody(track="webcam"))
                    await asyncio.sleep(0.02)
                    continue
                height, width, _ = frame.shape
                rgb = [int(value) for value in frame.data.mean(axis=(0, 1))]
                await self.send(Seen(width=width, height=height, rgb=rgb, pts=frame.pts, age=age(frame)))

        async def listen(self, track, rate):
            buffer = getattr(self.media, track)
            while True:
                try:
                    blocks = await buffer.read(50, mode=ReadMode.FIFO)
                except BufferClosed:
                    await asyncio.sleep(0.02)
                    continue
                sound = np.concatenate([block[0] for block in blocks]).astype(float)
                hertz = np.argmax(np.abs(np.fft.rfft(sound))) * rate / sound.size
                seconds = blocks[-1].pts - blocks[0].pts + 0.02
                rate_heard, old = sound.size / seconds, age(blocks[-1])
                await self.send(Heard(track=track, block=blocks[0].shape[1], rate=rate_heard, hertz=hertz, age=old))
""")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("witness")
    (folder / "model.py").write_text(WITNESS)
    (folder / "reactor.yaml").write_text("model: model:Witness\nname: witness\n")
    with serving(folder) as server:
        server.wait_ready()
        yield server


Join = Callable[..., Any]


@pytest.fixture
async def join(server: RunningServer) -> AsyncIterator[Join]:
    """Make clients; all of them leave in the end, and the session with them."""
    async with AsyncExitStack() as stack:
        clients: list[PublishedClient] = []

        async def join(**options: Any) -> PublishedClient:
            client = PublishedClient(server.url, **options)
            stack.push_async_callback(client.close)
            clients.append(client)
            return await client.connect()

        yield join
        await clients[0].stop_session()
        async with httpx.AsyncClient(base_url=server.url) as http:
            while (await http.get("/session")).json()["state"] != "READY":
                pass


def sees(client: PublishedClient, colour: Colour, after: int = 0) -> Callable[[], list[dict[str, Any]]]:
    """A probe for frames of a colour among the model's reports after the first so many."""

    def found() -> list[dict[str, Any]]:
        reports = client.heard("seen")[after:]
        return [seen for seen in reports if all(abs(a - b) < 12 for a, b in zip(seen["rgb"], colour, strict=True))]

    return found


async def test_the_model_knows_when_pictures_and_sound_were_taken(join: Join) -> None:
    client, camera, microphone = await join(), Camera(), Microphone()
    await client.publish("webcam", camera.track)
    await client.publish("speech", microphone.track)

    def dated(kind: str) -> Callable[[], list[float]]:
        return lambda: [said["age"] for said in client.heard(kind) if said["age"] != -1]

    with running(camera, microphone):
        pictures = await until(dated("seen"), "pictures with a date")
        sound = await until(dated("heard"), "sound with a date")
    # Neither from the future nor a second old: a busy machine takes its time, but another clock would be far off.
    assert all(-0.05 < age < 1 for age in [*pictures, *sound])


async def test_the_model_sees_what_the_camera_shows(join: Join) -> None:
    client, camera = await join(), Camera()
    assert "error" not in await client.publish("webcam", camera.track)
    with running(camera):
        for colour in (RED, GREEN, BLUE):
            camera.colour = colour
            await until(sees(client, colour), f"{colour}")
    times = [seen["pts"] for seen in client.heard("seen")]
    assert times[0] == 0
    assert times == sorted(times)


async def test_a_camera_may_change_its_size_and_how_it_is_held(join: Join) -> None:
    client, camera = await join(), Camera(RED, (160, 90))
    await client.publish("webcam", camera.track)
    with running(camera):
        await until(sees(client, RED))
        camera.size, camera.colour = (320, 180), GREEN
        await until(sees(client, GREEN))
        camera.rotation, camera.colour = 90, BLUE
        await until(sees(client, BLUE))
    sizes = {
        colour: (seen["width"], seen["height"]) for colour in (RED, GREEN, BLUE) for seen in sees(client, colour)()[-1:]
    }
    assert sizes == {RED: (160, 90), GREEN: (320, 180), BLUE: (180, 320)}


@pytest.mark.parametrize(("track", "rate"), [("speech", 16_000), ("music", 48_000)])
async def test_the_model_hears_a_tone_at_its_pitch_at_the_rate_it_declared(join: Join, track: str, rate: int) -> None:
    client, microphone = await join(), Microphone(440)
    await client.publish(track, microphone.track)
    with running(microphone):
        steady = await until(
            lambda: [told for told in client.heard("heard")[2:] if told["rate"] == pytest.approx(rate, rel=0.1)],
            "a tone at its rate",  # after a stall of the machine one comes faster
        )
    last = steady[-1]
    assert (last["track"], last["block"]) == (track, rate // 50)
    assert last["hertz"] == pytest.approx(440, abs=3)


async def test_a_second_publisher_is_refused_until_the_first_gives_the_track_back(join: Join) -> None:
    one, two = await join(), await join()
    first, second = Camera(RED), Camera(BLUE)
    with running(first, second):
        await one.publish("webcam", first.track)
        await until(sees(one, RED))
        refused = await two.publish("webcam", second.track)
        assert refused["error"]["code"] == "publish_refused"
        assert "another client" in refused["error"]["message"]
        await one.unpublish("webcam")
        await until(lambda: one.heard("nobody"), "the end of the track at the model")
        assert "error" not in await two.publish("webcam", second.track)
        await until(sees(one, BLUE))


async def test_a_publisher_that_leaves_wakes_the_model_and_makes_room(join: Join) -> None:
    one, two = await join(), await join()
    first, second = Camera(RED), Camera(BLUE)
    with running(first, second):
        await one.publish("webcam", first.track)
        await until(sees(two, RED))
        one.hang_up()
        await until(lambda: two.heard("nobody"), "the end of the track at the model")
        assert "error" not in await two.publish("webcam", second.track)
        await until(sees(two, BLUE))


async def test_a_client_without_verbs_claims_a_track_by_sending(join: Join) -> None:
    old, new = await join(speaks_verbs=False), await join()
    camera, late = Camera(GREEN), Camera(RED)
    with running(camera, late):
        await old.senders["webcam"].replace_track(camera.track)
        await until(sees(old, GREEN))
        assert (await new.publish("webcam", late.track))["error"]["code"] == "publish_refused"


async def test_a_reconnect_keeps_the_track(join: Join) -> None:
    one, two = await join(), await join()
    camera, late = Camera(RED), Camera(BLUE)
    with running(camera, late):
        await one.publish("webcam", camera.track)
        await until(sees(two, RED))
        former = one._pc
        await one.connect()
        assert "error" in await two.publish("webcam", late.track)
        assert "error" not in await one.publish("webcam", camera.track)
        camera.colour = GREEN
        await until(sees(two, GREEN))
        former.close()
    assert not two.heard("nobody")


@pytest.mark.parametrize("track", ["nope", "main_video"])
async def test_only_input_tracks_can_be_published(join: Join, track: str) -> None:
    answer = await (await join()).publish(track, Camera().track)
    assert answer["error"] == {"code": "publish_refused", "message": f"this connection has no input track {track!r}"}


async def test_the_publisher_goes_on_when_the_model_comes_back(join: Join, server: RunningServer) -> None:
    client, camera, microphone = await join(), Camera(RED), Microphone()
    await client.publish("webcam", camera.track)
    await client.publish("speech", microphone.track)
    with running(camera, microphone):
        await until(sees(client, RED))
        os.kill(server.worker.pid, signal.SIGKILL)
        camera.colour = GREEN
        before = len(client.heard("heard"))
        await until(sees(client, GREEN), "a picture at the fresh model")
        await until(lambda: len(client.heard("heard")) > before, "sound at the fresh model")


async def test_a_session_begins_without_anything_of_the_last_one(join: Join) -> None:
    client, camera = await join(), Camera(RED)
    await client.publish("webcam", camera.track)
    with running(camera):
        await until(sees(client, RED))
        await client.stop_session()
        other, second = await join(), Camera(BLUE)
        with running(second):
            assert "error" not in await other.publish("webcam", second.track)
            await until(sees(other, BLUE))
    assert not sees(other, RED)()
