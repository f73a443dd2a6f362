"""A moving picture that carries its own number and birth time, readable after a lossy codec.

Needs numpy alone, so that every contestant draws with it in its own environment.

The stamp is 128 bits (frame counter, push time, CRC-32), one flat black or white macroblock per bit, 32 by 4 of them in
the top left corner. CLOCK_MONOTONIC is one clock for all processes of a machine, so a receiver may subtract.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 16  # pixels; one VP8 macroblock, so a bit costs an encoder next to nothing and survives any quantiser
COLUMNS, ROWS = 32, 4
STAMP_WIDTH, STAMP_HEIGHT = COLUMNS * BLOCK, ROWS * BLOCK
_BODY = struct.Struct(">IQ")
_CRC = struct.Struct(">I")
_DRIFT = 96  # pixels the view may move each way over its canvas


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a picture says of itself. `pushed_ns` is CLOCK_MONOTONIC."""

    counter: int
    pushed_ns: int


def paint(picture: npt.NDArray[np.uint8], stamp: Stamp) -> None:
    """Write a stamp into the corner of a contiguous (H, W, 3) picture, at least 512 x 64."""
    body = _BODY.pack(stamp.counter, stamp.pushed_ns)
    bits = np.unpackbits(np.frombuffer(body + _CRC.pack(zlib.crc32(body)), np.uint8)).reshape(ROWS, COLUMNS)
    lines = (bits * np.uint8(255)).repeat(3 * BLOCK, 1)
    flat = picture.reshape(len(picture), -1)
    for row, line in enumerate(lines):
        flat[row * BLOCK : (row + 1) * BLOCK, : len(line)] = line


def read(luma: npt.NDArray[np.uint8]) -> Stamp | None:
    """Return the stamp of a decoded picture, None when it is unreadable.

    Args:
        luma: The stamp's own rectangle of the Y plane, at any scale.
    """
    tops, lefts = (np.arange(count) * size // count for count, size in zip((ROWS, COLUMNS), luma.shape, strict=True))
    sums = np.add.reduceat(np.add.reduceat(luma.astype(np.uint32), tops, 0), lefts, 1)
    areas = np.outer(np.diff(tops, append=luma.shape[0]), np.diff(lefts, append=luma.shape[1]))
    data = np.packbits(sums > 126 * areas).tobytes()  # half way between black (16) and white (235) of limited range
    body, crc = data[: _BODY.size], data[_BODY.size :]
    if _CRC.unpack(crc)[0] != zlib.crc32(body):
        return None
    return Stamp(*_BODY.unpack(body))


class MovingPicture:
    """A view gliding over a textured canvas, with an island gliding against it: work for any motion search.

    Args:
        width: Even, at least 512.
        height: Even, at least 128.
    """

    def __init__(self, width: int, height: int) -> None:
        self._canvas = _canvas(width + 2 * _DRIFT, height + 2 * _DRIFT, seed=1)
        self._island = _canvas(width // 3, height // 3, seed=2)
        self._size = height, width

    def at(self, stamp: Stamp) -> npt.NDArray[np.uint8]:
        """Return the stamped (H, W, 3) uint8 RGB picture."""
        height, width = self._size
        phase = stamp.counter * 0.021
        x, y = _glide(phase, _DRIFT), _glide(phase * 0.7 + 1, _DRIFT)
        picture = self._canvas[y : y + height, x : x + width].copy()
        rows, columns, _ = self._island.shape
        left = _glide(phase * 0.9 + 2, (width - columns) // 2)
        top = STAMP_HEIGHT + _glide(phase * 0.6, (height - STAMP_HEIGHT - rows) // 2)
        picture[top : top + rows, left : left + columns] = self._island
        paint(picture, stamp)
        return picture


def _glide(phase: float, reach: int) -> int:
    return reach + int(reach * math.sin(phase))


def _canvas(width: int, height: int, *, seed: int) -> npt.NDArray[np.uint8]:
    """Gradients plus noise at four scales, about as busy as a landscape."""
    noise = np.random.default_rng(seed)
    ramp = np.linspace(60, 190, width, dtype=np.float32)[None, :, None] * np.array((0.9, 1.0, 0.8), np.float32)
    canvas = np.repeat(ramp, height, 0) + np.linspace(-30, 30, height, dtype=np.float32)[:, None, None]
    for scale, strength in ((128, 50), (32, 25), (8, 10), (2, 5)):
        shape = (height // scale + 2, width // scale + 2)
        grain = noise.standard_normal((*shape, 1)) + 0.4 * noise.standard_normal((*shape, 3))
        canvas += strength * _enlarged(_enlarged(grain.astype(np.float32), height, 0), width, 1)
    return canvas.clip(0, 255).astype(np.uint8)


def _enlarged(grain: npt.NDArray[np.float32], size: int, axis: int) -> npt.NDArray[np.float32]:
    """Stretch one axis, with no edges at the old samples."""
    at = np.linspace(0, grain.shape[axis] - 1, size, endpoint=False, dtype=np.float32)
    left = at.astype(int)
    weight = np.expand_dims((at - left) ** 2 * (3 - 2 * (at - left)), tuple({0, 1, 2} - {axis}))
    return grain.take(left, axis) * (1 - weight) + grain.take(left + 1, axis) * weight
