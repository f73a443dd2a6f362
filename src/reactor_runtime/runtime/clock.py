"""The one place that reads the clock, and the alarm that turns a machine's deadline into a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


def now() -> float:
    """Return monotonic seconds; server and worker processes of one machine share this clock."""
    return time.monotonic()


def wall_ms() -> int:
    """Return milliseconds since 1970, for facts that people read; never compared with `now`."""
    return time.time_ns() // 1_000_000


class Alarm:
    """Calls back once at the time last set. Set it after every input to the machine whose deadline it is."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float | None) -> None:
        """Ring at `at` (monotonic seconds), or not at all; replaces what was set before."""
        if at == self._at:
            return
        self.cancel()
        self._at = at
        if at is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, at - now()), self._due)

    def cancel(self) -> None:
        """Forget the time set. Idempotent."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._at = self._timer = None
        self._ring()
