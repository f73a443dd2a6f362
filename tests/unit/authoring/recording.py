"""An outlet that remembers what a driver put into it, and a model that runs beside the test."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reactor_runtime.worker.driver import Driver
from reactor_runtime.worker.messages import ClientJoined, ClientLeft, Invoke, SessionBegan, SessionEnding

DEADLINE = 10.0
ROOM = 16


class RecordingOutlet:
    """Room for `ROOM` chunks; more wait until a flush or `free`, as they would for a viewer."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.room = ROOM
        self._changed = threading.Condition()

    def emit(
        self,
        payloads: Mapping[str, object],
        *,
        fps: float | None = None,
        compute_time: float | None = None,
        drop: bool = False,
        called_at: float | None = None,
    ) -> int:
        with self._changed:
            assert self._changed.wait_for(lambda: self.room > 0, DEADLINE), "nobody made room"
            self.room -= 1
            self._record("emit", dict(payloads), {"fps": fps, "compute_time": compute_time, "drop": drop})
        return 1

    def resumed(self, tracks: Iterable[str]) -> None:
        """Nobody measures here."""

    def flush(self, *, hold: bool = False) -> None:
        with self._changed:
            self.room = ROOM
            self._record("flush", hold)

    def supersede(self) -> None:
        self._record("supersede")

    def free(self) -> None:
        """Make room, as when everything was shown."""
        with self._changed:
            self.room = ROOM
            self._changed.notify_all()

    def say(self, data: object, *, name: str | None = None, client_id: int | None = None) -> None:
        self._record("say", data, name, client_id)

    def reply(self, command_id: int, data: object = None, **rest: Any) -> None:
        self._record("reply", command_id, data, rest)

    def failed(self, where: str, error: BaseException | str) -> None:
        self._record("failed", where, error)

    def progress(self, text: str, fraction: float | None = None) -> None:
        self._record("progress", text, fraction)

    def end_session(self, reason: str, *, crashed: bool = False) -> None:
        self._record("end_session", reason, crashed)

    def session_closed(self) -> None:
        self._record("session_closed")

    def _record(self, *call: Any) -> None:
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        with self._changed:
            return [call[1:] for call in self.calls if call[0] == kind]

    def wait(self, kind: str, count: int = 1) -> list[tuple[Any, ...]]:
        return self.until(lambda: self.of(kind) if len(self.of(kind)) >= count else None, f"{count} x {kind}")

    def until(self, found: Callable[[], Any], what: str) -> Any:
        with self._changed:
            if not self._changed.wait_for(found, DEADLINE):
                raise AssertionError(f"waited in vain for {what}; got {self.calls}")
            return found()


class Running:
    """A driver on its own thread, which is its main thread."""

    def __init__(self, make_driver: Callable[[], Driver]) -> None:
        self.outlet = RecordingOutlet()
        self.error: BaseException | None = None
        self._ids = itertools.count(1)
        self._started = threading.Event()
        self.loaded = False
        self._make_driver = make_driver
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        assert self._started.wait(DEADLINE)

    def _run(self) -> None:
        try:
            self.driver = self._make_driver()
            self.driver.load(self.outlet)
            self.loaded = True
            self._started.set()
            self.driver.run()
        except BaseException as error:  # a test looks at it
            self.error = error
        finally:
            self._started.set()

    def begin(self, *clients: int) -> None:
        self.driver.deliver(SessionBegan("s"))
        for client in clients:
            self.join(client)

    def join(self, client: int) -> None:
        self.driver.deliver(ClientJoined(client, float(client)))

    def leave(self, client: int) -> None:
        self.driver.deliver(ClientLeft(client))

    def send(self, name: str, client: int | None = 1, **arguments: Any) -> int:
        command_id = next(self._ids)
        self.driver.deliver(Invoke(command_id, name, arguments, client))
        return command_id

    def ask(self, name: str, client: int | None = 1, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Send a command and return its reply: body and the rest."""
        command_id = self.send(name, client, **arguments)

        def replied() -> tuple[Any, dict[str, Any]] | None:
            return next(((data, rest) for cid, data, rest in self.outlet.of("reply") if cid == command_id), None)

        answer: tuple[Any, dict[str, Any]] = self.outlet.until(replied, f"a reply to {name}")
        return answer

    def end(self) -> None:
        closed = len(self.outlet.of("session_closed"))
        self.driver.deliver(SessionEnding("stopped"))
        self.outlet.wait("session_closed", closed + 1)

    def finished(self) -> BaseException | None:
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()
        return self.error


@contextmanager
def running(make_driver: Callable[[], Driver]) -> Iterator[Running]:
    """Run a driver until the block ends; what its `load` raised is raised here."""
    model = Running(make_driver)
    try:
        if not model.loaded:
            assert model.error is not None
            raise model.error
        yield model
    finally:
        model.driver.close()
        model.outlet.flush()
        model.thread.join(DEADLINE)
        assert not model.thread.is_alive(), "close() did not make run() return"
