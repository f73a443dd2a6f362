from __future__ import annotations

import asyncio
import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from reactor_runtime import (
    ClientInfo,
    CommandError,
    InputField,
    MessageField,
    ModelMessage,
    Output,
    ReactorModel,
    Video,
    connected,
    disconnected,
    event,
)
from reactor_runtime.authoring.reactor_model import contract_of
from reactor_runtime.errors import AuthorError, OutputError
from reactor_runtime.worker.reactor_model_driver import ReactorModelDriver
from tests.unit.authoring.recording import running


class Out(Output):
    main_video: Video


class Mode(enum.Enum):
    CALM = "calm"
    WILD = "wild"


@dataclass
class Point:
    x: int
    y: float = InputField(default=0.5, ge=0)


class Note(ModelMessage):
    text: str
    size: int = MessageField(default=1, description="how loud")


def driver_of(cls: type[ReactorModel], config: dict[str, Any] | None = None) -> Callable[[], ReactorModelDriver]:
    contract = contract_of(cls, name=None, description="", version="v0.0.0")
    return lambda: ReactorModelDriver(cls, contract, config or {})


class Diary(ReactorModel):
    """Says what happens to it, and whether `connected` was set then."""

    async def note(self, what: str) -> None:
        await self.send(Note(text=f"{what} {'on' if self.connected.is_set() else 'off'}"))

    @connected
    async def on_connect(self, client: ClientInfo) -> None:
        await asyncio.sleep(0)
        await self.note(f"+{client.id}")

    @disconnected
    async def on_disconnect(self, client: ClientInfo) -> None:
        await self.note(f"-{client.id}")

    @event(name="mark")
    async def mark(self, what: str, client: ClientInfo | None) -> Note:
        for _ in range(3):
            await asyncio.sleep(0)
        await self.note(what)
        return Note(text=f"to {client and client.id}")

    @event(name="break_off")
    def break_off(self) -> None:
        raise CommandError("too_late", "the show is over")

    @event(name="fail")
    def fail(self) -> None:
        raise ValueError("a secret path")


def texts(model: Any) -> list[str]:
    return [data["text"] for data, _, _ in model.outlet.of("say")]


def test_hooks_and_commands_run_one_by_one_in_the_order_they_came() -> None:
    with running(driver_of(Diary)) as model:
        model.begin(1, 2)
        model.send("mark", what="first")
        model.join(3)
        model.send("mark", what="second")
        model.leave(1)
        model.leave(2)
        model.leave(3)
        model.join(4)
        model.end()
        assert texts(model) == [
            "+1 on", "+2 on", "first on", "+3 on", "second on", "-1 on", "-2 on", "-3 off", "+4 on", "-4 off",
        ]  # fmt: skip


def test_a_session_end_lets_clients_go_then_flushes_then_closes() -> None:
    with running(driver_of(Diary)) as model:
        model.begin(1)
        model.end()
        assert [call[0] for call in model.outlet.calls] == ["say", "say", "flush", "session_closed"]


def test_a_handler_replies_with_its_message_and_knows_who_asked() -> None:
    with running(driver_of(Diary)) as model:
        model.begin(7)
        assert model.ask("mark", 7, what="x") == ({"text": "to 7", "size": 1}, {"name": "note"})
        assert model.ask("mark", None, what="x")[0]["text"] == "to None"


def test_a_refusal_and_a_failure_are_answered_and_the_session_goes_on() -> None:
    with running(driver_of(Diary)) as model:
        model.begin(1)
        assert model.ask("break_off")[1] == {"error_code": "too_late", "error_message": "the show is over"}
        body, error = model.ask("fail")
        assert (body, error["error_code"]) == (None, "internal_error")
        assert "secret" not in error["error_message"]
        [(where, raised)] = model.outlet.of("failed")
        assert where == "handler"
        assert str(raised) == "a secret path"
        assert model.ask("mark", what="still here")[0]["text"] == "to 1"


def test_wrong_commands_are_refused() -> None:
    with running(driver_of(Diary)) as model:
        assert model.ask("mark", what="x")[1]["error_code"] == "no_session"
        model.begin(1)
        assert model.ask("nope")[1]["error_code"] == "invalid_command"
        assert model.ask("mark", wat="x")[1] == {
            "error_code": "invalid_command",
            "error_message": "mark: wat: unexpected argument",
        }


class Typed(ReactorModel):
    @event(name="take")
    def take(
        self,
        count: int,
        mode: Mode = Mode.CALM,
        point: Point | None = None,
        points: list[Point] | None = None,
        level: Literal[1, 2] = 1,
        anything: Any = None,
    ) -> None:
        self.taken = (count, mode, point, points, level, anything)


def test_a_handler_gets_the_types_it_asked_for() -> None:
    with running(driver_of(Typed)) as model:
        model.begin(1)
        taken = lambda: model.driver._model.taken  # noqa: E731
        model.ask("take", count=2.0)
        assert taken() == (2, Mode.CALM, None, None, 1, None)
        assert type(taken()[0]) is int
        model.ask("take", count=1, mode="wild", point={"x": 3.0}, points=[{"x": 1, "y": 2}], level=2.0, anything=[1])
        assert taken() == (1, Mode.WILD, Point(3, 0.5), [Point(1, 2.0)], 2, [1])
        assert type(taken()[4]) is int


def test_hooks_that_raise_are_reported_and_the_session_goes_on() -> None:
    class Clumsy(ReactorModel):
        @connected
        def on_connect(self) -> None:
            raise KeyError("seat")

    with running(driver_of(Clumsy)) as model:
        model.begin(1)
        model.end()
        assert [where for where, _ in model.outlet.of("failed")] == ["hook"]


def test_emits_keep_their_order_and_leave_the_loop_free_while_the_stream_is_full() -> None:
    class Counting(ReactorModel):
        fps = 12

        async def run(self) -> None:
            await self.connected.wait()
            step = 0
            while True:
                await self.emit(Out(main_video=step), compute_time=0.1)
                step += 1

        @event(name="hello")
        def hello(self) -> Note:
            return Note(text="hi")

    with running(driver_of(Counting)) as model:
        model.begin(1)
        model.outlet.wait("emit", 16)
        assert model.ask("hello")[0]["text"] == "hi"
        _, options = model.outlet.of("emit")[0]
        assert options == {"fps": 12, "compute_time": 0.1, "drop": False}
        assert [p["main_video"] for p, _ in model.outlet.of("emit")] == list(range(16))


def test_set_fps_pins_the_rate_of_later_chunks() -> None:
    class Measured(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            await self.emit(Out(main_video=0))
            self.output_buffer.set_fps(8)
            await self.emit(Out(main_video=1), drop=True)
            await asyncio.Event().wait()

    with running(driver_of(Measured)) as model:
        model.begin(1)
        emitted = model.outlet.wait("emit", 2)
        assert [(options["fps"], options["drop"]) for _, options in emitted] == [(None, False), (8, True)]


def test_emitting_something_else_than_an_output_ends_run_with_what_would_be_right() -> None:
    class Naked(ReactorModel):
        async def run(self) -> None:
            await self.emit("frame")  # type: ignore[arg-type]

    with running(driver_of(Naked)) as model:
        error = model.finished()
    assert isinstance(error, OutputError)
    assert "wrap it, as in MyOutput(main_video=frame)" in str(error)


def test_what_run_raises_ends_the_driver() -> None:
    class Broken(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            raise RuntimeError("out of memory")

    with running(driver_of(Broken)) as model:
        model.begin(1)
        assert repr(model.finished()) == "RuntimeError('out of memory')"


def test_a_run_that_returns_is_the_authors_mistake() -> None:
    class Short(ReactorModel):
        async def run(self) -> None:
            pass

    with running(driver_of(Short)) as model:
        error = model.finished()
    assert isinstance(error, AuthorError)
    assert str(error) == "run() of Short returned; it must run for the life of the model"


def test_close_ends_the_session_and_lets_run_clean_up() -> None:
    class Tidy(Diary):
        async def run(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await self.send(Note(text="swept"))

    with running(driver_of(Tidy)) as model:
        model.begin(1)
        model.driver.close()
        assert model.finished() is None
        assert texts(model) == ["+1 on", "-1 off", "swept"]
        model.send("mark", what="too late")  # to a model that is gone: nothing happens


@pytest.mark.parametrize("config", [{"a": 1}])
def test_load_takes_the_configuration_or_nothing_and_may_be_async(config: dict[str, Any]) -> None:
    seen: list[Any] = []

    class Plain(ReactorModel):
        def load(self, config: Any) -> None:
            seen.append((config, threading.current_thread()))

    class Bare(ReactorModel):
        def load(self) -> None:  # type: ignore[override]
            seen.append("bare")

    class Async(ReactorModel):
        async def load(self, config: Any) -> None:
            self.loop = asyncio.get_running_loop()

        async def run(self) -> None:
            seen.append(asyncio.get_running_loop() is self.loop)
            await super().run()

    with running(driver_of(Plain, config)) as model:
        assert seen.pop() == (config, model.thread)
    with running(driver_of(Bare, config)):
        assert seen.pop() == "bare"
    with running(driver_of(Async, config)) as model:
        model.begin()
        model.end()
        assert seen.pop() is True


def test_what_load_raises_reaches_the_host() -> None:
    class Unloadable(ReactorModel):
        def load(self, config: Any) -> None:
            raise FileNotFoundError("weights")

    with pytest.raises(FileNotFoundError, match="weights"), running(driver_of(Unloadable)):
        pass


def test_a_message_to_one_client_names_it() -> None:
    class Greeter(ReactorModel):
        @connected
        async def greet(self, client: ClientInfo) -> None:
            await client.send(Note(text="welcome"))

    with running(driver_of(Greeter)) as model:
        model.begin(5)
        assert model.outlet.wait("say") == [({"text": "welcome", "size": 1}, "note", 5)]
