"""Media through each kind of port: a ring's memory crosses, pixels arrive, slots come back."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import pytest_asyncio

from reactor_runtime.worker.local_port import LocalPort
from reactor_runtime.worker.messages import (
    ClientJoined,
    Heard,
    InputFreed,
    InputReleased,
    InputRingOpened,
    Loaded,
    Said,
    Saw,
    SessionBegan,
)
from reactor_runtime.worker.piped_port import PipedPort
from reactor_runtime.worker.process_port import ProcessPort
from reactor_runtime.worker.ring import RingWriter
from tests.loopback.worker_models import Watched, held, lab, settled
from tests.unit.worker.border import i420

EYE = dedent("""
    import asyncio

    from reactor_runtime import Audio, BufferClosed, Input, ModelMessage, Output, ReactorModel, ReadMode, Video


    class Media(Input):
        webcam: Video
        mic: Audio


    class Out(Output):
        main: Video


    class Seen(ModelMessage):
        size: list[int]
        rgb: list[int]


    class Heard(ModelMessage):
        loudest: int


    class Gone(ModelMessage):
        pass


    class Lab(ReactorModel):
        media: Media

        async def run(self):
            await asyncio.gather(self.look(), self.listen())

        async def look(self):
            while True:
                try:
                    (frame,) = await self.media.webcam.read(mode=ReadMode.FIFO)
                    rgb = [int(value) for value in frame.data.mean(axis=(0, 1))]
                    await self.send(Seen(size=list(frame.shape[1::-1]), rgb=rgb))
                except BufferClosed:
                    await self.send(Gone())
                    await asyncio.sleep(0.02)

        async def listen(self):
            while True:
                try:
                    (block,) = await self.media.mic.read(mode=ReadMode.FIFO)
                    await self.send(Heard(loudest=int(block.max())))
                except BufferClosed:
                    await asyncio.sleep(0.02)
""")


class Eye:
    """A port to the model that says what it sees, and the server's ring before it."""

    def __init__(self, port: PipedPort) -> None:
        self.port = port
        self.watched = Watched()
        self.ring = RingWriter("webcam", itertools.count(), port.send, InputRingOpened)

    def observe(self, item: object) -> None:
        if isinstance(item, InputReleased):
            for slot in item.slots:
                self.ring.release(item.ring, slot)
        self.watched.observe(item)

    async def load(self, folder: Path) -> None:
        await self.port.start(lab(folder, source=EYE), self.observe, self.watched.lose)
        await self.watched.first(Loaded)
        self.port.send(SessionBegan("s"))
        self.port.send(ClientJoined(7, 0.0))

    def show(self, width: int, height: int, colour: tuple[int, int, int]) -> None:
        packed = i420(np.full((height, width, 3), colour, np.uint8))
        self.ring.fit(packed.size, 4)
        ref, pixels = self.ring.take(width, height)
        pixels[:] = packed
        self.port.send(Saw("webcam", 7, ref, 0.0))

    async def said(self, name: str, count: int = 1) -> list[dict[str, object]]:
        def found() -> list[dict[str, object]]:
            return [said.data for said in self.watched.of(Said) if said.name == name]

        return await self.watched.until(lambda: len(found()) >= count and found())


@pytest_asyncio.fixture(params=[LocalPort, ProcessPort])
async def eye(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Eye]:
    before = held()
    eye = Eye(request.param())
    await eye.load(tmp_path / "model")
    yield eye
    await eye.port.stop(5)
    eye.ring = RingWriter("webcam", itertools.count(), eye.port.send)
    await settled(before)


async def test_pictures_of_any_size_reach_the_model_and_their_slots_come_back(eye: Eye) -> None:
    shown = [(64, 36, (220, 20, 30)), (640, 360, (20, 200, 40)), (32, 64, (30, 40, 210))] * 4
    for count, (width, height, colour) in enumerate(shown, 1):
        eye.show(width, height, colour)
        seen = (await eye.said("seen", count))[-1]
        assert seen["size"] == [width, height]
        assert np.abs(np.array(seen["rgb"]) - colour).max() <= 4
    await eye.watched.until(lambda: eye.ring.taken == 0)


async def test_sound_reaches_the_model(eye: Eye) -> None:
    for run in range(4):
        eye.port.send(Heard("mic", 7, np.full(480, 1000 + run // 2, "<i2").tobytes(), run / 100))
    assert [heard["loudest"] for heard in await eye.said("heard", 2)] == [1000, 1001]


async def test_a_track_that_is_freed_wakes_who_reads_it(eye: Eye) -> None:
    eye.show(64, 36, (1, 2, 3))
    await eye.said("seen")
    eye.port.send(InputFreed("webcam", 7))
    await eye.said("gone")
