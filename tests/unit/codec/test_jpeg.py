import queue

import cv2
import numpy as np
import pytest

from reactor_runtime.codec.jpeg import BEST, MOST_PER_SECOND, WORST, JpegEncoder
from reactor_runtime.codec.rung import Rung, RungSpec
from reactor_runtime.media.frame import AccessUnit, Picture
from reactor_runtime.media.pixels import i420_bytes, write_i420
from reactor_runtime.runtime.clock import now


def picture(rgb: np.ndarray, number: int = 0) -> Picture:
    height, width, _ = rgb.shape
    i420 = np.empty(i420_bytes(width, height), np.uint8)
    write_i420(rgb, i420)
    return Picture(i420, width, height, number * 3000, answers=(number,))


def flat(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((96, 128, 3), (red, green, blue), np.uint8)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (96, 128, 3), np.uint8)


def decoded(unit: AccessUnit) -> np.ndarray:
    shown = cv2.imdecode(np.frombuffer(unit.data, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    return shown[..., ::-1]


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (220, 40, 60)])
def test_colours_are_kept(colour: tuple[int, int, int]) -> None:
    unit = JpegEncoder((128, 96), 4_000_000).encode(picture(flat(*colour), 7), keyframe=False)
    assert (unit.is_keyframe, unit.pts, unit.answers) == (True, 21_000, (7,))
    assert np.abs(decoded(unit).astype(int).mean(axis=(0, 1)) - colour).max() < 4


def test_a_picture_is_scaled_to_its_rung() -> None:
    unit = JpegEncoder((64, 48), 4_000_000).encode(picture(noise(1)), keyframe=False)
    assert decoded(unit).shape == (48, 64, 3)
    assert (unit.width, unit.height) == (64, 48)


def test_pictures_are_as_good_as_fits_the_rate() -> None:
    sizes = {}
    for rate in (500_000, 2_000_000):
        encoder = JpegEncoder((128, 96), rate)
        units = [encoder.encode(picture(noise(n), n), keyframe=False) for n in range(30)]
        sizes[rate] = len(units[-1].data)
    assert sizes[500_000] < sizes[2_000_000]
    assert BEST > WORST


def test_pictures_are_as_many_as_fit_the_rate() -> None:
    encoder = JpegEncoder((128, 96), 100_000)
    for number in range(30):
        unit = encoder.encode(picture(noise(number), number), keyframe=False)
    assert encoder.rest == pytest.approx(8 * len(unit.data) / 100_000)
    encoder.encode(picture(flat(9, 9, 9)), keyframe=False)
    assert encoder.rest == 1 / MOST_PER_SECOND


def test_a_rung_of_them_rests_and_takes_the_newest_then() -> None:
    units: queue.Queue[AccessUnit] = queue.Queue()
    given_back: list[int] = []
    rung = Rung(RungSpec("test", 4_000_000, codec="jpeg"), units.put)
    began = now()
    rung.push(picture(flat(9, 9, 9)), lambda: given_back.append(0))
    assert units.get(timeout=10).pts == 0
    for number in range(1, 4):
        rung.push(picture(flat(9, 9, 9), number), lambda number=number: given_back.append(number))  # type: ignore[misc]
    assert units.get(timeout=10).pts == 9000, "the newest is shown, however little follows it"
    assert now() - began >= 1 / MOST_PER_SECOND
    rung.close()
    assert set(given_back) >= {0, 1, 2}
