"""Which rung a viewer belongs on, judged from what its network is estimated to carry. Pure: `now` is an argument."""

from __future__ import annotations

from typing import Literal

Level = Literal["top", "small"]

FITS = 0.85
"""Share of the top rate an estimate must reach; rates are targets and estimates are noisy."""
LEAVE_AFTER = 1.0
"""Seconds an estimate must stay too low: shorter dips are absorbed by the engine's pacer."""
HEADROOM = 1.25
"""An estimate cannot grow far past what is sent, so on the small rung this much above its rate is all one can see."""
RETURN_AFTER = 5.0
LONGEST_RETURN = 60.0
"""Seconds of headroom before the top rung is tried again; doubled by every try that fails, up to the longest."""
PROBATION = 10.0
"""Seconds on the top rung after which a try counts as having held."""


class Placement:
    """The place of one viewer, with hysteresis and a patience that grows with every failed return."""

    def __init__(self, *, top_bps: int, small_bps: int) -> None:
        self.level: Level = "top"
        self._top_bps = top_bps
        self._small_bps = small_bps
        self._moved_at: float | None = None
        self._against_since: float | None = None
        self._patience = RETURN_AFTER

    def note(self, bps: int, now: float) -> Level:
        """Take one estimate and return where the viewer belongs.

        Args:
            bps: What the viewer's network is estimated to carry.
            now: Monotonic seconds.
        """
        if self.level == "top":
            against, wait = bps < self._top_bps * FITS, LEAVE_AFTER
        else:
            against, wait = bps >= min(self._top_bps, self._small_bps * HEADROOM), self._patience
        if not against:
            self._against_since = None
            return self.level
        if self._against_since is None:
            self._against_since = now
        if now - self._against_since >= wait:
            self._move(now)
        return self.level

    def _move(self, now: float) -> None:
        if self.level == "top":
            # The first stay on top was no try.
            failed = self._moved_at is not None and now - self._moved_at < PROBATION
            self._patience = min(self._patience * 2, LONGEST_RETURN) if failed else RETURN_AFTER
        self.level = "small" if self.level == "top" else "top"
        self._moved_at = now
        self._against_since = None
