"""RGB to and from packed I420 (Y, U, V planes, BT.601 limited range), with SIMD. Loads cv2.

Chroma is that of the top-left pixel of each 2x2 block: averaging takes 2.3 times as long (0.6 ms more at 1280x720,
the cheapest of eight ways through cv2 and swscale), and none of those rounds as well.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.arrays import Array

Pixels = npt.NDArray[np.uint8]


def i420_bytes(width: int, height: int) -> int:
    """Return the size of a packed I420 picture of even width and height."""
    return width * height * 3 // 2


def write_i420(picture: Array, out: Pixels, float_range: tuple[float, float] = (0.0, 1.0)) -> None:
    """Convert one picture straight into `out`, which gets no second buffer.

    Args:
        picture: (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA (alpha is ignored), any strides; uint8, or float32 or
            float64 in `float_range`. Odd sides are made even by repeating the last row or column.
        out: Flat, contiguous and writable; its first `i420_bytes` of the even size are written.
        float_range: The floats that mean black and white.

    Raises:
        IllegalInput: `out` is too small, or not flat, contiguous and writable uint8.
    """
    height, width, _ = picture.shape
    out = room_in(out, i420_bytes(width + width % 2, height + height % 2))
    picture = _even_rgb(picture, float_range)
    code = cv2.COLOR_RGBA2YUV_I420 if picture.shape[2] == 4 else cv2.COLOR_RGB2YUV_I420
    cv2.cvtColor(picture, code, dst=_rows(out, picture.shape[1]))


def room_in(memory: Pixels, size: int) -> Pixels:
    """Return the first `size` bytes of memory that a picture is to be written to.

    Raises:
        IllegalInput: It is too small, or not flat, contiguous and writable uint8.
    """
    if memory.dtype != np.uint8 or memory.ndim != 1 or not memory.flags.c_contiguous or not memory.flags.writeable:
        raise IllegalInput("a picture is written to flat, contiguous, writable uint8 memory only")
    if memory.size < size:
        raise IllegalInput(f"the picture needs {size} bytes, the memory given holds {memory.size}")
    return memory[:size]


def rgb(picture: Array, float_range: tuple[float, float] = (0.0, 1.0)) -> Pixels:
    """Return what `write_i420` converts, as a fresh (H, W, 3) uint8 array of even sides."""
    return np.array(_even_rgb(picture, float_range)[..., :3], np.uint8)


def to_rgb(i420: Pixels, width: int, height: int) -> Pixels:
    """Return a packed I420 picture as a fresh (H, W, 3) uint8 RGB array."""
    return np.asarray(cv2.cvtColor(_rows(i420[: i420_bytes(width, height)], width), cv2.COLOR_YUV2RGB_I420), np.uint8)


def black_i420(width: int, height: int) -> Pixels:
    """Return a fresh black picture, packed I420, flat uint8."""
    picture = np.full(i420_bytes(width, height), 128, np.uint8)
    picture[: width * height] = 16
    return picture


def _rows(i420: Pixels, width: int) -> Pixels:
    return i420.reshape(-1, width)


def _bytes(picture: Array, float_range: tuple[float, float]) -> Array:
    if picture.dtype.kind != "f":
        return picture
    low, high = float_range
    gain = 255 / (high - low)
    return np.asarray(cv2.convertScaleAbs(picture, alpha=gain, beta=-low * gain))


def _even_rgb(picture: Array, float_range: tuple[float, float]) -> Pixels:
    """Return a picture as uint8 of even sides, (H, W, 3) or (H, W, 4)."""
    height, width, channels = picture.shape
    if channels > 1 and picture.strides[1] == picture.itemsize:
        # Channels first in memory: cv2 would be given a copy, made element by element.
        picture = cv2.merge([_bytes(picture[..., channel], float_range) for channel in range(3)])
        channels = 3
    picture = _bytes(picture, float_range).reshape(height, width, channels)
    if channels == 1:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    if height % 2 or width % 2:
        picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8)
