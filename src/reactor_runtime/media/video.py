"""What authors emit as video, checked once and converted straight into ring slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reactor_runtime.errors import OutputError
from reactor_runtime.media import pixels
from reactor_runtime.media.arrays import Array, describe, is_tensor, on_gpu, to_array

SMALLEST, LARGEST = 2, 8192  # pixels a side: one chroma sample; what VP8 and H.264 decoders take with room to spare
CHANNELS = (1, 3, 4)
HALF_A_LEVEL = 0.5 / 255  # of the range: so far outside it is rounding of the model's arithmetic, not a mistake

FloatRange = tuple[float, float]
"""The floats that mean black and white."""
UNIT: FloatRange = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class VideoFrames:
    """The checked frames of one payload, all of one size. Refers to the author's memory; converts on demand.

    Attributes:
        pictures: (H, W, C) each, C of 1, 3 or 4; uint8, or float in `float_range`.
        width: Even; 0 when there are no frames.
        height: Even; 0 when there are no frames.
    """

    pictures: list[Array]
    width: int
    height: int
    float_range: FloatRange = UNIT

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.pictures)

    @property
    def i420_bytes(self) -> int:
        """Bytes of one converted frame."""
        return pixels.i420_bytes(self.width, self.height)

    def write_i420(self, index: int, out: npt.NDArray[np.uint8]) -> None:
        """Convert frame `index` into the first `i420_bytes` of flat memory. Thread: any.

        Raises:
            IllegalInput: `out` is too small, or not flat, contiguous and writable uint8.
        """
        pixels.write_i420(self.pictures[index], out, self.float_range)

    def rgb(self, index: int) -> npt.NDArray[np.uint8]:
        """Return frame `index` as a fresh (height, width, 3) array, exact. Thread: any."""
        return pixels.rgb(self.pictures[index], self.float_range)


def video_frames(payload: object, *, track: str, float_range: FloatRange = UNIT) -> VideoFrames:
    """Check what an author emits for a video track.

    A picture is (H, W, 3) RGB, (H, W, 4) RGBA (alpha is ignored), (H, W, 1) or (H, W) gray, of uint8 or any float in
    `float_range`, as a numpy array, PIL image, torch tensor or anything with `__array__` or `__dlpack__`. A batch is
    4-D, or a list or tuple of pictures of one size. Torch tensors may have their channels first. What lies on a GPU
    is copied from there as it is.

    Args:
        payload: What the author gave.
        track: Name for errors.
        float_range: The floats that mean black and white.

    Raises:
        OutputError: It is no picture; names the track, what came and what is wanted.
    """
    wanted = Wanted(track, float_range)
    if isinstance(payload, list | tuple):
        pictures = [_picture(item, wanted.item(index)) for index, item in enumerate(payload)]
    else:
        array = _array(payload, wanted)
        pictures = [_in_range(picture, payload, wanted) for picture in (array if array.ndim == 4 else [array])]
    width, height = wanted.one_size([picture.shape[:2] for picture in pictures])
    return VideoFrames(pictures, width, height, float_range)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a video track takes, wherever the payload lies."""

    track: str
    float_range: FloatRange

    def item(self, index: int) -> Wanted:
        """Return the same of one item of a list."""
        return Wanted(f"{self.track}[{index}]", self.float_range)

    def channels_last(self, array: Any, payload: object) -> Any:
        """Return a numpy array or torch tensor as (H, W, C) or (N, H, W, C), without a copy.

        Raises:
            OutputError: It has no such shape, or a side is too short or too long.
        """
        if array.ndim == 2:
            array = array[..., None]
        elif array.ndim in (3, 4) and array.shape[-1] not in CHANNELS and array.shape[-3] in CHANNELS:
            if not is_tensor(payload):
                axes = (1, 2, 0) if array.ndim == 3 else (0, 2, 3, 1)
                raise self.refusal(f"{describe(payload)}; channels come last, use .transpose{axes}")
            array = array.swapaxes(-3, -2).swapaxes(-2, -1)
        if array.ndim not in (3, 4) or array.shape[-1] not in CHANNELS:
            raise self.refusal(describe(payload))
        if len(array) and not all(SMALLEST <= side <= LARGEST for side in array.shape[-3:-1]):
            raise self.refusal(f"{describe(payload)}; each side may have {SMALLEST} to {LARGEST} pixels")
        return array

    def one_size(self, sizes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
        """Return the even width and height of frames of these (H, W); 0 and 0 when there are none.

        Raises:
            OutputError: The sizes differ.
        """
        if len(different := sorted(set(sizes))) > 1:
            raise OutputError(f"track '{self.track}': the frames of one batch differ in size (H, W): {different}")
        height, width = different[0] if different else (0, 0)
        return width + width % 2, height + height % 2

    @property
    def limits(self) -> FloatRange:
        """The floats that are taken: the range, and half a grey level around it."""
        low, high = self.float_range
        slack = HALF_A_LEVEL * (high - low)
        return low - slack, high + slack

    def check_range(self, low: float, high: float, payload: object) -> None:
        """Check the smallest and the largest of a payload's floats, NaN if there is any.

        Raises:
            OutputError: They are out of range.
        """
        smallest, largest = self.limits
        if np.isnan(low) or np.isnan(high):
            raise self.refusal(f"{describe(payload)} that contains NaN")
        if low < smallest or high > largest:
            raise self.refusal(
                f"{describe(payload)} with values from {low:g} to {high:g}; scale floats to {self._floats}, "
                "or declare the track's float_range"
            )

    def wrong_dtype(self, payload: object) -> OutputError:
        """Return the error for numbers that are neither uint8 nor floats."""
        convert = ".to(torch.uint8)" if is_tensor(payload) else ".astype(numpy.uint8)"
        return self.refusal(f"{describe(payload)}; scale to 0..255 and convert with {convert}")

    def refusal(self, came: str) -> OutputError:
        """Return the error that says what came and what is wanted."""
        return OutputError(
            f"track '{self.track}': got {came}. Wanted: (H, W, 3) or (N, H, W, 3) RGB as uint8 0..255 "
            f"or float {self._floats}; gray, RGBA, PIL images and torch tensors too."
        )

    @property
    def _floats(self) -> str:
        low, high = self.float_range
        return f"{low:g}..{high:g}"


def _picture(item: object, wanted: Wanted) -> Array:
    array = _array(item, wanted)
    if array.ndim != 3:
        raise wanted.refusal(f"{describe(item)}; a list or tuple holds single frames")
    return _in_range(array, item, wanted)


def _array(payload: object, wanted: Wanted) -> Array:
    """Return (H, W, C) or (N, H, W, C) of a right dtype."""
    try:
        array = to_array(payload)
    except Exception as error:  # another library's conversion may raise anything
        hint = "; torch, if it is installed, fetches it from the GPU" if on_gpu(payload) else ""
        raise wanted.refusal(f"{describe(payload)} that cannot be read: {error}{hint}") from error
    if array is None:
        raise wanted.refusal(describe(payload))
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise wanted.wrong_dtype(payload)
    checked: Array = wanted.channels_last(array, payload)
    return checked


def _in_range(picture: Array, payload: object, wanted: Wanted) -> Array:
    if picture.dtype.kind == "f":
        wanted.check_range(float(picture.min()), float(picture.max()), payload)
    return picture
