"""The model's side of input tracks: what comes out of slots and sound messages, without a pipe."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.worker.driver import Received
from reactor_runtime.worker.inputs import Inputs
from reactor_runtime.worker.messages import (
    Heard,
    InputFreed,
    InputReleased,
    InputRingOpened,
    Saw,
    SessionEnding,
)
from reactor_runtime.worker.ring import RingWriter
from tests.unit.worker.border import i420

TRACKS = (
    TrackSpec("webcam", "video", "in"),
    TrackSpec("mic", "audio", "in", 16_000),
    TrackSpec("wide", "audio", "in", 48_000),
    TrackSpec("undeclared", "audio", "in", 0),
    TrackSpec("main", "video"),
)
RED, GREEN, BLUE = (220, 20, 30), (20, 200, 40), (30, 40, 210)


def plain_picture(height: int, width: int, colour: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


class Rig:
    """The inputs of a model, the server's ring before them, and what came through."""

    def __init__(self) -> None:
        self.sent: list[object] = []
        self.received: list[Received] = []
        self.descriptors: list[int] = []
        self.inputs = Inputs(Contract("lab", "reactor_model", TRACKS), self, self.received.append)  # type: ignore[arg-type]
        self.ring = RingWriter("webcam", itertools.count(), self.open_ring, InputRingOpened)

    def send(self, message: object) -> bool:
        self.sent.append(message)
        return True

    def take_descriptor(self) -> int | None:
        return self.descriptors.pop(0)

    def open_ring(self, opened: InputRingOpened, fd: int) -> None:
        self.descriptors.append(os.dup(fd))
        self.inputs.take(opened)

    def see(self, rgb: npt.NDArray[np.uint8], pts: float = 0.0, **more: int) -> npt.NDArray[np.uint8]:
        height, width, _ = rgb.shape
        packed = i420(rgb)
        self.ring.fit(packed.size, 4)
        ref, pixels = self.ring.take(width, height)
        pixels[:] = packed
        self.inputs.take(Saw("webcam", 7, ref, pts, **more))
        return self.received[-1].frame

    def hear(self, samples: npt.NDArray[np.int16], track: str = "mic", *, at: float = 0.0, step: int = 480) -> None:
        for start in range(0, samples.size, step):
            run = samples[start : start + step].astype("<i2").tobytes()
            self.inputs.take(Heard(track, 7, run, at + start / 48_000))

    def sound(self) -> npt.NDArray[np.int16]:
        return np.concatenate([item.frame[0] for item in self.received])


@pytest.fixture
def rig() -> Rig:
    return Rig()


def tone(hertz: float, seconds: float = 1.0) -> npt.NDArray[np.int16]:
    return (np.sin(np.arange(int(48_000 * seconds)) * 2 * np.pi * hertz / 48_000) * 12_000).astype(np.int16)


def pitch(samples: npt.NDArray[np.int16], rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / samples.size)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE])
def test_colours_arrive_as_they_were(rig: Rig, colour: tuple[int, int, int]) -> None:
    frame = rig.see(plain_picture(36, 64, colour))
    assert frame.shape == (36, 64, 3)
    assert frame.dtype == np.uint8
    assert np.abs(frame.astype(int) - colour).max() <= 4


def test_a_frame_says_who_sent_it_when_and_on_which_track(rig: Rig) -> None:
    frame = rig.see(plain_picture(36, 64, RED), 1.5, capture_time_us=123)
    assert (frame.pts, frame.capture_time_us, frame.metadata) == (1.5, 123, b"")
    assert (rig.received[0].track, rig.received[0].client_id) == ("webcam", 7)


def test_a_slot_is_given_back_at_once_and_the_frame_keeps_its_own_pixels(rig: Rig) -> None:
    first = rig.see(plain_picture(36, 64, RED))
    assert rig.sent == [InputReleased(0, [3])]
    rig.ring.release(0, 3)
    rig.see(plain_picture(36, 64, BLUE))
    assert rig.sent[1] == InputReleased(0, [3])
    assert np.abs(first.astype(int) - RED).max() <= 4


def test_sizes_may_change_from_picture_to_picture(rig: Rig) -> None:
    sizes = [(36, 64), (90, 160), (36, 64), (180, 320)]
    shapes = [rig.see(plain_picture(height, width, GREEN)).shape for height, width in sizes]
    assert shapes == [(height, width, 3) for height, width in sizes]
    assert not rig.descriptors


@pytest.mark.parametrize(
    ("rotation", "turn"), [(90, lambda p: np.rot90(p, -1)), (180, lambda p: np.rot90(p, 2)), (270, np.rot90)]
)
def test_a_picture_from_a_turned_camera_stands_upright(
    rig: Rig, rotation: int, turn: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
) -> None:
    halves = np.concatenate([plain_picture(36, 32, RED), plain_picture(36, 32, BLUE)], axis=1)
    frame = rig.see(halves, rotation=rotation)
    wanted = turn(halves)
    assert frame.shape == wanted.shape
    assert np.abs(frame.astype(int) - wanted).max() <= 4


@pytest.mark.parametrize(("track", "rate"), [("mic", 16_000), ("wide", 48_000), ("undeclared", 48_000)])
def test_sound_comes_in_blocks_of_20_ms_at_the_tracks_rate_and_pitch(rig: Rig, track: str, rate: int) -> None:
    rig.hear(tone(440), track)
    frames = [item.frame for item in rig.received]
    assert {frame.shape for frame in frames} == {(1, rate // 50)}
    assert frames[0].dtype == np.int16
    assert 48 <= len(frames) <= 50
    assert pitch(rig.sound(), rate) == pytest.approx(440, abs=2)
    assert [frame.pts for frame in frames] == pytest.approx([n / 50 for n in range(len(frames))])


def test_time_runs_by_samples_while_they_arrive_unevenly(rig: Rig) -> None:
    samples = tone(440, 0.4)
    for n in range(40):
        rig.inputs.take(Heard("wide", 7, samples[n * 480 : n * 480 + 480].tobytes(), 3 + n / 100 + n % 4 * 0.02))
    assert [item.frame.pts for item in rig.received] == pytest.approx([3 + n / 50 for n in range(20)])


def test_time_goes_on_after_a_gap(rig: Rig) -> None:
    rig.hear(tone(440, 0.1), "wide")
    rig.hear(tone(440, 0.1), "wide", at=2.0)
    assert [item.frame.pts for item in rig.received] == pytest.approx(
        [0, 0.02, 0.04, 0.06, 0.08, 2, 2.02, 2.04, 2.06, 2.08]
    )


@pytest.mark.parametrize("over", [InputFreed("mic", 7), SessionEnding("over")])
def test_nothing_of_who_stopped_reaches_the_next(rig: Rig, over: InputFreed | SessionEnding) -> None:
    rig.hear(tone(440, 0.315))
    rig.inputs.take(over)
    rig.received.clear()
    rig.hear(np.zeros(9600, np.int16), at=5.0)
    assert not rig.sound().any()
    assert rig.received[0].frame.pts == 5.0


def test_blocks_of_sound_know_when_they_were_taken_though_runs_come_unevenly(rig: Rig) -> None:
    taken = 1_800_000_000_000_000
    for number in range(100):
        late = number % 3 * 1000
        rig.inputs.take(Heard("mic", 7, bytes(960), 3 + number / 100, taken + number * 10_000 + late))
    times = [item.frame.capture_time_us for item in rig.received]
    assert np.abs(np.diff(times) - 20_000).max() < 200
    assert all(abs(us - taken - number * 20_000) < 2000 for number, us in enumerate(times))


def test_blocks_are_undated_until_the_clients_clock_is_known_and_follow_it_when_it_is_set(rig: Rig) -> None:
    for number, us in enumerate([0, 0, 5_000_000, 5_010_000, 9_000_000, 9_010_000]):
        rig.inputs.take(Heard("wide", 7, bytes(960), number / 100, us))
    assert [item.frame.capture_time_us for item in rig.received] == [0, 5_000_000, 9_000_000]
