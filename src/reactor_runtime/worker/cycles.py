"""Runs a pipeline's generator: one cycle from the first client in to the last one out."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any

from reactor_runtime.authoring.inputs import BufferClosed, is_only_closed
from reactor_runtime.authoring.pipeline import ReactorPipeline, generator_of, new_state, output_of, state_class_of
from reactor_runtime.errors import AuthorError
from reactor_runtime.worker.driver import Outlet
from reactor_runtime.worker.turn import Turn, is_cancelled

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

    def __init__(
        self, model: ReactorPipeline, turn: Turn, outlet: Outlet, commands_before: Callable[[], Awaitable[None]]
    ) -> None:
        """Give the model a state.

        Args:
            model: The author's.
            turn: Taken for each step.
            outlet: What the author's clean-up failed with is told there.
            commands_before: Waits until the commands that have arrived by then are begun.
        """
        self._model = model
        self._turn = turn
        self._outlet = outlet
        self._commands_before = commands_before
        self._state_class = state_class_of(type(model))
        self._watched = asyncio.Event()
        self._cycle: asyncio.Task[None] | None = None
        self.renew()

    def renew(self) -> None:
        """Put a fresh state in place."""
        self._model.state = new_state(self._state_class)

    def begin(self) -> None:
        """Somebody watches, and the hooks that greet are done."""
        self._watched.set()

    async def run(self) -> None:
        """Run cycle after cycle, for the life of the model.

        Raises:
            BaseException: What the author's generator raised.
        """
        while True:
            await self._watched.wait()
            self._cycle = asyncio.create_task(self._run_cycle(), name="model-cycle")
            try:
                await asyncio.wait({self._cycle})
            finally:
                self._cycle.cancel()
            if not self._cycle.cancelled():
                self._cycle.result()

    def stop(self) -> None:
        """Cancel the step that the generator is in, and begin no other."""
        self._watched.clear()
        if self._cycle is not None:
            self._cycle.cancel()

    async def end(self, patience: float) -> None:
        """Nobody watches any more: end the cycle, its state still in place; cancel it after `patience` seconds."""
        self._watched.clear()
        if self._cycle is None or self._cycle.done():
            return
        self._outlet.flush()  # it may wait for room
        done, _ = await asyncio.wait({self._cycle}, timeout=patience)
        if not done:
            self.stop()
            await asyncio.wait({self._cycle})

    async def _run_cycle(self) -> None:
        pause = IDLE_PAUSE
        while self._watched.is_set():
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
                await self._commands_before()
                async with self._turn.held():
                    if not self._watched.is_set():
                        return showed
                    began = asyncio.get_running_loop().time()
                    yielded = await self._next(generator)
                    seconds = asyncio.get_running_loop().time() - began
                if yielded is _END or not self._watched.is_set():
                    return showed
                output = output_of(type(self._model), yielded)
                if output is None:
                    await asyncio.sleep(IDLE_PAUSE)
                else:
                    showed = True
                    await self._model.emit(output, compute_time=seconds)
        except (BufferClosed, BaseExceptionGroup) as error:
            if not is_only_closed(error):
                raise
            return showed
        finally:
            await self._close(generator)

    async def _next(self, generator: Cycle) -> Any:
        try:
            if inspect.isgenerator(generator):
                return next(generator, _END)
            return await anext(generator, _END)  # type: ignore[arg-type]
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            name = type(self._model).__name__
            raise AuthorError(f"{name}.inference() awaited a task that was cancelled, and did not catch it") from error

    async def _close(self, generator: Cycle) -> None:
        async with self._turn.held(for_clean_up=True):
            try:
                if inspect.isgenerator(generator):
                    generator.close()
                elif inspect.isasyncgen(generator):
                    with suppress(BufferClosed):
                        await generator.aclose()
            except Exception as error:  # noqa: BLE001 - the author's clean-up: reported, and the next cycle begins
                self._outlet.failed("hook", error)
