"""After a command that flushes, viewers see nothing that was made before it: numbered pictures over WebRTC."""

from __future__ import annotations

import asyncio
from pathlib import Path
from textwrap import dedent

import numpy as np
import numpy.typing as npt
import pytest

from tests.loopback.published_client import until
from tests.loopback.watching import Watcher, watching
from tests.models import write_model
from tests.running import serving

BITS = 10

PAINT = dedent("""
    from reactor_runtime import InputState, ReactorPipeline


    def chunk(level, count):
        # Which level a picture is of, and its place in its chunk, in black and white bars.
        pictures = np.full((count, 160, 320, 3), 90, np.uint8)
        for place in range(count):
            for bit in range(10):
                pictures[place, :, bit * 32 : (bit + 1) * 32] = 220 if (level * 32 + place) >> bit & 1 else 30
        return Frames(main_video=pictures)


    class Frames(Output):
        main_video: Video
""")

PIPELINE = dedent("""
    class Wish(InputState):
        level: int = 0


    class Chunks(ReactorPipeline):
        state: Wish
        fps = 24

        @event(name="jump", flush=True)
        def jump(self, level: int):
            self.state.level = level

        @event(name="slide")
        def slide(self, level: int):
            self.state.level = level

        def inference(self):
            while True:
                level = self.state.level
                time.sleep(0.3)
                yield chunk(level, 24)
""")

LOOP = dedent("""
    class Chunks(ReactorModel):
        fps = 24
        level = 0

        @event(name="jump", flush=True)
        def jump(self, level: int):
            self.level = level

        @event(name="slide")
        def slide(self, level: int):
            self.level = level

        def step(self, level):
            time.sleep(0.3)
            return chunk(level, 24)

        async def run(self):
            while True:
                await self.connected.wait()
                began = time.monotonic()
                frames = await asyncio.to_thread(self.step, self.level)
                await self.emit(frames, compute_time=time.monotonic() - began)
""")


def read(picture: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Return the level of a picture, and its place in its chunk."""
    side = picture.shape[1] // BITS
    middle = picture[picture.shape[0] // 2].mean(axis=1)
    return divmod(sum(1 << bit for bit in range(BITS) if middle[bit * side + side // 2] > 125), 32)


async def levels_after(client: Watcher, command: str, level: int) -> list[int]:
    """Return the levels seen from when a command is answered until twelve pictures of its own level were."""
    await client.ask(command, level=level)
    client.pictures.clear()
    await until(lambda: sum(read(p)[0] == level for _, p in list(client.pictures)) >= 12, f"level {level}")
    return [read(p)[0] for _, p in client.pictures]


@pytest.mark.parametrize("model", [PIPELINE, LOOP], ids=["pipeline", "loop"])
async def test_no_picture_from_before_a_flush_is_seen_after_it(model: str, tmp_path: Path) -> None:
    with serving(write_model(tmp_path, PAINT + model, "Chunks")) as server:
        await asyncio.to_thread(server.wait_ready)
        async with watching(server.url) as client:
            await until(lambda: len(client.pictures) > 20, "pictures")
            seen = await levels_after(client, "slide", 1)
            assert seen.count(0) > 12, "without a flush, what was made plays to its end"
            for level in range(2, 6):
                await asyncio.sleep(0.17 * (level % 4))  # in the middle of a step, and between two
                seen = await levels_after(client, "jump", level)
                stale = [n for n in seen if n != level]
                assert len(stale) <= 2, f"no more than what was on the wire as the answer came: {seen}"
                assert seen[: len(stale)] == stale, "and none behind the first new one"
