"""Runs a `ReactorModel` or a `ReactorPipeline`: its work, and one dispatcher for commands and clients.

- Commands, clients and uploads are handled one by one, in the order they came. A handler that waits for input lets
  the next one begin.
- `connected` is set before the first client's `@connected` handlers and cleared before the last client's
  `@disconnected` ones, so a loop that waits on it sees what those handlers prepared.
- A read that waits ends with `BufferClosed` when its sender or everybody leaves, before any hook runs.
- A command that flushes does so as it arrives and again as its handler begins: nothing made before is shown after.
- A pipeline's generator has come to its end before the last client's `@disconnected` handlers.
- Nothing of the author's can hold up the end of a session: what is not done `LAST_WORDS` after it is cancelled.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.events import ClientInfo, Connected, Disconnected, Event, FileUploaded, Hook
from reactor_runtime.authoring.inputs import BufferClosed, InputBuffer, is_only_closed, live_input
from reactor_runtime.authoring.messages import ModelMessage, content_of, name_of
from reactor_runtime.authoring.pipeline import ReactorPipeline
from reactor_runtime.authoring.reactor_model import Occurrence, ReactorModel, load_with
from reactor_runtime.authoring.uploads import resolve_uploads
from reactor_runtime.errors import AuthorError, CommandError, InvalidArgument
from reactor_runtime.worker.cycles import PATIENCE, Cycles
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
from reactor_runtime.worker.stage import Stage
from reactor_runtime.worker.turn import Hold, Turn, cancel_the_rest, is_cancelled
from reactor_runtime.worker.uploads import read_uploads

LAST_WORDS = 2.0
"""Seconds that handlers have to come to an end with their session, and cancelled work for its clean-up."""
RUN_PAUSE = 0.005
"""Seconds before a `run` that let `BufferClosed` pass is begun anew."""


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
        self._begun = 0
        self._caught_up = asyncio.Event()
        self._turn = Turn()
        self._connected = asyncio.Event()
        self._in_session = False
        self._clients: dict[int, ClientInfo] = {}
        self._handling: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._is_late = False
        self._watchers: set[asyncio.Queue[Occurrence]] = set()
        inputs = [track for track in contract.tracks if track.direction == "in"]
        self._buffers = {track.name: InputBuffer(track, self._parked) for track in inputs}
        self._cycles: Cycles | None = None
        self._flushing = {name for name, command in cls._handlers.commands.items() if command.flush}

    def load(self, outlet: Outlet) -> None:
        """Construct the model and load its weights. Thread: main. Raises whatever the author's code raises."""
        self._outlet = outlet
        self._stage = Stage(outlet, self._watchers)
        try:
            self._model = self._cls()
            self._model.connected = self._connected
            self._model._stage = self._stage
            for attribute, declared in self._cls._inputs.items():
                setattr(self._model, attribute, live_input(declared, self._buffers.values()))
            if isinstance(self._model, ReactorPipeline):
                self._cycles = Cycles(self._model, self._turn, outlet, self._commands_before)
                self._stage.cycle = self._cycles.run
            loading = load_with(self._model, self._config)
            if inspect.isawaitable(loading):
                self._runner.run(self._loaded(loading))
            self._model._check_loaded()
        except BaseException:
            self._runner.close()
            raise

    def run(self) -> None:
        """Serve sessions until `close`. Thread: main.

        Raises:
            AuthorError: The author's `run` returned.
            BaseException: What the author's `run` or `inference` raised.
        """
        try:
            self._runner.run(self._serve())
        finally:
            self._stage.close()
            if self._runner.run(cancel_the_rest(LAST_WORDS)):
                self._runner.close()
            else:
                self._outlet.failed("run", f"a task of {self._cls.__name__} goes on after it was cancelled")

    def deliver(self, item: Inbound) -> None:
        """Queue one item for the model, or hand it its media; never blocks. Thread: any."""
        match item:
            case Received(track=track, frame=frame):
                self._buffers[track].put(frame)
            case InputFreed(track=track):
                self._buffers[track].interrupt()
            case Invoke(name=name) if name in self._flushing:
                with self._stage.flushed_by(item.command_id):
                    self._put(item)
            case _:
                self._put(item)

    def close(self) -> None:
        """Make `run` return once the items before this and the session are done with. Thread: any."""
        self._put(None)

    def _put(self, item: Inbound | None) -> None:
        self._inbox.append(item)
        with suppress(RuntimeError):  # the loop is closed: the model is gone, and nobody is left to tell
            self._loop.call_soon_threadsafe(self._filled.set)
            if item is None or isinstance(item, SessionEnding):
                self._loop.call_soon_threadsafe(self._hurry, item, None)

    # ---- the model's own work -----------------------------------------------------------------------------------

    async def _loaded(self, loading: Awaitable[Any]) -> None:
        async with self._turn.held():  # so that a read, which nobody could ever end, is refused
            await loading

    async def _serve(self) -> None:
        running = asyncio.create_task(self._run(), name="model-run")
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
            except (BufferClosed, BaseExceptionGroup) as error:
                if not is_only_closed(error):
                    raise
                await asyncio.sleep(RUN_PAUSE)
                await self._connected.wait()
            else:
                raise AuthorError(f"run() of {self._cls.__name__} returned; it must run for the life of the model")

    @asynccontextmanager
    async def _parked(self) -> AsyncIterator[None]:
        """A read waits: others may have the turn, and what belongs to clients ends when there are none."""
        if self._turn.is_mine and not self._connected.is_set():
            raise BufferClosed("nobody is connected")
        async with self._turn.lent():
            yield

    # ---- one item after another ---------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        while True:
            while not self._inbox:
                self._filled.clear()
                await self._filled.wait()
            item = self._inbox[0]
            match item:
                case Invoke():
                    await self._begin(self._invoke(item))
                case ClientJoined():
                    client = ClientInfo(item.client_id, item.joined_at, self._stage.say)
                    await self._begin(self._greet(client))
                    if not self._clients:
                        for buffer in self._buffers.values():
                            buffer.reopen()
                    self._clients[client.id] = client
                    self._connected.set()
                case FileArrived(client_id=client_id, file=file):
                    await self._begin(self._file_arrived(file, client_id))
                case ClientLeft(client_id=client_id):
                    await self._leave(client_id)
                case SessionBegan():
                    self._in_session, self._is_late = True, False
                    if self._cycles is not None:
                        self._cycles.renew()
                case SessionEnding():
                    await self._end_session()
                    self._outlet.session_closed()
                case None:
                    await self._end_session()
            self._inbox.popleft()
            self._begun += 1
            self._caught_up.set()
            if item is None:
                return

    async def _begin(self, handling: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something be handled in a turn of its own, as soon as it may begin."""
        try:
            hold = await self._turn.take()
        except asyncio.CancelledError:
            handling.close()
            raise
        task = asyncio.create_task(self._handle(hold, handling))
        self._handling.add(task)
        task.add_done_callback(self._handled)
        return task

    async def _handle(self, hold: Hold, handling: Coroutine[Any, Any, None]) -> None:
        async with self._turn.spent(hold):
            if task := asyncio.current_task():
                self._busy.add(task)  # only now: cancelled before it began, it would never end its turn
            await handling

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        self._busy.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._outlet.failed("handler", error)

    async def _commands_before(self) -> None:
        """Wait until what has arrived by now is begun, as long as somebody is there."""
        due = self._begun + len(self._inbox)
        while self._begun < due and self._connected.is_set():
            self._caught_up.clear()
            await self._caught_up.wait()

    def _hurry(self, ending: SessionEnding | None, busy_before: frozenset[asyncio.Task[None]] | None) -> None:
        """Cut short what held up the end of the session all the time since the last look, and look again later."""
        if not any(item is ending for item in self._inbox):
            return
        if busy_before is not None:
            self._is_late = True
            for task in self._busy & busy_before:
                task.cancel()
            if self._cycles is not None and self._inbox[0] is not ending:
                self._cycles.stop()
        self._loop.call_later(LAST_WORDS, self._hurry, ending, frozenset(self._busy))

    async def _greet(self, client: ClientInfo) -> None:
        self._tell(Connected(client))
        await self._call_hooks(self._cls._handlers.connected, client)
        if self._cycles is not None and client.id in self._clients and not self._is_late:
            self._cycles.begin()

    async def _leave(self, client_id: int) -> None:
        client = self._clients.get(client_id)
        if client is None:
            return
        if len(self._clients) == 1:
            await self._empty()
        del self._clients[client_id]
        parting = await self._begin(self._part(client))
        if not self._clients:
            await asyncio.wait({parting})
            if self._cycles is not None:
                self._cycles.renew()
                self._outlet.flush()

    async def _empty(self) -> None:
        """Nobody is there any more: end what waits for input, and the generator."""
        patience = PATIENCE
        try:
            async with asyncio.timeout(patience), self._turn.held():
                self._close_inputs()
        except TimeoutError:  # somebody is in the middle of something long: perhaps the generator
            self._close_inputs()
            patience = 0.0
        if self._cycles is not None:
            await self._cycles.end(patience)

    async def _part(self, client: ClientInfo) -> None:
        self._tell(Disconnected(client))
        await self._call_hooks(self._cls._handlers.disconnected, client)

    async def _end_session(self) -> None:
        """Let every client go, and drop what they have not seen: the next session begins on a clean stream."""
        if not self._in_session:
            return
        if not self._clients:
            await self._empty()
        for client_id in list(self._clients):
            await self._leave(client_id)
        if self._handling:
            await asyncio.wait(self._handling)
        self._outlet.flush()
        self._in_session = False

    def _close_inputs(self) -> None:
        self._connected.clear()
        self._caught_up.set()
        for buffer in self._buffers.values():
            buffer.interrupt()

    async def _call_hooks(self, hooks: tuple[Hook, ...], client: ClientInfo | None, **arguments: Any) -> None:
        for hook in hooks:
            try:
                result = hook.call(self._model, client, **arguments)
                if inspect.isawaitable(result):
                    await result
            except asyncio.CancelledError as error:
                self._outlet.failed("hook", _late(hook.method) if is_cancelled() else error)
            except Exception as error:  # noqa: BLE001 - the author's hook: reported, and the session goes on
                if not is_only_closed(error):  # it waited for input of somebody who has left
                    self._outlet.failed("hook", error)

    async def _file_arrived(self, file: Any, client_id: int) -> None:
        client = self._clients.get(client_id)
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
        if not self._in_session or self._is_late:
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
            if command.flush:
                self._stage.flush_for(invoke.command_id)
            self._tell(Event(invoke.name, arguments, client))
            result = command.call(self._model, arguments, client)
            if inspect.isawaitable(result):
                result = await result
            reply = functools.partial(self._outlet.reply, invoke.command_id)
            if isinstance(result, ModelMessage):
                reply = functools.partial(reply, content_of(result), name=name_of(type(result)))
        except CommandError as error:
            refuse(error_code=error.code, error_message=error.message)
        except InvalidArgument as error:
            refuse(error_code=error.code, error_message=str(error))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the author's handler: reported and answered
            if is_only_closed(error):
                refuse(error_code="input_closed", error_message=f"{invoke.name}: input ended while the handler read it")
            elif isinstance(error, asyncio.CancelledError) and is_cancelled():
                self._outlet.failed("handler", _late(invoke.name))
                refuse(error_code="no_session", error_message="the session ended before the handler did")
            else:
                self._outlet.failed("handler", error)
                refuse(error_code="internal_error", error_message="the handler raised an unexpected error")
        else:
            reply()

    def _tell(self, occurrence: Occurrence) -> None:
        for watcher in self._watchers:
            watcher.put_nowait(occurrence)


def _late(name: str) -> str:
    return f"{name} was still busy {LAST_WORDS:g} s after the end of its session, and was cancelled"


def _is_superseded(invoke: Invoke, inbox: Iterable[Inbound | None]) -> bool:
    return any(
        isinstance(later, Invoke) and (later.name, later.client_id) == (invoke.name, invoke.client_id)
        for later in inbox
    )
