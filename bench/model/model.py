"""Emits stamped pictures at exactly its rate, so that any delay is the runtime's; or as fast as it may."""

import asyncio
import ctypes
import sys
import time
from pathlib import Path

from reactor_runtime.interface import Output, ReactorModel, Video

sys.path.append(str(Path(__file__).parents[1]))  # the stamp is shared with the receiver

from stamp import MovingPicture, Stamp


class Stamped(ReactorModel):
    """A known rate and a known size, whatever the clients do."""

    def load(self, config):
        self.interval = 1 / config["fps"]
        self.output_buffer.set_fps(config["fps"])
        self.eager = config["eager"]
        self.hold_us = int(config["hold_gil_ms"] * 1000)
        self.picture = MovingPicture(config["width"], config["height"])
        self.libc = ctypes.PyDLL(None)  # unlike CDLL, a PyDLL call keeps the GIL

    async def run(self):
        counter = 0
        while True:
            await self.connected.wait()
            due = time.monotonic()
            while self.connected.is_set():
                if self.hold_us:
                    self.libc.usleep(self.hold_us)
                picture = self.picture.at(Stamp(counter, time.monotonic_ns()))
                await self.emit(Picture(main_video=picture))
                counter += 1
                if self.eager:
                    continue
                due = max(due + self.interval, time.monotonic())
                await asyncio.sleep(due - time.monotonic())


class Picture(Output):
    """One video track."""

    main_video: Video
