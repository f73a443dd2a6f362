"""What is made before a command that flushes is not shown after it; what is made after it is."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

from reactor_runtime import InputState, Output, ReactorModel, ReactorPipeline, Video, event
from reactor_runtime.testing import ManualClock, ModelHarness
from reactor_runtime.worker.messages import Flushed, Played
from tests.unit.worker.border import VIDEO, Call, eventually, host_of, picture, release


class Shown(Output):
    main_video: Video


def level(value: int) -> Shown:
    return Shown(main_video=np.full((8, 8, 3), value, np.uint8))


# ---- what a host does -------------------------------------------------------------------------------------------


def test_what_waits_is_superseded_and_the_last_picture_stays() -> None:
    host, border = host_of(VIDEO, buffer_size=1)
    host.emit({"main": picture(16, 16)})
    waiting = Call(lambda: host.emit({"main": np.stack([picture(16, 16)] * 2)}))
    eventually(lambda: len(border.slices) == 2)
    host.supersede()
    assert waiting.wait() == 0
    assert border.of(Flushed) == [Flushed(1, hold=True)]


def test_a_stream_on_which_nothing_was_put_is_not_flushed_again() -> None:
    host, border = host_of(VIDEO)
    host.supersede()
    host.emit({"main": picture(16, 16)})
    host.supersede()
    host.supersede()
    assert border.of(Flushed) == [Flushed(1, hold=True)]
    assert host.emit({"main": picture(16, 16)}) == 1
    assert border.slices[-1].epoch == 1


def test_a_chunk_that_says_it_was_begun_before_is_dropped_and_no_other() -> None:
    now = [100.0]
    host, border = host_of(VIDEO, clock=lambda: now[0])
    host.emit({"main": picture(16, 16)})
    now[0] = 101.0
    host.supersede()
    now[0] = 101.5
    assert host.emit({"main": picture(16, 16)}, compute_time=1.0) == 0
    now[0] = 102.0
    assert host.emit({"main": picture(16, 16)}, compute_time=0.4) == 1
    assert host.emit({"main": picture(16, 16)}) == 1
    assert host.emit({"main": picture(16, 16)}, called_at=100.9) == 0
    release(host, *border.slices)
    assert [s.began_at for s in border.slices] == [100.0, pytest.approx(101.6), 102.0]


@pytest.mark.parametrize("compute_time", [float("nan"), float("inf"), 33.0, -1.0, 0.0])
def test_a_compute_time_that_cannot_be_costs_no_picture(compute_time: float) -> None:
    now = [5.0]
    host, border = host_of(VIDEO, clock=lambda: now[0])
    host.supersede()
    now[0] = 6.0
    host.emit({"main": picture(16, 16)})
    assert host.emit({"main": picture(16, 16)}, compute_time=compute_time) == 1
    assert len(border.slices) == 2


def test_a_flush_ends_the_wait_for_the_time_to_begin() -> None:
    host, border = host_of(VIDEO, fps=1.0, clock=time.monotonic)
    host.emit({"main": picture(16, 16)})
    host.note(Played(1, time.monotonic(), 1.0))
    host.emit({"main": picture(16, 16)})
    host.note(Played(1, time.monotonic(), 1.0))
    began = time.monotonic()
    waiting = Call(lambda: host.emit({"main": picture(16, 16)}))
    eventually(lambda: len(border.slices) == 3)
    host.flush(hold=True)
    assert waiting.wait() == 1
    assert time.monotonic() - began < 0.9


# ---- what a model does ------------------------------------------------------------------------------------------


class Wish(InputState):
    level: int = 0


class Steps(ReactorPipeline):
    """Steps that take a second, of the wish that was there as each began."""

    state: Wish
    fps = 10

    @event(name="jump", flush=True)
    def jump(self, level: int) -> None:
        self.state.level = level

    @event(name="slide")
    def slide(self, level: int) -> None:
        self.state.level = level

    async def inference(self):
        while True:
            wished = self.state.level
            await asyncio.sleep(1)
            yield level(wished)


def test_a_step_that_a_flushing_command_came_into_is_not_shown() -> None:
    with ModelHarness(Steps, clock=ManualClock()) as model:
        assert model.frames(1)[0].max() == 0
        model.clock.advance(0.5)
        model.command("slide", level=50)
        assert [frame.max() for frame in model.frames(2)] == [0, 50]
        assert model.flushes == []
        model.clock.advance(0.5)
        model.command("jump", level=200)
        assert [frame.max() for frame in model.frames(2)] == [200, 200]
        assert model.flushes in ([], [True])


class Run(ReactorModel):
    """Emits what it is told to, as fast as there is room, in blocking steps."""

    fps = 200
    buffer_size = 4

    def load(self) -> None:
        self.level = 0

    @event(name="jump", flush=True)
    async def jump(self, level: int) -> None:
        self.level = level

    async def run(self) -> None:
        while True:
            await self.connected.wait()
            await self.emit(level(self.level))


def test_what_a_loop_emitted_before_the_command_is_gone_when_it_is_answered() -> None:
    with ModelHarness(Run) as model:
        for value in range(1, 40):
            model.command("jump", level=value)
            assert {int(frame.max()) for frame in model.frames(3)} == {value}


class Answering(ReactorModel):
    """Makes pictures in the handler itself."""

    fps = 50

    @event(name="draw", flush=True)
    async def draw(self, level: int) -> None:
        for n in range(3):
            await self.emit(_level(level + n))


_level = level


def test_what_a_flushing_handler_emits_itself_is_shown() -> None:
    with ModelHarness(Answering) as model:
        for value in (10, 20, 30):
            model.command("draw", level=value)
        assert [int(frame.max()) for frame in model.frames(3)] == [30, 31, 32]


class Waiting(ReactorModel):
    """Begins only when it is told to, long after its last emit."""

    def load(self) -> None:
        self.level = 0

    @event(name="go", flush=True)
    def go(self, level: int) -> None:
        self.level = level
        self.told.set()

    async def run(self) -> None:
        self.told = asyncio.Event()
        while True:
            await self.told.wait()
            self.told.clear()
            frame = await asyncio.to_thread(level, self.level)
            await self.emit(frame)


def test_a_picture_that_is_made_because_of_the_command_is_shown() -> None:
    with ModelHarness(Waiting) as model:
        for value in (10, 20, 30):
            model.command("go", level=value)
            assert model.frames(1)[0].max() == value


def test_a_flush_while_nobody_emits_leaves_no_thread_waiting() -> None:
    host, _ = host_of(VIDEO)
    before = threading.active_count()
    for _ in range(3):
        host.supersede()
    assert threading.active_count() == before
