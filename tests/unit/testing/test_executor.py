"""`PipelineExecutor` of reference §1.2: a pipeline, step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from reactor_runtime import (
    ClientInfo,
    Idle,
    Input,
    InputField,
    InputState,
    ModelMessage,
    Output,
    ReactorModel,
    ReactorPipeline,
    Video,
    connected,
    disconnected,
    event,
)
from reactor_runtime.interface import PipelineExecutor, StepResult


class Picture(Output):
    main_video: Video


class Camera(Input):
    webcam: Video


class Note(ModelMessage):
    text: str


class State(InputState):
    level: int = InputField(default=1, ge=0, le=9)
    _steps: int = 0


def flat(value: int) -> np.ndarray[Any, Any]:
    return np.full((4, 4, 3), value, np.uint8)


class Levels(ReactorPipeline):
    state: State
    input: Camera

    def load(self, config: dict[str, Any]) -> None:
        self.end = config.get("end", 100)

    @connected
    async def hello(self, client: ClientInfo) -> None:
        await client.send(Note(text="hello"))

    @disconnected
    async def bye(self) -> None:
        await self.send(Note(text="bye"))

    @event(name="who")
    async def who(self, client: ClientInfo, loud: bool = False) -> None:
        await self.send(Note(text=f"client {client.id}"))

    @event(name="fail")
    def fail(self) -> None:
        raise RuntimeError("broken")

    def inference(self) -> Iterator[Any]:
        while self.state._steps < self.end:
            self.state._steps += 1
            frames = self.input.webcam.try_read()
            if frames:
                yield Picture(main_video=frames[0])
            elif self.state.level == 0:
                yield Idle
            else:
                yield flat(self.state.level)


class LevelsAsync(Levels):
    async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
        for yielded in super().inference():
            yield yielded


@pytest.fixture(params=[Levels, LevelsAsync])
def executor(request: pytest.FixtureRequest) -> Iterator[PipelineExecutor]:
    with PipelineExecutor(request.param) as made:
        yield made


def test_a_step_is_one_yield_and_handlers_run_between(executor: PipelineExecutor) -> None:
    executor.connect()
    assert executor.state._steps == 0
    first = next(executor)
    assert isinstance(first, StepResult)
    assert (first.output.main_video == 1).all()  # type: ignore[union-attr]
    assert first.compute_time > 0
    executor.send_event("set_level", level=7)
    assert (next(executor).output.main_video == 7).all()  # type: ignore[union-attr]
    executor.send_event("set_level", level=0)
    assert next(executor).output is None
    assert executor.state._steps == 3


def test_each_call_returns_what_the_model_said(executor: PipelineExecutor) -> None:
    assert [note.text for note in executor.connect()] == ["hello"]
    assert next(executor).messages == []
    assert [note.text for note in executor.disconnect()] == ["bye"]


def test_a_handler_is_told_who_asks(executor: PipelineExecutor) -> None:
    """Reference §10.2.18: the published executor never passes `client`."""
    executor.connect()
    assert [note.text for note in executor.send_event("who")] == ["client 1"]


def test_events_are_refused_in_the_published_words(executor: PipelineExecutor) -> None:
    executor.connect()
    with pytest.raises(ValueError, match=r"Unknown event 'x'. Available events: \['fail', 'set_level', 'who'\]"):
        executor.send_event("x")
    with pytest.raises(TypeError, match="Invalid arguments for event 'who': unexpected 'y'"):
        executor.send_event("who", y=1)
    with pytest.raises(ValueError, match=r"Validation failed for event 'set_level': .*level"):
        executor.send_event("set_level", level=99)
    with pytest.raises(RuntimeError, match="broken"):
        executor.send_event("fail")


def test_connect_and_disconnect_take_turns(executor: PipelineExecutor) -> None:
    with pytest.raises(RuntimeError, match=r"disconnect\(\) called without an active session. Call connect\(\) first."):
        executor.disconnect()
    with pytest.raises(RuntimeError, match=r"next\(\) called without an active session"):
        next(executor)
    executor.connect()
    with pytest.raises(RuntimeError, match=r"already-connected executor. Call disconnect"):
        executor.connect()
    executor.send_event("set_level", level=5)
    next(executor)
    executor.disconnect()
    executor.connect()
    assert (executor.state.level, executor.state._steps) == (1, 0)


def test_media_is_read_by_the_next_step(executor: PipelineExecutor) -> None:
    executor.connect()
    executor.push_media("webcam", flat(200))
    assert (next(executor).output.main_video == 200).all()  # type: ignore[union-attr]


def test_iterating_ends_with_the_generator() -> None:
    with PipelineExecutor(Levels, {"end": 3}) as executor:
        executor.connect()
        assert len(list(executor)) == 3
        executor.state._steps = 2
        assert len(list(executor)) == 1


def test_what_inference_raises_is_raised_by_the_step() -> None:
    class Broken(Levels):
        def inference(self) -> Iterator[Any]:
            yield flat(1)
            raise ValueError("no more")

    with PipelineExecutor(Broken) as executor:
        executor.connect()
        next(executor)
        with pytest.raises(ValueError, match="no more"):
            next(executor)


def test_a_step_that_waits_for_input_says_where() -> None:
    class Reads(Levels):
        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            while True:
                [frame] = await self.input.webcam.read()
                yield Picture(main_video=frame)

    with PipelineExecutor(Reads) as executor:
        executor.connect()
        with pytest.raises(TimeoutError, match=r"in vain for a step.*") as waited:
            next(executor)
        assert "self.input.webcam.read()" in str(waited.value)
        executor.push_media("webcam", flat(3))
        assert (next(executor).output.main_video == 3).all()  # type: ignore[union-attr]


def test_load_may_choose_the_generator() -> None:
    class Chooses(Levels):
        def load(self, config: dict[str, Any]) -> None:
            self.inference = self.other  # type: ignore[method-assign]

        def other(self) -> Iterator[Any]:
            yield flat(33)

    with PipelineExecutor(Chooses) as executor:
        executor.connect()
        assert [(step.output.main_video == 33).all() for step in executor] == [True]  # type: ignore[union-attr]


def test_only_a_pipeline_is_taken_and_nothing_is_constructed_before_the_check() -> None:
    made = []

    class Other(ReactorModel):
        def __init__(self) -> None:
            made.append(self)

    with pytest.raises(TypeError, match="PipelineExecutor takes a ReactorPipeline subclass, got"):
        PipelineExecutor(Other)  # type: ignore[arg-type]

    class Stateless(ReactorPipeline):
        def __init__(self) -> None:
            made.append(self)

    with pytest.raises(TypeError, match="Stateless must declare 'state: MyState'"):
        PipelineExecutor(Stateless)
    assert made == []
