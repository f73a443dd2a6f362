"""Which unit answers a command: the first one that a reader is sent, also where the picture itself was dropped."""

from __future__ import annotations

import asyncio

import numpy as np

from reactor_runtime.codec.ladder import Ladder
from reactor_runtime.codec.placement import Limits
from reactor_runtime.media.frame import AccessUnit, Picture

LIMITS = Limits(min_bps=150_000, max_bps=4_000_000, most_rungs=3)
PIXELS = np.full(64 * 48 * 3 // 2, 90, np.uint8)


class Reader:
    def __init__(self) -> None:
        self.answers: list[tuple[int, ...]] = []
        self.accepts = True

    def put(self, unit: AccessUnit) -> bool:
        self.answers.append(unit.answers)
        return self.accepts


class Track:
    """A ladder and the pictures pushed to it, each encoded before the next one."""

    def __init__(self) -> None:
        self.ladder = Ladder("video", limits=LIMITS, fps=30)
        self.pushed = 0

    def hand_over(self, *answers: int) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pushed += 1
        picture = Picture(PIXELS, 64, 48, self.pushed * 3000, 0.0, answers)
        self.ladder.push(picture, lambda: done.set_result(None))
        return done

    async def push(self, *answers: int) -> None:
        await asyncio.wait_for(self.hand_over(*answers), 10)


async def test_the_unit_of_the_picture_that_answers_says_so_to_every_reader_and_no_other_does() -> None:
    track, one, two = Track(), Reader(), Reader()
    track.ladder.join(one)
    track.ladder.join(two)
    for answers in ((), (7,), ()):
        await track.push(*answers)
    track.ladder.close()
    assert one.answers == two.answers == [(), (7,), ()]


async def test_a_picture_that_a_busy_encoder_drops_leaves_its_answers_to_the_next() -> None:
    track, reader = Track(), Reader()
    track.ladder.join(reader)
    await track.push()
    given_back = [track.hand_over(number) for number in range(1, 40)]
    await asyncio.wait_for(asyncio.gather(*given_back), 10)
    dropped = track.ladder.dropped
    track.ladder.close()
    assert dropped > 0
    assert [number for answers in reader.answers for number in answers] == list(range(1, 40))


async def test_a_reader_that_a_unit_was_lost_for_is_answered_by_the_next_it_gets() -> None:
    track, steady, lossy = Track(), Reader(), Reader()
    track.ladder.join(steady)
    track.ladder.join(lossy)
    await track.push()
    lossy.accepts = False
    await track.push(7)
    lossy.accepts = True
    await track.push(8)
    async with asyncio.timeout(10):
        while len(lossy.answers) < 3:  # a key frame, which comes at its time
            await track.push()
    track.ladder.close()
    assert [answers for answers in steady.answers if answers] == [(7,), (8,)]
    assert lossy.answers[:3] == [(), (7,), (7, 8)]


async def test_a_flush_leaves_the_answers_of_what_it_discards_to_what_follows() -> None:
    track, reader = Track(), Reader()
    track.ladder.join(reader)
    await track.push()
    late = track.hand_over(7)
    track.ladder.flush()
    await asyncio.wait_for(late, 10)
    await track.push()
    await track.push()
    track.ladder.close()
    assert [answers for answers in reader.answers if answers] == [(7,)]


async def test_who_joins_later_is_answered_nothing_of_before() -> None:
    track, early, late = Track(), Reader(), Reader()
    track.ladder.join(early)
    await track.push(7)
    track.ladder.join(late)
    for _ in range(3):
        await track.push()
    track.ladder.close()
    assert not any(late.answers)
