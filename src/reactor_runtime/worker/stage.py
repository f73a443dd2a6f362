"""What a model of generation 2 reaches the world through while it runs."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from reactor_runtime.authoring.reactor_model import Occurrence
from reactor_runtime.worker.driver import Outlet
from reactor_runtime.worker.gpu import on_its_streams


class Stage:
    """Puts what the model emits through the outlet on one thread of its own: in order, and never on the loop.

    Attributes:
        cycle: Runs the generators; there where the model is a pipeline.
    """

    cycle: Callable[[], Coroutine[Any, Any, None]]

    def __init__(self, outlet: Outlet, watchers: set[asyncio.Queue[Occurrence]]) -> None:
        self._outlet = outlet
        self._watchers = watchers
        self._emitting = ThreadPoolExecutor(1, thread_name_prefix="model-emit")
        self._arriving: set[int] = set()
        self._flushing = threading.RLock()
        self.flush = outlet.flush
        self.say = outlet.say

    async def emit(
        self, payloads: Mapping[str, object], *, fps: float | None, compute_time: float | None, drop: bool
    ) -> None:
        """Hand over one chunk; wait, without blocking the loop, until the next one is to be made."""
        loop = asyncio.get_running_loop()
        emit = functools.partial(
            self._outlet.emit, payloads, fps=fps, compute_time=compute_time, drop=drop, called_at=loop.time()
        )
        await loop.run_in_executor(self._emitting, on_its_streams(payloads, emit))
        await asyncio.sleep(0)  # a command that cut the wait short is begun first
        self._outlet.resumed(payloads)

    def submit(self, payloads: Mapping[str, object], *, fps: float | None, drop: bool) -> int:
        """Hand over one chunk; wait for room in the calling thread."""
        emit = functools.partial(self._outlet.emit, payloads, fps=fps, drop=drop)
        return self._emitting.submit(on_its_streams(payloads, emit)).result()

    @contextmanager
    def flushed_by(self, command_id: int) -> Iterator[None]:
        """Put a command that flushes where its handler finds it, in the block, and flush unless that has begun.

        An emit whose wait ends by the flush then finds the command there. Thread: any.
        """
        self._arriving.add(command_id)
        yield
        with self._flushing:
            if command_id in self._arriving:
                self.flush_for(command_id)

    def flush_for(self, command_id: int) -> None:
        """Flush as the handler of a command begins: what was made before is not shown."""
        with self._flushing:
            self._arriving.discard(command_id)
            self._outlet.supersede()

    async def events(self) -> AsyncIterator[Occurrence]:
        """Tell what happens from the first item that is asked for."""
        watcher: asyncio.Queue[Occurrence] = asyncio.Queue()
        self._watchers.add(watcher)
        try:
            while True:
                yield await watcher.get()
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """Take no more media."""
        self._emitting.shutdown(wait=False, cancel_futures=True)
