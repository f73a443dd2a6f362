"""When a client took its pictures and its sound, as a model is told. Here the client's clock is ours."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Iterable, Sequence

import numpy as np
import pytest

from reactor_runtime.media.frame import ClientPicture
from reactor_runtime.media.pixels import to_rgb
from reactor_runtime.testing import UdpRelay, through, without_candidates
from reactor_runtime.worker.messages import Heard
from tests.loopback.sending import BLUE, GREEN, Camera, Microphone, running
from tests.loopback.webrtc_pair import MIC, VIDEO, WEBCAM, Server, Viewer, until
from tests.unit.worker.test_inputs import Rig

MOST_SECONDS = 20
LATEST = 120
"""Pictures that are looked at, some four seconds of them; sounds are four times as many."""


class Strobe(Camera):
    """Another colour with every second of the wall clock."""

    @property
    def colour(self) -> tuple[int, int, int]:
        return GREEN if int(time.time()) % 2 else BLUE

    @colour.setter
    def colour(self, _colour: object) -> None: ...


class Beeper(Microphone):
    """A beep at the beginning of every second of the wall clock."""

    @property
    def loudness(self) -> int:
        return 12_000 if time.time() % 1 < 0.1 else 0

    @loudness.setter
    def loudness(self, _loudness: int) -> None: ...


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server(None)
    yield server
    server.peer.close()


def begins(moments: Iterable[tuple[int, bool]]) -> list[float]:
    """Return how long after a second of the wall clock each signal began, by the capture times."""
    began, was_on = [], True
    for us, is_on in moments:
        if us and is_on and not was_on:
            began.append((us / 1e6 + 0.5) % 1 - 0.5)
        was_on = is_on
    return began


async def test_pictures_and_sound_are_dated_by_the_clients_clock_and_alike(server: Server) -> None:
    camera, microphone = Strobe(), Beeper(1000)
    with UdpRelay(delay=0.05, seed=1) as relay:
        client = Viewer(server)
        await client.connect(WEBCAM, VIDEO, MIC, tamper=without_candidates, answered=lambda sdp: through(sdp, relay))
        await client.transceivers["webcam"].sender.replace_track(camera.track)
        await client.transceivers["mic"].sender.replace_track(microphone.track)
        with running(camera, microphone):
            for second in range(MOST_SECONDS):
                await until(lambda second=second: len(server.pictures) > 25 * (second + 1))
                await server.peer.estimate_bps()  # as the acceptor does each second
                flashes, beeps = flashes_of(server.pictures[-LATEST:]), beeps_of(server.sounds[-4 * LATEST :])
                # A camera takes up to 33 ms to see a flash, and a block of sound begins up to 20 ms before its beep.
                # A machine may be too busy for it in one second, not in all.
                is_right = statistics.median(flashes or [9]) == pytest.approx(0.0165, abs=0.03)
                if second >= 3 and is_right and statistics.median(beeps or [9]) == pytest.approx(-0.01, abs=0.04):
                    break
            else:
                pytest.fail(f"flashes {flashes} and beeps {beeps} are not dated alike")
        client.close()


def flashes_of(pictures: Sequence[tuple[str, np.ndarray, ClientPicture]]) -> list[float]:
    green = [
        (picture.capture_time_us, bool(to_rgb(packed, picture.width, picture.height)[90, 160, 1] > 100))
        for _, packed, picture in pictures
    ]
    times = [us for us, _ in green if us]
    assert times == sorted(times)
    return [*begins(green), *begins((us, not is_green) for us, is_green in green)]


def beeps_of(sounds: Sequence[tuple[str, bytes, int]]) -> list[float]:
    rig = Rig()
    for number, (_, samples, us) in enumerate(sounds):
        rig.inputs.take(Heard("mic", 7, samples, number / 100, us))
    blocks = [item.frame for item in rig.received]
    return begins((block.capture_time_us, bool(np.abs(block.data.astype(int)).max() > 3000)) for block in blocks)
