"""Reads the stamps of what a camera sends, and writes down how old each picture was when it was read."""

import asyncio
import sys
import time
from pathlib import Path

from reactor_runtime import BufferClosed, Input, ReactorModel, Video

sys.path.append(str(Path(__file__).parents[1]))  # the stamp is shared with the camera

from stamp import STAMP_HEIGHT, STAMP_WIDTH, read


class Camera(Input):
    """One input track."""

    webcam: Video


class Watcher(ReactorModel):
    """Writes a line for each picture to `config["ages"]`: its number, its age and its capture time's error, in ms."""

    camera: Camera

    def load(self, config):
        self.ages = Path(config["ages"]).open("w", buffering=1)  # noqa: SIM115 - as long as the model lives

    async def run(self):
        while True:
            try:
                (frame,) = await self.camera.webcam.read()
            except BufferClosed:
                await asyncio.sleep(0.01)
                continue
            now = time.monotonic_ns()
            if (stamp := read(frame.data[:STAMP_HEIGHT, :STAMP_WIDTH, 1])) is not None:
                wall_ns = time.time_ns() - time.monotonic_ns() + stamp.pushed_ns
                off = (frame.capture_time_us * 1000 - wall_ns) / 1e6 if frame.capture_time_us else None
                print(stamp.counter, (now - stamp.pushed_ns) / 1e6, off, file=self.ages)
