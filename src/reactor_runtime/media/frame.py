"""The atoms of media inside the server: a picture, one encoded version of it, and a picture that a client sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # 80 ms that a command line need not pay
    import numpy as np
    import numpy.typing as npt

VIDEO_CLOCK_RATE = 90_000
"""Ticks per second of a video PTS (RFC 3551)."""
AUDIO_CLOCK_RATE = 48_000
"""Ticks, and samples, per second of audio on every wire (RFC 7587)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One raw picture.

    Attributes:
        i420: Packed planes Y, U, V, flat uint8, `width * height * 3 / 2` bytes, limited range BT.601.
        width: Even.
        height: Even.
        pts: Ticks of 1/90000 s since the stream began, from the schedule.
        due_at: When it is to be shown, monotonic seconds; a time that has passed, as 0, means at once.
        answers: Ids of the commands that it is the first picture to follow.
    """

    i420: npt.NDArray[np.uint8]
    width: int
    height: int
    pts: int
    due_at: float = 0.0
    answers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One encoded picture.

    Attributes:
        pts: The picture's own, as `due_at` and `answers` are.
        is_keyframe: Whether it decodes alone.
        began_at: When its encoding began, monotonic seconds.
        encoded_at: When it ended.
    """

    data: bytes
    pts: int
    is_keyframe: bool
    width: int
    height: int
    due_at: float = 0.0
    answers: tuple[int, ...] = ()
    began_at: float = 0.0
    encoded_at: float = 0.0


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """Interleaved little-endian int16 samples at 48 kHz; `pts` counts samples since the stream began."""

    samples: bytes
    channels: int
    pts: int


class ClientPicture(Protocol):
    """One picture as a client sent it, still in the memory of whatever decoded it."""

    @property
    def width(self) -> int:
        """Even."""

    @property
    def height(self) -> int:
        """Even."""

    @property
    def rotation(self) -> int:
        """Degrees by which it is to be turned clockwise to stand upright: 0, 90, 180 or 270."""

    @property
    def sent_at(self) -> float:
        """Seconds on a clock of the sender's; only differences mean something."""

    @property
    def capture_time_us(self) -> int:
        """When it was taken by the client's own clock, in microseconds since 1970; 0 while that is unknown."""

    @property
    def skipped(self) -> int:
        """Pictures since the one before that nobody took in time."""

    def write_i420(self, out: npt.NDArray[np.uint8]) -> None:
        """Write the packed planes to flat memory of `width * height * 3 / 2` bytes."""
