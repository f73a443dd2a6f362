import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from reactor_runtime.codec.ladder import Ladder
from reactor_runtime.media.frame import AccessUnit, Picture

WAIT = 10.0
TOP, SMALL = 4_000_000, 600_000


class Reader:
    def __init__(self) -> None:
        self.units: list[AccessUnit] = []
        self.accepts = True

    def put(self, unit: AccessUnit) -> bool:
        self.units.append(unit)
        return self.accepts


class Stage:
    """A ladder, and a clock that moves only when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now = 100.0
        monkeypatch.setattr(loop, "time", lambda: self.now, raising=False)
        self.asked = 0
        self.ladder = Ladder("video", top_bps=TOP, small_bps=SMALL, fps=30, wants_picture=self._ask)
        self.pushed = 0

    def _ask(self) -> None:
        self.asked += 1

    async def push(self, size: tuple[int, int] = (64, 48)) -> None:
        """Push one picture and return when every rung is through with it."""
        width, height = size
        done = asyncio.get_running_loop().create_future()
        pixels = np.full(width * height * 3 // 2, 60 + self.pushed % 100, np.uint8)
        self.ladder.push(Picture(pixels, width, height, self.pushed * 3000), lambda: done.set_result(None))
        self.pushed += 1
        self.now += 1 / 30
        await done


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    stage = Stage(monkeypatch)
    yield stage
    stage.ladder.close()


def rung_threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("rung-")}


async def test_with_no_reader_pixels_are_given_back_at_once(stage: Stage) -> None:
    given_back: list[int] = []
    stage.ladder.push(Picture(np.zeros(6, np.uint8), 2, 2, 0), lambda: given_back.append(1))
    assert given_back == [1]
    assert not stage.ladder.wants_keyframe


async def test_two_readers_share_one_encoding(stage: Stage) -> None:
    one, two = Reader(), Reader()
    stage.ladder.join(one)
    stage.ladder.join(two)
    for _ in range(10):
        await stage.push()
    assert stage.ladder.encoded == 10
    assert [u.pts for u in one.units] == [n * 3000 for n in range(10)]
    assert all(mine is yours for mine, yours in zip(one.units, two.units, strict=True))
    assert [u.is_keyframe for u in one.units] == [True] + [False] * 9


async def test_a_late_reader_begins_with_a_key_frame_of_its_own(stage: Stage) -> None:
    first, late = Reader(), Reader()
    stage.ladder.join(first)
    for _ in range(20):
        await stage.push()
    stage.ladder.join(late)
    await stage.push()
    assert [u.is_keyframe for u in late.units] == [True]
    assert first.units[-1] is late.units[0]


async def test_joins_close_together_share_one_key_frame(stage: Stage) -> None:
    readers = [Reader() for _ in range(5)]
    for reader in readers:
        stage.ladder.join(reader)
        await stage.push()
    for _ in range(20):
        await stage.push()
    assert sum(u.is_keyframe for u in readers[0].units) == 2
    assert all(r.units[0].is_keyframe for r in readers)


async def test_a_reader_that_lost_a_unit_gets_nothing_until_a_key_frame(stage: Stage) -> None:
    steady, lossy = Reader(), Reader()
    stage.ladder.join(steady)
    stage.ladder.join(lossy)
    for _ in range(20):
        await stage.push()
    lossy.accepts = False
    await stage.push()
    lossy.accepts = True
    lossy.units.clear()
    await stage.push()
    await stage.push()
    assert [u.is_keyframe for u in lossy.units] == [True, False]
    assert len(steady.units) == 23


async def test_a_still_stream_is_asked_for_its_last_picture_when_a_key_frame_is_due(stage: Stage) -> None:
    reader = Reader()
    stage.ladder.join(reader)
    assert stage.ladder.wants_keyframe
    stage.now += 0.01
    await until(lambda: stage.asked == 1)
    await stage.push()
    assert not stage.ladder.wants_keyframe
    stage.ladder.request_keyframe(reader)
    assert not stage.ladder.wants_keyframe, "too soon after the last one"
    stage.now += 0.31
    assert stage.ladder.wants_keyframe
    await until(lambda: stage.asked == 2)
    await stage.push()
    assert reader.units[-1].is_keyframe
    assert not stage.ladder.wants_keyframe


async def test_a_reader_whose_network_is_too_slow_moves_to_the_small_rung_and_back(stage: Stage) -> None:
    fast, slow = Reader(), Reader()
    stage.ladder.join(fast)
    stage.ladder.join(slow)
    for _ in range(12):
        await stage.push((1280, 720))
    assert rung_threads() == {"rung-video-top"}

    stage.ladder.note_estimate(slow, 500_000, 0)
    stage.ladder.note_estimate(slow, 500_000, 2)
    slow.units.clear()
    for _ in range(3):
        await stage.push((1280, 720))
    small = [u for u in slow.units if u.width == 640]
    assert len(small) == 3
    assert small[0].is_keyframe
    assert slow.units[-1] is small[-1]
    assert {u.width for u in fast.units} == {1280}

    stage.ladder.note_estimate(slow, TOP, 3)
    stage.ladder.note_estimate(slow, TOP, 9)
    slow.units.clear()
    for _ in range(3):
        await stage.push((1280, 720))
    assert [u.is_keyframe for u in slow.units if u.width == 1280] == [True, False, False]
    await until(lambda: rung_threads() == {"rung-video-top"})


async def test_the_last_reader_closes_the_rungs(stage: Stage) -> None:
    reader = Reader()
    stage.ladder.join(reader)
    await stage.push()
    stage.ladder.leave(reader)
    stage.ladder.leave(reader)
    await until(lambda: not rung_threads())
    assert stage.ladder.encoded == 0


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
