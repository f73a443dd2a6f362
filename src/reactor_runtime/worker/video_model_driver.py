"""Runs a `VideoModel`: commands in order on the main thread, `start_session` on a thread of its own per session."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import math
import queue
import threading
import time
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.emission_rate import EmissionRate
from reactor_runtime.authoring.session_context import ReactorContext, bind, is_bound, unbind
from reactor_runtime.authoring.video_model import VideoModel, construct, running
from reactor_runtime.authoring.video_model_commands import Command
from reactor_runtime.errors import CommandError, InvalidArgument, OperatorError
from reactor_runtime.log import get_logger
from reactor_runtime.worker.driver import Inbound, Outlet, Received
from reactor_runtime.worker.messages import (
    ClientJoined,
    ClientLeft,
    FileArrived,
    InputFreed,
    Invoke,
    SessionBegan,
    SessionEnding,
)
from reactor_runtime.worker.video_model_inputs import VideoModelInputs

log = get_logger(__name__)


class VideoModelDriver:
    """Drives one generation 1 model; one instance serves all sessions."""

    def __init__(
        self, cls: type[VideoModel], contract: Contract, config: Any, commands: dict[str, Command] | None = None
    ) -> None:
        self.contract = contract
        self._cls = cls
        self._config = config
        self._commands = commands or {}
        self._debuff = 1.0
        self._inputs = VideoModelInputs(cls)
        self._inbox: queue.SimpleQueue[Inbound | None] = queue.SimpleQueue()
        self._session: ReactorContext | None = None
        self._generating: threading.Thread | None = None
        self._awaiting: asyncio.Runner | None = None

    def load(self, outlet: Outlet) -> None:
        """Construct the model. Thread: main. Raises whatever the author's code raises."""
        self._outlet = outlet
        self._debuff = _debuff(self._config)
        running.set(self._cls)
        self._model = construct(self._cls, self._config)

    def run(self) -> None:
        """Serve sessions until `close`. Thread: main."""
        try:
            while (item := self._inbox.get()) is not None:
                match item:
                    case SessionBegan():
                        rate = EmissionRate(self.contract.fps, self._debuff, time.monotonic)
                        self._session = ReactorContext(self._outlet, self._cls._tracks, rate, self._inputs)
                        bind(self._session)
                    case ClientJoined():
                        self._start(item.client_id)
                    case ClientLeft():
                        if self._session is not None:
                            self._session._clients.discard(item.client_id)
                    case FileArrived():
                        log.warning("this model takes no files", file=item.file.name, client=item.client_id)
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
        """Queue one item for the model, or show it media at once; never blocks. Thread: any."""
        match item:
            case Received():
                self._inputs.take(item)
                return
            case InputFreed():
                self._inputs.free(item.track)
                return
            case SessionBegan() | SessionEnding():
                self._inputs.clear()
        self._inbox.put(item)

    def close(self) -> None:
        """Make `run` return once the items before this and the session are done with. Thread: any."""
        self._inbox.put(None)

    def _start(self, client_id: int) -> None:
        if self._session is None:
            return
        self._session._clients.add(client_id)
        if self._generating is None:
            self._inputs.start(self._model, self._outlet)
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
            self._leave(session)
            self._outlet.failed("run", error)
            if not session.should_stop():
                self._outlet.end_session("the model crashed", crashed=True)
        else:
            self._leave(session)
            if not session.should_stop():
                self._outlet.end_session("the model ended the session")

    def _leave(self, session: ReactorContext) -> None:
        unbind(session)
        self._inputs.halt()

    def _stop(self) -> None:
        """End the session: the model is asked, woken if it waits for room, and waited for."""
        if self._session is None:
            return
        self._session._stop_evt.set()
        self._outlet.flush()
        if self._generating is not None:
            self._generating.join()
        self._inputs.stop()
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


def _debuff(config: Any) -> float:
    """Return `config.fps_debuff_factor`: what a measured rate is multiplied with.

    Raises:
        OperatorError: It is no number above 0.
    """
    declared = config.get("fps_debuff_factor", 1.0) if hasattr(config, "get") else 1.0
    try:
        factor = float(declared)
    except (TypeError, ValueError):
        factor = math.nan
    if not 0 < factor < math.inf:
        raise OperatorError(f"fps_debuff_factor of the model's configuration is {declared!r}: write a number above 0")
    return factor
