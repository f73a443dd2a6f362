"""One model instance from its first import to its end, whether it has a process of its own or a thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reactor_runtime.weights.places import report_to
from reactor_runtime.worker.driver import Inbound
from reactor_runtime.worker.lines import Lines
from reactor_runtime.worker.messages import (
    Described,
    Loaded,
    Ping,
    Pong,
    SessionEnding,
    Setup,
    Shutdown,
    ToModel,
)
from reactor_runtime.worker.pipe import ModelEnd

if TYPE_CHECKING:
    from reactor_runtime.worker.driver import Driver
    from reactor_runtime.worker.host import Host
    from reactor_runtime.worker.inputs import Inputs

LEFT, ABANDONED, NOT_IMPORTED, FAILED = 0, 1, 3, 4
"""Exit statuses: asked to leave; the server is gone; the author's code could not be imported; it raised later."""


class Instance:
    """Runs one model at the far end of a control pipe."""

    def __init__(
        self, pipe: ModelEnd, first_ring: int, leave: Callable[[int], object], servers_thread: int | None = None
    ) -> None:
        """Make an instance; `run` does the work.

        Args:
            pipe: The model's end; closed by the instance once the server is gone.
            first_ring: Number of the first ring.
            leave: Ends the process where no session needs ending. May return where there is no process to end; the
                instance then ends as soon as the author's code lets it.
            servers_thread: Ident of the thread that serves, where the instance lives in the server's process.
        """
        self._pipe = pipe
        self._first_ring = first_ring
        self._leave = leave
        self._servers_thread = servers_thread
        self._lines: Lines | None = None
        self._host: Host | None = None
        self._inputs: Inputs | None = None
        self._driver: Driver | None = None
        self._loaded = False
        self._closing = False

    def run(self, setup: Setup) -> int:
        """Import, load and run the model until the server asks to leave. Thread: main.

        Returns:
            The exit status.

        Raises:
            SystemExit: The author's code asked for it.
        """
        if not setup.development:
            return self._live(setup)
        self._lines = Lines(self._pipe)
        with self._lines.following(self._servers_thread):
            return self._live(setup)

    def _live(self, setup: Setup) -> int:
        # Listening comes first: pings are answered, and a shutdown obeyed, while the author's code imports and loads.
        threading.Thread(target=self._listen, name="reactor-control", daemon=True).start()
        from reactor_runtime.authoring import profiling
        from reactor_runtime.worker.failure import failure
        from reactor_runtime.worker.host import Host  # numpy and OpenCV: 200 ms
        from reactor_runtime.worker.inputs import Inputs

        if setup.profiling or setup.profiling_dir:
            profiling.switch_on(Path(setup.profiling_dir) if setup.profiling_dir else None)
        try:
            from reactor_runtime.loader import load_definition

            definition = load_definition(setup)
            driver = definition.make_driver()
            host = Host(definition.contract, self._pipe, first_ring=self._first_ring)
            self._inputs = Inputs(definition.contract, self._pipe, driver.deliver)
            self._pipe.send(Described(os.getpid(), definition.contract))
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - an author's module may raise anything
            self._pipe.send(failure("import", error))
            return NOT_IMPORTED
        self._host, self._driver = host, driver
        if self._closing:
            driver.close()
        try:
            return self._serve(host, driver)
        finally:
            # An emit that waits for room on a thread of the author's must not keep the process.
            host.note(SessionEnding("the model has ended"))
            profiling.report()

    def _serve(self, host: Host, driver: Driver) -> int:
        began = time.monotonic()
        report_to(host.progress)
        try:
            driver.load(host)
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - so may its load()
            host.failed("load", error)
            return FAILED
        self._loaded = True
        self._pipe.send(Loaded(time.monotonic() - began))
        try:
            driver.run()
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - and its loop
            host.failed("run", error)
            return FAILED
        if not self._closing:
            host.failed("run", "the model's main loop returned; it must go on until the process ends")
            return FAILED
        return LEFT

    def _listen(self) -> None:
        while (message := self._pipe.receive()) is not None:
            self._take(message)
        self._closing = True
        self._leave(ABANDONED)
        if self._host is not None:
            self._host.note(SessionEnding("the server is gone"))
        if self._driver is not None:
            self._driver.close()
        self._pipe.close()

    def _take(self, message: ToModel) -> None:
        match message:
            case Ping():
                self._pipe.send(Pong(message.sent_at))
                if self._lines is not None:
                    self._lines.say_left_out()
            case Shutdown():
                self._closing = True
                if not self._loaded:
                    self._leave(LEFT)
                if self._driver is not None:
                    self._driver.close()
            case _ if self._host is not None and self._driver is not None and self._inputs is not None:
                self._host.note(message)
                self._inputs.take(message)
                if isinstance(message, Inbound):
                    self._driver.deliver(message)
            case _:
                pass  # sent before the model is loaded, which no server does
