"""Time that a test moves by hand, and the event loop that lives on it.

The loop itself moves the time, at the one moment when nothing is left to do at the present one: no callback is ready
and no thread that it waits for is at work. So every timer fires at its own time, and a run repeats exactly.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 5.0
"""Real seconds that a model may be at work at one moment of its time."""


@dataclass(slots=True)
class _Request:
    """A test waits for the loop to come to rest, after moving on to its next timer if `until` says so."""

    until: float | None
    moved: bool = False
    rested: threading.Event = field(default_factory=threading.Event)


class ManualClock:
    """Seconds that pass only when a test says so, or waits. For one `ModelHarness`.

    What a model of generation 2 awaits, `asyncio.sleep`, timeouts and `loop.time()`, lives on it; what blocks a thread,
    as `time.sleep`, takes its real time. Thread: the test's, but for `time`.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._loop: _ManualLoop | None = None
        self._request: _Request | None = None
        self._is_free = False
        self._blocked: Callable[[], int] = lambda: 0
        self._standing: Callable[[], str] = lambda: ""

    def time(self) -> float:
        """Return the present, in seconds. Thread: any."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let so much time pass. Returns once the model has done everything that is due by then.

        Raises:
            ValueError: Time does not go back.
            TimeoutError: The model does not come to rest; names where it stands.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        until = self._now + seconds
        self.settle()
        while self._now < until:
            self.step(until)

    def step(self, until: float, patience: float = PATIENCE) -> None:
        """Move on to what the model waits for next, or to `until`, and let it work until it rests again."""
        self._ask(_Request(until), patience)

    def settle(self, patience: float = PATIENCE) -> None:
        """Let the model do everything that is due, without moving on."""
        self._ask(_Request(None), patience)

    def new_loop(self, blocked: Callable[[], int], standing: Callable[[], str]) -> asyncio.AbstractEventLoop:
        """Return the loop of one model.

        Args:
            blocked: How many of the threads that the loop waits for wait for the test. `stir` tells when it changed.
            standing: Where the model stands, for errors.
        """
        self._blocked, self._standing = blocked, standing
        self._loop = _ManualLoop(self)
        return self._loop

    def free(self, is_free: bool) -> None:
        """Let time run on its own, from timer to timer, while the model loads and ends; or stop it. Thread: any."""
        self._is_free = is_free
        self.stir()

    def stir(self) -> None:
        """Make the loop look again whether anything is left to do. Thread: any."""
        with suppress(RuntimeError):  # closed: nothing is left to do
            if self._loop is not None:
                self._loop.call_soon_threadsafe(lambda: None)

    def _ask(self, request: _Request, patience: float) -> None:
        loop = self._loop
        if loop is not None:
            self._request = request
            try:
                loop.call_soon_threadsafe(lambda: None)
            except RuntimeError:  # closed: nobody is left whose time could pass
                loop = None
        if loop is None:
            self._request = None
            self._now = self._now if request.until is None else request.until
        elif not request.rested.wait(patience):
            self._request = None
            raise TimeoutError(f"the model does not come to rest within {patience:g} real seconds{self._standing()}")

    def _move(self, timeout: float | None) -> bool:
        """Nothing is ready: move the time if that is asked for, and return whether it was. Thread: the loop's."""
        request = self._request
        if self._loop is None or self._loop.at_work > self._blocked():
            return False
        if self._is_free and timeout is not None:
            self._now += timeout
            return True
        if request is None:
            return False
        if request.until is None or request.moved:
            self._finish()
            return False
        request.moved = True
        self._now = min(self._now + (math.inf if timeout is None else timeout), request.until)
        return True

    def _finish(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.rested.set()


class _ManualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a manual clock's."""

    def __init__(self, clock: ManualClock) -> None:
        self._manual = clock
        self.at_work = 0
        super().__init__(_RestingSelector(clock))

    def time(self) -> float:
        return self._manual.time()

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self.at_work += 1
        future.add_done_callback(self._done_with_work)
        return future

    def close(self) -> None:
        super().close()
        self._manual._finish()

    def _done_with_work(self, _: asyncio.Future[Any]) -> None:
        self.at_work -= 1


class _RestingSelector(selectors.DefaultSelector):
    """Waits for sockets and other threads alone, never for time."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := super().select(0):
            return ready
        if timeout is not None and timeout <= 0:
            return []
        return [] if self._clock._move(timeout) else super().select(None)
