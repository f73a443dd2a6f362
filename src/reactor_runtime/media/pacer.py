"""The pacer: releases what a model makes on an even schedule, once per stream.

Rules:
- The schedule is a line of slots one interval apart. PTS and `Due.at` come from it, not from the wake-up.
- Pinned: the interval is `1 / fps`, exactly. Measured: the interval follows the model's mean speed, and the lead.
- The lead is how early an item comes for its slot. Its recent low point is steered to zero: above, what is shown
  is older than it must be, so the schedule runs faster; below, the queue ran dry, so it runs slower.
- Latency first: whatever finds its slot passed is due at once, and only more than one interval of lateness moves
  the schedule (to the present). Items that had to queue are never closer than half an interval.
- Items may be released ahead of their slots, to be made ready to show; one at a time, so not before half an interval.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE

T = TypeVar("T")

FIRST_RATE = 16.0  # frames per second until anything was measured; what most chunked video models play at
SLOWEST, FASTEST = 1.0, 240.0  # frames per second; a slower model's frames are each shown at once in any case
MEMORY_S = 2.0  # the mean speed forgets with this time constant: over a slow step in ten, within four 0.5 s chunks
PAUSE_S = 4.0  # a longer silence between offers is a pause, not a slow step
LOW_POINT_MEMORY = 8  # steps over which a low point of the lead fades
SLOW_DOWN, SPEED_UP = 0.8, 1.5  # how far the lead may bend the mean speed


@dataclass(frozen=True, slots=True)
class Due(Generic[T]):
    """An item to show.

    Attributes:
        pts: Ticks of 1/90000 s since the first item, strictly increasing.
        at: Its slot, monotonic seconds: at most one interval before the poll that returned it, or `ahead` after.
    """

    item: T
    pts: int
    at: float


class Pacer(Generic[T]):
    """A queue that gives its items back in order, on schedule. Its length is bounded by the producer's credits."""

    def __init__(self, fps: float | None, *, ahead: float = 0.0) -> None:
        """Make a pacer.

        Args:
            fps: Pinned frames per second, or None to measure them.
            ahead: Seconds that an item may be released before its slot.

        Raises:
            IllegalInput: `fps` is not above 0 and at most 240.
        """
        if fps is not None:
            _check_pinnable(fps)
        self._ahead = ahead
        self._is_pinned = fps is not None
        self._rate = FIRST_RATE if fps is None else fps
        self._queue: deque[T] = deque()
        # The schedule: slot `n` is `n` intervals after the anchor.
        self._anchor_at: float | None = None
        self._anchor_pts = 0.0
        self._slots_since_anchor = 0
        self._not_before = -math.inf
        # The measured speed: weighted sums over recent steps, and the low point of the lead.
        self._frames = 0.0
        self._seconds = 0.0
        self._step_at: float | None = None
        self._step_frames = 0
        self._step_s = 0.0
        self._low_point = 0.0

    @property
    def queued(self) -> int:
        """Items not yet released."""
        return len(self._queue)

    @property
    def rate(self) -> float:
        """Frames per second of the schedule."""
        return self._rate

    def offer(self, item: T, *, starts_chunk: bool, fps: float | None, now: float) -> None:
        """Queue one item.

        Args:
            item: What to release.
            starts_chunk: Whether it is the first of what one step of the model made.
            fps: Rate that the item's chunk could be made at, from its compute time; None measures the time between
                offers instead. Ignored when the rate is pinned.
            now: Monotonic seconds.

        Raises:
            IllegalInput: `fps` is not a positive finite number.
        """
        if fps is not None and not 0 < fps < math.inf:
            raise IllegalInput(f"{fps!r} is no frame rate: a positive number of frames per second is wanted")
        if not self._is_pinned:
            self._measure(starts_chunk, fps, now)
        if not self._queue and now >= self._slot():
            self._not_before = now
        self._queue.append(item)

    def pin(self, fps: float) -> None:
        """Keep this rate from the next slot on, whatever was measured or pinned.

        Raises:
            IllegalInput: `fps` is not above 0 and at most 240.
        """
        _check_pinnable(fps)
        if self._anchor_at is not None:
            self._anchor(self._slot(), self._pts())
        self._is_pinned, self._rate = True, fps

    def unpin(self) -> None:
        """Measure again, upon what was measured before the pin. The step that lies across the change does not count."""
        if self._is_pinned:
            self._is_pinned, self._step_at = False, None

    def poll(self, now: float) -> Due[T] | None:
        """Return the next item if it is due, else None. However late the call, it returns one item."""
        deadline = self.next_deadline()
        if deadline is None or now < deadline[0]:
            return None
        interval = 1 / self._rate
        if self._anchor_at is None:
            self._anchor(now, 0)
        elif now - self._slot() > interval:
            self._anchor(now, self._anchor_pts + round((now - self._anchor_at) * VIDEO_CLOCK_RATE))
        elif not self._is_pinned:  # the interval may differ from slot to slot: count from the latest
            self._anchor(self._slot(), self._pts())
        due = Due(self._queue.popleft(), round(self._pts()), self._slot())
        self._slots_since_anchor += 1
        self._not_before = max(now, due.at) + interval / 2
        return due

    def next_deadline(self) -> tuple[float, str] | None:
        """Return when to poll next, and why; None while nothing is queued."""
        return (max(self._slot() - self._ahead, self._not_before), "frame due") if self._queue else None

    def flush(self, now: float) -> list[T]:
        """Drop and return everything queued. The schedule goes on; the time until the next offer is not measured.

        An item whose slot is still to come is taken to be dropped as well: the slot is free again.
        """
        dropped = list(self._queue)
        self._queue.clear()
        self._step_at = None
        if self._slot() - 1 / self._rate > now:
            self._slots_since_anchor -= 1
            self._not_before = now
        return dropped

    def _slot(self) -> float:
        return -math.inf if self._anchor_at is None else self._anchor_at + self._slots_since_anchor / self._rate

    def _pts(self) -> float:
        return self._anchor_pts + self._slots_since_anchor * VIDEO_CLOCK_RATE / self._rate

    def _anchor(self, at: float, pts: float) -> None:
        self._anchor_at, self._anchor_pts, self._slots_since_anchor = at, pts, 0

    def _measure(self, starts_chunk: bool, fps: float | None, now: float) -> None:
        if starts_chunk:
            since = math.inf if self._step_at is None else now - self._step_at
            if since < PAUSE_S:
                interval = 1 / self._rate
                lead = max(self._slot() + len(self._queue) * interval - now, -interval)
                self._low_point = min(lead, self._low_point + (lead - self._low_point) / LOW_POINT_MEMORY)
                self._step_s = since
                # Without a lead the model waited for nothing, so the time between chunks is the whole truth. With
                # one it may have waited for room, and its compute time may tell that it could do better.
                waited = lead > interval / 2
                self._fold(self._step_frames, min(since, self._step_frames / fps) if fps and waited else since)
            elif fps is not None and not self._seconds:
                self._fold(1, 1 / fps)
            self._bend()
            self._step_at, self._step_frames = now, 0
        self._step_frames += 1

    def _bend(self) -> None:
        mean = self._frames / self._seconds if self._seconds else FIRST_RATE
        # The lead goes in about two steps, and not in under a quarter of a second: steering harder would overshoot.
        bend = 1 + self._low_point / (2 * max(self._step_s, 0.125))
        self._rate = min(max(mean * min(max(bend, SLOW_DOWN), SPEED_UP), SLOWEST), FASTEST)

    def _fold(self, frames: int, seconds: float) -> None:
        kept = math.exp(-seconds / MEMORY_S)
        self._frames = self._frames * kept + frames
        self._seconds = self._seconds * kept + seconds


def _check_pinnable(fps: float) -> None:
    if not 0 < fps <= FASTEST:
        raise IllegalInput(f"{fps!r} frames per second cannot be kept: more than 0 and at most {FASTEST:g} can")
