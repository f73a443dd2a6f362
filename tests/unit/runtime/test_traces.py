"""Where a command's time goes: each stage is told apart, and what is never shown is counted."""

from __future__ import annotations

import math
from typing import Any

import pytest

from reactor_runtime.media.frame import AccessUnit
from reactor_runtime.runtime.traces import GIVEN_UP_AFTER, MOST_FOLLOWED, SAMPLES, STAGES, WINDOW, Recent, Traces
from reactor_runtime.wire.messages import CommandTraced, FrameShown
from reactor_runtime.worker.messages import Slice

BEHIND = 1000.0
"""The server's clock less the client's."""


def unit(*answers: int, began_at: float = 10.0, encoded_at: float = 10.0) -> AccessUnit:
    return AccessUnit(b"", 0, False, 2, 2, answers=answers, began_at=began_at, encoded_at=encoded_at)


def made(*answers: int, began: float, entered: float, converting: float, emitted: float) -> Slice:
    times = {"began_at": began, "entered_at": entered, "converting_at": converting, "emitted_at": emitted}
    return Slice(0, 0, 1, answers=list(answers), **times)


def shown(*ids: str, at: float, received: float | None = None, decode: float | None = None) -> FrameShown:
    return FrameShown(ids, at - BEHIND, None if received is None else received - BEHIND, decode)


def walked(traces: Traces, *, command_id: int = 1, request_id: str = "c1", at: float = 10.0) -> list[CommandTraced]:
    """Take one command of client 5 all the way; every stage has another length, in milliseconds."""
    traces.received(command_id, 5, "paint", request_id, at - 0.001 - BEHIND, at)
    traces.replied(command_id, accepted=True, now=at + 0.001)
    traces.made(made(command_id, began=at + 0.002, entered=at + 0.042, converting=at + 0.043, emitted=at + 0.046))
    traces.sent(5, unit(command_id, began_at=at + 0.050, encoded_at=at + 0.060), at + 0.070)
    report = shown(request_id, at=at + 0.090, received=at + 0.075, decode=0.004)
    return traces.shown(5, report, BEHIND, at + 0.1)


def p50(traces: Traces, stage: str, now: float = 11.0) -> float:
    return traces.figures["paint", stage].quantiles((0.5,), now)[0]


def test_every_stage_has_its_own_time_and_together_they_are_all_of_it() -> None:
    (traced,) = walked(Traces())
    assert (traced.request_id, traced.command) == ("c1", "paint")
    stages_ms = {stage: round(seconds * 1000, 3) for stage, seconds in traced.stages.items()}
    expected = {"uplink": 1, "wait": 2, "compute": 40, "convert": 3, "encode": 10, "network": 5, "decode": 4}
    expected |= {"pace": 1 + 4 + 10, "present": 11, "added": 49, "total": 91}
    assert stages_ms == expected
    assert list(traced.stages)[: len(STAGES)] == list(STAGES)
    assert sum(traced.stages[stage] for stage in STAGES) == pytest.approx(traced.stages["total"])


def test_a_picture_that_is_encoded_early_and_held_has_its_holding_under_pace() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", None, 10.0)
    traces.made(made(1, began=10.0, entered=10.1, converting=10.1, emitted=10.1))
    traces.sent(5, unit(1, began_at=10.1, encoded_at=10.11), 10.5)
    assert p50(traces, "pace") == pytest.approx(0.39)
    assert p50(traces, "encode") == pytest.approx(0.01)


def test_a_client_that_takes_no_part_is_followed_up_to_the_network_and_told_nothing() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", None, 10.0)
    traces.made(made(1, began=10.0, entered=10.04, converting=10.04, emitted=10.05))
    assert traces.sent(5, unit(1), 10.1) == []
    assert {stage for _, stage in traces.figures} == {"wait", "compute", "convert", "pace", "encode"}
    assert traces.shown(5, shown("c1", at=11.0), BEHIND, 11.0) == []


def test_a_client_that_cannot_tell_when_a_frame_came_still_tells_the_total() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 10.0 - BEHIND, 10.0)
    traces.made(made(1, began=10.0, entered=10.04, converting=10.04, emitted=10.05))
    traces.sent(5, unit(1), 10.1)
    (traced,) = traces.shown(5, shown("c1", at=10.2), None, 10.2)
    assert traced.stages["total"] == pytest.approx(0.2)
    assert not {"uplink", "network", "decode", "present"} & traced.stages.keys()


def test_the_picture_of_one_client_does_not_answer_another_clients_command() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 1.0, 10.0)
    traces.made(made(1, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    assert traces.sent(6, unit(1), 10.1) == []
    assert traces.sent(5, unit(1), 10.1) == ["c1"]
    assert traces.shown(6, shown("c1", at=10.2), BEHIND, 10.2) == []


def test_the_first_track_that_shows_a_command_is_the_one_that_counts() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 1.0, 10.0)
    traces.made(made(1, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    assert traces.sent(5, unit(1), 10.1) == ["c1"]
    assert traces.sent(5, unit(1), 10.2) == []


def test_one_picture_may_answer_several_commands() -> None:
    traces = Traces()
    for number in (1, 2):
        traces.received(number, 5, "paint", f"c{number}", 10.0 - BEHIND, 10.0)
    traces.made(made(1, 2, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    assert traces.sent(5, unit(1, 2), 10.1) == ["c1", "c2"]
    assert [t.request_id for t in traces.shown(5, shown("c1", "c2", at=10.2), BEHIND, 10.2)] == ["c1", "c2"]


def test_a_refused_command_waits_for_no_picture() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 1.0, 10.0)
    traces.replied(1, accepted=False, now=10.1)
    traces.give_up(10.0 + GIVEN_UP_AFTER)
    assert traces.unshown == 0
    assert p50(traces, "reply") == pytest.approx(0.1)


def test_what_is_never_shown_or_never_reported_is_given_up_and_counted() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 1.0, 10.0)
    traces.received(2, 5, "paint", "c2", 1.0, 10.0)
    traces.made(made(2, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    traces.sent(5, unit(2), 10.1)
    traces.give_up(10.0 + GIVEN_UP_AFTER - 0.1)
    assert (traces.unshown, traces.unreported) == (0, 0)
    traces.give_up(10.0 + GIVEN_UP_AFTER)
    assert (traces.unshown, traces.unreported) == (1, 1)
    assert traces.shown(5, shown("c2", at=10.2), BEHIND, 50.0) == []


def test_commands_that_nobody_answers_take_bounded_memory() -> None:
    traces = Traces()
    for number in range(MOST_FOLLOWED + 10):
        traces.received(number, 5, "paint", "c", 1.0, 10.0)
    assert traces.unshown == 10
    assert traces.sent(5, unit(0), 10.1) == []


@pytest.mark.parametrize(
    ("at", "received", "decode"), [(9.0, 9.0, 0.0), (1e9, 10.1, 0.0), (10.2, -1e300, 0.0), (10.2, 10.1, 1e300)]
)
def test_a_time_that_cannot_be_is_not_measured(at: float, received: float, decode: float) -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 10.0 - BEHIND, 10.0)
    traces.made(made(1, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    traces.sent(5, unit(1), 10.1)
    assert traces.shown(5, shown("c1", at=at, received=received, decode=decode), BEHIND, 11.0) == []
    assert traces.unreported == 1
    assert ("paint", "total") not in traces.figures


def test_clocks_that_disagree_by_a_trifle_make_no_negative_time() -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 10.0005 - BEHIND, 10.0)
    traces.made(made(1, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    traces.sent(5, unit(1), 10.1)
    traces.shown(5, shown("c1", at=10.2, received=10.15, decode=0.001), BEHIND, 10.2)
    assert p50(traces, "uplink") == 0.0


def leave(traces: Traces) -> None:
    traces.forget(5)


def end(traces: Traces) -> None:
    traces.clear()


@pytest.mark.parametrize("leaves", [leave, end])
def test_who_left_waits_for_nothing(leaves: Any) -> None:
    traces = Traces()
    traces.received(1, 5, "paint", "c1", 1.0, 10.0)
    traces.received(2, 5, "paint", "c2", 1.0, 10.0)
    traces.made(made(2, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    traces.sent(5, unit(2), 10.1)
    leaves(traces)
    traces.give_up(100.0)
    assert (traces.unshown, traces.unreported) == (0, 0)


def test_what_the_model_answers_but_nobody_asked_is_ignored() -> None:
    traces = Traces()
    traces.made(made(0, 99, began=10.0, entered=10.0, converting=10.0, emitted=10.0))
    traces.replied(99, accepted=True, now=10.0)
    assert traces.sent(5, unit(0, 99), 10.1) == []
    assert traces.figures == {}


def test_quantiles_are_those_of_what_came_lately() -> None:
    recent = Recent()
    for n in range(100):
        recent.add(float(n), 1.0)
    assert recent.quantiles((0.5, 0.95, 0.99), 2.0) == [49.0, 94.0, 98.0]
    recent.add(7.0, 2.0 + WINDOW)
    assert recent.quantiles((0.5, 0.99), 2.0 + WINDOW) == [7.0, 7.0]
    assert (recent.count, recent.sum) == (101, sum(range(100)) + 7.0)
    assert all(math.isnan(value) for value in recent.quantiles((0.5,), 3.0 + 2 * WINDOW))


def test_a_thousand_values_are_not_all_kept() -> None:
    recent = Recent()
    for n in range(SAMPLES + 100):
        recent.add(float(n), 1.0)
    assert recent.quantiles((0.0,), 1.0) == [100.0]
