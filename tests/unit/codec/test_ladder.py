import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from reactor_runtime.codec.ladder import Ladder
from reactor_runtime.codec.placement import Limits
from reactor_runtime.media.frame import AccessUnit, Picture

WAIT = 10.0
TOP = 4_000_000
LIMITS = Limits(min_bps=150_000, max_bps=TOP, most_rungs=3)


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
        self.ladder = Ladder("video", limits=LIMITS, fps=30, wants_picture=self._ask)
        self.pushed = 0

    def _ask(self) -> None:
        self.asked += 1

    async def push(self, size: tuple[int, int] = (64, 48), due_at: float = 0.0) -> None:
        """Push one picture and return when every rung is through with it."""
        await self.begin_push(size, due_at)

    def begin_push(self, size: tuple[int, int] = (64, 48), due_at: float = 0.0) -> asyncio.Future[None]:
        width, height = size
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pixels = np.full(width * height * 3 // 2, 60 + self.pushed % 100, np.uint8)
        picture = Picture(pixels, width, height, self.pushed * 3000, due_at)
        self.ladder.push(picture, lambda: done.set_result(None))
        self.pushed += 1
        self.now += 1 / 30
        return done


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


async def test_a_slow_network_gets_a_rung_of_its_own_and_comes_back_at_key_frames(stage: Stage) -> None:
    fast, slow = Reader(), Reader()
    stage.ladder.join(fast)
    stage.ladder.join(slow)
    for _ in range(12):
        await stage.push((1280, 720))
    assert stage.ladder.rates == [TOP]

    for at in (0.0, 0.5):
        stage.ladder.note_estimate(slow, 3_000_000, at)
    assert stage.ladder.rates == [TOP, 2_378_414]
    slow.units.clear()
    for _ in range(3):
        await stage.push((1280, 720))
    mine = [u for u in slow.units if u not in fast.units]
    assert [u.is_keyframe for u in mine] == [True, False, False]
    assert slow.units[-3:] == mine, "until its key frame a reader goes on with what it had"
    assert len(fast.units) == 15

    for at in (3.0, 4.0):
        stage.ladder.note_estimate(slow, 10_000_000, at)
    slow.units.clear()
    for _ in range(12):
        await stage.push((1280, 720))
    assert slow.units[-1] is fast.units[-1]
    assert stage.ladder.rates == [TOP]
    await until(lambda: rung_threads() == {"rung-video-vp8-4000k"})


async def test_a_reader_learns_which_of_its_codecs_rungs_it_gets(stage: Stage) -> None:
    fast, slow, other = Reader(), Reader(), Reader()
    stage.ladder.join(fast)
    stage.ladder.join(slow)
    stage.ladder.join(other, "jpeg")
    assert stage.ladder.rungs_for(fast) is None, "nothing was encoded yet"
    await stage.push((1280, 720))
    for at in (0.0, 0.5):
        stage.ladder.note_estimate(slow, 3_000_000, at)
    for _ in range(12):
        await stage.push((1280, 720))
    places = [stage.ladder.rungs_for(reader) for reader in (fast, slow, other)]
    assert [found and (found[0], [rung.codec for rung in found[1]]) for found in places] == [
        (0, ["vp8", "vp8"]),
        (1, ["vp8", "vp8"]),
        (0, ["jpeg"]),
    ]
    stage.ladder.leave(other)
    assert stage.ladder.rungs_for(other) is None


async def test_after_a_collapse_a_reader_gets_nothing_but_the_key_frame_of_a_smaller_rung(stage: Stage) -> None:
    reader = Reader()
    stage.ladder.join(reader)
    for _ in range(3):
        await stage.push((1280, 720))
    assert stage.ladder.note_estimate(reader, 500_000, 0)
    reader.units.clear()
    for _ in range(3):
        await stage.push((1280, 720))
    assert {u.width for u in reader.units} == {640}
    assert [u.is_keyframe for u in reader.units] == [True, False, False]
    assert stage.ladder.rates == [210_224]
    assert not stage.ladder.note_estimate(reader, 500_000, 1)


async def test_the_top_rung_follows_the_best_viewer(stage: Stage) -> None:
    readers = [Reader(), Reader()]
    for reader in readers:
        stage.ladder.join(reader)
    await stage.push((1280, 720))
    for reader, bps in zip(readers, (2_000_000, 700_000), strict=True):
        stage.ladder.note_estimate(reader, bps, 0)
    await stage.push((1280, 720))
    assert stage.ladder.rates == [840_896, 297_302]
    stage.ladder.leave(readers[0])
    await until(lambda: stage.ladder.rates == [297_302])


async def test_many_networks_never_open_more_rungs_than_allowed(stage: Stage) -> None:
    readers = [Reader() for _ in range(8)]
    for number, reader in enumerate(readers):
        stage.ladder.join(reader)
        stage.ladder.note_estimate(reader, 250_000 * (number + 1), 0)
    for _ in range(12):
        await stage.push((640, 360))
    assert len(stage.ladder.rates) == 3
    assert all(reader.units[-1].pts == (stage.pushed - 1) * 3000 for reader in readers)


async def test_a_picture_of_another_size_changes_the_sizes_of_the_rungs(stage: Stage) -> None:
    reader = Reader()
    stage.ladder.join(reader)
    await stage.push((320, 180))
    stage.ladder.note_estimate(reader, 500_000, 0)
    for size in ((320, 180), (1280, 720), (1280, 720)):
        await stage.push(size)
    assert [u.width for u in reader.units[-3:]] == [320, 640, 640]
    assert reader.units[-2].is_keyframe


async def test_units_made_ahead_wait_until_they_are_due(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reactor_runtime.codec.playout.now", lambda: stage.now)
    reader = Reader()
    stage.ladder.join(reader)
    await stage.push(due_at=stage.now + 0.5)
    assert reader.units == []
    stage.now += 1
    await stage.push()
    await until(lambda: len(reader.units) == 2)


async def test_a_flush_shows_nothing_stale_and_follows_with_a_key_frame(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reactor_runtime.codec.playout.now", lambda: stage.now)
    reader = Reader()
    stage.ladder.join(reader)
    await stage.push()
    for ahead in (0.5, 0.6):
        await stage.push(due_at=stage.now + ahead)
    assert len(reader.units) == 1
    stage.ladder.flush()
    stage.now += 1
    await stage.push()
    await stage.push()
    await until(lambda: len(reader.units) == 3)
    assert [u.pts for u in reader.units] == [0, 3 * 3000, 4 * 3000]
    assert [u.is_keyframe for u in reader.units] == [True, True, False]


async def test_a_flush_discards_what_is_being_encoded(stage: Stage) -> None:
    reader = Reader()
    stage.ladder.join(reader)
    await stage.push((1280, 720))
    stale = [stage.begin_push((1280, 720)) for _ in range(2)]
    stage.ladder.flush()
    await asyncio.gather(*stale)
    await stage.push((1280, 720))
    assert [u.pts for u in reader.units] in ([0, 3 * 3000], [0]), "the first one may have been encoded"
    await stage.push((1280, 720))
    assert reader.units[-1].pts == 4 * 3000
    assert all(u.pts not in (3000, 6000) for u in reader.units)


async def test_a_flush_with_nothing_to_discard_costs_no_key_frame(stage: Stage) -> None:
    reader = Reader()
    stage.ladder.join(reader)
    for _ in range(12):
        await stage.push()
    stage.ladder.flush()
    await stage.push()
    assert [u.is_keyframe for u in reader.units] == [True] + [False] * 12


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
