"""The rate that a generation 1 session asks to be played at: pinned, measured, or frozen at what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable

from reactor_runtime.media.pacer import FASTEST, FIRST_RATE, MEMORY_S


class EmissionRate:
    """Follows what a session hands over. Since `emit` waits for room, frames over time is the rate they play at."""

    def __init__(self, pinned: float | None, debuff: float, clock: Callable[[], float]) -> None:
        """Begin a session.

        Args:
            pinned: Frames per second that the author declared; None measures them.
            debuff: What the measured speed of the model is multiplied with, as `config.fps_debuff_factor` says.
            clock: Gives monotonic seconds.
        """
        self._pinned = pinned
        self._debuff = debuff
        self._clock = clock
        self._frames = self._seconds = 0.0
        self._handed_over_at: float | None = None
        self._frozen: float | None = None
        self._thawing = False

    @property
    def measured(self) -> float:
        """Frames per second of late."""
        return min(self._frames / self._seconds, FASTEST) if self._seconds else FIRST_RATE

    def freeze(self) -> None:
        """Ask for the rate of late until `thaw`."""
        self._frozen = self._frozen or self.measured
        self._thawing = False

    def thaw(self) -> None:
        """Measure again. The pause before the next chunk is none of the model's speed, so that one is still frozen."""
        self._thawing = self._frozen is not None

    def ask(self) -> tuple[float | None, float | None]:
        """Return rate and compute time to hand the next chunk over with; None leaves a thing to the outlet."""
        if self._pinned or self._frozen:
            return self._pinned or self._frozen, None
        if self._debuff == 1 or self._handed_over_at is None:
            return None, None
        return None, (self._clock() - self._handed_over_at) / self._debuff

    def note(self, frames: int) -> None:
        """Take note that a chunk was handed over."""
        now = self._clock()
        if self._frozen is None and self._handed_over_at is not None and frames:
            seconds = now - self._handed_over_at
            kept = math.exp(-seconds / MEMORY_S)
            self._frames = self._frames * kept + frames
            self._seconds = self._seconds * kept + seconds
        self._handed_over_at = now
        if self._thawing:
            self._frozen, self._thawing = None, False
