"""The headless runtime: the same model without a network, steered by a script or by stdin, its frames in files."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from reactor_runtime.config import Config
from reactor_runtime.headless.play import Play
from reactor_runtime.headless.script import read
from reactor_runtime.worker.local_port import LocalPort
from reactor_runtime.worker.messages import Setup
from reactor_runtime.worker.port import ModelPort
from reactor_runtime.worker.process_port import ProcessPort
from reactor_runtime.worker.supervisor import Supervisor

__all__ = ["run"]


def run(config: Config) -> int:
    """Run the model until the script, the goal or the user is done.

    Returns:
        0 when all went well or somebody asked to stop, 1 when the model failed or refused a script's command.

    Raises:
        LoadError: The author's code cannot be found or imported.
        OperatorError: The script cannot be read, or the output not written.
    """
    script = read(config.headless.script) if config.headless.script else None
    return asyncio.run(_play(config, script))


async def _play(config: Config, script: list[str] | None) -> int:
    setup = Setup(
        model_dir=str(config.model.path.resolve()),
        config_path=str(config.model.config_path.resolve()) if config.model.config_path else None,
        overrides=config.model.overrides,
        verbose=config.verbose,
        weights_store=config.model.weights_store,
        profiling=config.model.profiling,
        profiling_dir=str(config.model.profiling_dir.resolve()) if config.model.profiling_dir else None,
    )

    def make_port() -> ModelPort:
        return LocalPort() if config.model.in_process else ProcessPort(None)

    def make_supervisor(observe: Callable[[Any], None]) -> Supervisor:
        return Supervisor(make_port, setup, observe, heartbeat_timeout=config.session.heartbeat_timeout)

    lines = _from_stdin() if script is None else _from_script(script)
    play = Play(config, make_supervisor, lines, prompt=script is None and sys.stdin.isatty())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, play)
    return await play.run()


def _stop(play: Play) -> None:
    if play.stopping:
        os._exit(130)
    print("Stopping; press Ctrl-C again to leave at once.", file=sys.stderr, flush=True)
    play.stop()


async def _from_script(lines: list[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def _from_stdin() -> AsyncIterator[str]:
    """Yield what is typed or piped, line by line, until its end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def hand_over(line: str | None) -> bool:
        try:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        except RuntimeError:  # the loop is closed: the run ended while nothing was typed
            return False
        return True

    def read_all() -> None:
        # A stream of its own: at exit the interpreter flushes sys.stdin, which this thread may be blocked on.
        with open(0, encoding="utf-8", errors="replace", closefd=False) as stdin:
            if all(hand_over(line) for line in stdin):
                hand_over(None)

    threading.Thread(target=read_all, name="headless-stdin", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
