import subprocess
import sys

import numpy as np
import pytest

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.pixels import black_i420, i420_bytes, to_rgb, write_i420


def bt601(rgb: np.ndarray) -> np.ndarray:
    """Limited-range BT.601 in float64, chroma of the top-left pixel of each 2x2 block; rgb in 0..255, even sides."""
    r, g, b = np.moveaxis(rgb.astype(np.float64) / 255, -1, 0)
    y = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    u = 128 - 37.797 * r - 74.203 * g + 112.0 * b
    v = 128 + 112.0 * r - 93.786 * g - 18.214 * b
    return np.concatenate([y.ravel(), u[::2, ::2].ravel(), v[::2, ::2].ravel()])


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, channels), dtype=np.uint8)


def converted(picture: np.ndarray) -> np.ndarray:
    height, width = (side + side % 2 for side in picture.shape[:2])
    out = np.zeros(i420_bytes(width, height), np.uint8)
    write_i420(picture, out)
    return out


@pytest.mark.parametrize(("height", "width"), [(2, 2), (6, 6), (10, 14), (64, 48), (90, 160), (2, 512)])
def test_every_pixel_is_bt601_within_one_grey_level(height: int, width: int) -> None:
    rgb = noise(height, width)
    assert np.abs(converted(rgb) - bt601(rgb)).max() < 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_convert_like_their_bytes(dtype: type) -> None:
    rgb = noise(16, 24)
    assert np.array_equal(converted((rgb / 255).astype(dtype)), converted(rgb))


def test_floats_are_rounded_not_truncated() -> None:
    almost = np.full((2, 2, 3), 0.9999, np.float32)
    assert converted(almost)[0] == 235


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_gray_has_no_colour(kind: type) -> None:
    gray = noise(8, 10, 1)
    out = converted(gray if kind is np.uint8 else (gray / 255).astype(kind))
    assert np.abs(out - bt601(gray.repeat(3, axis=2))).max() < 1


def test_alpha_is_ignored() -> None:
    rgba = noise(8, 10, 4)
    assert np.array_equal(converted(rgba), converted(rgba[..., :3]))


@pytest.mark.parametrize(("height", "width"), [(5, 8), (8, 5), (7, 9), (3, 3)])
def test_odd_sides_repeat_the_last_row_and_column(height: int, width: int) -> None:
    rgb = noise(height, width)
    padded = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    assert np.array_equal(converted(rgb), converted(padded))


@pytest.mark.parametrize(
    "view",
    [
        lambda big: big[::2, ::2],
        lambda big: big[::-1, ::-1],
        lambda big: big[..., ::-1],
        lambda big: big.transpose(1, 0, 2),
        lambda big: np.moveaxis(np.ascontiguousarray(np.moveaxis(big, -1, 0)), 0, -1),
        lambda big: np.broadcast_to(big[:1], big.shape),
    ],
    ids=["strided", "flipped", "BGR", "transposed", "channel-first memory", "broadcast"],
)
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_any_strides_are_read_right(view, kind: type) -> None:
    big = noise(16, 20) if kind is np.uint8 else (noise(16, 20) / 255).astype(kind)
    assert np.array_equal(converted(view(big)), converted(view(big).copy(order="C")))


def test_a_picture_is_written_into_the_given_memory_and_nowhere_else() -> None:
    slot = i420_bytes(64, 32)
    ring = np.full(3 * slot, 77, np.uint8)
    rgb = noise(32, 64)
    write_i420(rgb, ring[slot : 2 * slot])
    assert np.abs(ring[slot : 2 * slot] - bt601(rgb)).max() < 1
    assert (ring[:slot] == 77).all()
    assert (ring[2 * slot :] == 77).all()


def test_a_slot_may_be_larger_than_the_picture() -> None:
    out = np.full(1000, 77, np.uint8)
    write_i420(noise(4, 6), out)
    assert (out[i420_bytes(6, 4) :] == 77).all()
    assert (out[: i420_bytes(6, 4)] != 77).any()


def test_unusable_memory_is_refused_untouched() -> None:
    rgb = noise(4, 4)
    readonly = np.zeros(24, np.uint8)
    readonly.flags.writeable = False
    for out in (np.zeros(23, np.uint8), np.zeros((6, 4), np.uint8), np.zeros(48, np.uint8)[::2], readonly):
        with pytest.raises(IllegalInput):
            write_i420(rgb, out)
        assert not out.any()
    with pytest.raises(IllegalInput):
        write_i420(rgb, np.zeros(24, np.int16))


def test_rgb_survives_the_way_there_and_back() -> None:
    flat = np.broadcast_to(np.array([200, 40, 90], np.uint8), (8, 12, 3))
    back = to_rgb(converted(flat), 12, 8)
    assert (back.shape, back.dtype) == ((8, 12, 3), np.uint8)
    assert np.abs(back.astype(int) - flat).max() <= 2


def test_black_is_limited_range_black() -> None:
    black = black_i420(6, 4)
    assert np.array_equal(black, converted(np.zeros((4, 6, 3), np.uint8)))
    assert not to_rgb(black, 6, 4).any()


def test_the_values_of_a_frame_load_no_image_library() -> None:
    code = "import sys, reactor_runtime.media.frame; print({'cv2', 'av', 'PIL', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
