"""A model to try ports and supervision on: every command makes it do one thing."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import psutil

from reactor_runtime.worker.messages import Setup

T = TypeVar("T")

LAB = dedent("""
    import asyncio
    import ctypes
    import os
    import signal
    import sys
    import threading
    import time

    import numpy as np

    from reactor_runtime import Output, ReactorModel, Video, event


    class Out(Output):
        main: Video


    def picture(height, width, seed):
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


    class Lab(ReactorModel):
        buffer_size = 2

        def load(self, config):
            self.trouble = asyncio.Event()

        @event(name="emit", description="")
        async def emit_frames(self, height: int, width: int, seeds: list[int]):
            frames = np.stack([picture(height, width, seed) for seed in seeds])
            self.emitting = asyncio.create_task(self.emit(Out(main=frames)))

        @event(name="flush", description="")
        async def flush(self):
            self.output_buffer.flush()
            await self.emitting

        @event(name="die", description="")
        def die(self, how: str):
            match how:
                case "raise":
                    self.trouble.set()
                case "os_exit":
                    os._exit(9)
                case "sys_exit":
                    sys.exit(7)
                case "segfault":
                    ctypes.string_at(0)
                case "hang":
                    time.sleep(600)
                case "hog":
                    # PyDLL keeps the GIL: no thread of this process runs meanwhile
                    ctypes.PyDLL(None).sleep(600)
                case "hog_a_little":
                    ctypes.PyDLL(None).usleep(200_000)
                case "linger":
                    threading.Thread(target=time.sleep, args=(600,)).start()
                    self.trouble.set()
                case "fork":
                    self.child = os.fork()
                    if self.child == 0:
                        time.sleep(600)
                        os._exit(0)

        async def run(self):
            await self.trouble.wait()
            raise RuntimeError("the model is broken")
""")


def lab(folder: Path, *, source: str = LAB, prelude: str = "") -> Setup:
    """Write the model to a folder and return how to run it."""
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(prelude + source)
    (folder / "reactor.yaml").write_text("model: model:Lab\n")
    return Setup(str(folder))


def picture(height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def held() -> tuple[int, int, int]:
    """Return how many descriptors, threads and child processes this process has."""
    gc.collect()
    process = psutil.Process()
    return process.num_fds(), threading.active_count(), len(process.children())


async def settled(before: tuple[int, int, int], within: float = 5.0) -> None:
    """Wait until nothing more is held than before."""
    deadline = time.monotonic() + within
    while any(now > then for now, then in zip(held(), before, strict=True)):
        assert time.monotonic() < deadline, f"descriptors, threads, children: {held()}, before {before}"
        await asyncio.sleep(0.02)


class Watched:
    """Everything observed, in order, and a way to wait for more."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.lost: list[str] = []
        self._news = asyncio.Event()

    def observe(self, item: object) -> None:
        self.seen.append(item)
        self._news.set()

    def lose(self, how: str) -> None:
        self.lost.append(how)
        self._news.set()

    def of(self, kind: type[T]) -> list[T]:
        return [item for item in self.seen if isinstance(item, kind)]

    async def until(self, probe: Callable[[], T], within: float = 30.0) -> T:
        """Wait until `probe` is true of what was observed, and return its value."""
        deadline = time.monotonic() + within
        while not (value := probe()):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"not within {within} s; observed: {self.seen[-5:]}, lost: {self.lost}") from None
        return value

    async def first(self, kind: type[T], within: float = 30.0) -> T:
        return (await self.until(lambda: self.of(kind), within))[0]
