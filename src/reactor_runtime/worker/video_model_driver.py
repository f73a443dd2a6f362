"""Runs a `VideoModel`: commands in order on the main thread, `start_session` on a thread of its own per session."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from collections.abc import Callable
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.session_context import ReactorContext, bind, is_bound, unbind
from reactor_runtime.authoring.video_model import Command, VideoModel, running
from reactor_runtime.errors import CommandError, InvalidArgument
from reactor_runtime.worker.driver import Inbound, Outlet
from reactor_runtime.worker.messages import ClientJoined, ClientLeft, Invoke, SessionBegan, SessionEnding


class VideoModelDriver:
    """Drives one generation 1 model; one instance serves all sessions."""

    def __init__(
        self, cls: type[VideoModel], contract: Contract, config: Any, commands: dict[str, Command] | None = None
    ) -> None:
        self.contract = contract
        self._cls = cls
        self._config = config
        self._commands = commands or {}
        self._inbox: queue.SimpleQueue[Inbound | None] = queue.SimpleQueue()
        self._session: ReactorContext | None = None
        self._generating: threading.Thread | None = None
        self._awaiting: asyncio.Runner | None = None

    def load(self, outlet: Outlet) -> None:
        """Construct the model. Thread: main. Raises whatever the author's code raises."""
        running.set(self._cls)
        self._outlet = outlet
        construct: Callable[..., VideoModel] = self._cls
        self._model = construct(self._config) if inspect.signature(construct).parameters else construct()

    def run(self) -> None:
        """Serve sessions until `close`. Thread: main."""
        try:
            while (item := self._inbox.get()) is not None:
                match item:
                    case SessionBegan():
                        self._session = ReactorContext(self._outlet, self._cls._tracks, self.contract.fps)
                        bind(self._session)
                    case ClientJoined():
                        self._start()
                    case ClientLeft():
                        pass  # the session goes on, and the model with it
                    case Invoke():
                        self._invoke(item)
                    case SessionEnding():
                        self._stop()
                        self._outlet.session_closed()
            self._stop()
        finally:
            if self._awaiting is not None:
                self._awaiting.close()

    def deliver(self, item: Inbound) -> None:
        """Queue one item for the model; never blocks. Thread: any."""
        self._inbox.put(item)

    def close(self) -> None:
        """Make `run` return once the items before this and the session are done with. Thread: any."""
        self._inbox.put(None)

    def _start(self) -> None:
        if self._session is not None and self._generating is None:
            # The thread inherits which session and which model it works for.
            work = contextvars.copy_context()
            self._generating = threading.Thread(
                target=work.run, args=(self._generate, self._session), name="model-session", daemon=True
            )
            self._generating.start()

    def _generate(self, session: ReactorContext) -> None:
        try:
            self._model.start_session()
        except BaseException as error:  # noqa: BLE001 - the author's loop: reported, and the instance serves on
            unbind(session)
            self._outlet.failed("run", error)
            if not session.should_stop():
                self._outlet.end_session("the model crashed", crashed=True)
        else:
            unbind(session)
            if not session.should_stop():
                self._outlet.end_session("the model ended the session")

    def _stop(self) -> None:
        """End the session: the model is asked, woken if it waits for room, and waited for."""
        if self._session is None:
            return
        self._session._stop_evt.set()
        self._outlet.flush()
        if self._generating is not None:
            self._generating.join()
        unbind(self._session)
        self._session = self._generating = None

    def _invoke(self, invoke: Invoke) -> None:
        def refuse(code: str, message: str) -> None:
            self._outlet.reply(invoke.command_id, error_code=code, error_message=message)

        command = self._commands.get(invoke.name)
        if self._session is None or not is_bound(self._session):
            return refuse("no_session", "no session is open")
        if command is None:
            return refuse("invalid_command", f"unknown command {invoke.name!r}")
        try:
            result = command.call(self._model, invoke.arguments)
            if inspect.iscoroutine(result):
                self._awaiting = self._awaiting or asyncio.Runner()
                result = self._awaiting.run(result)
        except CommandError as error:
            refuse(error.code, error.message)
        except InvalidArgument as error:
            refuse(error.code, str(error))
        except Exception as error:  # noqa: BLE001 - the author's handler: reported, and the session goes on
            self._outlet.failed("handler", error)
            refuse("internal_error", "the handler raised an unexpected error")
        else:
            self._outlet.reply(invoke.command_id, result)
