"""A model at work beside a test: on its own thread, its main thread, as in a worker process."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from reactor_runtime.errors import ReactorError
from reactor_runtime.loader import LoadedModel
from reactor_runtime.runtime import clock as real_clock
from reactor_runtime.testing.clock import ManualClock
from reactor_runtime.testing.standing import standing
from reactor_runtime.testing.witness import Failure, Witness
from reactor_runtime.worker.driver import Driver, Inbound, Received
from reactor_runtime.worker.messages import SessionEnding

T = TypeVar("T")


class RunningModel:
    """One model instance, from its load to its end. Thread: the test's."""

    def __init__(self, definition: LoadedModel, clock: ManualClock | None, timeout: float, load_timeout: float) -> None:
        """Prepare; `start` does the work.

        Args:
            definition: What to run.
            clock: Time for a model of generation 2; None is real time.
            timeout: Seconds to wait for anything but loading.
            load_timeout: Seconds for loading.
        """
        self._definition = definition
        self.clock = clock
        self._timeout = timeout
        self._load_timeout = load_timeout
        self.witness = Witness(
            definition.contract, clock.time if clock else real_clock.now, clock.stir if clock else lambda: None
        )
        self._others = set(threading.enumerate())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driver: Driver | None = None
        self._loaded = self._closing = False
        work = contextvars.copy_context()
        self._thread = threading.Thread(target=work.run, args=(self._live,), name="model-main", daemon=True)

    @property
    def instance(self) -> Any:
        """The author's instance."""
        return cast(Any, self._driver)._model

    def now(self) -> float:
        """Return the seconds the model lives by."""
        return self.clock.time() if self.clock and self._loaded else real_clock.now()

    def start(self) -> None:
        """Construct and load the model; raises what the author's code raised."""
        if self.clock is not None:
            self.clock.free(True)
        self._thread.start()
        self.wait(lambda: self._loaded or None, "load() to return", self._load_timeout)

    def deliver(self, item: Inbound) -> None:
        """Hand over one item, as the worker's control thread does."""
        assert self._driver is not None, "the model was started"
        if not isinstance(item, Received):
            self.witness.host.note(item)
        self._driver.deliver(item)

    def stop(self) -> None:
        """End the session and the model.

        Raises:
            TimeoutError: It does not end; names where it stands.
        """
        self._closing = True
        if self._driver is not None:
            self._driver.close()
        self.witness.host.note(SessionEnding("the test is over"))
        if self.clock is not None:
            self.clock.free(True)
        self._thread.join(self._timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"waited {self._timeout:g} s in vain for the model to end{self.standing()}")

    def wait(
        self, found: Callable[[], T | None], what: str, timeout: float | None = None, *, in_session: bool = True
    ) -> T:
        """Return what `found` finds, asked again whenever something came from the model.

        On a manual clock, waiting lets time pass, from one of the model's timers to its next.

        Args:
            found: Looks for it; None while it is not there.
            what: It, for errors.
            timeout: Seconds to wait.
            in_session: Whether it cannot come once the model itself ended the session.

        Raises:
            SessionOver: It cannot come any more.
            TimeoutError: It did not come in time; names where the model stands.
            BaseException: What the author's code raised, where nothing can come any more.
        """
        patience = self._timeout if timeout is None else timeout
        clock = self.clock if self._loaded else None
        until = self.now() + patience
        witness = self.witness
        while True:
            if clock is not None:
                clock.settle(self._timeout)
            news, taken = witness.news, witness.taken
            if (value := found()) is not None:
                return value
            self._raise_if_over(what, in_session)
            left = until - self.now()
            if clock is None and self._news_since(news, left):
                continue
            if clock is not None and left > 0:
                if witness.taken == taken:  # else the model has room to go on, at the same moment
                    clock.step(until, self._timeout)
                continue
            raise TimeoutError(f"waited {patience:g} s in vain for {what}{self.standing()}") from self._unseen()

    def standing(self) -> str:
        """Describe where the model stands."""
        return standing([t for t in threading.enumerate() if t not in self._others], self._loop)

    def see(self, failures: list[Failure]) -> list[BaseException]:
        """Return the errors of these failures: the test is told of them hereby."""
        for failure in failures:
            failure.seen = True
        return [failure.error for failure in failures]

    def unseen(self) -> list[BaseException]:
        """Return what the author's code raised and nobody was told yet."""
        return self.see([failure for failure in self.witness.failures if not failure.seen])

    def _unseen(self) -> BaseException | None:
        errors = self.unseen()
        return (
            BaseExceptionGroup("raised in the model meanwhile", errors) if len(errors) > 1 else next(iter(errors), None)
        )

    def _news_since(self, news: int, seconds: float) -> bool:
        """Wait until something came from the model after `news`."""
        with self.witness.changed:
            return self.witness.changed.wait_for(lambda: self.witness.news != news, seconds)

    def _raise_if_over(self, what: str, in_session: bool) -> None:
        """Raise why nothing comes any more: the model is dead, or it ended the session."""
        fatal = [f for f in self.witness.failures if f.where in ("import", "load", "run") and not f.seen]
        if fatal:
            raise self.see(fatal[:1])[0]
        if in_session and self.witness.ended is not None:
            raise SessionOver(f"no {what} will come: {self.witness.ended.reason}")
        if not self._thread.is_alive():
            raise SessionOver(f"no {what} will come: the model has ended")

    def _live(self) -> None:
        """Thread: the model's main thread."""
        witness = self.witness
        try:
            driver = self._definition.make_driver(loop_factory=self._new_loop)
            self._driver = driver
            driver.load(witness.host)
            if self.clock is not None:
                self.clock.free(False)
            with witness.changed:
                self._loaded = True
                witness.tell()
            driver.run()
            if not self._closing:
                witness.failed("run", "the model's main loop returned; it must go on until the process ends")
        except BaseException as error:  # noqa: BLE001 - the author's code: raised again where the test waits
            witness.failed("run" if self._loaded else "load", error)
        finally:
            with witness.changed:
                witness.tell()

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        if self.clock is None:
            self._loop = asyncio.new_event_loop()
        else:
            self._loop = self.clock.new_loop(lambda: self.witness.host.room.blocked, self.standing)
        return self._loop


class SessionOver(ReactorError):
    """Nothing more comes: the model ended the session, or itself."""
