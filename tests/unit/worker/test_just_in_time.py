"""When `emit` lets the model go on: the host against a server that says which slots it plays."""

from __future__ import annotations

from typing import Any

import pytest

from reactor_runtime.worker.host import Host
from reactor_runtime.worker.lead import MARGIN, SHARE
from reactor_runtime.worker.messages import Invoke, Played
from tests.unit.worker.border import VIDEO, Border, Call, eventually, host_of, picture

START = 100.0
INTERVAL = 0.1
SPAN = 0.02 * (1 + SHARE) + MARGIN


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def a_model_of_20_ms_steps(**more: Any) -> tuple[Host, Border, Clock]:
    """Return a host whose first picture was shown as it came, and whose second is just made."""
    clock = Clock()
    host, border = host_of(VIDEO, fps=1 / INTERVAL, clock=clock, **more)
    host.emit({"main": picture(16, 16)})
    host.note(Played(1, START, INTERVAL))
    clock.now += 0.02
    return host, border, clock


def emitting(host: Host, border: Border, **how: Any) -> Call:
    call = Call(lambda: host.emit({"main": picture(16, 16)}, **how))
    eventually(lambda: len(border.slices) == 2)
    return call


def tell(host: Host, clock: Clock, now: float) -> None:
    clock.now = now
    host.note(Invoke(1, "anything", {}))


def test_a_chunk_is_handed_over_at_once_and_the_next_one_begun_in_time_for_its_slot() -> None:
    host, border, clock = a_model_of_20_ms_steps()
    call = emitting(host, border)
    begin = START + 2 * INTERVAL - SPAN
    tell(host, clock, begin - 0.001)
    assert not call.result
    tell(host, clock, begin + 1e-6)
    assert call.wait() == 1
    assert border.slices[1].emitted_at == pytest.approx(START + 0.02)


def test_a_slot_that_moves_moves_the_beginning() -> None:
    host, border, clock = a_model_of_20_ms_steps()
    call = emitting(host, border)
    clock.now = START + 0.15
    host.note(Played(1, START + 0.15, INTERVAL))
    assert not call.result
    tell(host, clock, START + 0.15 + INTERVAL - SPAN + 1e-6)
    assert call.wait() == 1


def test_who_drops_never_waits() -> None:
    host, border, _ = a_model_of_20_ms_steps()
    assert emitting(host, border, drop=True).wait() == 1


def test_a_model_whose_rate_is_measured_never_waits_for_a_slot() -> None:
    clock = Clock()
    host, border = host_of(VIDEO, clock=clock)
    host.emit({"main": picture(16, 16)})
    host.note(Played(1, START, INTERVAL))
    clock.now += 0.02
    assert emitting(host, border).wait() == 1


def test_where_nothing_is_shown_on_a_schedule_a_model_works_as_fast_as_it_can() -> None:
    clock = Clock()
    host, border = host_of(VIDEO, fps=10, clock=clock)
    for count in range(1, 6):
        host.emit({"main": picture(16, 16)})
        host.note(Played(1))
        clock.now += 0.02
        assert len(border.slices) == count
