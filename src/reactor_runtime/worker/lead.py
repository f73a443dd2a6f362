"""How far a model may be ahead of what is shown, and when it is to begin its next chunk. Pure.

Rules:
- A chunk is begun so early that it is ready `MARGIN` before its slot, even if this and the next ones take as long as
  the worst run of chunks of late: a steady model is one frame ahead, an uneven one as much more as it needs.
- The ceiling is `buffer_size` frames or one chunk, whichever is more; and `max_lead`, but never below one chunk.
- It is begun at once while nothing tells when its slot is: before anything was shown, or where nothing ever is.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

MARGIN = 0.005
"""Seconds: the way to the server, its wake-up, and half of what encoding takes, which goes on until the slot."""
SHARE = 0.04
"""Of what a chunk usually takes, on top: a long one may always take a little longer than any before."""
MEMORY = 64
"""Chunks. One slow step in ten is in it however they fall."""
OUTLIERS = 1
"""Chunks of a full memory that are taken for hiccups, which do not come again."""


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

    def slot(self, ahead: int, interval: float) -> float:
        """Return when the next chunk is to be shown, behind so many slices that are not shown yet."""
        return self._shown_at + (ahead + 1) * interval

    def span(self, frames: int, interval: float) -> float:
        """Return how many seconds before its slot the next chunk, likely of so many frames, is to be begun."""
        if not self._steps:
            return math.inf
        most = min(max(frames, self._buffer_size) * interval, self._max_lead)
        usual = statistics.median(self._steps)
        return min(self._worst(frames * interval) + MARGIN + SHARE * usual, usual + most)

    def _worst(self, period: float) -> float:
        """Return how long before its slot a chunk had to be begun for every one since to be ready at its own."""
        slow = sorted(self._steps)[-1 - OUTLIERS * (len(self._steps) == MEMORY)]
        worst = backlog = 0.0
        for seconds in self._steps:
            backlog = (backlog - period if backlog > period else 0.0) + (seconds if seconds < slow else slow)
            if backlog > worst:
                worst = backlog
        return worst
