import queue
from collections.abc import Callable, Iterator
from threading import Event

import av
import numpy as np
import pytest
from tests.codecs import each

from reactor_runtime.codec.rung import Rung, RungSpec
from reactor_runtime.media.frame import AccessUnit, Picture

WAIT = 10.0


def picture(number: int, width: int = 64, height: int = 48) -> Picture:
    pixels = np.full(width * height * 3 // 2, 128, np.uint8)
    pixels[: width * height] = 40 + number * 7 % 150
    return Picture(pixels, width, height, number * 3000)


DECODERS = {"vp8": "vp8", "vp9": "vp9", "av1": "libdav1d", "h264": "h264"}


def decode(units: list[AccessUnit], decoder: str = "vp8") -> list[np.ndarray]:
    context = av.CodecContext.create(decoder, "r")
    context.thread_count = 1  # more would hold pictures back
    shown = [f.to_ndarray(format="yuv420p") for u in units for f in context.decode(av.Packet(u.data))]
    return shown + [f.to_ndarray(format="yuv420p") for f in context.decode(None)]


class Output:
    def __init__(self) -> None:
        self.units: queue.Queue[AccessUnit] = queue.Queue()
        self.done: queue.Queue[int] = queue.Queue()

    def encode(self, rung: Rung, item: Picture) -> AccessUnit:
        rung.push(item, lambda: self.done.put(item.pts))
        unit = self.units.get(timeout=WAIT)
        assert self.done.get(timeout=WAIT) == item.pts
        return unit


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def opened(output: Output) -> Iterator[Callable[..., Rung]]:
    rungs: list[Rung] = []

    def open_rung(**changes: object) -> Rung:
        spec = RungSpec(**{"name": "test", "bitrate_bps": 1_000_000, **changes})  # type: ignore[arg-type]
        rungs.append(Rung(spec, output.units.put))
        return rungs[-1]

    yield open_rung
    for rung in rungs:
        rung.close()


def test_pictures_come_back_as_they_went_in(output: Output, opened: Callable[..., Rung]) -> None:
    rung = opened()
    units = [output.encode(rung, picture(n)) for n in range(5)]
    assert [u.pts for u in units] == [0, 3000, 6000, 9000, 12000]
    assert [u.is_keyframe for u in units] == [True, False, False, False, False]
    assert {(u.width, u.height) for u in units} == {(64, 48)}
    for number, shown in enumerate(decode(units)):
        assert abs(float(shown[:48].mean()) - (40 + number * 7)) < 4
    assert rung.encoded == 5
    assert rung.dropped == 0
    assert rung.encode_seconds > 0


def test_key_frames_come_on_request_only(output: Output, opened: Callable[..., Rung]) -> None:
    rung = opened()
    keys = []
    for number in range(60):
        if number in (20, 21):
            rung.request_keyframe()
            rung.request_keyframe()
        # Every picture is a scene change, which libvpx alone would answer with a key frame.
        item = Picture(
            np.random.default_rng(number).integers(0, 255, 64 * 48 * 3 // 2, np.uint8), 64, 48, number * 3000
        )
        if output.encode(rung, item).is_keyframe:
            keys.append(number)
    assert keys == [0, 20, 21]


def test_a_cut_is_a_key_frame_but_flicker_is_not(output: Output, opened: Callable[..., Rung]) -> None:
    rung = opened()
    shades = [40 + n % 8 for n in range(40)] + [200, 20, 200, 20] + [22] * 40 + [200]
    keys = [
        number
        for number, shade in enumerate(shades)
        if output.encode(rung, halves(shade, 240 - shade, number * 3000)).is_keyframe
    ]
    assert keys == [0, 40, 84]


def test_what_turns_brighter_all_over_is_no_cut(output: Output, opened: Callable[..., Rung]) -> None:
    rung = opened()
    shades = [(40, 80)] * 40 + [(140, 180)] * 2
    units = [output.encode(rung, halves(*pair, number * 3000)) for number, pair in enumerate(shades)]
    assert [number for number, unit in enumerate(units) if unit.is_keyframe] == [0]


def halves(left: int, right: int, pts: int) -> Picture:
    """A picture of two shades, side by side."""
    i420 = np.full(64 * 48 * 3 // 2, 128, np.uint8)
    i420[: 64 * 48] = np.tile(np.repeat(np.array([left, right], np.uint8), 32), 48)
    return Picture(i420, 64, 48, pts)


@pytest.mark.parametrize("codec", each("vp8", "vp9", "av1", "h264"))
def test_a_rung_makes_the_codec_it_is_asked_for(output: Output, opened: Callable[..., Rung], codec: str) -> None:
    rung = opened(codec=codec)
    units = [output.encode(rung, picture(n, 128, 96)) for n in range(3)]
    rung.request_keyframe()
    units.append(output.encode(rung, picture(3, 128, 96)))
    assert [u.is_keyframe for u in units] == [True, False, False, True]
    for number, shown in enumerate(decode(units, DECODERS[codec])):
        assert abs(float(shown[:96].mean()) - (40 + number * 7)) < 4


def test_a_new_size_opens_a_new_encoder_with_a_key_frame(output: Output, opened: Callable[..., Rung]) -> None:
    rung = opened()
    output.encode(rung, picture(0))
    unit = output.encode(rung, picture(1, 96, 64))
    assert unit.is_keyframe
    assert (unit.width, unit.height) == (96, 64)


@pytest.mark.parametrize(("size", "encoded"), [((64, 48), (64, 48)), ((640, 360), (128, 72)), ((200, 600), (56, 166))])
def test_large_pictures_are_scaled_down_keeping_their_aspect(
    output: Output, opened: Callable[..., Rung], size: tuple[int, int], encoded: tuple[int, int]
) -> None:
    unit = output.encode(opened(max_pixels=128 * 72), picture(3, *size))
    assert (unit.width, unit.height) == encoded
    (shown,) = decode([unit])
    assert abs(float(shown[: encoded[1]].mean()) - (40 + 21)) < 4


@pytest.mark.parametrize("pts", [[0, 0, 0, 0], [90000, 3000, 6000, 2], [0, 10**9, 10**12, 10**12 + 1]])
def test_a_clock_that_jumps_or_stands_loses_no_picture(
    output: Output, opened: Callable[..., Rung], pts: list[int]
) -> None:
    rung = opened()
    made = [output.encode(rung, Picture(picture(n).i420, 64, 48, at)).pts for n, at in enumerate(pts)]
    assert made == pts


def test_a_busy_encoder_keeps_the_newest_picture_and_gives_the_others_back() -> None:
    started, go_on = Event(), Event()
    units: queue.Queue[AccessUnit] = queue.Queue()
    done: queue.Queue[int] = queue.Queue()

    def deliver(unit: AccessUnit) -> None:
        started.set()
        assert go_on.wait(WAIT)
        units.put(unit)

    rung = Rung(RungSpec("slow", 1_000_000), deliver)
    rung.push(picture(0), lambda: done.put(0))
    assert started.wait(WAIT)
    for number in range(1, 6):
        rung.push(picture(number), lambda number=number: done.put(number))  # type: ignore[misc]
    assert [done.get(timeout=WAIT) for _ in range(4)] == [1, 2, 3, 4]
    assert rung.dropped == 4
    go_on.set()
    assert [units.get(timeout=WAIT).pts for _ in range(2)] == [0, 15000]
    rung.close()


def test_a_picture_that_cannot_be_encoded_costs_only_itself(output: Output, opened: Callable[..., Rung]) -> None:
    rung = opened()
    output.encode(rung, picture(0))
    rung.push(Picture(np.zeros(7, np.uint8), 64, 48, 3000), lambda: output.done.put(3000))
    assert output.done.get(timeout=WAIT) == 3000
    assert output.encode(rung, picture(2)).is_keyframe


def test_a_closed_rung_gives_pictures_back_and_its_thread_ends(output: Output, opened: Callable[..., Rung]) -> None:
    rung = opened()
    rung.close()
    rung.close()
    rung.push(picture(0), lambda: output.done.put(0))
    assert output.done.get(timeout=WAIT) == 0
    assert output.units.empty()
