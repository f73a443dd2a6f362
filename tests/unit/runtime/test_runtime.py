"""One slot: commands are checked, answered once and replayed; clients hear what happens to the model."""

from __future__ import annotations

from typing import Any

import pytest

from reactor_runtime.errors import ClientError
from reactor_runtime.runtime.commands import MAX_UNANSWERED
from reactor_runtime.session.machine import State
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown
from tests.unit.runtime.scripted import CONTRACT, Listener, Slot


@pytest.fixture
async def slot() -> Slot:
    return Slot()


async def test_a_session_cannot_start_before_the_model_is_loaded(slot: Slot) -> None:
    with pytest.raises(ClientError, match="still loading") as refused:
        slot.runtime.start_session()
    assert refused.value.http_status == 503


async def test_starting_twice_joins_the_session_that_runs(slot: Slot) -> None:
    slot.streaming(5000)
    slot.runtime.start_session()
    assert len(slot.model.of(pipe.SessionBegan)) == 1


async def test_a_command_reaches_the_model_and_its_answer_only_the_sender(slot: Slot) -> None:
    sender, other = slot.streaming(5000, 5001)
    slot.submit(sender, n=2)
    (invoke,) = slot.model.of(pipe.Invoke)
    assert (invoke.name, invoke.arguments, invoke.client_id) == ("set_n", {"n": 2}, 5000)
    slot.model.observe(pipe.Replied(invoke.command_id, {"text": "done"}, "note"))
    slot.model.observe(pipe.Replied(invoke.command_id, {"text": "twice"}, "note"))
    (answer,) = sender.of(wire.CommandAnswered)
    assert (answer.request_id, answer.name, answer.data, answer.error_code) == ("c1", "note", {"text": "done"}, None)
    assert other.of(wire.CommandAnswered) == []


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("nope", {}, "unknown command"),
        ("set_n", {"n": 4}, "n: 4"),
        ("set_n", {}, "n: missing required argument"),
        ("set_n", {"n": 1, "x": 1}, "x: unexpected argument"),
    ],
)
async def test_a_bad_command_is_answered_and_journalled_and_never_reaches_the_model(
    name: str, arguments: dict[str, Any], said: str, slot: Slot
) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, name, **arguments)
    (answer,) = client.of(wire.CommandAnswered)
    assert answer.error_code == "invalid_command"
    assert said in answer.error_message
    assert slot.model.of(pipe.Invoke) == []
    assert any(said in str(fact.detail) for fact in slot.journal.since(0) if fact.name == "error")


async def test_a_client_cannot_fill_the_server_with_unanswered_commands(slot: Slot) -> None:
    greedy, modest = slot.streaming(5000, 5001)
    for _ in range(MAX_UNANSWERED + 1):
        slot.submit(greedy, n=1)
    (refusal,) = greedy.of(wire.CommandAnswered)
    assert refusal.error_code == "too_many_commands"
    slot.submit(modest, n=1)
    assert modest.of(wire.CommandAnswered) == []


async def test_a_lost_model_is_told_to_clients_who_stay_and_its_commands_are_answered(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, n=1)
    slot.model.observe(ModelDown("the model process was killed by SIGKILL", failed=False))
    assert slot.runtime.state is State.RECOVERING
    assert client.closed == []
    (answer,) = client.of(wire.CommandAnswered)
    assert answer.error_code == "model_lost"
    assert client.of(wire.SessionStateChanged)[-1].reason == "the model process was killed by SIGKILL"
    slot.submit(client, n=2)
    assert client.of(wire.CommandAnswered)[-1].error_code == "not_ready"


async def test_a_fresh_model_is_told_the_session_its_clients_and_the_last_commands(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    for number in (1, 2):
        slot.submit(client, n=number)
        slot.model.observe(pipe.Replied(slot.model.of(pipe.Invoke)[-1].command_id))
    slot.submit(client, n=3)
    slot.model.observe(ModelDown("gone", failed=False))
    slot.model.told.clear()
    slot.up(restarted=True)
    began, joined, replayed = slot.model.told
    assert isinstance(began, pipe.SessionBegan)
    assert joined.client_id == 5000
    assert replayed.arguments == {"n": 2}, "the last one answered; the one that was never answered may be the culprit"
    assert slot.runtime.state is State.STREAMING


async def test_commands_that_cost_the_model_its_life_twice_are_not_replayed_again(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, n=1)
    slot.model.observe(pipe.Replied(slot.model.of(pipe.Invoke)[-1].command_id))
    for _ in range(2):
        slot.model.observe(ModelDown("gone", failed=False))
        slot.model.told.clear()
        slot.up(restarted=True)
    assert slot.model.of(pipe.Invoke) == []


async def test_a_client_that_reconnects_on_its_id_never_left_for_the_model(slot: Slot) -> None:
    (former,) = slot.streaming(5000)
    fresh = Listener(5000)
    slot.runtime.connected(fresh)
    slot.runtime.gone(former)
    assert slot.model.of(pipe.ClientLeft) == []
    assert len(slot.model.of(pipe.ClientJoined)) == 1
    slot.model.observe(pipe.Said({"a": 1}, "note"))
    assert fresh.of(wire.ModelSaid)
    assert not former.of(wire.ModelSaid)


async def test_stopping_tells_clients_why_and_waits_for_the_model(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.runtime.stop_session("done for today")
    assert client.of(wire.SessionEnded)[0].reason == "done for today"
    assert client.closed
    assert slot.runtime.state is State.CLOSING
    with pytest.raises(ClientError) as refused:
        slot.runtime.start_session()
    assert refused.value.http_status == 409
    slot.model.observe(pipe.SessionClosed())
    assert slot.runtime.state is State.READY


async def test_a_failed_load_is_unhealthy_and_says_no_more_than_the_summary(slot: Slot) -> None:
    slot.model.observe(pipe.Described(1, CONTRACT))
    slot.model.observe(pipe.Failed("load", "the model raised OSError in load()", "OSError: /secret/path", "Traceback"))
    slot.model.observe(ModelDown("exited with status 3", failed=True))
    health = slot.runtime.health()
    assert (health.status, health.detail) == ("unhealthy", "the model raised OSError in load()")
    with pytest.raises(ClientError, match="OSError in load") as refused:
        slot.runtime.start_session()
    assert refused.value.http_status == 503


async def test_news_out_of_turn_is_logged_and_the_next_is_heard(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.model.observe(pipe.SessionClosed())
    slot.model.observe(pipe.Said({"a": 1}, "note"))
    assert client.of(wire.ModelSaid)


async def test_the_journal_replays_and_then_follows(slot: Slot) -> None:
    slot.up()
    facts = slot.runtime.facts.since(0)
    first = await anext(facts)
    assert first.after == "ready"
    slot.runtime.start_session()
    assert (await anext(facts)).after == "waiting"
    await facts.aclose()
