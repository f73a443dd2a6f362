"""What a client's network carries, told from how fast a socket empties. Pure: `now` is given."""

from __future__ import annotations

from collections import deque

BUSY_AFTER = 0.25
"""Seconds without a pause after which a socket carries all that it can: a large picture alone takes less."""
WINDOW = 1.0
"""Seconds over which the rate is taken."""
REGROWTH = 2.0
"""By which the estimate grows each second that the socket keeps up, until it is what was measured last."""
PROBING = 0.02
"""By which it grows beyond that, for each second of these seconds: only more pictures tell what more a network takes,
and too many hold everything up."""
LEAST_BPS = 50_000
"""Growth begins here: a client that stood still tells nothing of its network."""
AMPLE_BPS = 50_000_000
"""From here on a network is as good as one that never fell behind."""


class Drain:
    """Knows nothing until the socket has fallen behind once."""

    def __init__(self) -> None:
        self._busy_since: float | None = None
        self._under_way = 0.0, 0
        self._sent: deque[tuple[float, int]] = deque()
        self._bps: float | None = None
        self._measured_bps = float(AMPLE_BPS)
        self._measured_at = self._estimated_at = 0.0

    def begin(self, size: int, now: float) -> None:
        """So many bytes are handed to the socket."""
        self._under_way = now, size
        if self._busy_since is None:
            self._busy_since = now

    def sent(self, now: float) -> None:
        """The socket has taken them."""
        self._sent.append((now, self._under_way[1]))
        self._under_way = now, 0
        while self._sent[0][0] <= now - WINDOW:
            self._sent.popleft()

    def idle(self, now: float) -> None:
        """Nothing waits."""
        self.estimate(now)
        self._busy_since = None
        self._sent.clear()

    def estimate(self, now: float) -> int | None:
        """Return bits per second, None while the network is ample."""
        if self._busy_since is not None and now - self._busy_since >= BUSY_AFTER:
            # What is under way may be there but for its last byte: it counts, for as long as it takes.
            began_at, size = self._under_way
            since = max(self._busy_since, min(began_at, now - WINDOW))
            self._bps = 8 * (size + sum(size for at, size in self._sent if at > since)) / (now - since)
            self._measured_at = now
            if self._bps >= LEAST_BPS:
                self._measured_bps = self._bps
        elif self._bps is not None:
            self._bps = self._grown(self._bps, now)
        self._estimated_at = now
        return None if self._bps is None else int(self._bps)

    def _grown(self, bps: float, now: float) -> float | None:
        seconds = min(now - self._estimated_at, WINDOW)
        again: float = min(max(bps, LEAST_BPS) * REGROWTH**seconds, self._measured_bps)
        beyond: float = bps * (1 + PROBING * (now - self._measured_at)) ** seconds
        if max(again, beyond) < AMPLE_BPS:
            return max(again, beyond)
        self._measured_bps = AMPLE_BPS
        return None
