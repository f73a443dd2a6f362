"""From the command to the screen, in conversation: who is asked what, who is told what, and what the journal keeps."""

from __future__ import annotations

from typing import Any

import pytest

from reactor_runtime.media.frame import AccessUnit
from reactor_runtime.runtime.clock import now
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown
from tests.unit.runtime.scripted import Listener, Slot

BEHIND = 50.0


@pytest.fixture
async def slot() -> Slot:
    return Slot()


def steer(slot: Slot, client: Listener, request_id: str = "c1", *, traced: bool = True) -> int:
    """Send a command and let the model take it; return the id that the model knows."""
    sent_at = now() - BEHIND if traced else None
    slot.runtime.submit(client.id, wire.Command("set_n", {"n": 1}, request_id, {}, sent_at))
    invoke = slot.model.of(pipe.Invoke)[-1]
    slot.model.observe(pipe.Replied(invoke.command_id))
    return int(invoke.command_id)


def tell_clock(slot: Slot, client: Listener) -> None:
    for question in client.of(wire.AskClock)[-1:]:
        slot.runtime.latency.hear(client.id, wire.ClockTold(question.asked_at, question.asked_at - BEHIND))


def emit(slot: Slot, *answers: int) -> None:
    at = now()
    times = {"began_at": at, "entered_at": at, "converting_at": at, "emitted_at": at}
    slot.runtime.latency.made(pipe.Slice(0, 0, 1, answers=list(answers), **times))


def send(slot: Slot, client: Listener, *answers: int) -> None:
    unit = AccessUnit(b"", 0, False, 2, 2, answers=answers, began_at=now(), encoded_at=now())
    slot.runtime.latency.sent(client.id, "main_video", unit, 4711)


def show(slot: Slot, client: Listener, *ids: str) -> None:
    at = now() - BEHIND
    slot.runtime.latency.hear(client.id, wire.FrameShown(ids, at + 0.01, at, 0.001))


def journal(slot: Slot, name: str) -> list[dict[str, Any]]:
    return [fact.detail for fact in slot.journal.since(0) if fact.name == name]


async def test_a_client_that_says_when_it_sent_hears_which_frame_answers_and_where_the_time_went(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    command_id = steer(slot, client)
    tell_clock(slot, client)
    emit(slot, command_id)
    send(slot, client, command_id)
    assert client.of(wire.FrameAnswers) == [wire.FrameAnswers("main_video", 4711, ["c1"])]
    show(slot, client, "c1")
    (traced,) = client.of(wire.CommandTraced)
    assert (traced.request_id, traced.command) == ("c1", "set_n")
    assert 0 < traced.stages["total"] < 1
    (fact,) = journal(slot, "command_shown")
    assert (fact["name"], fact["conn_id"]) == ("set_n", 5000)
    assert fact["stages_ms"]["total"] == pytest.approx(traced.stages["total"] * 1000, abs=0.1)


async def test_a_published_client_hears_nothing_of_it(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    before = len(client.heard)
    command_id = steer(slot, client, traced=False)
    emit(slot, command_id)
    send(slot, client, command_id)
    show(slot, client, "c1")
    assert [type(message) for message in client.heard[before:]] == [wire.CommandAnswered]
    assert ("set_n", "wait") in slot.runtime.latency.traces.figures


async def test_the_first_command_asks_for_the_clock_a_few_times_and_the_next_ones_do_not(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    steer(slot, client)
    for _ in range(20):
        tell_clock(slot, client)
    asked = len(client.of(wire.AskClock))
    assert 1 < asked < 20
    steer(slot, client, "c2")
    assert len(client.of(wire.AskClock)) == asked


async def test_the_journal_does_not_fill_with_a_dragged_slider(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    for n in range(20):
        command_id = steer(slot, client, f"c{n}")
        emit(slot, command_id)
        send(slot, client, command_id)
        show(slot, client, f"c{n}")
    assert len(client.of(wire.CommandTraced)) == 20
    assert len(journal(slot, "command_shown")) < 5


async def test_a_command_that_a_lost_model_had_taken_is_not_answered_by_the_next_ones_pictures(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    command_id = steer(slot, client)
    slot.model.observe(ModelDown("killed", False))
    emit(slot, command_id)
    send(slot, client, command_id)
    assert client.of(wire.FrameAnswers) == []


async def test_a_client_that_connects_anew_is_not_told_of_frames_of_its_former_wire(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    command_id = steer(slot, client)
    again = Listener(5000)
    slot.runtime.connected(again)
    emit(slot, command_id)
    send(slot, again, command_id)
    assert again.of(wire.FrameAnswers) == []


async def test_what_a_client_tells_that_never_took_part_is_ignored(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.runtime.latency.hear(client.id, wire.ClockTold(1.0, 1.0))
    show(slot, client, "c1")
    assert client.of(wire.CommandTraced) == []
