"""How far ahead of what is shown a model works: the lead's policy against the real pacer, in virtual time."""

from __future__ import annotations

import functools
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from reactor_runtime.media.pacer import Pacer
from reactor_runtime.worker.lead import MARGIN, MEMORY, SHARE, Lead

START = 5000.0
WAY = 0.001  # seconds from the model to the server, and back


@dataclass
class Run:
    """What one simulated run showed.

    Attributes:
        ages: Seconds from when a slice was ready until it was shown.
        queued: Slices handed over and not shown, as each came.
    """

    began: list[float] = field(default_factory=list)
    shown_at: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)

    def gaps(self, fps: float, skip: int = 0) -> list[float]:
        """Intervals between pictures, sorted, without the first ones."""
        return sorted((b - a) * fps for a, b in pairwise(self.shown_at[skip:]))


def at(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]


def simulate(
    step: Callable[[int], float],
    *,
    fps: float,
    seconds: float,
    chunk: int = 1,
    buffer_size: int = 4,
    max_lead: float | None = None,
    own_schedule: float | None = None,
) -> Run:
    """Let a model compute for `step(n)` seconds, hand over its chunk as there is room, and begin when the lead says so.

    `own_schedule` is the rate of a model that sleeps until its next frame is due.
    """
    run, pacer, lead = Run(), Pacer[tuple[int, float]](fps), Lead(buffer_size, max_lead)
    on_the_way: deque[tuple[float, Callable[[], None]]] = deque()
    now, number, ahead, made = START, 0, 0, 0
    interval = 1 / fps

    def shown(slot: float) -> None:
        nonlocal ahead
        ahead -= 1
        lead.note_shown(slot, interval)

    def arrive(item: tuple[int, float], is_first: bool) -> None:
        pacer.offer(item, starts_chunk=is_first, fps=None, now=now)

    def server(until: float) -> Iterator[None]:
        """Everything that happens elsewhere up to a time, one thing after another."""
        nonlocal now
        while True:
            deadline = pacer.next_deadline()
            wake = math.inf if deadline is None else max(now, deadline[0])
            arrival = on_the_way[0][0] if on_the_way else math.inf
            if min(wake, arrival) > until:
                now = max(now, until) if until < math.inf else now
                return
            now = max(now, min(wake, arrival))
            if arrival <= wake:
                on_the_way.popleft()[1]()
            elif due := pacer.poll(now):
                run.shown_at.append(now)
                run.ages.append(now - due.item[1])
                on_the_way.append((now + WAY, functools.partial(shown, due.at)))
            yield

    def rest(until: float) -> None:
        for _ in server(until):
            pass

    due = START
    while now < START + seconds:
        began, ready = now, now + step(number)
        run.began.append(began)
        rest(ready)
        if number:
            lead.note_step(ready - began)
        for index in range(chunk):
            happening = server(math.inf)
            while ahead >= lead.ceiling(chunk, interval):
                next(happening)
            ahead += 1
            run.queued.append(ahead)
            on_the_way.append((now + WAY, functools.partial(arrive, (made, now), index == 0)))
            made += 1
        number += 1
        while (begin := lead.slot(ahead, interval) - lead.span(chunk, interval)) > now:
            happening = server(begin)
            if next(happening, "nothing") == "nothing":
                break
        if own_schedule:
            due = max(due + 1 / own_schedule, now)
            rest(due)
    return run


@pytest.mark.parametrize("fps", [16.0, 30.0, 60.0])
@pytest.mark.parametrize("step", [0.0005, 0.005, 0.012])
def test_a_steady_model_is_one_frame_ahead_however_fast_it_is(step: float, fps: float) -> None:
    run = simulate(lambda n: step, fps=fps, seconds=20)
    ages = sorted(run.ages[10:])
    assert ages[-1] < MARGIN + 0.002
    assert ages[0] > 0.003
    assert run.gaps(fps, 10)[-1] == pytest.approx(1, abs=0.01)
    assert max(run.queued[10:]) == 1


def test_a_little_noise_costs_a_little_lead() -> None:
    chance = random.Random(3)
    run = simulate(lambda n: 0.005 + chance.expovariate(1 / 0.001), fps=30, seconds=60)
    assert at(sorted(run.ages[70:]), 0.5) < 0.015
    assert at(run.gaps(30, 70), 0.99) < 1.1


@pytest.mark.parametrize("slow", [0.060, 0.080])
@pytest.mark.parametrize("is_slow", [lambda n: n % 10 == 9, lambda n: random.Random(n).random() < 0.1])
def test_one_slow_step_in_ten_is_not_seen(is_slow: Callable[[int], bool], slow: float) -> None:
    run = simulate(lambda n: slow if is_slow(n) else 0.02, fps=30, seconds=60)
    assert at(run.gaps(30, 70), 0.5) == pytest.approx(1, abs=0.01)
    assert at(run.gaps(30, 70), 0.95) < 1.1
    assert at(run.gaps(30, 70), 0.99) < 2
    assert max(run.queued) <= 4


def test_a_single_hiccup_is_not_waited_for_and_a_slow_time_is_forgotten() -> None:
    run = simulate(lambda n: 0.5 if n == 100 else 0.005, fps=30, seconds=20)
    assert max(run.ages[110:]) < MARGIN + 0.002
    late = simulate(lambda n: 0.030 if 100 <= n < 150 else 0.005, fps=30, seconds=20)
    assert max(late.ages[150 + MEMORY : 400]) < MARGIN + 0.002


@pytest.mark.parametrize("buffer_size", [1, 4])
def test_twelve_frames_at_once_play_on_while_the_next_are_made(buffer_size: int) -> None:
    run = simulate(lambda n: 0.5, chunk=12, fps=16, seconds=60, buffer_size=buffer_size)
    assert run.gaps(16, 24)[-1] < 1.01
    assert max(run.queued) <= 12
    assert max(run.ages[24:]) < 11 / 16 + MARGIN + SHARE * 0.5 + 0.002, (
        "the first of a chunk is shown as soon as it is ready"
    )


def test_one_slow_chunk_in_ten_is_not_seen() -> None:
    run = simulate(lambda n: 0.7 if n % 10 == 9 else 0.5, chunk=12, fps=16, seconds=120)
    assert run.gaps(16, 144)[-1] < 1.01, "from the second slow one on"
    assert max(run.queued) <= 12


@pytest.mark.parametrize("step", [0.040, 0.100])
def test_a_model_slower_than_its_rate_never_waits(step: float) -> None:
    run = simulate(lambda n: step, fps=30, seconds=20)
    assert len(run.began) == pytest.approx(20 / step, abs=2)
    assert max(run.ages) < 1 / 60 + WAY + 1e-6


@pytest.mark.parametrize("buffer_size", [1, 2])
def test_a_small_buffer_bounds_the_lead_of_an_uneven_model(buffer_size: int) -> None:
    run = simulate(lambda n: 0.1 if n % 10 == 9 else 0.02, fps=30, seconds=30, buffer_size=buffer_size)
    assert max(run.queued) <= buffer_size
    assert max(run.ages[10:]) < (buffer_size + 0.1) / 30
    steady = simulate(lambda n: 0.02, fps=30, seconds=10, buffer_size=buffer_size)
    assert steady.gaps(30, 10)[-1] < 1.01


def test_a_declared_lead_bounds_it_in_time_and_never_below_a_chunk() -> None:
    def uneven(n: int) -> float:
        return 0.1 if n % 10 == 9 else 0.005

    free = simulate(uneven, fps=60, seconds=30, buffer_size=16)
    bound = simulate(uneven, fps=60, seconds=30, buffer_size=16, max_lead=0.05)
    assert at(sorted(free.ages[70:]), 0.9) > 0.09
    assert max(bound.ages[70:]) < 0.05 + WAY
    assert max(bound.queued) == 3
    chunks = simulate(lambda n: 0.3, chunk=12, fps=30, seconds=20, max_lead=0.05)
    assert chunks.gaps(30, 24)[-1] < 1.01


def test_a_model_that_sleeps_to_a_schedule_of_its_own_is_brought_into_step_with_the_slots() -> None:
    run = simulate(lambda n: 0.005, fps=30, seconds=30, own_schedule=30)
    assert run.gaps(30, 200)[-1] < 1.01
    assert max(run.ages[200:]) < 0.010
    slower = simulate(lambda n: 0.005, fps=30, seconds=30, own_schedule=20)
    assert len(slower.began) == pytest.approx(20 * 30, abs=3)


def test_in_thirty_minutes_no_lead_grows() -> None:
    chance = random.Random(11)

    def step(n: int) -> float:
        return 0.09 if n % 10 == 9 else 0.012 + chance.random() * 0.01

    run = simulate(step, fps=30, seconds=1800)
    first, last = run.ages[1800:3600], run.ages[-1800:]
    assert at(sorted(last), 0.5) < at(sorted(first), 0.5) + 0.002
    assert max(last) < max(first) + 0.005
    assert len(run.shown_at) == pytest.approx(1800 * 30, rel=0.001)


def test_nothing_is_waited_for_before_the_first_slot_and_the_first_step_are_known() -> None:
    lead = Lead(4, None)
    assert lead.span(1, 0.1) == math.inf
    lead.note_step(0.02)
    assert lead.slot(3, 0.1) < 0
    lead.note_shown(START, 0.1)
    assert lead.slot(0, 0.1) == START + 0.1
    assert lead.slot(2, 0.1) == pytest.approx(START + 0.3)
    assert lead.span(1, 0.1) == pytest.approx(0.02 * (1 + SHARE) + MARGIN)


def test_the_ceiling_in_time_counts_with_the_rate_that_is_asked_for_else_the_servers() -> None:
    lead = Lead(8, 0.2)
    assert lead.ceiling(1, None) == 8
    lead.note_shown(START, 1 / 20)
    assert lead.ceiling(1, None) == 4
    assert lead.ceiling(1, 1 / 10) == 2
    assert lead.ceiling(1, 1.0) == 1
    assert lead.ceiling(12, 1 / 10) == 12
