"""The stream between `emit` and the viewers: rate, flush, room."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reactor_runtime.interface import Output, ReactorModel, Video
from reactor_runtime.media.pacer import Pacer
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import levels, picture
from tests.running import eventually


class Frames(Output):
    main_video: Video


class Steps(ReactorModel):
    """Does one thing once a client is there."""

    async def run(self) -> None:
        await self.connected.wait()
        await self.act()
        await asyncio.Event().wait()

    async def act(self) -> None: ...

    async def show(self, value: int, **how: Any) -> None:
        await self.emit(Frames(main_video=picture(value)), **how)


def queued(*items: int, fps: float = 10) -> Pacer[int]:
    pacer: Pacer[int] = Pacer(fps)
    for item in items:
        pacer.offer(item, starts_chunk=True, fps=None, now=0.0)
    return pacer


@fact("6", "2", "a ReactorModel plays at its class's `fps`")
def test_a_declared_rate_is_asked_for() -> None:
    class Sim(Steps):
        fps = 12

        async def act(self) -> None:
            await self.show(1)

    with ModelHarness(Sim) as m:
        assert (m.contract.fps, m.chunks(1)[0].fps) == (12, 12)


@fact(
    "6", "2", "without, it plays at 30 until a compute time tells", better="the rate follows the model from the start"
)
def test_an_undeclared_rate_is_measured() -> None:
    class Sim(Steps): ...

    with ModelHarness(Sim) as m:
        assert m.contract.fps is None
    pacer: Pacer[int] = Pacer(None)
    pacer.offer(1, starts_chunk=True, fps=24, now=0.0)
    assert pacer.rate == pytest.approx(24)


@fact("1.2", "2", "`output_buffer.set_fps(fps)` sets the rate, `output_buffer.fps` tells it")
def test_a_rate_that_is_set_is_asked_for() -> None:
    class Sim(Steps):
        async def act(self) -> None:
            self.output_buffer.set_fps(8)
            await self.show(1, compute_time=0.01)

    with ModelHarness(Sim) as m:
        [chunk] = m.chunks(1)
        assert (chunk.fps, chunk.pinned, m.model.output_buffer.fps) == (8, True, 8)


@fact("11", "2", "a rate set in `load()` wins over the class's and over what is measured")
def test_a_rate_set_in_load_wins() -> None:
    class Sim(Steps):
        fps = 30

        def load(self, config: Any) -> None:
            self.output_buffer.set_fps(8)

        async def act(self) -> None:
            await self.show(1, compute_time=0.01)

    with ModelHarness(Sim) as m:
        assert m.chunks(1)[0].fps == 8


@fact("1.2", "2", "`output_buffer.flush()` drops what is not shown yet, and shows black")
def test_flush_drops_what_is_not_shown() -> None:
    class Sim(Steps):
        async def act(self) -> None:
            await self.show(1)
            await self.show(2)
            self.output_buffer.flush()
            await self.show(3)

    with ModelHarness(Sim) as m:
        assert eventually(lambda: m.flushes) == [False]
        assert levels(m.frames(1)) == [3]


@fact("1.2", "2", "`output_buffer.clear()` drops what is not shown yet")
def test_clear_keeps_the_last_picture() -> None:
    class Sim(Steps):
        async def act(self) -> None:
            self.output_buffer.clear()
            await self.show(3)

    with ModelHarness(Sim) as m:
        assert (levels(m.frames(1)), m.flushes) == ([3], [True])


@fact("1.2", "2", "`output_buffer.submit(output)` hands over from a worker thread, and returns how many frames")
def test_submit_hands_over_from_a_thread() -> None:
    class Sim(Steps):
        handed_over = 0

        async def act(self) -> None:
            output = Frames(main_video=picture(3, count=2))
            self.handed_over = await asyncio.to_thread(self.output_buffer.submit, output)
            await self.show(4)

    with ModelHarness(Sim) as m:
        assert levels(m.frames(3)) == [3, 3, 4]
        assert m.model.handed_over == 2


@fact("1.2", "2", "`emit(drop=True)` throws away what finds no room instead of waiting")
def test_a_chunk_may_be_dropped() -> None:
    class Sim(Steps):
        emitted = 0

        async def act(self) -> None:
            for value in range(40):
                await self.show(value, drop=True)
                self.emitted += 1
            await self.show(99)

    with ModelHarness(Sim) as m:
        eventually(lambda: m.model.emitted == 40)
        shown: list[int] = []
        while 99 not in shown:
            shown += levels(m.frames(1))
        assert len(shown) < 40
        assert shown == sorted(shown)


@fact("1.2", "2", "`buffer_size` bounds how many frames are made ahead of what is shown")
def test_the_buffer_bounds_what_is_made_ahead() -> None:
    class Sim(Steps):
        buffer_size = 8
        made = 0

        async def act(self) -> None:
            for value in range(40):
                self.made = value
                await self.show(value)

    with ModelHarness(Sim) as m:
        assert levels(m.frames(1)) == [0]
        assert m.contract.buffer_size == 8
        assert levels(m.frames(20)) == list(range(1, 21))
        assert m.model.made <= 20 + 8 + 2


@fact("6", "2", "frames play on an absolute clock: a late wake-up does not shift the next one")
def test_a_late_wake_up_shifts_nothing() -> None:
    pacer = queued(1, 2, 3)
    due = [pacer.poll(at) for at in (0.0, 0.14, 0.2)]
    assert [item and pytest.approx(item.at) for item in due] == [0.0, 0.1, 0.2]


@fact("6", "2", "late by more than one interval, it goes on from there instead of catching up")
def test_a_long_delay_is_not_caught_up() -> None:
    pacer = queued(1, 2, 3, 4)
    assert pacer.poll(0.0)
    late = pacer.poll(0.95)
    assert late is not None
    assert late.at == pytest.approx(0.95)
    assert pacer.poll(1.0) is None


@fact("6", "2", "with nothing to show, the last picture stays and nothing is sent")
def test_an_empty_queue_sends_nothing() -> None:
    pacer = queued(1)
    assert pacer.poll(0.0)
    assert (pacer.poll(5.0), pacer.next_deadline()) == (None, None)


@table(
    "11",
    "2",
    "`{}` declared in a base class counts",
    "attribute, value",
    ("buffer_size = 8", "buffer_size", 8),
    ("fps = 12.5", "fps", 12.5),
)
def test_an_attribute_of_a_base_class_counts(attribute: str, value: float) -> None:
    base = type("Base", (Steps,), {attribute: value, "__module__": __name__})

    class Sim(base): ...  # type: ignore[valid-type, misc]

    with ModelHarness(Sim) as m:
        assert getattr(m.contract, attribute) == value
