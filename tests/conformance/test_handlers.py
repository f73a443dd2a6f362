"""`@event`, `@connected` and `@disconnected` handlers, and the clients they are for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from reactor_runtime.interface import (
    ClientInfo,
    ModelMessage,
    Output,
    ReactorModel,
    Video,
    connected,
    disconnected,
    event,
)
from reactor_runtime.testing import ManualClock, ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import levels, picture, post, refusal
from tests.running import eventually


@dataclass
class Frames(Output):
    main_video: Video


class Note(ModelMessage):
    text: str


class Told(ReactorModel):
    """Writes down what happens to it."""

    def load(self, config: Mapping[str, Any]) -> None:
        self.told: list[Any] = []


@table(
    "1.2",
    "2",
    "a handler may be {}",
    "is_async",
    ("sync", False),
    ("async", True),
)
def test_a_handler_may_be_sync_or_async(is_async: bool) -> None:
    class Sync(Told):
        @event(name="ping", description="Say so")
        def ping(self, n: int = 1) -> None:
            self.told.append(n)

    class Async(Told):
        @event(name="ping", description="Say so")
        async def ping(self, n: int = 1) -> None:
            await asyncio.sleep(0)
            self.told.append(n)

    with ModelHarness(Async if is_async else Sync) as m:
        m.command("ping", n=3)
        assert m.model.told == [3]


@fact("1.2", "2", "the reserved parameter `client` is the sender, with `id`, `joined_at` and `send`")
def test_a_handler_may_ask_for_its_client() -> None:
    class Sim(ReactorModel):
        @event(name="who")
        async def who(self, client: ClientInfo) -> None:
            assert client.joined_at >= 0
            await client.send(Note(text=f"you are {client.id}"))

    with ModelHarness(Sim, clients=0) as m:
        one, two = m.join(), m.join()
        two.command("who")
        assert two.message(Note).text == f"you are {two.id}"
        assert one.messages == []


@fact("1.2", "2", "`client` is None when the sender is unknown")
def test_a_command_without_a_sender_has_no_client() -> None:
    class Sim(Told):
        @event(name="who")
        def who(self, client: ClientInfo | None) -> None:
            self.told.append(client)

    with ModelHarness(Sim, clients=0) as m:
        m.command("who")
        assert m.model.told == [None]


@fact("1.2", "2", "`dedupe=True` collapses waiting events of one kind and client to the newest")
def test_a_deduped_event_is_the_newest_one() -> None:
    class Sim(Told):
        @event(name="wait")
        async def wait(self) -> None:
            await asyncio.sleep(1)

        @event(name="slide", dedupe=True)
        def slide(self, to: int) -> None:
            self.told.append(to)

    with ModelHarness(Sim, clock=ManualClock()) as m:
        post(m, "wait")
        for to in range(5):
            post(m, "slide", to=to)
        m.command("wait")
        assert m.model.told == [4]


@fact("1.2", "2", "a slow async handler delays later events, not `run()`")
def test_a_slow_handler_does_not_hold_up_run() -> None:
    class Sim(Told):
        async def run(self) -> None:
            await self.connected.wait()
            while True:
                await self.emit(Frames(main_video=picture(5)))

        @event(name="think")
        async def think(self) -> None:
            self.told.append("begins")
            self.go_on, self.loop = asyncio.Event(), asyncio.get_running_loop()
            await self.go_on.wait()

        @event(name="ping")
        def ping(self) -> None:
            self.told.append("pinged")

    with ModelHarness(Sim) as m:
        post(m, "think")
        post(m, "ping")
        assert levels(m.frames(30)) == [5] * 30
        assert m.model.told == ["begins"]
        m.model.loop.call_soon_threadsafe(m.model.go_on.set)
        eventually(lambda: m.model.told == ["begins", "pinged"])


@fact("1.2", "2", "`connected` is set before `@connected` runs and clear before `@disconnected` does")
def test_hooks_see_whether_anybody_is_there() -> None:
    class Sim(Told):
        @connected
        async def joins(self, client: ClientInfo) -> None:
            self.told.append(("joins", client.id, self.connected.is_set()))

        @disconnected
        def leaves(self, client: ClientInfo) -> None:
            self.told.append(("leaves", client.id, self.connected.is_set()))

    with ModelHarness(Sim) as m:
        m.client.leave()
        assert m.model.told == [("joins", 1, True), ("leaves", 1, False)]


@fact(
    "3.3", "2", "`@connected` and `@disconnected` run per client (from 2.8); with others there, `connected` stays set"
)
def test_hooks_run_for_each_client() -> None:
    class Sim(Told):
        @connected
        def joins(self) -> None:
            self.told.append("joins")

        @disconnected
        def leaves(self) -> None:
            self.told.append(self.connected.is_set())

    with ModelHarness(Sim, clients=2) as m:
        m.client.leave()
        assert m.model.told == ["joins", "joins", True]


@fact("3.3", "2", "the end of a session disconnects every client, and flushes")
def test_the_end_of_a_session_disconnects_everybody() -> None:
    class Sim(Told):
        @disconnected
        def leaves(self, client: ClientInfo) -> None:
            self.told.append(client.id)

    with ModelHarness(Sim, clients=2) as m:
        flushed = len(m.flushes)
        m.end_session()
        assert m.model.told == [1, 2]
        assert m.flushes[flushed:]


@fact(
    "1.2",
    "2",
    "a handler that raises is logged, and the model goes on",
    better="the client is told `internal_error` too",
)
def test_a_handler_that_raises_leaves_the_model_running() -> None:
    class Sim(Told):
        @event(name="fail")
        def fail(self) -> None:
            raise KeyError("a secret")

        @event(name="ping")
        def ping(self) -> None:
            self.told.append("ping")

    with ModelHarness(Sim) as m:
        with pytest.raises(KeyError):
            m.command("fail")
        m.command("ping")
        assert m.model.told == ["ping"]


@fact("1.2", "2", "a hook that raises is logged, and the session goes on")
def test_a_hook_that_raises_leaves_the_session_running(caplog: pytest.LogCaptureFixture) -> None:
    class Sim(Told):
        @connected
        def joins(self) -> None:
            raise KeyError("broken")

        @event(name="ping")
        def ping(self) -> None:
            self.told.append("ping")

    with caplog.at_level(logging.CRITICAL), ModelHarness(Sim) as m:
        m.command("ping")
        assert (m.model.told, [type(error) for error in m.errors]) == (["ping"], [KeyError])


@fact(
    "4.3",
    "2",
    "a handler's return value is not sent: messages go by `send`",
    better="a ModelMessage that it returns is its reply; otherwise the command is acknowledged",
)
def test_a_message_that_a_handler_returns_is_its_reply() -> None:
    class Sim(ReactorModel):
        @event(name="ask")
        def ask(self, reply: bool) -> Note | None:
            return Note(text="yes") if reply else None

    with ModelHarness(Sim) as m:
        assert m.command("ask", reply=True).text == "yes"
        assert m.command("ask", reply=False) is None
        assert m.messages == []


@table(
    "4.1",
    "2",
    "`@event(name='{}')` is reserved: TypeError \"... use @connected / @disconnected instead.\"",
    "name",
    ("connected", "connected"),
    ("disconnected", "disconnected"),
)
def test_the_names_of_hooks_are_reserved(name: str) -> None:
    with pytest.raises(TypeError, match=rf"name='{name}'\) is reserved .* use @connected / @disconnected instead\."):

        class Sim(ReactorModel):
            @event(name=name)
            def handle(self) -> None: ...


@fact("4.1", "2", "two events of one name: \"duplicate command name 'x'\"")
def test_two_events_of_one_name_are_refused() -> None:
    with pytest.raises(TypeError, match=r"duplicate command name 'x'"):

        class Sim(ReactorModel):
            @event(name="x")
            def one(self) -> None: ...

            @event(name="x")
            def two(self) -> None: ...


@fact("4.2", "2", "an unknown event is dropped", better="the client is told, and which there are")
def test_an_unknown_event_is_refused() -> None:
    class Sim(ReactorModel):
        @event(name="ping")
        def ping(self) -> None: ...

    with ModelHarness(Sim) as m:
        assert refusal(m, "pong") == "invalid_command: unknown command 'pong'; this model has: ping"
