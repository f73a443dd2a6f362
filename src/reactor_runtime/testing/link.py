"""One direction of a network as a model with time as an argument: rate, queue, loss, delay and jitter."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from reactor_runtime.errors import IllegalInput

Packet = TypeVar("Packet")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What one direction of a network does to packets. The defaults do nothing.

    Attributes:
        rate_bps: Bits per second that leave the queue, None for any number.
        queue_ms: How long the queue is, in milliseconds at that rate; what finds it full is dropped.
        loss: Share of the packets that are lost on arrival, 0 to 1.
        burst: How many are lost in a row, on average; 1 for losses that know nothing of each other.
        delay: Seconds that every packet takes after the queue.
        jitter: Seconds that a packet may take longer, evenly spread from 0.
        reorder: Whether jitter may let one packet pass another.
        blackout: Whether everything that arrives is lost.
    """

    rate_bps: float | None = None
    queue_ms: float = 200.0
    loss: float = 0.0
    burst: float = 1.0
    delay: float = 0.0
    jitter: float = 0.0
    reorder: bool = False
    blackout: bool = False

    def __post_init__(self) -> None:
        """Raise IllegalInput for what no network does."""
        is_possible = (
            (self.rate_bps is None or self.rate_bps > 0)
            and min(self.queue_ms, self.delay, self.jitter) >= 0
            and 0 <= self.loss <= 1 <= self.burst
        )
        if not is_possible:
            raise IllegalInput(f"no network is like this: {self}")


@dataclass(slots=True)
class Counts:
    """What became of the packets of one direction; those still on their way are in none."""

    forwarded: int = 0
    forwarded_bytes: int = 0
    lost: int = 0
    lost_bytes: int = 0
    overflowed: int = 0
    overflowed_bytes: int = 0

    @property
    def dropped(self) -> int:
        """Packets that never come out, by chance or because the queue was full."""
        return self.lost + self.overflowed


class Link(Generic[Packet]):
    """One direction: a queue that is emptied at a rate, then a line that takes its time. Pure; seeded."""

    def __init__(self, conditions: Conditions, seed: int) -> None:
        self.conditions = conditions
        self.counts = Counts()
        self._chance = random.Random(seed)
        self._is_losing = False
        self._queue: deque[tuple[int, Packet]] = deque()
        self._queued_bytes = 0
        self._head_leaves_at = 0.0
        self._line: list[tuple[float, int, int, Packet]] = []
        self._order = itertools.count()
        self._last_out = 0.0

    def set(self, now: float, **changes: Any) -> None:
        """Change some of the conditions: the queue goes on at the new rate; what has left it keeps its time.

        Raises:
            TypeError: There is no such condition.
            IllegalInput: No network is like this.
        """
        self._advance(now)
        former, self.conditions = self.conditions, replace(self.conditions, **changes)
        if self._queue and former.rate_bps is not None:
            rest = (self._head_leaves_at - now) * former.rate_bps
            self._head_leaves_at = now + self._seconds(rest)
            self._advance(now)

    def push(self, packet: Packet, size: int, now: float) -> None:
        """Take a packet of `size` bytes, or drop it."""
        self._advance(now)
        if self._loses():
            self.counts.lost += 1
            self.counts.lost_bytes += size
        elif self.conditions.rate_bps is None:
            self._depart(packet, size, now)
        elif self._queue and (self._queued_bytes + size) * 8e3 > self.conditions.queue_ms * self.conditions.rate_bps:
            self.counts.overflowed += 1
            self.counts.overflowed_bytes += size
        else:
            if not self._queue:
                self._head_leaves_at = now + self._seconds(size * 8)
            self._queue.append((size, packet))
            self._queued_bytes += size

    def due(self, now: float) -> Iterator[Packet]:
        """Yield what has come out by now, in the order of its coming out."""
        self._advance(now)
        while self._line and self._line[0][0] <= now:
            _, _, size, packet = heapq.heappop(self._line)
            self.counts.forwarded += 1
            self.counts.forwarded_bytes += size
            yield packet

    def next_deadline(self) -> float | None:
        """Return when `due` is to be asked again, None while nothing is on its way."""
        times = [self._line[0][0]] if self._line else []
        if self._queue:
            times.append(self._head_leaves_at)
        return min(times, default=None)

    def _advance(self, now: float) -> None:
        """Let leave the queue what has left it by now."""
        while self._queue and self._head_leaves_at <= now:
            size, packet = self._queue.popleft()
            self._queued_bytes -= size
            self._depart(packet, size, self._head_leaves_at)
            if self._queue:
                self._head_leaves_at += self._seconds(self._queue[0][0] * 8)

    def _depart(self, packet: Packet, size: int, at: float) -> None:
        conditions = self.conditions
        at += conditions.delay
        if conditions.jitter:
            at += self._chance.uniform(0, conditions.jitter)
        if not conditions.reorder:
            at = max(at, self._last_out)
        self._last_out = at
        heapq.heappush(self._line, (at, next(self._order), size, packet))

    def _loses(self) -> bool:
        conditions = self.conditions
        if conditions.blackout or conditions.loss == 1:
            return True
        # Gilbert's two states: a burst goes on with probability 1 - 1 / burst, and the share of all packets is `loss`.
        if conditions.burst == 1:
            chance = conditions.loss
        elif self._is_losing:
            chance = 1 - 1 / conditions.burst
        else:
            chance = conditions.loss / (conditions.burst * (1 - conditions.loss))
        self._is_losing = self._chance.random() < chance
        return self._is_losing

    def _seconds(self, bits: float) -> float:
        return 0.0 if self.conditions.rate_bps is None else bits / self.conditions.rate_bps
