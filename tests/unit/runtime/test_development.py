"""What clients are told of a model's words and failures, with development mode and without it."""

from __future__ import annotations

import asyncio

from reactor_runtime.session.journal import Fact
from reactor_runtime.worker import messages as pipe
from tests.unit.runtime.scripted import Slot

FAILED = pipe.Failed(
    "handler", "the model raised KeyError in a command handler", "KeyError: 1", "Traceback …\nKeyError: 1"
)


def said(slot: Slot) -> list[Fact]:
    return [fact for fact in slot.journal.since(0) if fact.kind != "transition"]


async def test_in_development_lines_and_tracebacks_are_in_the_journal() -> None:
    slot = Slot(development=True)
    slot.streaming(1)
    slot.model.observe(pipe.Logged("info", "m", "step 1"))
    slot.model.observe(pipe.Logged("error", "m", "no such tone", "Traceback …\nKeyError: 2"))
    slot.model.observe(FAILED)
    assert [(fact.name, fact.detail) for fact in said(slot)] == [
        ("log", {"level": "info", "logger": "m", "text": "step 1"}),
        ("traceback", {"where": "m", "error": "no such tone", "text": "Traceback …\nKeyError: 2"}),
        ("traceback", {"where": "handler", "error": "KeyError: 1", "text": "Traceback …\nKeyError: 1"}),
    ]


async def test_a_failure_without_a_traceback_is_told_in_its_line() -> None:
    slot = Slot(development=True)
    slot.streaming(1)
    slot.model.observe(pipe.Failed("run", "the model failed in run()", "run() of M returned"))
    assert said(slot)[0].detail["text"] == "run() of M returned"


async def test_without_development_the_journal_has_one_line_and_no_word_of_the_author() -> None:
    slot = Slot()
    slot.streaming(1)
    slot.model.observe(FAILED)
    assert said(slot) == []
    told = [fact.detail["message"] for fact in slot.journal.since(0) if fact.name == "error"]
    assert told == ["handler: the model raised KeyError in a command handler"]


async def test_a_follower_that_waits_is_let_go_when_the_journal_closes() -> None:
    facts = Slot().runtime.facts
    follower = asyncio.create_task(_all(facts.since(0)))
    await asyncio.sleep(0)
    facts.close()
    assert await asyncio.wait_for(follower, 5) == []


async def test_a_follower_of_a_former_server_gets_everything_of_this_one() -> None:
    slot = Slot()
    slot.up()
    slot.runtime.facts.close()
    assert await _all(slot.runtime.facts.since(900)) == slot.journal.since(0)


async def _all(facts: object) -> list[Fact]:
    return [fact async for fact in facts]  # type: ignore[attr-defined]
