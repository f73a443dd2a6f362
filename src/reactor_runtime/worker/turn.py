"""Whose turn it is: one handler, hook or generator step at a time, in the order they asked.

Whoever waits for input lends its turn out meanwhile, so that a read never holds up anybody else. Of several reads at
once, the last one to end takes it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any


def is_cancelled() -> bool:
    """Return whether it is the running task that was cancelled, rather than one that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def cancel_the_rest(patience: float) -> bool:
    """Cancel every other task of the loop; return whether they all ended within so many seconds."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    return not rest or not (await asyncio.wait(rest, timeout=patience))[1]


class Hold:
    """One turn. Tasks that its code starts share it: they inherit the context variable."""

    def __init__(self) -> None:
        self.waiting = 0
        self.returning: asyncio.Task[None] | None = None
        self.has_lock = True
        self.is_over = False


_mine: ContextVar[Hold | None] = ContextVar("turn", default=None)


class Turn:
    """A fair lock that can be lent. All methods run on the model's loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self) -> Hold:
        """Wait for the turn; it ends with the `spent` block that it is given to."""
        await self._lock.acquire()
        return Hold()

    @asynccontextmanager
    async def spent(self, hold: Hold) -> AsyncIterator[None]:
        """Run the block in this turn, which ends with it."""
        token = _mine.set(hold)
        try:
            yield
        finally:
            _mine.reset(token)
            hold.is_over = True
            if hold.has_lock:
                self._lock.release()

    @asynccontextmanager
    async def held(self, *, for_clean_up: bool = False) -> AsyncIterator[None]:
        """Wait for the turn and run the block in it; `for_clean_up` also where the task is cancelled meanwhile."""
        if not for_clean_up:
            async with self.spent(await self.take()):
                yield
            return
        acquiring = asyncio.create_task(self._lock.acquire())
        cancelled = await _seen_through(acquiring)
        hold = Hold()
        hold.has_lock = not acquiring.cancelled()  # as everything is, once the loop ends
        async with self.spent(hold):
            yield
        if cancelled is not None:
            raise cancelled

    @property
    def is_mine(self) -> bool:
        """Whether the calling code runs in a turn of its own."""
        hold = _mine.get()
        return hold is not None and not hold.is_over

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Let others have the caller's turn for the length of the block; nothing happens where it has none."""
        hold = _mine.get()
        if hold is None or hold.is_over:
            yield
            return
        hold.waiting += 1
        if hold.has_lock:
            hold.has_lock = False
            self._lock.release()
        try:
            yield
        finally:
            hold.waiting -= 1
            if not hold.waiting and not hold.is_over:
                if hold.returning is None:
                    hold.returning = asyncio.create_task(self._return_to(hold))
                # Who is cancelled here, as by a timeout, may catch it, and goes on in its turn all the same.
                if (cancelled := await _seen_through(hold.returning)) is not None:
                    raise cancelled

    async def _return_to(self, hold: Hold) -> None:
        """Take the turn back, once for all the tasks that share it."""
        try:
            await self._lock.acquire()
        finally:
            hold.returning = None
        if hold.is_over or hold.waiting:
            self._lock.release()
        else:
            hold.has_lock = True


async def _seen_through(work: asyncio.Future[Any]) -> asyncio.CancelledError | None:
    """Wait until it is done, even if cancelled meanwhile; return the cancellation, which is still to be raised."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
