"""What a model reads from an input track: an array that knows when it was taken."""

from __future__ import annotations

from typing import Any

import numpy as np


class InputFrame(np.ndarray[Any, np.dtype[Any]]):
    """One picture, `(H, W, 3)` uint8 RGB, or one run of sound, `(1, samples)` int16 at the track's rate.

    It is the array itself, and works wherever an array does.

    Attributes:
        pts: Seconds since the first frame of its track.
        metadata: What the client sent along, usually nothing.
        capture_time_us: When the client took it, in microseconds since 1970 by the client's own clock, to some ten
            milliseconds, and alike for pictures and sound. 0 in the first seconds, and where the client did not say.
    """

    pts: float
    metadata: bytes
    capture_time_us: int

    def __new__(
        cls, data: np.typing.ArrayLike, pts: float = 0.0, metadata: bytes = b"", capture_time_us: int = 0
    ) -> InputFrame:
        """Wrap an array without a copy."""
        self = np.asarray(data).view(cls)
        self.pts, self.metadata, self.capture_time_us = pts, metadata, capture_time_us
        return self

    def __array_finalize__(self, origin: Any) -> None:
        self.pts = getattr(origin, "pts", 0.0)
        self.metadata = getattr(origin, "metadata", b"")
        self.capture_time_us = getattr(origin, "capture_time_us", 0)

    def __array_wrap__(self, array: np.typing.NDArray[Any], context: Any = None, return_scalar: bool = False, /) -> Any:
        return array[()] if return_scalar else super().__array_wrap__(array, context, return_scalar)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.data, self.pts, self.metadata, self.capture_time_us)

    @property
    def data(self) -> np.typing.NDArray[Any]:  # type: ignore[override]
        """The same pixels or samples as a bare array."""
        return self.view(np.ndarray)
