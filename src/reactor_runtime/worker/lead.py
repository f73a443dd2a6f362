"""How far a model may be ahead of what is shown, and when it is to begin its next chunk. Pure.

Rules:
- A chunk is begun so early that it is ready `MARGIN` before its slot, even if it takes as long as nearly any of the
  last `MEMORY` did: a steady model is one frame ahead, an uneven one as much more as its slow steps need.
- The ceiling is `buffer_size` frames or one chunk, whichever is more; and `max_lead`, but never below one chunk.
- It is begun at once while nothing tells when its slot is: before anything was shown, or where nothing ever is.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

MARGIN = 0.005
"""Seconds: the way to the server, its wake-up, and half of what encoding takes, which goes on until the slot."""
MEMORY = 64
"""Steps. One slow step in ten is in it however they fall; a single hiccup is not waited for."""
OUTLIERS = 1
"""Steps of a full memory that may have taken longer than what is reckoned with."""


class Lead:
    """The lead of one model. All times are monotonic seconds."""

    def __init__(self, buffer_size: int, max_lead: float | None) -> None:
        """Begin without any knowledge of the model.

        Args:
            buffer_size: Slices that may wait to be shown, at most; a longer chunk may as a whole.
            max_lead: Seconds that they may last together, at most; None leaves it to `buffer_size`.
        """
        self._buffer_size = buffer_size
        self._max_lead = math.inf if max_lead is None else max_lead
        self._steps: deque[float] = deque(maxlen=MEMORY)
        self._shown_at = -math.inf
        self._interval = 0.0

    def note_step(self, seconds: float) -> None:
        """Take note of how long a chunk took, from when it could be begun until its first slice was ready."""
        self._steps.append(seconds)

    def note_shown(self, at: float, interval: float) -> None:
        """Take note of the slot of the slice shown last, and of the seconds to the next one."""
        self._shown_at, self._interval = at, interval

    def ceiling(self, frames: int, interval: float | None) -> int:
        """Return how many slices may wait to be shown, beside a chunk of so many frames.

        Args:
            frames: Of the chunk: a part of it must not wait for the rest to be shown.
            interval: Seconds from slice to slice, None where only the server knows.
        """
        if interval := interval or self._interval:
            return max(frames, int(min(self._buffer_size, self._max_lead / interval + 1e-6)), 1)
        return max(frames, self._buffer_size)

    def begin_at(self, frames: int, ahead: int, interval: float) -> float:
        """Return when to begin the next chunk; a time that has passed means at once.

        Args:
            frames: That it is likely to have.
            ahead: Slices handed over and not shown yet.
            interval: Seconds from slice to slice.
        """
        if not self._steps:
            return -math.inf
        slot = self._shown_at + (ahead + 1) * interval
        slow = sorted(self._steps)[-1 - OUTLIERS * (len(self._steps) == MEMORY)]
        most = min(max(frames, self._buffer_size) * interval, self._max_lead)
        return slot - min(slow + MARGIN, statistics.median(self._steps) + most)
