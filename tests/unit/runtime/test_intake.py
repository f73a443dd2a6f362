"""Commands and their files on the way to the model: resolved, held, refused, replayed, journalled."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from reactor_runtime.authoring.contract import CommandSpec, Contract, TrackSpec
from reactor_runtime.errors import ClientError
from reactor_runtime.runtime.clock import now
from reactor_runtime.runtime.commands import HOLD
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown
from tests.unit.runtime.scripted import Listener, Slot

ANYTHING = {"type": "object", "additionalProperties": {}}
WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
CONTRACT = Contract(
    model_name="m",
    generation="reactor_model",
    tracks=(TrackSpec("main_video", "video"),),
    commands=(
        CommandSpec("set_image", schema=ANYTHING),
        CommandSpec("go", schema=ANYTHING),
        CommandSpec("set_words", schema={**ANYTHING, "properties": {"words": WORDS}}),
    ),
)


@pytest.fixture
async def slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slot:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Slot(CONTRACT)


def reserve(slot: Slot, upload_id: str, size: int = 3) -> dict[str, Any]:
    slot.runtime.intake.reserve(f"{upload_id}.png", size, "image/png", upload_id)
    return {"upload_id": upload_id}


async def send(slot: Slot, upload_id: str, data: bytes = b"abc") -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield data

    await slot.runtime.intake.receive(upload_id, None, chunks())


def invoked(slot: Slot) -> list[str]:
    return [invoke.name for invoke in slot.model.of(pipe.Invoke)]


def content(path: str) -> bytes:
    return Path(path).read_bytes()


def found(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def noted(slot: Slot, name: str) -> list[dict[str, Any]]:
    return [fact.detail for fact in slot.journal.since(0) if fact.name == name]


def answers(client: Listener) -> list[tuple[str, str | None]]:
    return [(answer.command, answer.error_code) for answer in client.of(wire.CommandAnswered)]


async def test_a_command_carries_its_complete_files_to_the_model(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    reference = reserve(slot, "a")
    await send(slot, "a")
    slot.submit(client, "set_image", image=reference)
    (invoke,) = slot.model.of(pipe.Invoke)
    file = invoke.uploads["a"]
    assert invoke.arguments == {"image": reference}
    assert (file.name, file.mime_type, file.size) == ("a.png", "image/png", 3)
    assert content(file.path) == b"abc"


async def test_references_beside_the_arguments_become_arguments(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    reserve(slot, "a")
    await send(slot, "a")
    slot.runtime.submit(5000, wire.Command("set_image", {"n": 1}, "c", {"image": {"upload_id": "a", "name": "x"}}))
    (invoke,) = slot.model.of(pipe.Invoke)
    assert invoke.arguments == {"n": 1, "image": {"upload_id": "a", "name": "x"}}
    assert list(invoke.uploads) == ["a"]
    assert answers(client) == []


async def test_references_are_found_at_any_depth(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    for upload_id in "abc":
        reserve(slot, upload_id)
        await send(slot, upload_id)
    deep = {
        "scenes": [{"images": [{"upload_id": "a"}, {"upload_id": "b"}]}, [[{"upload_id": "c"}], {"upload_id": "a"}]]
    }
    slot.submit(client, "set_image", board=deep)
    (invoke,) = slot.model.of(pipe.Invoke)
    assert list(invoke.uploads) == ["a", "b", "c"]


async def test_what_looks_like_a_reference_where_no_file_is_wanted_stays_what_it_is(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, "set_words", words={"upload_id": "a word"})
    (invoke,) = slot.model.of(pipe.Invoke)
    assert (invoke.arguments, invoke.uploads) == ({"words": {"upload_id": "a word"}}, {})


async def test_an_id_that_is_no_string_is_left_to_the_schema(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, "set_image", image={"upload_id": 7})
    assert invoked(slot) == ["set_image"]
    slot.runtime.submit(5000, wire.Command("set_image", {}, "c", {"image": {"upload_id": 7}}))
    (answer,) = client.of(wire.CommandAnswered)
    assert answer.error_code == "invalid_command"
    assert "image: expected an upload reference with a string 'upload_id'" in answer.error_message


async def test_a_command_before_its_file_is_complete_is_held_and_nothing_overtakes_it(slot: Slot) -> None:
    early, other = slot.streaming(5000, 5001)
    slot.submit(early, "set_image", image=reserve(slot, "a"))
    slot.submit(early, "go")
    slot.submit(other, "go")
    assert [(invoke.name, invoke.client_id) for invoke in slot.model.of(pipe.Invoke)] == [("go", 5001)]
    await send(slot, "a")
    assert invoked(slot) == ["go", "set_image", "go"]
    assert slot.model.of(pipe.Invoke)[1].uploads["a"].size == 3
    assert [detail["uploads"] for detail in noted(slot, "command_held")] == [["a"]]


async def test_a_file_that_does_not_come_in_time_refuses_the_command_and_frees_the_next(
    slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, "set_image", image=reserve(slot, "a"))
    monkeypatch.setattr("reactor_runtime.runtime.intake.now", lambda: now() + HOLD)
    slot.submit(client, "go")
    assert answers(client) == [("set_image", "unresolved_upload")]
    assert invoked(slot) == ["go"]
    assert any("not complete within 10 s" in detail["message"] for detail in noted(slot, "error"))


async def test_the_time_of_a_held_command_runs_out_by_itself(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    (client,) = slot.streaming(5000)
    monkeypatch.setattr("reactor_runtime.runtime.commands.HOLD", 0.01)
    slot.submit(client, "set_image", image=reserve(slot, "a"))
    async with asyncio.timeout(10):
        while not answers(client):  # noqa: ASYNC110 - the answer is a plain call
            await asyncio.sleep(0.001)
    assert answers(client) == [("set_image", "unresolved_upload")]


async def test_an_unknown_upload_is_refused_at_once(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, "set_image", image={"upload_id": "never-reserved"})
    assert answers(client) == [("set_image", "unresolved_upload")]
    assert invoked(slot) == []
    assert any("never-reserved" in detail["message"] for detail in noted(slot, "error"))


async def test_an_unknown_command_is_that_whatever_it_refers_to(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, "nope", image={"upload_id": "never-reserved"})
    assert answers(client) == [("nope", "invalid_command")]


async def test_a_client_that_leaves_drops_what_it_held(slot: Slot) -> None:
    early, other = slot.streaming(5000, 5001)
    slot.submit(early, "set_image", image=reserve(slot, "a"))
    slot.runtime.gone(early)
    await send(slot, "a")
    assert invoked(slot) == []
    slot.submit(other, "go")
    assert invoked(slot) == ["go"]


async def test_a_session_that_ends_drops_what_is_held_and_deletes_its_files(slot: Slot, tmp_path: Path) -> None:
    (client,) = slot.streaming(5000)
    reserve(slot, "a")
    await send(slot, "a")
    slot.submit(client, "set_image", image=reserve(slot, "b"))
    slot.runtime.stop_session()
    assert found(tmp_path), "the model may still read it"
    await send(slot, "b")
    assert invoked(slot) == []
    slot.model.observe(pipe.SessionClosed())
    async with asyncio.timeout(10):
        while found(tmp_path):  # noqa: ASYNC110 - files are deleted on a thread that tells nobody
            await asyncio.sleep(0.001)
    with pytest.raises(ClientError, match="no session is open"):
        reserve(slot, "c")
    slot.runtime.start_session()
    assert not slot.runtime.intake.knows("a")


async def test_a_fresh_model_is_told_of_the_last_file_again(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, "set_image", image=reserve(slot, "a"))
    await send(slot, "a")
    (invoke,) = slot.model.of(pipe.Invoke)
    slot.model.observe(pipe.Replied(invoke.command_id))
    slot.model.observe(ModelDown("it crashed", False))
    slot.model.told.clear()
    slot.up(restarted=True)
    (again,) = slot.model.of(pipe.Invoke)
    assert (again.name, again.command_id, again.uploads) == ("set_image", 0, invoke.uploads)
    assert content(again.uploads["a"].path) == b"abc"


async def test_a_held_command_is_answered_when_the_model_is_lost(slot: Slot) -> None:
    (client,) = slot.streaming(5000)
    slot.submit(client, "set_image", image=reserve(slot, "a"))
    slot.model.observe(ModelDown("it crashed", False))
    assert answers(client) == [("set_image", "model_lost")]
    await send(slot, "a")
    slot.up(restarted=True)
    assert invoked(slot) == []


async def test_the_hook_hears_of_a_complete_file(slot: Slot) -> None:
    slot.streaming(5000)
    reserve(slot, "a")
    said = wire.FileUploaded("a", "a.png", "image/png", 3)
    slot.runtime.intake.file_uploaded(5000, said)
    assert slot.model.of(pipe.FileArrived) == []
    assert any("no complete upload a" in detail["message"] for detail in noted(slot, "error"))
    await send(slot, "a")
    slot.runtime.intake.file_uploaded(5000, said)
    (arrived,) = slot.model.of(pipe.FileArrived)
    assert (arrived.client_id, arrived.file.name, arrived.file.size) == (5000, "a.png", 3)


async def test_the_journal_follows_an_upload(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    slot.streaming(5000)
    reserve(slot, "a")
    with pytest.raises(ClientError, match="expected 3 bytes, got 2"):
        await send(slot, "a", b"ab")
    await send(slot, "a")
    reserve(slot, "b")
    monkeypatch.setattr("reactor_runtime.runtime.intake.now", lambda: now() + 1000)
    reserve(slot, "c")
    facts = [(fact.name, fact.detail.get("upload_id")) for fact in slot.journal.since(0) if "upload" in fact.name]
    assert facts == [
        ("upload_reserved", "a"),
        ("upload_complete", "a"),
        ("upload_reserved", "b"),
        ("upload_reserved", "c"),
        ("upload_expired", "b"),
    ]
    assert noted(slot, "error") == [{"message": "upload a: expected 3 bytes, got 2"}]
