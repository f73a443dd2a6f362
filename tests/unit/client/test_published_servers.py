"""What `Client.send` makes of servers that say nothing of commands, as the published ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from reactor_runtime.client import Client, CommandRefused, Message, NotConnected, Reply
from reactor_runtime.wire import messages as wire
from tests.unit.client.test_words import document

REPLIES = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Said"}}}}}


class Line:
    """A connection that only keeps what was said on it."""

    def __init__(self) -> None:
        self.said: list[wire.Inbound] = []
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def say(self, message: wire.Inbound) -> None:
        self.said.append(message)

    def close(self) -> None:
        self.lost.cancel()


@pytest.fixture
async def line() -> Line:
    return Line()


def joined(line: Line, schema: dict[str, Any], **options: Any) -> Client:
    client = Client(**options)
    client._connection = line  # type: ignore[assignment]
    client._receive(wire.Schema(schema))
    return client


async def test_a_command_without_a_reply_returns_at_once_unconfirmed(line: Line) -> None:
    client = joined(line, document({"202": {}}))
    assert await client.send("say", text="hello") == Reply(confirmed=False)
    assert line.said == [wire.Command("say", {"text": "hello"})]


async def test_a_command_with_a_reply_waits_for_the_message_of_that_name(line: Line) -> None:
    client = joined(line, document(REPLIES))
    asked = asyncio.create_task(client.send("say", text="hello"))
    await asyncio.sleep(0)
    client._receive(wire.ModelSaid({"n": 1}, "tick"))
    client._receive(wire.ModelSaid({"text": "hello"}, "said"))
    assert await asked == Reply("said", {"text": "hello"})


async def test_replies_of_one_name_go_to_their_commands_in_order(line: Line) -> None:
    client = joined(line, document(REPLIES))
    first, second = (asyncio.create_task(client.send("say", text=text)) for text in "ab")
    await asyncio.sleep(0)
    client._receive(wire.ModelSaid("a", "said"))
    client._receive(wire.ModelSaid("b", "said"))
    assert [(await first).data, (await second).data] == ["a", "b"]


async def test_a_reply_that_does_not_come_is_no_answer(line: Line) -> None:
    client = joined(line, document(REPLIES), reply_timeout=0.01)
    with pytest.raises(CommandRefused) as refused:
        await client.send("say", text="hello")
    assert refused.value.code == "no_answer"


@pytest.mark.parametrize(("command", "arguments"), [("fly", {}), ("say", {})])
async def test_what_the_server_would_drop_unseen_is_refused_here(
    line: Line, command: str, arguments: dict[str, Any]
) -> None:
    client = joined(line, document(REPLIES))
    with pytest.raises(CommandRefused) as refused:
        await client.send(command, **arguments)
    assert (refused.value.code, line.said) == ("invalid_command", [])


async def test_a_server_that_answers_commands_is_left_to_refuse_them(line: Line) -> None:
    client = joined(line, document(REPLIES))
    client._receive(wire.SessionStateChanged("STREAMING"))
    asked = asyncio.create_task(client.send("fly"))
    await asyncio.sleep(0)
    (said,) = line.said
    assert isinstance(said, wire.Command)
    client._receive(wire.CommandAnswered(said.request_id, "fly", error_code="invalid_command", error_message="no"))
    with pytest.raises(CommandRefused, match="no"):
        await asked


async def test_a_message_to_all_is_not_taken_for_a_reply(line: Line) -> None:
    client = joined(line, document(REPLIES))
    client._receive(wire.SessionStateChanged("STREAMING"))
    asked = asyncio.create_task(client.send("say", text="hello"))
    await asyncio.sleep(0)
    client._receive(wire.ModelSaid("to all", "said"))
    (said,) = line.said
    assert isinstance(said, wire.Command)
    client._receive(wire.CommandAnswered(said.request_id, "say", data=False))
    assert await asked == Reply()


async def test_arguments_that_are_no_json_are_refused_before_they_are_sent(line: Line) -> None:
    from reactor_runtime.client.wire import encode

    for value in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError)):
            encode(wire.Command("say", {"text": value}))
    assert json.loads(encode(wire.Command("say", {"text": "é"}))[1])["data"]["data"] == {"text": "é"}


async def test_only_the_first_who_listens_hears_what_came_before(line: Line) -> None:
    client = joined(line, {})
    client._receive(wire.ModelSaid(1, "tick"))
    first, second = client.messages(), client.messages()
    client._receive(wire.ModelSaid(2, "tick"))
    await client.close()
    assert [message async for message in first] == [Message("tick", 1), Message("tick", 2)]
    assert [message async for message in second] == [Message("tick", 2)]


async def test_nothing_is_sent_without_a_connection() -> None:
    with pytest.raises(NotConnected):
        await Client().send("say", text="?")
