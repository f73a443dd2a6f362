"""One model without a network: the steps of a script or of stdin go in, frames and answers come out.

Rules:
- Frames are taken as fast as the model makes them; PTS comes from the rate it plays at. Nothing is dropped.
- A frame's ring slot is freed once the frame is written, so a slow disk slows the model, not memory.
- Stream time stands still while the model makes nothing; a step that waits for a time then waits on the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.openapi import capabilities, openapi
from reactor_runtime.config import Config
from reactor_runtime.errors import ClientError, LoadError, OperatorError
from reactor_runtime.headless.output import Cut, Output, open_output
from reactor_runtime.headless.script import HELP, Step, parse
from reactor_runtime.log import StatusLine, get_logger
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, AudioBlock, Picture
from reactor_runtime.media.pacer import FASTEST, FIRST_RATE
from reactor_runtime.runtime.clock import now, wall_ms
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown, ModelUp, Supervisor

log = get_logger(__name__)

SESSION_ID = "headless"
CLIENT_ID = 1
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
        """
        self._config = config
        self._goal = config.headless
        self._by_itself = any(x is not None for x in (self._goal.script, self._goal.frames, self._goal.seconds))
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
        self._output: Output | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="headless-writer")
        self._write_error: BaseException | None = None
        self._epoch = 0
        self._frames = 0
        self._position = 0.0
        self._moved_at = now()

    async def run(self) -> int:
        """Return the exit status: 0 fine, 1 the model failed or a script's command was refused.

        Raises:
            LoadError: The author's code cannot be found or imported.
            OperatorError: The output cannot be written.
        """
        self._status.show(now(), "Starting the model")
        tasks = [asyncio.create_task(work) for work in (self._supervisor.run(), self._show_progress(), self._follow())]
        for task in tasks[1:]:
            task.add_done_callback(self._forward)
        try:
            await self._exit
            _cancel(tasks[1:])
            if self._state == "STREAMING":
                await self._end_session("stopped")
            await self._close_output()
        finally:
            _cancel(tasks[1:])
            self._status.clear()
            await self._supervisor.stop(self._config.session.stop_grace)
            await asyncio.gather(*tasks, return_exceptions=True)
            self._writer.shutdown()
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
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
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
            case pipe.Flushed():
                self._epoch = item.epoch
            case pipe.Described():
                self._contract = item.contract
                self._status.show(now(), f"Loading {item.contract.model_name}")
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
            self._refuse(f"{name}: {replied.error_message or replied.error_code}")
        elif replied.data is not None:
            self._say("RESULT", _json(replied.data))

    # ---- media --------------------------------------------------------------------------------------------------

    def _take(self, piece: pipe.Slice) -> None:
        refs = list(piece.video.values())
        if self._state != "STREAMING" or self._exit.done() or piece.epoch < self._epoch or self._output is None:
            self._release(refs)
            return
        seconds = self._seconds(piece)
        pts = round(self._position * VIDEO_CLOCK_RATE)
        sound_pts = round(self._position * AUDIO_CLOCK_RATE)
        cut = Cut(
            pts,
            seconds,
            {n: Picture(self._supervisor.pixels(r), r.width, r.height, pts) for n, r in piece.video.items()},
            {n: AudioBlock(samples, channels, sound_pts) for n, (channels, samples) in piece.audio.items()},
        )
        written = asyncio.get_running_loop().run_in_executor(self._writer, self._output.write, cut)
        written.add_done_callback(lambda done: self._written(done, refs))
        self._frames += 1
        self._position += seconds
        self._moved_at = now()
        self._check_goal()

    def _written(self, done: asyncio.Future[None], refs: list[pipe.SlotRef]) -> None:
        self._release(refs)
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._write_error = self._write_error or error
            self._finish(1)

    def _release(self, refs: list[pipe.SlotRef]) -> None:
        for ref in refs:
            self._supervisor.send(pipe.Released(ref.ring, [ref.slot]))

    def _seconds(self, piece: pipe.Slice) -> float:
        assert self._contract is not None, "a slice comes after the contract"
        fps = piece.fps or self._contract.fps
        if fps is None and piece.audio:
            longest = max(len(samples) // (2 * channels) for channels, samples in piece.audio.values())
            return longest / AUDIO_CLOCK_RATE
        declared = next((t.rate for t in self._contract.outputs("video") if t.rate), FIRST_RATE)
        return 1 / min(fps or declared, FASTEST)

    def _check_goal(self) -> None:
        goal = self._goal
        reached = (goal.frames is not None and self._frames >= goal.frames) or (
            # Half a tick short of the goal is the goal: positions are sums of rounded steps.
            goal.seconds is not None and self._position >= goal.seconds - 0.5 / VIDEO_CLOCK_RATE
        )
        if reached and not self._script_left:
            self._finish(0)

    # ---- steps --------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        await self._until(lambda: self._state == "READY")
        self._say("RUNTIME", f"{self._contract.model_name if self._contract else 'model'} is ready")
        if self._by_itself:
            self._start()
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
        if self._goal.frames is None and self._goal.seconds is None:
            await self._answered()
            self._finish(0)
        self._check_goal()

    async def _due(self, step: Step) -> None:
        if step.at_frame is not None:
            frame = step.at_frame
            await self._until(lambda: self._frames >= frame)
        elif step.at_seconds is not None:
            while (wait := step.at_seconds - self._position - (now() - self._moved_at)) > 0:
                await self._change(wait)
                if self._position >= step.at_seconds:
                    return

    async def _execute(self, step: Step) -> None:
        match step.verb:
            case "help":
                print(HELP, flush=True)
            case "quit":
                await self._answered()
                self._finish(0)
            case "start" if self._state == "READY":
                self._start()
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
                self._contract.check(step.name, step.arguments)
            except ClientError as error:
                self._refuse(str(error))
                return
            self._last_command_id += 1
            self._pending[self._last_command_id] = step.name
            self._supervisor.send(pipe.Invoke(self._last_command_id, step.name, step.arguments, CLIENT_ID, now()))
            self._say("OK", f"Command {step.name!r} dispatched")

    def _refuse(self, why: str) -> None:
        self._say("ERROR", why)
        self._refused = True

    # ---- session ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        assert self._contract is not None, "a session starts once the model is ready"
        self._sessions += 1
        self._output = open_output(self._output_path(), self._contract.outputs())
        if self._output.path.suffix != ".mp4" and self._contract.outputs("audio"):
            self._say("WARN", "PNGs hold no sound; write to a file ending in .mp4 to keep it")
        self._say("INFO", f"Output: {self._output.path}")
        self._frames, self._position, self._moved_at = 0, 0.0, now()
        self._state = "STREAMING"
        self._supervisor.send(pipe.SessionBegan(SESSION_ID))
        self._supervisor.send(pipe.ClientJoined(CLIENT_ID, now()))
        self._say("INFO", "Session started")

    def _output_path(self) -> Path:
        given = self._goal.output
        path = given or Path("output") / str(wall_ms() // 1000)
        if given is None:
            return path if not path.exists() else path.with_name(f"{path.name}-{self._sessions}")
        return path if self._sessions == 1 else path.with_name(f"{path.stem}-{self._sessions}{path.suffix}")

    async def _end_session(self, reason: str) -> None:
        self._state = "CLOSING"
        self._supervisor.send(pipe.SessionEnding(reason))
        grace = self._config.session.stop_grace
        try:
            async with asyncio.timeout(grace):
                await self._until(lambda: self._state in ("CLOSED", "LOST"))
        except TimeoutError:
            self._say("ERROR", f"the model did not let go of the session within {grace:g} s")
            self._fail()
        await self._close_output()
        self._pending.clear()
        if self._state == "CLOSED":
            self._state = "READY"

    async def _close_output(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            # Behind every write: the writer is one thread.
            await asyncio.get_running_loop().run_in_executor(self._writer, output.close)
            self._say("INFO", f"Session stopped. Total frames: {self._frames}")

    async def _answered(self) -> None:
        """Wait for the answers still due, as long as a model may take to let go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._config.session.stop_grace):
                await self._until(lambda: not self._pending)

    # ---- waiting and telling ------------------------------------------------------------------------------------

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._change()

    async def _change(self, timeout: float | None = None) -> None:
        """Wait for the next report of the model. One task waits at a time: the steps', then the end's."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()

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


def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)
