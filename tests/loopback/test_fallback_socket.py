"""Where WebRTC does not get through: the same access units, sound and messages over one WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import aiohttp
import numpy as np
import psutil
import pytest

from reactor_runtime import __version__
from tests.loopback.playing import pitch
from tests.loopback.published_client import until
from tests.loopback.slow_line import slow_line
from tests.loopback.socket_viewer import on_session
from tests.models import write_model
from tests.running import RunningServer, serving

HEAD = dedent("""
    import time

    import numpy as np

    from reactor_runtime import Audio, InputField, Output, ReactorModel, Video, event


    class Out(Output):
        main_video: Video
        main_audio: Audio
""")

LOUD = dedent("""
    class Loud(ReactorModel):
        fps = 30

        def __init__(self):
            self.red = 20
            self.noise = 0
            self.chance = np.random.default_rng(1)
            self.samples = 0

        @event(name="set_red", description="")
        def set_red(self, red: int = InputField(ge=0, le=255)):
            self.red = red

        @event(name="set_noise", description="")
        def set_noise(self, noise: int):
            self.noise = noise

        async def run(self):
            while True:
                await self.connected.wait()
                while self.connected.is_set():
                    picture = np.zeros((180, 320, 3), np.uint8)
                    picture[..., 0] = self.red
                    if self.noise:
                        picture[..., 1:] = self.chance.integers(0, self.noise, (180, 320, 1), np.uint8)
                    at = (self.samples + np.arange(1600)) / 48000
                    self.samples += 1600
                    tone = (np.sin(2 * np.pi * 440 * at) * 12000).astype(np.int16)
                    await self.emit(Out(main_video=picture, main_audio=tone))
""")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder: Path = write_model(tmp_path_factory.mktemp("loud"), LOUD, "Loud", HEAD)
    with serving(folder) as running:
        yield running.wait_ready()


def red_of(picture: np.ndarray) -> float:
    return float(picture[..., 0].mean())


async def test_a_picture_follows_a_command_and_says_which_it_answers(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        viewer = await session.viewer()
        assert viewer.hello["type"] == "hello"
        tracks = [{"name": "main_video", "kind": "video"}, {"name": "main_audio", "kind": "audio"}]
        assert viewer.hello["data"]["tracks"] == tracks
        await viewer.resume("main_video")
        await viewer.sees(lambda rgb: red_of(rgb) < 60, "a dark picture")
        asked = await viewer.ask("set_red", red=220)
        assert asked["type"] == "commandAccepted"
        unit = await viewer.sees(lambda rgb: red_of(rgb) > 180, "a red picture")
        assert (unit.codec, unit.size) == (0, (320, 180))
        assert 0 < unit.late_us < 1_000_000
        assert viewer.pictures[0].is_key
        answers = await viewer.hears(lambda told: told["type"] == "frameAnswers")
        assert answers["data"]["command_ids"] == [asked["data"]["id"]]
        (answering,) = [u for u in viewer.pictures if u.timestamp == answers["data"]["rtp_timestamp"]]
        assert answering.rgb is not None
        assert red_of(answering.rgb) > 180
        await session.journalled("connection_opened", conn_id=viewer.connection_id, transport="socket")
        assert await session.figure("reactor_clients_by_transport", transport="socket") == 1
        await viewer.ask("set_red", red=20)


async def test_who_asks_is_told_how_the_stream_and_its_own_connection_do(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        viewer = await session.viewer()
        await viewer.resume("main_video")
        await until(lambda: len(viewer.pictures) > 5, "pictures")
        assert not [told for told in viewer.told if told["type"] == "figures"], "nobody asked"
        for request_id in ("f1", "f2"):
            await viewer.send({"scope": "runtime", "data": {"type": "requestFigures", "id": request_id}})
            wanted = ("figures", request_id)
            await viewer.hears(lambda told, wanted=wanted: (told["type"], told["data"].get("id")) == wanted)
            seen = len(viewer.pictures)
            await until(lambda seen=seen: len(viewer.pictures) > seen + 5, "more pictures")
        first, then = (told["data"] for told in viewer.told if told["type"] == "figures")
        assert 0 < first["shown"] < then["shown"] <= then["generated"]
        assert then["generated"] - then["shown"] - then["dropped"] == then["queued"]
        assert first["at_ms"] < then["at_ms"]
        assert then["rate"] == pytest.approx(30, abs=3)
        assert 0 <= then["lead_ms"] < 1000
        assert then["version"] == __version__
        (rung,) = then["rungs"].values()
        assert (rung["place"], rung["of"], rung["codec"], rung["viewers"]) == (0, 1, "vp8", 1)
        assert (rung["width"], rung["height"]) == (320, 180)
        assert rung["bitrate_bps"] > 100_000


async def test_sound_arrives_as_it_was_made(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        viewers = [await session.viewer() for _ in range(2)]
        for viewer in viewers:
            await viewer.resume("main_audio")
        for viewer in viewers:
            await until(lambda viewer=viewer: len(viewer.sound) > 40, "sound")
            assert pitch(np.concatenate(viewer.sound[-20:])) == pytest.approx(440, abs=3)
            assert not viewer.pictures, "only what is resumed is sent"
            assert set(np.diff(viewer.sound_stamps) % 960) == {0}


async def test_who_stalls_loses_pictures_but_no_sound_and_holds_up_nobody(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        stalled, other = [await session.viewer() for _ in range(2)]
        await stalled.resume("main_video", "main_audio")
        await other.resume("main_video", "main_audio")
        await other.ask("set_noise", noise=200)
        for viewer in (stalled, other):
            await until(lambda viewer=viewer: len(viewer.pictures) > 5 and viewer.sound, "pictures and sound")
        first = max(v.sound_stamps[0] for v in (stalled, other))
        stalled.reads.clear()
        seen = len(other.pictures)
        await session.sees("reactor_lost_access_units_total", lambda lost: lost > 0)
        assert len(other.pictures) > seen + 15, "who reads gets its pictures meanwhile"
        before, keys = len(stalled.pictures), stalled.keys
        stalled.reads.set()
        await until(lambda: stalled.keys > keys and len(stalled.pictures) > before + 60, "pictures again")
        shown = {unit.timestamp for unit in stalled.pictures}
        assert {unit.timestamp for unit in other.pictures} - shown, "pictures are missing"
        both = min(stalled.sound_stamps[-1], other.sound_stamps[-1])
        heard = [[stamp for stamp in v.sound_stamps if first <= stamp <= both] for v in (stalled, other)]
        assert heard[0] == heard[1], "no sound is"
        await other.ask("set_noise", noise=0)


async def test_a_slow_network_is_sent_less_and_nobody_else_is(server: RunningServer) -> None:
    async with on_session(server.url) as session, slow_line(server.url, 1_000_000) as line:
        slow, fast = await session.viewer(through=line), await session.viewer()
        for viewer in (slow, fast):
            await viewer.resume("main_video")
        await fast.ask("set_noise", noise=200)
        await session.sees("reactor_rung_target_bits_per_second", lambda bps: 0 < bps < 2_000_000, rung="1")
        seen = len(slow.pictures)
        await until(lambda: len(slow.pictures) > seen + 20, "pictures over the slow line")
        assert await session.figure("reactor_rung_target_bits_per_second", rung="0") == 4_000_000
        await fast.ask("set_noise", noise=0)


async def test_a_late_joiner_begins_with_a_key_frame(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        first = await session.viewer()
        await first.resume("main_video")
        await until(lambda: len(first.pictures) > 10, "pictures")
        late = await session.viewer()
        await late.resume("main_video")
        await until(lambda: late.pictures, "a picture")
        assert late.pictures[0].is_key
        assert late.pictures[0].rgb is not None
        await late.verb("pause_track", "main_video")
        await late.send({"scope": "runtime", "data": {"type": "requestCapabilities"}})
        await late.hears(lambda told: told["type"] == "modelCapabilities")
        seen, others = len(late.pictures), len(first.pictures)
        await until(lambda: len(first.pictures) > others + 10, "pictures")
        assert len(late.pictures) <= seen + 1, "paused"


async def test_what_cannot_be_read_is_refused_in_words(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        viewer = await session.viewer()
        await viewer.wire.send_str("nonsense")
        await viewer.wire.send_bytes(b"\x00\x01")
        await viewer.wire.send_str(json.dumps({"scope": "application", "data": "x" * 300_000}))
        await until(lambda: sum(told["type"] == "unreadable" for told in viewer.told) == 3, "three refusals")
        said = {"type": "request", "method": "publish_track", "request_id": "r1", "data": {"name": "camera"}}
        await viewer.send(said)
        (answer,) = await until(lambda: viewer.said, "an answer")
        assert "no input track 'camera'" in answer["error"]["message"]
        await viewer.wire.send_str("x" * 600_000)
        await until(lambda: viewer.wire.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG, "the end")


async def test_a_socket_that_cannot_be_is_closed_with_the_reason(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        code, words = await session.refusal(f"{session.base}/socket?connection_id=7")
        assert (code, "a connection id is" in words) == (4422, True)
        assert await session.refusal("/sessions/nowhere/transport/socket") == (4404, "Session not found")
        await session.stop()
        assert await session.refusal(f"{session.base}/socket") == (4400, "No session running")
    async with aiohttp.ClientSession(server.url) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect("/nowhere")


async def test_a_connection_goes_on_over_a_socket_unseen_by_the_model(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        first = await session.viewer()
        second = await session.viewer(f"?connection_id={first.connection_id}")
        assert second.connection_id == first.connection_id
        await until(lambda: first.wire.closed, "the end of the former wire")
        await second.resume("main_video")
        await until(lambda: second.pictures, "a picture")
        assert await session.figure("reactor_clients") == 1
        await session.journalled("connection_reopened", conn_id=first.connection_id, transport="socket")


async def test_nothing_is_left_of_clients_that_came_and_went(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        await session.viewer()  # stays, and the session with it
        process = psutil.Process(server.process.pid)
        before = 0, 0
        for turn in range(8):
            viewer = await session.viewer()
            await viewer.resume("main_video", "main_audio")
            await until(lambda viewer=viewer: viewer.pictures and viewer.sound, "both tracks")
            await viewer.close()
            await until(lambda: server.health()["connections"] == 1, "the viewer gone")
            if turn == 0:  # who comes first pays for what stays
                before = process.num_fds(), process.num_threads()
        assert await session.figure("reactor_rung_viewers") == 0
        await until(lambda: process.num_fds() <= before[0] + 1, "the files closed")
        await until(lambda: process.num_threads() <= before[1] + 1, "the threads ended")
