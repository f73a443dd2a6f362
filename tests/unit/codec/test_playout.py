import asyncio
from collections.abc import Callable

import pytest

from reactor_runtime.codec import playout
from reactor_runtime.codec.playout import Playout
from reactor_runtime.media.frame import AccessUnit


def unit(number: int, due_at: float) -> AccessUnit:
    return AccessUnit(b"", number, False, 2, 2, due_at)


class Stage:
    """A playout, and a clock that moves only when told and rings what is due by then."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.sent: list[tuple[str, int]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        patch.setattr(playout, "now", lambda: self.now)
        stage = self

        class Alarm:
            def __init__(self, ring: Callable[[], None]) -> None:
                self.ring = ring

            def set(self, at: float | None) -> None:
                stage.timers = [] if at is None else [(at, self.ring)]

            def cancel(self) -> None:
                stage.timers = []

        patch.setattr(playout, "Alarm", Alarm)
        self.playout: Playout[str] = Playout(lambda lane, u: self.sent.append((lane, u.pts)))

    def go_to(self, at: float) -> None:
        while self.timers and self.timers[0][0] <= at:
            self.now, ring = self.timers.pop()
            ring()
        self.now = at


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_a_unit_without_a_time_or_late_goes_at_once(stage: Stage) -> None:
    stage.playout.put("a", unit(1, 0.0))
    stage.playout.put("a", unit(2, 99.9))
    assert stage.sent == [("a", 1), ("a", 2)]


def test_a_unit_made_ahead_waits_for_its_time(stage: Stage) -> None:
    for number in range(3):
        stage.playout.put("a", unit(number, 100.1 + number / 10))
    stage.go_to(100.05)
    assert stage.sent == []
    stage.go_to(100.21)
    assert [number for _, number in stage.sent] == [0, 1]
    stage.go_to(100.31)
    assert [number for _, number in stage.sent] == [0, 1, 2]


def test_a_lane_keeps_its_order_and_holds_up_no_other(stage: Stage) -> None:
    stage.playout.put("a", unit(1, 100.2))
    stage.playout.put("a", unit(2, 0.0))
    stage.playout.put("b", unit(3, 0.0))
    stage.playout.put("b", unit(4, 100.1))
    assert stage.sent == [("b", 3)]
    stage.go_to(100.3)
    assert stage.sent == [("b", 3), ("b", 4), ("a", 1), ("a", 2)]


def test_a_flush_discards_what_waits_and_says_whose_it_was(stage: Stage) -> None:
    stage.playout.put("a", unit(1, 100.2))
    stage.playout.put("b", unit(2, 0.0))
    assert stage.playout.flush() == {"a"}
    assert stage.playout.flush() == set()
    stage.playout.put("a", unit(3, 0.0))
    stage.go_to(101)
    assert stage.sent == [("b", 2), ("a", 3)]


async def test_on_a_real_loop_units_go_when_they_are_due() -> None:
    loop, sent = asyncio.get_running_loop(), asyncio.Event()
    times: list[float] = []

    def deliver(_: str, unit: AccessUnit) -> None:
        times.append(loop.time() - unit.due_at)
        if unit.pts == 2:
            sent.set()

    line: Playout[str] = Playout(deliver)
    for number in range(3):
        line.put("a", unit(number, playout.now() + 0.01 * (number + 1)))
    async with asyncio.timeout(10):
        await sent.wait()
    assert all(late > -0.002 for late in times)
