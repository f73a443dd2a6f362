"""Runs a `ReactorModel` or a `ReactorPipeline`: its work, and one dispatcher for commands and clients.

- Commands, clients and uploads are handled one by one, in the order they came. A handler that waits for input lets
  the next one begin.
- `connected` is set before the first client's `@connected` handlers and cleared before the last client's
  `@disconnected` ones, so a loop that waits on it sees what those handlers prepared.
- A read that waits ends with `BufferClosed` when its sender or everybody leaves, before any hook runs.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.events import ClientInfo, Connected, Disconnected, Event, FileUploaded, Hook
from reactor_runtime.authoring.inputs import BufferClosed, InputBuffer, live_input
from reactor_runtime.authoring.messages import ModelMessage, content_of, name_of
from reactor_runtime.authoring.pipeline import ReactorPipeline
from reactor_runtime.authoring.reactor_model import Occurrence, ReactorModel
from reactor_runtime.authoring.uploads import resolve_uploads
from reactor_runtime.errors import AuthorError, CommandError, InvalidArgument
from reactor_runtime.worker.cycles import Cycles
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
from reactor_runtime.worker.turn import Hold, Turn
from reactor_runtime.worker.uploads import read_uploads

LAST_WORDS = 2.0
"""Seconds that cancelled work and handlers without input have for their clean-up."""


class ReactorModelDriver:
    """Drives one generation 2 model."""

    def __init__(
        self,
        cls: type[ReactorModel],
        contract: Contract,
        config: Mapping[str, Any],
        *,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        self.contract = contract
        self._cls = cls
        self._config = config
        self._runner = asyncio.Runner(loop_factory=loop_factory)
        self._loop = self._runner.get_loop()
        self._inbox: deque[Inbound | None] = deque()
        self._filled = asyncio.Event()
        self._turn = Turn()
        self._in_session = False
        self._clients: dict[int, ClientInfo] = {}
        self._handling: set[asyncio.Task[None]] = set()
        self._watchers: set[asyncio.Queue[Occurrence]] = set()
        inputs = [track for track in contract.tracks if track.direction == "in"]
        self._buffers = {track.name: InputBuffer(track, self._parked) for track in inputs}
        self._cycles: Cycles | None = None

    def load(self, outlet: Outlet) -> None:
        """Construct the model and load its weights. Thread: main. Raises whatever the author's code raises."""
        self._outlet = outlet
        self._stage = _Stage(outlet, self._watchers)
        try:
            self._model = self._cls()
            self._model._stage = self._stage
            for attribute, declared in self._cls._inputs.items():
                setattr(self._model, attribute, live_input(declared, self._buffers.values()))
            if isinstance(self._model, ReactorPipeline):
                self._cycles = Cycles(self._model, self._turn, outlet)
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
            BaseException: What the author's `run` or `inference` raised.
        """
        with self._runner:
            try:
                self._runner.run(self._serve())
            finally:
                self._stage.close()

    def deliver(self, item: Inbound) -> None:
        """Queue one item for the model, or hand it its media; never blocks. Thread: any."""
        match item:
            case Received(track=track, frame=frame):
                self._buffers[track].put(frame)
            case InputFreed(track=track):
                self._buffers[track].interrupt()
            case _:
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

    # ---- the model's own work -----------------------------------------------------------------------------------

    async def _serve(self) -> None:
        work = self._cycles.run() if self._cycles is not None else self._run()
        running = asyncio.create_task(work, name="model-run")
        dispatching = asyncio.create_task(self._dispatch(), name="model-dispatch")
        await asyncio.wait({running, dispatching}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            dispatching.cancel()
            await running
        await dispatching
        running.cancel()
        await asyncio.wait({running}, timeout=LAST_WORDS)
        if running.done() and not running.cancelled() and (error := running.exception()):
            self._outlet.failed("run", error)

    async def _run(self) -> None:
        while True:
            try:
                await self._model.run()
            except BufferClosed:
                await self._model.connected.wait()
            else:
                raise AuthorError(f"run() of {self._cls.__name__} returned; it must run for the life of the model")

    @asynccontextmanager
    async def _parked(self) -> AsyncIterator[None]:
        """A read waits: others may have the turn, and what belongs to clients ends when there are none."""
        if self._turn.is_mine and not self._model.connected.is_set():
            raise BufferClosed("nobody is connected")
        async with self._turn.lent():
            yield

    # ---- one item after another ---------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        while True:
            while not self._inbox:
                self._filled.clear()
                await self._filled.wait()
            match self._inbox[0]:
                case Invoke() | ClientJoined() | FileArrived():
                    await self._begin_next()
                case ClientLeft(client_id=client_id):
                    self._inbox.popleft()
                    await self._leave(client_id)
                case SessionEnding():
                    self._inbox.popleft()
                    await self._end_session()
                    self._outlet.session_closed()
                case None:
                    await self._end_session()
                    return
                case SessionBegan():
                    self._inbox.popleft()
                    self._in_session = True

    async def _begin_next(self) -> None:
        """Handle the next item in a turn of its own, as soon as it may begin."""
        hold = await self._turn.take()
        task = asyncio.create_task(self._handle(hold, self._inbox.popleft()))
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)

    async def _handle(self, hold: Hold, item: Inbound | None) -> None:
        async with self._turn.spent(hold):
            match item:
                case Invoke():
                    await self._invoke(item)
                case ClientJoined(client_id=client_id, joined_at=joined_at):
                    await self._join(ClientInfo(client_id, joined_at, self._stage.say))
                case FileArrived(client_id=client_id, file=file):
                    await self._file_arrived(file, self._clients.get(client_id))

    async def _join(self, client: ClientInfo) -> None:
        self._clients[client.id] = client
        self._model.connected.set()
        self._tell(Connected(client))
        await self._call_hooks(self._cls._handlers.connected, client)

    async def _leave(self, client_id: int) -> None:
        async with self._turn.held():
            client = self._clients.pop(client_id, None)
            if client is None:
                return
            if not self._clients:
                self._close_inputs()
            self._tell(Disconnected(client))
            await self._call_hooks(self._cls._handlers.disconnected, client)
        if not self._clients and self._cycles is not None:
            await self._cycles.end()
            self._outlet.flush()

    async def _end_session(self) -> None:
        """Let every client go, and drop what they have not seen: the next session begins on a clean stream."""
        if not self._in_session:
            return
        async with self._turn.held():
            self._close_inputs()
        for client_id in list(self._clients):
            await self._leave(client_id)
        if self._handling:
            _, late = await asyncio.wait(self._handling, timeout=LAST_WORDS)
            for task in late:
                task.cancel()
        self._outlet.flush()
        self._in_session = False

    def _close_inputs(self) -> None:
        self._model.connected.clear()
        for buffer in self._buffers.values():
            buffer.interrupt()

    async def _call_hooks(self, hooks: tuple[Hook, ...], client: ClientInfo | None, **arguments: Any) -> None:
        for hook in hooks:
            try:
                result = hook.call(self._model, client, **arguments)
                if inspect.isawaitable(result):
                    await result
            except BufferClosed:
                pass  # it waited for input of somebody who has left
            except Exception as error:  # noqa: BLE001 - the author's hook: reported, and the session goes on
                self._outlet.failed("hook", error)

    async def _file_arrived(self, file: Any, client: ClientInfo | None) -> None:
        try:
            uploaded = (await asyncio.to_thread(read_uploads, {"file": file}))["file"]
        except InvalidArgument as error:
            self._outlet.failed("hook", error)
            return
        self._tell(FileUploaded(uploaded, client))
        await self._call_hooks(self._cls._handlers.file_uploaded, client, uploaded_file=uploaded)

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
        if command.dedupe and _is_superseded(invoke, self._inbox):
            self._outlet.reply(invoke.command_id)
            return
        try:
            arguments = invoke.arguments
            if invoke.uploads:
                files = await asyncio.to_thread(read_uploads, invoke.uploads)
                arguments = resolve_uploads(arguments, files, command.spec.schema)
            self._tell(Event(invoke.name, arguments, client))
            result = command.call(self._model, arguments, client)
            if inspect.isawaitable(result):
                result = await result
        except CommandError as error:
            refuse(error_code=error.code, error_message=error.message)
        except InvalidArgument as error:
            refuse(error_code=error.code, error_message=str(error))
        except BufferClosed as error:
            refuse(error_code="input_closed", error_message=f"{invoke.name}: {error}")
        except Exception as error:  # noqa: BLE001 - the author's handler: reported, and the session goes on
            self._outlet.failed("handler", error)
            refuse(error_code="internal_error", error_message="the handler raised an unexpected error")
        else:
            if isinstance(result, ModelMessage):
                self._outlet.reply(invoke.command_id, content_of(result), name=name_of(type(result)))
            else:
                self._outlet.reply(invoke.command_id)

    def _tell(self, occurrence: Occurrence) -> None:
        for watcher in self._watchers:
            watcher.put_nowait(occurrence)


def _is_superseded(invoke: Invoke, inbox: Iterable[Inbound | None]) -> bool:
    return any(
        isinstance(later, Invoke) and (later.name, later.client_id) == (invoke.name, invoke.client_id)
        for later in inbox
    )


class _Stage:
    """Puts what the model emits through the outlet on one thread of its own: in order, and never on the loop."""

    def __init__(self, outlet: Outlet, watchers: set[asyncio.Queue[Occurrence]]) -> None:
        self._outlet = outlet
        self._watchers = watchers
        self._emitting = ThreadPoolExecutor(1, thread_name_prefix="model-emit")
        self.flush = outlet.flush
        self.say = outlet.say

    async def emit(
        self, payloads: Mapping[str, object], *, fps: float | None, compute_time: float | None, drop: bool
    ) -> None:
        emit = functools.partial(self._outlet.emit, payloads, fps=fps, compute_time=compute_time, drop=drop)
        await asyncio.get_running_loop().run_in_executor(self._emitting, emit)

    def submit(self, payloads: Mapping[str, object], *, fps: float | None, drop: bool) -> int:
        return self._emitting.submit(self._outlet.emit, payloads, fps=fps, drop=drop).result()

    async def events(self) -> AsyncIterator[Occurrence]:
        watcher: asyncio.Queue[Occurrence] = asyncio.Queue()
        self._watchers.add(watcher)
        try:
            while True:
                yield await watcher.get()
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        self._emitting.shutdown(wait=False, cancel_futures=True)


async def _result_of(awaitable: Coroutine[Any, Any, Any] | Any) -> None:
    await awaitable
