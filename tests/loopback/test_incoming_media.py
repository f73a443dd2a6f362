"""What a client sends over a real engine, as our peer reports it."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import numpy as np
import psutil
import pytest

from reactor_runtime.media.pixels import to_rgb
from reactor_runtime.webrtc import incoming
from tests.loopback.sending import BLUE, GREEN, RED, Camera, Colour, Microphone, pitch, running
from tests.loopback.webrtc_pair import MIC, VIDEO, WEBCAM, Server, Viewer, until


class Pair:
    """A client that sends, and our peer."""

    def __init__(self) -> None:
        self.server = Server(None)
        self.client = Viewer(self.server)

    async def connect(self, **sources: Camera | Microphone) -> Pair:
        await self.client.connect(WEBCAM, VIDEO, MIC)
        for name, source in sources.items():
            await self.client.transceivers[name].sender.replace_track(source.track)
        return self

    def rgb(self) -> np.ndarray:
        _, packed, picture = self.server.pictures[-1]
        return to_rgb(packed, picture.width, picture.height)

    def shows(self, colour: Colour) -> Callable[[], bool]:
        def shown() -> bool:
            return bool(self.server.pictures) and bool(np.abs(self.rgb().mean(axis=(0, 1)) - colour).max() < 12)

        return shown

    def close(self) -> None:
        self.client.close()
        self.server.peer.close()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


async def test_pictures_arrive_in_their_colours(pair: Pair) -> None:
    camera = Camera()
    await pair.connect(webcam=camera)
    with running(camera):
        for colour in (RED, GREEN, BLUE):
            camera.colour = colour
            await until(pair.shows(colour))
    assert {track for track, _, _ in pair.server.pictures} == {"webcam"}
    assert {picture.rotation for _, _, picture in pair.server.pictures} == {0}


async def test_a_sender_may_change_its_size_and_odd_sides_lose_a_line(pair: Pair) -> None:
    camera = Camera()
    await pair.connect(webcam=camera)
    sizes: list[tuple[int, int]] = []
    with running(camera):
        for size, colour in [((160, 90), RED), ((320, 180), GREEN), ((161, 121), BLUE), ((90, 160), RED)]:
            camera.size, camera.colour = size, colour
            await until(pair.shows(colour))
            sizes.append((pair.rgb().shape[1], pair.rgb().shape[0]))
    assert sizes == [(160, 90), (320, 180), (160, 120), (90, 160)]


async def test_a_turned_camera_says_by_how_much(pair: Pair) -> None:
    camera = Camera()
    camera.rotation = 90
    await pair.connect(webcam=camera)
    with running(camera):
        await until(lambda: len(pair.server.pictures) > 3)
    _, _, picture = pair.server.pictures[-1]
    assert (picture.width, picture.height, picture.rotation) == (320, 180, 90)


async def test_the_senders_clock_runs_evenly(pair: Pair) -> None:
    camera = Camera()
    await pair.connect(webcam=camera)
    with running(camera):
        await until(lambda: len(pair.server.pictures) > 15)
    times = [picture.sent_at for _, _, picture in pair.server.pictures]
    assert times == sorted(times)
    assert 0.2 < times[-1] - times[0] < 5


async def test_a_picture_beyond_the_limit_is_dropped(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "LONGEST_SIDE", 200)
    camera = Camera(size=(320, 180))
    await pair.connect(webcam=camera)
    with running(camera):
        await until(lambda: camera.shown > 20)
        assert pair.server.pictures == []
        camera.size, camera.colour = (160, 90), GREEN
        await until(pair.shows(GREEN))


async def test_a_busy_loop_gets_the_newest_picture_and_the_rest_is_counted(pair: Pair) -> None:
    camera = Camera()
    await pair.connect(webcam=camera)
    stop = threading.Event()

    def film() -> None:  # a loop that is busy cannot feed its own camera
        asyncio.run(_until_set(camera, stop))

    thread = threading.Thread(target=film)
    thread.start()
    try:
        await until(lambda: len(pair.server.pictures) > 5)
        before = len(pair.server.pictures)
        shown = camera.shown
        while camera.shown < shown + 20:
            time.sleep(0.01)  # noqa: ASYNC251 - the loop is busy, that is the point
        await until(lambda: len(pair.server.pictures) > before)
        assert len(pair.server.pictures) - before < 10
        assert sum(picture.skipped for _, _, picture in pair.server.pictures[before:]) >= 5
    finally:
        stop.set()
        thread.join(5)


async def _until_set(camera: Camera, stop: threading.Event) -> None:
    with running(camera):
        while not stop.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)


async def test_a_tone_arrives_at_its_pitch_and_silence_where_nothing_is_sent(pair: Pair) -> None:
    microphone = Microphone(440)
    await pair.connect(mic=microphone)
    await until(lambda: len(pair.server.sounds) > 5)
    assert not any(samples.strip(b"\0") for _, samples, _ in pair.server.sounds)
    with running(microphone):
        await until(lambda: sum(bool(samples.strip(b"\0")) for _, samples, _ in pair.server.sounds) > 150)
    assert {(track, len(samples)) for track, samples, _ in pair.server.sounds} == {("mic", 960)}
    sound = np.frombuffer(b"".join(samples for _, samples, _ in pair.server.sounds[-100:]), np.int16)
    assert pitch(sound, 48_000) == pytest.approx(440, abs=3)
    assert 6_000 < np.abs(sound).max() < 20_000


async def test_a_line_on_which_nothing_is_sent_is_looked_at_seldom_and_misses_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[float] = []
    monkeypatch.setattr(pair.server, "on_sound", lambda *_sound: came.append(time.monotonic()))
    await pair.connect()
    # On a busy machine the engine itself makes fewer for a while.
    await until(lambda: len(came) > 150 and came[-1] - came[-151] == pytest.approx(1.5, abs=0.2))
    looks = 1 + sum(later - earlier > 0.005 for earlier, later in pairwise(came))
    assert looks < len(came) / 3


async def cycle() -> None:
    pair, camera, microphone = Pair(), Camera(), Microphone()
    await pair.connect(webcam=camera, mic=microphone)
    with running(camera, microphone):
        await until(lambda: len(pair.server.pictures) > 1)
    pair.close()


def held() -> tuple[int, int]:
    gc.collect()
    return psutil.Process().num_threads(), len(os.listdir("/proc/self/fd"))


async def test_closed_connections_leave_no_thread_and_no_descriptor() -> None:
    for _ in range(3):
        await cycle()
    threads, descriptors = held()
    for _ in range(10):
        await cycle()
    await until(lambda: held()[0] <= threads and held()[1] <= descriptors)
