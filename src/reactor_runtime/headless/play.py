"""One model without a network: the steps of a script or of stdin go in, frames and answers come out.

Rules:
- Frames are taken as fast as the model makes them; PTS comes from the rate it plays at. Nothing is dropped.
- Stream time stands still while the model makes nothing; a step that waits for a time then waits on the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.openapi import capabilities, openapi
from reactor_runtime.config import Config
from reactor_runtime.errors import ClientError, LoadError, OperatorError
from reactor_runtime.headless.feed import CLIENT_ID, Feed
from reactor_runtime.headless.files import attach
from reactor_runtime.headless.output import session_path
from reactor_runtime.headless.script import HELP, Step, parse
from reactor_runtime.headless.sources import assign, find
from reactor_runtime.headless.writer import Writer, release
from reactor_runtime.log import StatusLine, get_logger
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE
from reactor_runtime.runtime.clock import now
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown, ModelUp, Supervisor

log = get_logger(__name__)

SESSION_ID = "headless"
MakeSupervisor = Callable[[Callable[[Any], None]], Supervisor]


class Play:
    """One run of the headless runtime. All methods run on the event loop."""

    def __init__(
        self, config: Config, make_supervisor: MakeSupervisor, lines: AsyncIterator[str], *, prompt: bool
    ) -> None:
        """Make a run.

        Args:
            config: Of the run.
            make_supervisor: Gives the model, observed by the function it is handed.
            lines: What is typed, piped or read from the script.
            prompt: Whether somebody is typing.

        Raises:
            OperatorError: An input is not there.
        """
        self._config = config
        self._goal = config.headless
        self._sources = [find(given) for given in self._goal.input_folder]
        self._ends_by_goal = self._goal.frames is not None or self._goal.seconds is not None
        self._by_itself = self._ends_by_goal or self._goal.script is not None or bool(self._sources)
        self._script_left = self._goal.script is not None
        self._lines = lines
        self._prompt = prompt
        self._supervisor = make_supervisor(self._observe)
        self._state = "LOADING"
        self._contract: Contract | None = None
        self._status = StatusLine(log, now())
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        self._failed = self._refused = False
        self._pending: dict[int, str] = {}
        self._last_command_id = 0
        self._sessions = 0
        self._writer: Writer | None = None
        self._write_error: Exception | None = None
        self._ring_numbers = itertools.count()
        self._feed: Feed | None = None
        self._feeding: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Return the exit status: 0 fine, 1 the model failed or a script's command was refused.

        Raises:
            LoadError: The author's code cannot be found or imported.
            OperatorError: The output cannot be written, or the input not read.
        """
        self._status.show(now(), "Starting the model")
        tasks = [asyncio.create_task(work) for work in (self._supervisor.run(), self._show_progress(), self._follow())]
        for task in tasks[1:]:
            task.add_done_callback(self._forward)
        try:
            await self._exit
            for task in tasks[1:]:
                task.cancel()
            if self._state == "STREAMING":
                await self._end_session("stopped")
            await self._close_output()
        finally:
            self._stop_feeding()
            for task in tasks[1:]:
                task.cancel()
            self._status.clear()
            await self._supervisor.stop(self._config.session.stop_grace)
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._write_error is not None:
            raise self._write_error
        return self._exit.result() or int(self._failed or (self._refused and self._goal.script is not None))

    @property
    def stopping(self) -> bool:
        """Whether the run is about to end."""
        return self._exit.done()

    def stop(self) -> None:
        """End the session and the run; a stop on request is no failure."""
        self._finish(0)

    def _finish(self, result: int | Exception) -> None:
        if self._exit.done():
            return
        if isinstance(result, Exception):
            self._exit.set_exception(result)
        else:
            self._exit.set_result(result)

    def _forward(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._finish(error)

    # ---- what the model reports ---------------------------------------------------------------------------------

    def _observe(self, item: pipe.FromModel | ModelUp | ModelDown) -> None:
        match item:
            case pipe.Slice():
                self._take(item)
            case pipe.Replied():
                self._answer(item)
            case pipe.Said():
                said = item.data if item.name is None else {"type": item.name, "data": item.data}
                self._say("MESSAGE", _json(said))
            case pipe.Flushed() if self._writer is not None:
                self._writer.flush(item.epoch)
            case pipe.Described():
                self._contract = item.contract
                self._status.show(now(), f"Loading {item.contract.model_name}")
                try:
                    assign(self._sources, item.contract.tracks)
                except OperatorError as error:
                    self._finish(error)
            case pipe.InputReleased() if self._feed is not None:
                self._feed.note(item)
            case pipe.Progress():
                self._status.show(now(), item.text, item.fraction)
            case pipe.Failed():
                self._report(item)
            case pipe.SessionEnded() if self._state == "STREAMING":
                self._model_ended(item)
            case pipe.SessionClosed():
                self._state = "CLOSED"
            case ModelUp():
                self._status.clear()
                self._state = "READY"
            case ModelDown():
                if not self._failed:
                    self._say("ERROR", item.reason)
                self._fail()
        self._changed.set()

    def _report(self, failed: pipe.Failed) -> None:
        self._status.clear()
        if failed.traceback:
            log.traceback(failed.traceback)
        if failed.where == "import":
            self._finish(LoadError(failed.error))
            return
        self._say("ERROR", f"the model failed ({failed.where}): {failed.error}")
        self._refused = True
        if failed.where in ("load", "run"):
            self._fail()

    def _fail(self) -> None:
        self._failed = True
        self._state = "LOST"
        self._finish(1)

    def _model_ended(self, ended: pipe.SessionEnded) -> None:
        self._say("RUNTIME", ended.reason)
        self._failed = self._failed or ended.crashed
        if self._by_itself or ended.crashed:
            self._finish(int(ended.crashed))
        else:
            asyncio.ensure_future(self._end_session(ended.reason)).add_done_callback(self._forward)

    def _answer(self, replied: pipe.Replied) -> None:
        name = self._pending.pop(replied.command_id, None)
        if name is None:
            return
        if replied.error_code is not None:
            why = replied.error_message or replied.error_code
            self._refuse(why if why.startswith(f"{name}:") else f"{name}: {why}")
        elif replied.data is not None:
            self._say("RESULT", _json(replied.data))

    # ---- media --------------------------------------------------------------------------------------------------

    def _take(self, piece: pipe.Slice) -> None:
        if self._state != "STREAMING" or self._exit.done() or self._writer is None:
            release(self._supervisor, piece)
            return
        self._writer.take(piece)
        if self._feed is not None:
            self._feed.note(piece)
        self._check_goal()

    def _write_failed(self, error: Exception) -> None:
        self._write_error = self._write_error or error
        self._finish(1)

    def _check_goal(self) -> None:
        goal, writer = self._goal, self._writer
        if writer is None or self._script_left:
            return
        # Half a tick short of the goal is the goal: the position is a sum of rounded steps.
        at_time = goal.seconds is not None and writer.position >= goal.seconds - 0.5 / VIDEO_CLOCK_RATE
        if at_time or (goal.frames is not None and writer.frames >= goal.frames):
            self._finish(0)

    # ---- steps --------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        await self._until(lambda: self._state == "READY")
        self._say("RUNTIME", f"{self._contract.model_name if self._contract else 'model'} is ready")
        if self._by_itself:
            self._start(Step("start"))
        self._ask()
        async for line in self._lines:
            try:
                step = parse(line)
            except OperatorError as error:
                self._refuse(str(error))
                step = None
            if step is not None:
                await self._due(step)
                await self._execute(step)
            self._ask()
        self._script_left = False
        if not self._ends_by_goal:
            await self._answered()
            await self._until(lambda: self._feeding is None)
            self._finish(0)
        self._check_goal()

    async def _due(self, step: Step) -> None:
        """Wait for a step's time or frame. Outside a session no frame comes, and time is the clock's."""
        began_at = now()
        if step.at_frame is not None:
            frame = step.at_frame
            await self._until(lambda: self._writer is None or self._writer.frames >= frame)
        while step.at_seconds is not None:
            position, moved_at = (self._writer.position, self._writer.moved_at) if self._writer else (0.0, began_at)
            left = step.at_seconds - position - (now() - moved_at)
            if left <= 0:
                return
            await self._change(left)

    async def _execute(self, step: Step) -> None:
        await self._until(lambda: self._state not in ("CLOSING", "CLOSED"))
        match step.verb:
            case "help":
                print(HELP, flush=True)
            case "quit":
                await self._answered()
                self._finish(0)
            case "start" if self._state == "READY":
                try:
                    self._start(step)
                except OperatorError as error:
                    self._refuse(str(error))
            case "stop" if self._state == "STREAMING":
                await self._answered()
                await self._end_session("stopped")
            case "start" | "stop":
                self._say("WARN", f"Cannot {step.verb} session in state {self._state}.")
            case "cmd":
                self._command(step)

    def _command(self, step: Step) -> None:
        assert self._contract is not None, "steps are followed once the model is ready"
        if step.name == "requestSchema":
            self._say("RESULT", _json(openapi(self._contract)))
        elif step.name == "requestCapabilities":
            self._say("RESULT", _json(capabilities(self._contract)))
        elif self._state != "STREAMING":
            self._say("WARN", f"Cannot send command in state {self._state}.")
            self._refused = True
        else:
            try:
                arguments, files = attach(step.arguments)
                self._contract.check(step.name, arguments)
            except (ClientError, OperatorError) as error:
                self._refuse(str(error))
                return
            command_id = self._last_command_id = self._last_command_id + 1
            self._pending[command_id] = step.name
            self._supervisor.send(pipe.Invoke(command_id, step.name, arguments, CLIENT_ID, now(), files))
            self._say("OK", f"Command {step.name!r} dispatched")

    def _refuse(self, why: str) -> None:
        self._say("ERROR", why)
        self._refused = True

    # ---- session ------------------------------------------------------------------------------------------------

    def _start(self, step: Step) -> None:
        assert self._contract is not None, "a session starts once the model is ready"
        sources = [find(given) for given in step.input] or self._sources
        lines, fps = assign(sources, self._contract.tracks), step.input_fps or self._goal.input_fps
        self._sessions += 1
        path = session_path(self._goal.output, self._sessions)
        self._writer = Writer(path, self._contract, self._supervisor, self._write_failed)
        if path.suffix != ".mp4" and self._contract.outputs("audio"):
            self._say("WARN", "PNGs hold no sound; write to a file ending in .mp4 to keep it")
        self._say("INFO", f"Output {'file' if path.suffix == '.mp4' else 'directory'}: {path}")
        self._state = "STREAMING"
        self._supervisor.send(pipe.SessionBegan(SESSION_ID))
        self._supervisor.send(pipe.ClientJoined(CLIENT_ID, now()))
        self._say("INFO", "Session started")
        if lines:
            self._feed = Feed(lines, fps, self._contract, self._supervisor, self._writer, self._ring_numbers)
            self._feeding = asyncio.create_task(self._feed.run())
            self._feeding.add_done_callback(self._fed)

    def _fed(self, feeding: asyncio.Task[None]) -> None:
        self._forward(feeding)
        if feeding is self._feeding:
            self._feed = self._feeding = None
            self._changed.set()
            if self._sources and self._goal.script is None and not self._ends_by_goal:
                self._finish(0)

    async def _end_session(self, reason: str) -> None:
        self._state = "CLOSING"
        self._stop_feeding()
        self._supervisor.send(pipe.SessionEnding(reason))
        grace = self._config.session.stop_grace
        try:
            await asyncio.wait_for(self._until(lambda: self._state in ("CLOSED", "LOST")), grace)
        except TimeoutError:
            self._say("ERROR", f"the model did not let go of the session within {grace:g} s")
            self._fail()
        await self._close_output()
        self._pending.clear()
        if self._state == "CLOSED":
            self._state = "READY"
            self._changed.set()

    def _stop_feeding(self) -> None:
        if self._feeding is not None:
            self._feeding.cancel()
        self._feed = self._feeding = None

    async def _close_output(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
            self._say("INFO", f"Session stopped. Total frames: {writer.frames}")

    async def _answered(self) -> None:
        """Wait for the answers still due, as long as a model may take to let go."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._until(lambda: not self._pending), self._config.session.stop_grace)

    # ---- waiting and telling ------------------------------------------------------------------------------------

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._change()

    async def _change(self, timeout: float | None = None) -> None:
        """Wait for the next report of the model, at most `timeout` seconds."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout)

    async def _show_progress(self) -> None:
        while self._state == "LOADING":
            self._status.show(now())
            await asyncio.sleep(0.2)

    def _ask(self) -> None:
        if self._prompt:
            print(f"\n[{self._state}]> ", end="", flush=True)

    def _say(self, tag: str, text: str) -> None:
        self._status.clear()
        print(f"[{tag}] {text}", flush=True)


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)
