"""`ReactorPipeline`: a generator, its cycles, and what it may yield."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from reactor_runtime.errors import AuthorError
from reactor_runtime.interface import (
    BufferClosed,
    ClientInfo,
    Idle,
    Input,
    InputState,
    Output,
    ReactorPipeline,
    Video,
    connected,
    event,
)
from reactor_runtime.testing import ManualClock, ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import levels, picture
from tests.running import eventually


@dataclass
class Frames(Output):
    main_video: Video


@dataclass
class State(InputState):
    level: int = 1
    _step: int = 0


class Painter(ReactorPipeline):
    """Shows the level that clients set."""

    state: State

    def inference(self) -> Iterator[Any]:
        while True:
            yield Frames(main_video=picture(self.state.level))


@fact(
    "1.2",
    "2",
    "without `state`: TypeError \"{cls} must declare 'state: MyState' where MyState is an InputState subclass.\"",
)
def test_a_pipeline_without_a_state_is_refused() -> None:
    class Stateless(ReactorPipeline):
        def inference(self) -> Iterator[Any]:
            yield Idle

    expected = r"Stateless must declare 'state: MyState' where MyState is an InputState subclass"
    with pytest.raises(TypeError, match=expected):
        ModelHarness(Stateless)


@fact("1.2", "2", "the legacy `state_class = MyState` declares it too")
def test_a_state_class_declares_the_state() -> None:
    class Legacy(ReactorPipeline):
        state_class = State
        inference = Painter.inference

    with ModelHarness(Legacy) as m:
        assert levels(m.frames(1)) == [1]


class Sync(Painter):
    def inference(self) -> Iterator[Any]:
        yield from (Frames(main_video=picture(level)) for level in (1, 2))
        threading.Event().wait(0.01)


class Async(Painter):
    async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
        for level in (1, 2):
            await asyncio.sleep(0)
            yield Frames(main_video=picture(level))


class Assigned(Painter):
    def load(self, config: Mapping[str, Any]) -> None:
        self.inference = self.two  # type: ignore[method-assign]

    def two(self) -> Iterator[Any]:
        yield from (Frames(main_video=picture(level)) for level in (1, 2))


@table(
    "1.2",
    "2",
    "`inference()` may be {}",
    "cls",
    ("a sync generator", Sync),
    ("an async generator", Async),
    ("a bound generator function that `load()` assigned to `self.inference`", Assigned),
)
def test_every_kind_of_generator_is_run(cls: type[Painter]) -> None:
    with ModelHarness(cls) as m:
        assert levels(m.frames(2)) == [1, 2]


@fact("1.2", "2", "a raw array may be yielded where there is one output of one track")
def test_a_raw_array_is_the_only_tracks() -> None:
    class Raw(Painter):
        def inference(self) -> Iterator[Any]:
            yield picture(3)

    with ModelHarness(Raw) as m:
        assert levels(m.frames(1)) == [3]


@fact(
    "1.2",
    "2",
    "a raw array where several tracks could be meant is a TypeError that ends the process",
    better="the error names the outputs there are; the model restarts",
)
def test_a_raw_array_of_no_certain_track_is_told() -> None:
    class Two(Output):
        left: Video
        right: Video

    class Raw(Painter):
        def inference(self) -> Iterator[Any]:
            yield picture(3)

    expected = r"yielded ndarray, which names no track; .*Two\(left, right\)"
    with pytest.raises(AuthorError, match=expected), ModelHarness(Raw) as m:
        m.frames(1, "left")


@table(
    "1.2",
    "2",
    "`yield {}` shows nothing and goes on after 5 ms",
    "nothing",
    ("Idle", Idle),
    ("None", None),
)
def test_idle_and_none_show_nothing(nothing: Any) -> None:
    class Pausing(Painter):
        def inference(self) -> Iterator[Any]:
            for level in range(3):
                yield nothing
                yield Frames(main_video=picture(level))

    clock = ManualClock()
    with ModelHarness(Pausing, clock=clock) as m:
        assert levels(m.frames(3)) == [0, 1, 2]
        assert clock.time() == pytest.approx(0.015, abs=0.01)


@fact("1.2", "2", "a generator that ends is begun anew, with the same client and the same state")
def test_a_generator_that_ends_begins_anew_with_its_state() -> None:
    class Brief(Painter):
        def inference(self) -> Iterator[Any]:
            self.state.level += 1
            yield Frames(main_video=picture(self.state.level))

    with ModelHarness(Brief) as m:
        assert levels(m.frames(3)) == [2, 3, 4]


@fact("1.2", "2", "`BufferClosed` from a read ends the generator, not the model")
def test_a_closed_buffer_ends_the_generator() -> None:
    class Webcam(Input):
        webcam: Video

    class Mirror(Painter):
        camera: Webcam

        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            [frame] = await self.camera.webcam.read(1)
            yield Frames(main_video=frame)
            raise BufferClosed("over")

    with ModelHarness(Mirror) as m:
        for level in (1, 2):
            m.push("webcam", picture(level))
            assert levels(m.frames(1)) == [level]


@fact("1.2", "2", "each window of clients begins with a fresh state")
def test_each_window_has_a_fresh_state() -> None:
    with ModelHarness(Painter) as m:
        m.command("set_level", level=7)
        m.client.leave()
        m.join()
        assert m.state.level == 1


@fact("3.3", "2", "state and generator live from the first client in to the last one out (from 2.8)")
def test_the_state_outlives_the_client_that_set_it() -> None:
    with ModelHarness(Painter) as m:
        m.join()
        m.command("set_level", level=7)
        m.client.leave()
        m.skip()
        assert levels(m.frames(1)) == [7]


@fact("1.2", "2", "at the end of a window the generator is closed and the stream flushed to black")
def test_the_end_of_a_window_closes_the_generator_and_flushes() -> None:
    class Tidy(Painter):
        tidied = 0

        def inference(self) -> Iterator[Any]:
            try:
                yield from super().inference()
            finally:
                self.tidied += 1

    with ModelHarness(Tidy) as m:
        m.frames(1)
        flushed = len(m.flushes)
        m.client.leave()
        eventually(lambda: m.model.tidied == 1)
        assert set(eventually(lambda: m.flushes[flushed:])) == {False}


@fact("1.2", "2", "input buffers are emptied at the end of a window")
def test_what_a_client_sent_is_gone_with_it() -> None:
    class Webcam(Input):
        webcam: Video

    class Mirror(Painter):
        camera: Webcam

        def inference(self) -> Iterator[Any]:
            while True:
                yield Idle

    with ModelHarness(Mirror) as m:
        m.push("webcam", picture(1))
        eventually(lambda: m.model.camera.webcam.available)
        m.client.leave()
        m.join()
        assert m.model.camera.webcam.available == 0


@fact("1.2", "2", "events and setters run between two yields only")
def test_handlers_run_between_yields_only() -> None:
    class Careful(Painter):
        def inference(self) -> Iterator[Any]:
            while True:
                before = self.state.level
                threading.Event().wait(0.005)
                assert self.state.level == before
                yield Frames(main_video=picture(before))

    with ModelHarness(Careful) as m:
        for level in range(5):
            m.command("set_level", level=level)
            assert m.state.level == level


@fact("1.2", "2", "`@connected` has finished before the first step")
def test_the_first_step_sees_what_connected_prepared() -> None:
    class Prepared(Painter):
        @connected
        async def joins(self, client: ClientInfo) -> None:
            await asyncio.sleep(0.01)
            self.state.level = 9

    with ModelHarness(Prepared) as m:
        assert levels(m.frames(1)) == [9]


@fact("1.2", "2", "yields are played at the rate they are made at, unless `fps` is declared")
def test_a_declared_rate_is_pinned_and_another_measured() -> None:
    class Pinned(Painter):
        fps = 12

    with ModelHarness(Pinned) as m:
        assert [(chunk.fps, chunk.pinned) for chunk in m.chunks(1)] == [(12, True)]
    with ModelHarness(Painter) as measured:
        assert [chunk.pinned for chunk in measured.chunks(1)] == [False]


@fact(
    "1.2",
    "2",
    "an error raised while the generator is closed may end the process",
    better="it is reported, and the next window begins",
)
def test_an_error_of_the_clean_up_is_reported() -> None:
    class Clumsy(Painter):
        windows = 0

        def inference(self) -> Iterator[Any]:
            self.windows += 1
            try:
                yield from super().inference()
            finally:
                if self.windows == 1:
                    raise KeyError("broken")

    with ModelHarness(Clumsy) as m:
        m.frames(1)
        m.client.leave()
        m.skip()
        m.join()
        assert levels(m.frames(1)) == [1]
        assert isinstance(m.errors[0], KeyError)


@fact("1.2", "2", "an `@event` of a pipeline may change its state, caches included")
def test_a_handler_changes_the_state() -> None:
    class Stepper(Painter):
        @event(name="step")
        def step(self, keys: list[bool]) -> None:
            self.state._step += sum(keys)
            self.state.level = self.state._step

    with ModelHarness(Stepper) as m:
        m.command("step", keys=[True, False, True])
        assert (m.state._step, m.state.level) == (2, 2)
