"""Holds what was encoded ahead until it is to be shown."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

from reactor_runtime.media.frame import AccessUnit
from reactor_runtime.runtime.clock import Alarm, now

Lane = TypeVar("Lane")

EARLY = 0.0015
"""Seconds before its time that a unit may go: timers count in milliseconds, and one more round would cost another."""


class Playout(Generic[Lane]):
    """Access units of several lanes, each lane's in the order in which they came. Thread: the loop's, all of it."""

    def __init__(self, deliver: Callable[[Lane, AccessUnit], None]) -> None:
        """Begin empty.

        Args:
            deliver: Takes each unit when it is due.
        """
        self._deliver = deliver
        self._waiting: list[tuple[float, int, Lane, AccessUnit]] = []
        self._latest: dict[Lane, float] = {}
        self._numbers = itertools.count()
        self._alarm = Alarm(self._ring)

    def put(self, lane: Lane, unit: AccessUnit) -> None:
        """Take a unit; one whose time has passed is delivered before this returns, unless an earlier one waits."""
        due = max(unit.due_at, self._latest.get(lane, 0.0))
        if due <= now() + EARLY:
            self._deliver(lane, unit)
            return
        self._latest[lane] = due
        heapq.heappush(self._waiting, (due, next(self._numbers), lane, unit))
        self._alarm.set(self._waiting[0][0])

    def flush(self) -> set[Lane]:
        """Discard what waits; return the lanes that lost something."""
        lost = {lane for _, _, lane, _ in self._waiting}
        self._waiting.clear()
        self._latest.clear()
        self._alarm.cancel()
        return lost

    def _ring(self) -> None:
        until = now() + EARLY
        while self._waiting and self._waiting[0][0] <= until:
            _, _, lane, unit = heapq.heappop(self._waiting)
            self._deliver(lane, unit)
        if self._waiting:
            self._alarm.set(self._waiting[0][0])
        else:
            self._latest.clear()
