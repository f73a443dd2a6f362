"""Runs a `ReactorModel`: its loop, and one dispatcher that hands it commands and clients in the order they came.

The order around `connected`: it is set before the first client's `@connected` handlers and cleared before the last
client's `@disconnected` ones, so a loop that waits on it sees what those handlers prepared.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.events import ClientInfo, Hook
from reactor_runtime.authoring.messages import ModelMessage, content_of, name_of
from reactor_runtime.authoring.reactor_model import ReactorModel
from reactor_runtime.errors import AuthorError, CommandError, InvalidArgument
from reactor_runtime.worker.driver import Inbound, Outlet
from reactor_runtime.worker.messages import ClientJoined, ClientLeft, Invoke, SessionBegan, SessionEnding

LAST_WORDS = 2.0
"""Seconds that `run` has for its clean-up once it was cancelled."""


class ReactorModelDriver:
    """Drives one generation 2 model."""

    def __init__(self, cls: type[ReactorModel], contract: Contract, config: Mapping[str, Any]) -> None:
        self.contract = contract
        self._cls = cls
        self._config = config
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()
        self._inbox: deque[Inbound | None] = deque()
        self._filled = asyncio.Event()
        self._in_session = False
        self._clients: dict[int, ClientInfo] = {}

    def load(self, outlet: Outlet) -> None:
        """Construct the model and load its weights. Thread: main. Raises whatever the author's code raises."""
        self._outlet = outlet
        self._stage = _Stage(outlet)
        try:
            self._model = self._cls()
            self._model._stage = self._stage
            parameters = inspect.signature(self._model.load).parameters
            loading = self._model.load(*([self._config] if parameters else []))
            if inspect.isawaitable(loading):
                self._runner.run(_result_of(loading))
        except BaseException:
            self._runner.close()
            raise

    def run(self) -> None:
        """Serve sessions until `close`. Thread: main.

        Raises:
            AuthorError: The author's `run` returned.
            BaseException: What the author's `run` raised.
        """
        with self._runner:
            try:
                self._runner.run(self._serve())
            finally:
                self._stage.close()

    def deliver(self, item: Inbound) -> None:
        """Queue one item for the model; never blocks. Thread: any."""
        self._put(item)

    def close(self) -> None:
        """Make `run` return once the items before this and the session are done with. Thread: any."""
        self._put(None)

    def _put(self, item: Inbound | None) -> None:
        self._inbox.append(item)
        try:
            self._loop.call_soon_threadsafe(self._filled.set)
        except RuntimeError:  # the loop is closed: the model is gone, and nobody is left to tell
            pass

    async def _serve(self) -> None:
        running = asyncio.create_task(self._model.run(), name="model-run")
        dispatching = asyncio.create_task(self._dispatch(), name="model-dispatch")
        await asyncio.wait({running, dispatching}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            dispatching.cancel()
            await running
            raise AuthorError(f"run() of {self._cls.__name__} returned; it must run for the life of the model")
        await dispatching
        running.cancel()
        await asyncio.wait({running}, timeout=LAST_WORDS)
        if running.done() and not running.cancelled() and (error := running.exception()):
            self._outlet.failed("run", error)

    async def _dispatch(self) -> None:
        """Handle items one by one until `close`."""
        while True:
            while not self._inbox:
                self._filled.clear()
                await self._filled.wait()
            match self._inbox.popleft():
                case SessionBegan():
                    self._in_session = True
                case ClientJoined(client_id=client_id, joined_at=joined_at):
                    await self._join(ClientInfo(client_id, joined_at, self._stage.say))
                case ClientLeft(client_id=client_id):
                    await self._leave(client_id)
                case Invoke() as invoke:
                    await self._invoke(invoke)
                case SessionEnding():
                    await self._end_session()
                    self._outlet.session_closed()
                case None:
                    await self._end_session()
                    return

    async def _join(self, client: ClientInfo) -> None:
        self._clients[client.id] = client
        self._model.connected.set()
        await self._call_hooks(self._cls._handlers.connected, client)

    async def _leave(self, client_id: int) -> None:
        client = self._clients.pop(client_id, None)
        if client is None:
            return
        if not self._clients:
            self._model.connected.clear()
        await self._call_hooks(self._cls._handlers.disconnected, client)

    async def _end_session(self) -> None:
        """Let every client go, and drop what they have not seen: the next session begins on a clean stream."""
        if not self._in_session:
            return
        self._model.connected.clear()
        for client_id in list(self._clients):
            await self._leave(client_id)
        self._outlet.flush()
        self._in_session = False

    async def _call_hooks(self, hooks: tuple[Hook, ...], client: ClientInfo) -> None:
        for hook in hooks:
            try:
                result = hook.call(self._model, client)
                if inspect.isawaitable(result):
                    await result
            except Exception as error:  # noqa: BLE001 - the author's hook: reported, and the session goes on
                self._outlet.failed("hook", error)

    async def _invoke(self, invoke: Invoke) -> None:
        refuse = functools.partial(self._outlet.reply, invoke.command_id)
        command = self._cls._handlers.commands.get(invoke.name)
        client = None if invoke.client_id is None else self._clients.get(invoke.client_id)
        if not self._in_session:
            refuse(error_code="no_session", error_message="no session is open")
            return
        if command is None:
            refuse(error_code="invalid_command", error_message=f"unknown command {invoke.name!r}")
            return
        try:
            result = command.call(self._model, invoke.arguments, client)
            if inspect.isawaitable(result):
                result = await result
        except CommandError as error:
            refuse(error_code=error.code, error_message=error.message)
        except InvalidArgument as error:
            refuse(error_code=error.code, error_message=str(error))
        except Exception as error:  # noqa: BLE001 - the author's handler: reported, and the session goes on
            self._outlet.failed("handler", error)
            refuse(error_code="internal_error", error_message="the handler raised an unexpected error")
        else:
            if isinstance(result, ModelMessage):
                self._outlet.reply(invoke.command_id, content_of(result), name=name_of(type(result)))
            else:
                self._outlet.reply(invoke.command_id)


class _Stage:
    """Puts what the model emits through the outlet on one thread of its own: in order, and never on the loop."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._emitting = ThreadPoolExecutor(1, thread_name_prefix="model-emit")
        self.flush = outlet.flush
        self.say = outlet.say

    async def emit(
        self, payloads: Mapping[str, object], *, fps: float | None, compute_time: float | None, drop: bool
    ) -> None:
        emit = functools.partial(self._outlet.emit, payloads, fps=fps, compute_time=compute_time, drop=drop)
        await asyncio.get_running_loop().run_in_executor(self._emitting, emit)

    def close(self) -> None:
        self._emitting.shutdown(wait=False, cancel_futures=True)


async def _result_of(awaitable: Any) -> None:
    await awaitable
