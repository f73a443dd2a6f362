"""Generation 1 commands: lenient coercion, any defaults, one after another, each answered."""

from __future__ import annotations

import asyncio
import enum
import threading
from collections.abc import Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from reactor_runtime import VideoModel, command, get_ctx
from reactor_runtime.authoring.video_model import contract_of
from reactor_runtime.authoring.video_model_commands import commands_of
from reactor_runtime.worker.video_model_driver import VideoModelDriver
from tests.unit.authoring.recording import DEADLINE, Running, running


def driver_of(cls: type[VideoModel]) -> Callable[[], VideoModelDriver]:
    commands = commands_of(cls)
    contract = contract_of(cls, commands)
    return lambda: VideoModelDriver(cls, contract, None, commands)


class Mode(enum.Enum):
    DAY = "day"
    NIGHT = "night"


class Point(BaseModel):
    x: float
    y: float = 0


class Steered(VideoModel):
    def __init__(self) -> None:
        self.running = 0
        self.log: list[Any] = []
        self.go = threading.Event()

    def start_session(self) -> None:
        get_ctx()._stop_evt.wait(DEADLINE)

    @command("typed")
    def typed(
        self,
        count: int = Field(3, ge=0, le=9),
        mode: Mode = Mode.DAY,
        size: Literal["s", "l"] = "s",
        spot: Point | None = None,
        on: bool = False,
    ) -> Any:
        return [count, mode.value, size, spot.model_dump() if spot else None, on]

    @command("free")
    def free(self, anything, tags=["a"], options={"k": []}):  # type: ignore[no-untyped-def] # noqa: B006
        tags.append(len(tags))
        options["k"].append(anything)
        return {"anything": anything, "tags": tags, "options": options}

    @command("shadowing")
    def shadowing(self, json: str, copy: int = 1, _private: bool = False, model_config: str = "m") -> Any:
        return [json, copy, _private, model_config]

    @command("say")
    def say(self, value: Any = None) -> Any:
        return value

    @command("step")
    def step(self, number: int) -> None:
        self._take(number)

    @command("async_step")
    async def async_step(self, number: int) -> None:
        self.running += 1
        await asyncio.sleep(0)
        self.running -= 1
        self._take(number)

    @command("wait")
    def wait(self) -> None:
        self.running += 1
        assert self.go.wait(DEADLINE)
        self.running -= 1

    def _take(self, number: int) -> None:
        self.log.append((number, self.running, threading.current_thread().name))


def steered(model: Running) -> Any:
    model.begin(1)
    return model.driver._model  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ({}, [3, "day", "s", None, False]),
        ({"count": "7"}, [7, "day", "s", None, False]),
        ({"count": 7.0, "on": "true"}, [7, "day", "s", None, True]),
        ({"count": True, "on": 1}, [1, "day", "s", None, True]),
        ({"mode": "night", "size": "l"}, [3, "night", "l", None, False]),
        ({"spot": {"x": "1.5"}}, [3, "day", "s", {"x": 1.5, "y": 0}, False]),
        ({"unknown": 1}, [3, "day", "s", None, False]),
    ],
)
def test_arguments_are_coerced_leniently_and_what_is_not_asked_for_is_ignored(
    given: dict[str, Any], got: list[Any]
) -> None:
    with running(driver_of(Steered)) as model:
        steered(model)
        assert model.ask("typed", **given) == (got, {})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"count": 10}, "typed: count: Input should be less than or equal to 9, got 10"),
        ({"count": 1.5}, "typed: count: Input should be a valid integer"),
        ({"count": None}, "typed: count: Input should be a valid integer"),
        ({"mode": "dusk"}, "typed: mode: Input should be 'day' or 'night'"),
        ({"spot": {"y": 1}}, "typed: spot.x: Field required"),
    ],
)
def test_arguments_that_do_not_fit_are_answered_and_the_handler_is_not_called(given: dict[str, Any], why: str) -> None:
    with running(driver_of(Steered)) as model:
        steered(model)
        answer = model.ask("typed", **given)[1]
        assert answer["error_code"] == "invalid_command"
        assert answer["error_message"].startswith(why)
        assert not model.outlet.of("failed"), "the client's mistake is no failure of the model"


def test_unannotated_arguments_take_anything_and_mutable_defaults_do_not_leak_between_calls() -> None:
    with running(driver_of(Steered)) as model:
        steered(model)
        for value in ([1], "x", None):
            reply = {"anything": value, "tags": ["a", 1], "options": {"k": [value]}}
            assert model.ask("free", anything=value) == (reply, {})
        assert model.ask("free")[1]["error_message"] == "free: anything: Field required"


def test_a_parameter_may_have_any_name() -> None:
    with running(driver_of(Steered)) as model:
        steered(model)
        assert model.ask("shadowing", json="{}", copy="2", _private=1) == (["{}", 2, True, "m"], {})
        assert list(commands_of(Steered)["shadowing"].spec.schema["properties"]) == [
            "json",
            "copy",
            "_private",
            "model_config",
        ]


@pytest.mark.parametrize("value", [{"a": [1]}, [1, 2], "text", 3, 0.5, False, {}])
def test_what_a_handler_returns_is_its_answer(value: Any) -> None:
    with running(driver_of(Steered)) as model:
        steered(model)
        assert model.ask("say", value=value) == (value, {})


def test_commands_run_one_after_another_in_order_beside_the_session() -> None:
    with running(driver_of(Steered)) as model:
        loose = steered(model)
        model.send("wait")
        ids = [model.send(("step", "async_step")[number % 2], number=number) for number in range(20)]
        assert loose.log == []
        loose.go.set()
        replies = model.outlet.wait("reply", 21)
        assert [command_id for command_id, _, _ in replies[1:]] == ids
        assert [(number, running) for number, running, _ in loose.log] == [(number, 0) for number in range(20)]
        assert {name for _, _, name in loose.log}.isdisjoint({"model-session"})
        assert not get_ctx().should_stop()


def test_a_command_that_is_there_before_the_session_ends_is_answered_before_it_ends() -> None:
    with running(driver_of(Steered)) as model:
        loose = steered(model)
        loose.go.set()
        model.send("wait")
        model.send("step", number=1)
        model.end()
        order = [call[0] for call in model.outlet.calls if call[0] in ("reply", "session_closed")]
        assert order == ["reply", "reply", "session_closed"]
