"""The stream: slots come back when nobody needs them, the last picture stays, a flush leaves nothing to show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.media.frame import AudioBlock, Picture
from reactor_runtime.runtime.clock import now
from reactor_runtime.runtime.stream import ENCODE_AHEAD, IDLE_GAP, Stream
from reactor_runtime.worker.messages import Played, Slice, SlotRef

pytestmark = pytest.mark.manual_time

WIDTH, HEIGHT = 16, 8
CONTRACT = Contract(
    model_name="m",
    generation="reactor_model",
    tracks=(TrackSpec("main_video", "video"), TrackSpec("main_audio", "audio", rate=48000)),
    fps=200.0,
)


class Ring:
    """The model's side: slots whose luma says which slot they are, and what came back."""

    def __init__(self) -> None:
        self.returned: list[int] = []
        self.played = 0
        self.credits: list[Played] = []
        self.memory = [np.full(WIDTH * HEIGHT * 3 // 2, slot, np.uint8) for slot in range(32)]

    def pixels(self, ref: SlotRef) -> np.ndarray:
        return self.memory[ref.slot]

    def count_played(self, played: Played) -> None:
        self.played += played.slices
        self.credits.append(played)

    def release(self, refs: list[SlotRef]) -> None:
        self.returned += [ref.slot for ref in refs]

    async def until_played(self, slices: int) -> None:
        async with asyncio.timeout(5):
            while self.played < slices:  # noqa: ASYNC110 - the stream tells a model's process, not a task
                await asyncio.sleep(0.001)


class Watcher:
    """A reader that keeps what it was shown, and holds the pixels if told to."""

    def __init__(self, *, holds: bool = False) -> None:
        self.pictures: list[Picture] = []
        self.held: list[Callable[[], None]] = []
        self.holds = holds
        self.flushed_after: list[int] = []
        self.came = asyncio.Event()

    def push(self, picture: Picture, done: Callable[[], None]) -> None:
        self.pictures.append(picture)
        self.came.set()
        if self.holds:
            self.held.append(done)
        else:
            done()

    def flush(self) -> None:
        self.flushed_after.append(len(self.pictures))

    @property
    def shown(self) -> list[int]:
        return [int(picture.i420[0]) for picture in self.pictures]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.pictures) < count:
                self.came.clear()
                await self.came.wait()


class Listener:
    def __init__(self) -> None:
        self.blocks: list[AudioBlock] = []
        self.came = asyncio.Event()

    def put(self, block: AudioBlock) -> None:
        self.blocks.append(block)
        self.came.set()


def picture(slot: int, epoch: int = 0) -> Slice:
    return Slice(epoch=epoch, index=0, chunk_frames=1, video={"main_video": SlotRef(1, slot, WIDTH, HEIGHT)})


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
async def stream(ring: Ring):
    made = Stream(CONTRACT, pixels=ring.pixels, release=ring.release, played=ring.count_played)
    yield made
    made.close()


async def test_every_reader_sees_every_picture_in_order_with_growing_pts(stream: Stream) -> None:
    first, second = Watcher(), Watcher()
    stream.watch("main_video", first)
    stream.watch("main_video", second)
    for slot in range(5):
        stream.offer(picture(slot))
    await first.until(5)
    assert first.shown == second.shown == [0, 1, 2, 3, 4]
    pts = [p.pts for p in first.pictures]
    assert pts == sorted(set(pts))


async def test_a_slot_comes_back_once_the_next_picture_is_shown_and_all_readers_are_done(
    stream: Stream, ring: Ring
) -> None:
    quick, slow = Watcher(), Watcher(holds=True)
    stream.watch("main_video", quick)
    stream.watch("main_video", slow)
    stream.offer(picture(0))
    stream.offer(picture(1))
    await slow.until(2)
    await ring.until_played(2)
    assert ring.returned == []
    slow.held[0]()
    assert ring.returned == [0]
    slow.held[1]()
    assert ring.returned == [0], "the last picture stays for who joins late"


async def test_a_picture_is_given_out_ahead_of_its_slot_and_credited_at_it(stream: Stream, ring: Ring) -> None:
    watcher = Watcher()
    stream.watch("main_video", watcher)
    item = picture(0)
    stream.offer(item)
    slower = [Slice(0, 0, 1, {"main_video": SlotRef(1, n, WIDTH, HEIGHT)}, fps=2.0, pinned=True) for n in (1, 2)]
    stream.offer(msgspec.structs.replace(slower[0], answers=[7, 8]))
    stream.offer(slower[1])
    await watcher.until(3)
    assert ring.played == 2, "the third is there, and its time is still to come"
    assert stream.queued == 1
    assert now() < watcher.pictures[2].due_at <= now() + ENCODE_AHEAD
    assert [p.answers for p in watcher.pictures] == [(), (7, 8), ()]
    assert watcher.pictures[2].due_at - watcher.pictures[1].due_at == pytest.approx(1 / 2)
    await ring.until_played(3)
    assert [(played.slices, played.at) for played in ring.credits] == [(1, p.due_at) for p in watcher.pictures]
    assert ring.credits[-1].interval == pytest.approx(1 / 2)
    assert (stream.generated, stream.shown, stream.queued) == (3, 3, 0)


@pytest.mark.parametrize("hold", [True, False])
async def test_a_flush_takes_back_what_readers_have_ahead_of_its_slot(hold: bool, stream: Stream, ring: Ring) -> None:
    watcher = Watcher()
    stream.watch("main_video", watcher)
    stream.offer(picture(0))
    for slot in (1, 2):
        stream.offer(Slice(0, 0, 1, {"main_video": SlotRef(1, slot, WIDTH, HEIGHT)}, fps=2.0, pinned=True))
    await watcher.until(3)
    stale = watcher.pictures[2]
    stream.flush(1, hold=hold)
    assert watcher.flushed_after == [3]
    assert (stream.queued, stream.dropped, ring.played) == (0, 1, 3)
    assert ring.returned[-1] == (2 if hold else 1), "the last picture shown is kept, or black in its place"
    stream.offer(Slice(1, 0, 1, {"main_video": SlotRef(1, 5, WIDTH, HEIGHT)}, fps=2.0, pinned=True))
    fresh = watcher.pictures[-1]
    assert fresh.i420[0] == 5
    assert fresh.due_at == pytest.approx(stale.due_at), "it takes the slot of the one that was taken back"
    assert fresh.pts > stale.pts


async def test_the_lead_is_how_long_slices_wait_for_their_slots(stream: Stream, ring: Ring) -> None:
    began = now()
    for slot in range(24):
        stream.offer(msgspec.structs.replace(picture(slot % 8), emitted_at=began + slot / 200 - 9))
    await ring.until_played(24)
    assert stream.lead == pytest.approx(9, abs=1)


async def test_who_joins_an_idle_stream_sees_the_last_picture(stream: Stream) -> None:
    early, late = Watcher(), Watcher()
    stream.watch("main_video", early)
    stream.offer(picture(7))
    await early.until(1)
    await asyncio.sleep(2 * IDLE_GAP)
    stream.watch("main_video", late)
    assert late.shown == [7]
    assert late.pictures[0].pts > early.pictures[0].pts


@pytest.mark.parametrize("hold", [True, False])
async def test_a_flush_drops_what_is_queued_and_shows_black_unless_held(hold: bool, stream: Stream, ring: Ring) -> None:
    watcher = Watcher()
    stream.watch("main_video", watcher)
    stream.offer(picture(3))
    await watcher.until(1)
    for slot in (4, 5, 6):
        stream.offer(picture(slot))
    stream.flush(1, hold=hold)
    assert set(ring.returned) >= {4, 5, 6} - set(watcher.shown)
    assert stream.queued == 0
    assert ring.played == 4, "what is dropped is credit as much as what is shown"
    if hold:
        assert watcher.shown[-1] != 16
    else:
        assert watcher.shown[-1] == 16, "limited-range black"
    stream.offer(picture(8))
    assert ring.returned[-1] == 8, "a slice of the former epoch goes straight back"
    stream.offer(picture(9, epoch=1))
    await watcher.until(len(watcher.pictures) + 1)
    assert watcher.shown[-1] == 9


async def test_slots_of_a_lost_model_are_not_given_to_the_fresh_one(stream: Stream, ring: Ring) -> None:
    watcher = Watcher(holds=True)
    stream.watch("main_video", watcher)
    stream.offer(picture(2))
    await watcher.until(1)
    stream.lose_model()
    stream.offer(picture(0))
    await watcher.until(2)
    for done in watcher.held:
        done()
    assert 2 not in ring.returned


async def test_audio_flows_as_silence_until_the_model_speaks(stream: Stream) -> None:
    listener = Listener()
    stream.listen("main_audio", listener)
    async with asyncio.timeout(5):
        while len(listener.blocks) < 3:
            listener.came.clear()
            await listener.came.wait()
    assert not any(np.frombuffer(listener.blocks[0].samples, np.int16))
    tone = np.full(960, 1000, np.int16).tobytes()
    stream.offer(Slice(epoch=0, index=0, chunk_frames=1, audio={"main_audio": (1, tone)}))
    async with asyncio.timeout(5):
        while not any(np.frombuffer(listener.blocks[-1].samples, np.int16)):
            listener.came.clear()
            await listener.came.wait()
    pts = [block.pts for block in listener.blocks]
    assert pts == sorted(set(pts))
