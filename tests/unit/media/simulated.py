"""A model against a pacer, in virtual time."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from reactor_runtime.media.pacer import Due, Pacer

START = 5000.0


@dataclass
class Run:
    """What one simulated run showed."""

    pacer: Pacer[int]
    due: list[Due[int]] = field(default_factory=list)
    shown_at: list[float] = field(default_factory=list)
    made_at: list[float] = field(default_factory=list)
    most_queued: int = 0

    def gaps(self, skip_s: float) -> list[float]:
        """Seconds between pictures, sorted, without the first `skip_s`."""
        late = [at for at in self.shown_at if at > START + skip_s]
        return sorted(b - a for a, b in pairwise(late))

    def ages(self, skip_s: float) -> list[float]:
        """Seconds from made to shown, sorted, without the first `skip_s`."""
        shown = zip(self.due, self.shown_at, strict=True)
        return sorted(at - self.made_at[due.item] for due, at in shown if at > START + skip_s)

    def rate(self, skip_s: float) -> float:
        gaps = self.gaps(skip_s)
        return len(gaps) / sum(gaps)


def simulate(
    step: Callable[[int], float],
    *,
    seconds: float,
    chunk: int = 1,
    fps: float | None = None,
    hints: bool = True,
    honesty: float = 1.0,
    overhead: float = 0.0,
    late: float = 0.0,
    buffer: int = 4,
) -> Run:
    """Run a model against a pacer in virtual time.

    The model computes a chunk for `step(n)` seconds, then hands it over item by item as credits allow, then goes on
    to the next. Wake-ups come up to `late` seconds late.
    """
    chance = random.Random(7)
    run = Run(Pacer(fps))
    credits = max(buffer, chunk)
    waiting: list[int] = []
    now, number = START, 0
    busy_until: float | None = START + step(0)
    hint: float | None = None
    while True:
        deadline = run.pacer.next_deadline()
        wake = max(now, deadline[0]) + chance.random() * late if deadline else float("inf")
        if busy_until is not None and busy_until <= wake:
            now = busy_until
            hint = honesty * chunk / step(number) if hints else None
            waiting = list(range(len(run.made_at), len(run.made_at) + chunk))
            run.made_at += [now] * chunk
            busy_until = None
        else:
            now = wake
            due = run.pacer.poll(now)
            assert due is not None, "a poll at the deadline has something to show"
            run.due.append(due)
            run.shown_at.append(now)
            credits += 1
        while waiting and credits:
            item = waiting.pop(0)
            run.pacer.offer(item, starts_chunk=item % chunk == 0, fps=hint, now=now)
            credits -= 1
        run.most_queued = max(run.most_queued, run.pacer.queued)
        if now > START + seconds:
            assert [due.item for due in run.due] == list(range(len(run.due)))
            return run
        if not waiting and busy_until is None:
            number += 1
            busy_until = now + overhead + step(number)


def jitter(mean: float, spread: float) -> Callable[[int], float]:
    return lambda n: mean + random.Random(n).uniform(-spread, spread)
