"""The atoms of media inside the server: a picture, and one encoded version of it."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    i420: npt.NDArray[np.uint8]
    width: int
    height: int
    pts: int


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One encoded picture. `pts` is the picture's own; `is_keyframe` means it decodes alone."""

    data: bytes
    pts: int
    is_keyframe: bool
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """Interleaved little-endian int16 samples at 48 kHz; `pts` counts samples since the stream began."""

    samples: bytes
    channels: int
    pts: int
