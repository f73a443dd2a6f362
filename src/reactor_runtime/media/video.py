"""What authors emit as video, checked once and converted straight into ring slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reactor_runtime.errors import OutputError
from reactor_runtime.media import pixels
from reactor_runtime.media.arrays import Array, describe, is_tensor, to_array

WANTED = "(H, W, 3) or (N, H, W, 3) RGB as uint8 0..255 or float 0..1; gray, RGBA, PIL images and torch tensors too"
SMALLEST, LARGEST = 2, 8192  # pixels a side: one chroma sample; what VP8 and H.264 decoders take with room to spare
CHANNELS = (1, 3, 4)
ROUNDING = 0.5 / 255  # half a grey level outside 0..1 is rounding of the model's arithmetic, not a mistake


@dataclass(frozen=True, slots=True)
class VideoFrames:
    """The checked frames of one payload, all of one size. Refers to the author's memory; converts on demand.

    Attributes:
        pictures: (H, W, C) each, C of 1, 3 or 4; uint8 or float 0..1.
        width: Even; 0 when there are no frames.
        height: Even; 0 when there are no frames.
    """

    pictures: list[Array]
    width: int
    height: int

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
        pixels.write_i420(self.pictures[index], out)

    def rgb(self, index: int) -> npt.NDArray[np.uint8]:
        """Return frame `index` as a fresh (height, width, 3) array, exact. Thread: any."""
        return pixels.rgb(self.pictures[index])


def video_frames(payload: object, *, track: str) -> VideoFrames:
    """Check what an author emits for a video track.

    A picture is (H, W, 3) RGB, (H, W, 4) RGBA (alpha is ignored), (H, W, 1) or (H, W) gray, of uint8 or any float in
    0..1, as a numpy array, PIL image, torch tensor or anything with `__array__` or `__dlpack__`. A batch is 4-D, or a
    list or tuple of pictures of one size. Torch tensors may have their channels first.

    Args:
        payload: What the author gave.
        track: Name for errors.

    Raises:
        OutputError: It is no picture; names the track, what came and what is wanted.
    """
    if isinstance(payload, list | tuple):
        pictures = [_picture(item, f"{track}[{index}]") for index, item in enumerate(payload)]
    else:
        array = _array(payload, track)
        pictures = [_checked(picture, payload, track) for picture in (array if array.ndim == 4 else [array])]
    if not pictures:
        return VideoFrames([], 0, 0)
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise OutputError(f"track '{track}': the frames of one batch differ in size (H, W): {sorted(sizes)}")
    height, width = sizes.pop()
    return VideoFrames(pictures, width + width % 2, height + height % 2)


def _picture(item: object, track: str) -> Array:
    array = _array(item, track)
    if array.ndim != 3:
        raise _refusal(track, f"{describe(item)}; a list or tuple holds single frames")
    return _checked(array, item, track)


def _array(payload: object, track: str) -> Array:
    """Return (H, W, C) or (N, H, W, C) of a right dtype."""
    try:
        array = to_array(payload)
    except Exception as error:  # another library's conversion may raise anything
        raise _refusal(track, f"{describe(payload)} that cannot be read: {error}") from error
    if array is None:
        raise _refusal(track, describe(payload))
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise _refusal(track, f"{describe(payload)}; scale to 0..255 and convert with .astype(numpy.uint8)")
    if array.ndim == 2:
        return array[..., np.newaxis]
    if array.ndim in (3, 4) and array.shape[-1] not in CHANNELS and array.shape[-3] in CHANNELS:
        if not is_tensor(payload):
            axes = (1, 2, 0) if array.ndim == 3 else (0, 2, 3, 1)
            raise _refusal(track, f"{describe(payload)}; channels come last, use .transpose{axes}")
        array = np.moveaxis(array, -3, -1)
    if array.ndim not in (3, 4) or array.shape[-1] not in CHANNELS:
        raise _refusal(track, describe(payload))
    return array


def _checked(picture: Array, payload: object, track: str) -> Array:
    if not all(SMALLEST <= side <= LARGEST for side in picture.shape[:2]):
        raise _refusal(track, f"{describe(payload)}; each side may have {SMALLEST} to {LARGEST} pixels")
    if picture.dtype.kind == "f":
        low, high = float(picture.min()), float(picture.max())
        if np.isnan(low):
            raise _refusal(track, f"{describe(payload)} that contains NaN")
        if low < -ROUNDING or high > 1 + ROUNDING:
            raise _refusal(track, f"{describe(payload)} with values from {low:g} to {high:g}; scale floats to 0..1")
    return picture


def _refusal(track: str, came: str) -> OutputError:
    return OutputError(f"track '{track}': got {came}. Wanted: {WANTED}.")
