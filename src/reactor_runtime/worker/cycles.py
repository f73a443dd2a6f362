"""Runs a pipeline's generator: one cycle from the first client in to the last one out."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from typing import Any

from reactor_runtime.authoring.inputs import BufferClosed
from reactor_runtime.authoring.pipeline import ReactorPipeline, generator_of, new_state, output_of, state_class_of
from reactor_runtime.worker.driver import Outlet
from reactor_runtime.worker.turn import Turn

IDLE_PAUSE = 0.005
"""Seconds between steps that show nothing, and before a generator that ended is begun anew."""
LONGEST_PAUSE = 0.32
"""The pause before a generator is begun anew doubles up to this while it ends without having shown anything."""
PATIENCE = 2.0
"""Seconds a generator has to come out of its step once nobody watches; then the step is cancelled."""

Cycle = Generator[Any, None, None] | AsyncGenerator[Any, None]
_END = object()


class Cycles:
    """The work of a pipeline. All methods run on the model's loop."""

    def __init__(self, model: ReactorPipeline, turn: Turn, outlet: Outlet) -> None:
        self._model = model
        self._turn = turn
        self._outlet = outlet
        self._state_class = state_class_of(type(model))
        self._cycle: asyncio.Task[None] | None = None
        model.state = new_state(self._state_class)

    async def run(self) -> None:
        """Run cycle after cycle, for the life of the model.

        Raises:
            BaseException: What the author's generator raised.
        """
        while True:
            await self._model.connected.wait()
            self._cycle = asyncio.create_task(self._run_cycle(), name="model-cycle")
            try:
                await asyncio.wait({self._cycle})
            finally:
                self._cycle.cancel()
            if not self._cycle.cancelled():
                self._cycle.result()

    async def end(self) -> None:
        """End the cycle, once `connected` is clear, and put a fresh state in place of its own."""
        if self._cycle is not None and not self._cycle.done():
            done, _ = await asyncio.wait({self._cycle}, timeout=PATIENCE)
            if not done:
                self._cycle.cancel()
                await asyncio.wait({self._cycle})
        self._model.state = new_state(self._state_class)

    async def _run_cycle(self) -> None:
        pause = IDLE_PAUSE
        while self._model.connected.is_set():
            if await self._run_generator():
                pause = IDLE_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run_generator(self) -> bool:
        """Run one generator to its end; return whether it showed anything."""
        showed = False
        async with self._turn.held():
            generator: Cycle = generator_of(self._model)
        try:
            while True:
                began = asyncio.get_running_loop().time()
                async with self._turn.held():
                    if not self._model.connected.is_set():
                        return showed
                    yielded = await _next(generator)
                if yielded is _END:
                    return showed
                output = output_of(type(self._model), yielded)
                if output is None:
                    await asyncio.sleep(IDLE_PAUSE)
                else:
                    showed = True
                    seconds = asyncio.get_running_loop().time() - began
                    await self._model.emit(output, compute_time=seconds)
        except BufferClosed:
            return showed
        finally:
            await self._close(generator)

    async def _close(self, generator: Cycle) -> None:
        async with self._turn.held():
            try:
                if inspect.isgenerator(generator):
                    generator.close()
                elif inspect.isasyncgen(generator):
                    with suppress(BufferClosed):
                        await generator.aclose()
            except Exception as error:  # noqa: BLE001 - the author's clean-up: reported, and the next cycle begins
                self._outlet.failed("hook", error)


async def _next(generator: Cycle) -> Any:
    if inspect.isgenerator(generator):
        return next(generator, _END)
    return await anext(generator, _END)  # type: ignore[arg-type]
