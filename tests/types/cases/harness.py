"""A test knows which model it tests, by the name that either import path gives it."""

from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import reactor_runtime
from reactor_runtime import interface
from reactor_runtime.interface import (
    InputField,
    InputState,
    Output,
    PipelineExecutor,
    ReactorPipeline,
    StepResult,
    Video,
)
from reactor_runtime.interface.pipeline.idle import _IdleType
from reactor_runtime.testing import ManualClock, ModelHarness


class Frames(Output):
    main_video: Video


class State(InputState):
    seed: int = InputField(3)


class Painter(ReactorPipeline):
    state: State

    def inference(self) -> Iterator[Frames | _IdleType]:
        yield Frames(main_video=np.zeros((4, 4, 3), np.uint8))


def inferred() -> None:
    with ModelHarness(Painter, config={"seed": 3}, clock=ManualClock()) as m:
        assert_type(m, ModelHarness[Painter])
        assert_type(m.model, Painter)
        assert_type(m.model.state.seed, int)
        assert_type(m.frames(2), list[NDArray[np.uint8]])
    with ModelHarness("examples/meadow") as other:
        assert_type(other.model, Any)
    executor = PipelineExecutor(Painter)
    assert_type(next(executor), StepResult)
    same: type[reactor_runtime.ReactorPipeline] = interface.ReactorPipeline
    assert_type(interface.InputField(3), int)
    assert_type(same, type[ReactorPipeline])


def wrong() -> None:
    ModelHarness(Frames)  # refused
    print(ModelHarness(Painter).model.nope)  # refused
    print(reactor_runtime.Nope)  # refused
    print(interface.Nope)  # refused
