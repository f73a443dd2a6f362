"""Which rungs a track needs and who belongs on which, from what networks are estimated to carry. Pure: `now` is given.

Each viewer's `Appetite` follows its estimate, down fast and up with patience. The rungs are a function of all
appetites: the top one feeds the best viewer, further ones appear only for those whom it would choke.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MARGIN = 0.85
"""Share of an estimate that a rung may take: rates are targets, sound and repeats share the line, estimates err."""
STEP = 2**0.25
"""Ratio of neighbouring rates. Viewers whose estimates differ by less share a rung, and small changes move nobody."""
FITS = 0.92
"""Share of an estimate up to which a rung is kept: a little more than `MARGIN`, lest it flaps."""
COLLAPSE = 0.7
"""An estimate below this share of a viewer's rate is acted upon at once: every picture sent makes the queue longer."""
FALLING = 0.5
"""Share of a collapsed estimate that is taken for the truth: it trails the network by half a second, and a key frame
that does not get through costs more than a coarse picture until the estimate has settled."""
LOWER_AFTER = 0.4
"""Seconds that an estimate stays below a viewer's rate before the rate follows; the engine's pacer absorbs less."""
RAISE_AFTER = 0.6
LONGEST_RAISE = 10.0
"""Seconds that an estimate has room for more before the rate follows; doubled by every raise that did not hold."""
HELD = 3.0
"""Seconds after which a raise counts as having held."""
ANOTHER = 2.0
"""A raise to this many times the rate that did not hold is no second try of it: the network has come back."""
SPAN = 2**0.5
"""Viewers whose rates differ by no more share a lower rung, at the rate of the slowest."""
SCALES = (1.0, 0.75, 0.5, 0.25)
"""Sizes of a rung, as shares of the picture's width and height."""
LEAST_BITS = 0.03
"""Bits per pixel below which a smaller picture looks better than a coarser one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operator allows of one track.

    Attributes:
        min_bps: No rung is slower, whatever a network carries.
        max_bps: No rung is faster.
        most_rungs: Rungs that may be open at once.
    """

    min_bps: int
    max_bps: int
    most_rungs: int

    def rate_for(self, bps: int) -> int:
        """Return the rate for a network that carries `bps`: a whole number of steps below the fastest."""
        wanted = bps * MARGIN
        if wanted >= self.max_bps:
            return self.max_bps
        steps = math.ceil(math.log(self.max_bps / max(wanted, self.min_bps)) / math.log(STEP) - 1e-9)
        return max(self.min_bps, round(self.max_bps / STEP**steps))


class Appetite:
    """The rate that one viewer alone would be sent."""

    def __init__(self, limits: Limits, start_bps: int) -> None:
        """Begin with a guess of what the network carries, which the first estimates confirm or not."""
        self.rate = limits.rate_for(start_bps)
        self._limits = limits
        self._raised_at = -math.inf
        self._patience = RAISE_AFTER
        self._did_not_hold = 0
        self._low_since: float | None = None
        self._high_since: float | None = None
        self._another_since: float | None = None

    def note(self, bps: int, now: float) -> bool:
        """Take one estimate.

        Args:
            bps: What the viewer's network is estimated to carry.
            now: Monotonic seconds.

        Returns:
            Whether the estimate collapsed: what is still sent at the former rate only makes things worse.
        """
        fitting = self._limits.rate_for(bps)
        self._low_since = _since(self._low_since, bps * FITS < self.rate, now)
        self._high_since = _since(self._high_since, fitting > self.rate, now)
        is_another = self.rate < fitting >= ANOTHER * self._did_not_hold
        self._another_since = _since(self._another_since, is_another, now)
        if bps < self.rate * COLLAPSE and fitting < self.rate:
            self._lower(self._limits.rate_for(round(bps * FALLING)), now)
            return True
        if _lasts(self._low_since, LOWER_AFTER, now):
            self._lower(fitting, now)
        elif _lasts(self._high_since, self._patience, now) or _lasts(self._another_since, RAISE_AFTER, now):
            self.rate, self._raised_at = fitting, now
            self._high_since = self._another_since = None
        return False

    def _lower(self, rate: int, now: float) -> None:
        if rate < self.rate:
            failed = now - self._raised_at < HELD
            self._patience = min(self._patience * 2, LONGEST_RAISE) if failed else RAISE_AFTER
            self._did_not_hold = max(self._did_not_hold, self.rate) if failed else 0
        self.rate, self._low_since = rate, None


def _since(since: float | None, holds: bool, now: float) -> float | None:
    if not holds:
        return None
    return now if since is None else since


def _lasts(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now - since >= seconds


def rungs(appetites: Iterable[int], most: int) -> list[int]:
    """Return the rates of the rungs that feed all appetites, the best first.

    The top rung is the best viewer's. Lower ones appear for the others, each at the rate of the slowest viewer that
    it is for, so that nobody is sent more than fits; when no more may be opened, the last one feeds all that is left.
    """
    left = sorted(set(appetites), reverse=True)
    rates = left[:1]
    left = left[1:]
    while left and len(rates) < most:
        near = [rate for rate in left if rate * SPAN >= left[0]] if len(rates) + 1 < most else left
        rates.append(near[-1])
        left = left[len(near) :]
    return rates


def rung_for(appetite: int, rates: list[int]) -> int:
    """Return the best of the rungs, the best first, that an appetite allows; the lowest if none does."""
    return next((rate for rate in rates if rate <= appetite), rates[-1])


def pixels_for(bps: int, width: int, height: int, fps: float) -> int:
    """Return how many pixels of a picture a rate can fill: those of the largest of `SCALES` that it fills."""
    pixels = width * height
    scale = next((s for s in SCALES if bps >= LEAST_BITS * pixels * s * s * fps), SCALES[-1])
    return math.ceil(pixels * scale * scale)
