"""Models on a manual clock: tested in milliseconds, alike each time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from reactor_runtime import InputState, ModelMessage, Output, ReactorModel, ReactorPipeline, Video, VideoModel, event
from reactor_runtime.testing import ManualClock, ModelHarness


class Picture(Output):
    main_video: Video


class Tick(ModelMessage):
    at: float


def flat(value: int) -> np.ndarray[Any, Any]:
    return np.full((4, 4, 3), value % 256, np.uint8)


class Paced(ReactorModel):
    buffer_size = 1000

    async def run(self) -> None:
        await self.connected.wait()
        step = 0
        while True:
            await self.emit(Picture(main_video=flat(step)))
            step += 1
            await asyncio.sleep(1 / 24)

    @event(name="later")
    async def later(self, seconds: float) -> Tick:
        await asyncio.sleep(seconds)
        return Tick(at=asyncio.get_running_loop().time())


def test_a_paced_model_makes_exactly_the_frames_of_the_time_that_passed() -> None:
    for _ in range(3):
        with ModelHarness(Paced, clock=ManualClock()) as m:
            m.frames(1, timeout=0)
            m.clock.advance(10)
            assert len(m.frames(240, timeout=0)) == 240
            with pytest.raises(TimeoutError, match=r"waited 0.01 s in vain for 1 frames"):
                m.frames(1, timeout=0.01)


def test_waiting_lets_time_pass_to_the_moment_awaited() -> None:
    with ModelHarness(Paced, clock=ManualClock()) as m:
        m.frames(1)
        now = m.clock.time()
        m.frames(48)
        assert m.clock.time() - now == pytest.approx(2.0)
        assert m.command("later", seconds=3.0).at == pytest.approx(now + 5.0)
        assert m.clock.time() == pytest.approx(now + 5.0)


def test_a_minute_is_waited_in_vain_in_no_time() -> None:
    class Silent(ReactorModel):
        pass

    began = time.monotonic()
    with ModelHarness(Silent, clock=ManualClock()) as m, pytest.raises(TimeoutError, match="waited 60 s in vain"):
        m.message(timeout=60)
    assert time.monotonic() - began < 5


def test_timeouts_and_work_on_threads_live_on_the_clock_too() -> None:
    class Worker(ReactorModel):
        async def run(self) -> None:
            loop = asyncio.get_running_loop()
            await self.connected.wait()
            for _ in range(20):
                await asyncio.to_thread(lambda: sum(range(10_000)))
                try:
                    async with asyncio.timeout(0.5):
                        await asyncio.Event().wait()
                except TimeoutError:
                    await self.send(Tick(at=loop.time()))
            await asyncio.Event().wait()

    with ModelHarness(Worker, clock=ManualClock(100.0)) as m:
        m.clock.advance(10)
        assert [tick.at for tick in m.messages] == pytest.approx([100.5 + step / 2 for step in range(20)])


def test_time_stands_still_while_the_model_waits_for_the_test() -> None:
    class Eager(ReactorModel):
        buffer_size = 2

        async def run(self) -> None:
            await self.connected.wait()
            for step in range(100):
                await self.emit(Picture(main_video=flat(step)))
                await asyncio.sleep(0.1)

    with ModelHarness(Eager, clock=ManualClock()) as m:
        m.clock.advance(5)
        assert m.clock.time() == 5
        assert [frame[0, 0, 0] for frame in m.frames(3)] == [0, 1, 2]
        assert m.clock.time() == 5


class Level(InputState):
    level: int = 1


class Sleepy(ReactorPipeline):
    state: Level

    async def inference(self) -> AsyncIterator[Picture]:
        while True:
            yield Picture(main_video=flat(self.state.level))
            await asyncio.sleep(0.25)


def test_a_pipeline_lives_on_the_clock() -> None:
    with ModelHarness(Sleepy, clock=ManualClock()) as m:
        assert m.frames(1)[0].max() == 1
        m.command("set_level", level=9)
        m.clock.advance(0.5)
        m.skip()
        assert m.frames(1)[0].max() == 9


def test_a_model_that_never_rests_is_named() -> None:
    class Restless(ReactorModel):
        stop = False

        async def run(self) -> None:
            await self.connected.wait()
            while not self.stop:  # noqa: ASYNC110 - the mistake that is tested
                await asyncio.sleep(0)

    with ModelHarness(Restless, clock=ManualClock(), clients=0, timeout=0.3) as m:
        with pytest.raises(TimeoutError, match="does not come to rest") as waited:
            m.join()
        m.model.stop = True
        with pytest.raises(Exception, match="returned"):
            m.message()
    assert "in run" in str(waited.value)


def test_generation_1_lives_in_real_time() -> None:
    class Old(VideoModel):
        def start_session(self) -> None: ...

    with pytest.raises(ValueError, match="in real time"):
        ModelHarness(Old, clock=ManualClock())
    with pytest.raises(ValueError, match="lives in real time"):
        _ = ModelHarness(Old).clock


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="time does not go back: -1"):
        ManualClock().advance(-1)
