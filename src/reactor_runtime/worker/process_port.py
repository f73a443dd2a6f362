"""A model in a process of its own: nothing it does can reach further than the control pipe and its rings."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from reactor_runtime.config import environment
from reactor_runtime.worker.piped_port import PipedPort

MAIN = "reactor_runtime.worker.main"
FLAGS = ("-P", "-u")
"""No module is shadowed by a file of the working directory, and what the author prints before a crash is seen."""
CALM = {"OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER": "0", "OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN": "0"}
"""OpenCV's threads else spin after each picture in case another comes at once, which doubles the CPU it costs."""
HANG_UP_PATIENCE = 1.0
"""Seconds between the end of the control pipe and that of the process."""
LAST_WORDS = 0.2
"""Seconds that a hung process gets to print where its threads stand."""


class ProcessPort(PipedPort):
    """A `ModelPort` to a worker process, which dies with this one and takes what it forked along."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        """Make a port.

        Args:
            env: Environment variables set for the worker, over those it inherits; `CALM` is set where they say nothing.
        """
        super().__init__()
        self._env = {**CALM, **environment(), **(env or {})}
        self._how: str | None = None
        self._hang_up: asyncio.TimerHandle | None = None

    def _launch(self, model: socket.socket, first_ring: int) -> None:
        fd = model.fileno()
        with model:
            self._process = subprocess.Popen(
                [sys.executable, *FLAGS, "-m", MAIN, "--fd", str(fd), "--first-ring", str(first_ring)],
                stdin=subprocess.DEVNULL,
                pass_fds=(fd,),
                # A group of its own: Ctrl-C reaches the server alone, and what the model forks can be ended with it.
                process_group=0,
                env=self._env,
            )
        threading.Thread(target=self._wait, name="reactor-worker-wait", daemon=True).start()

    def _wait(self) -> None:
        """Thread: own. Ends with the process."""
        # The group is ended while its leader is not reaped yet, so its number cannot belong to anyone else.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._kill_group()
        how = ending(self._process.wait())
        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(self._reaped, how)

    def _reaped(self, how: str) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
        self._ended(self._how or how)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _kill(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGUSR1)
        if not await self._gone_within(LAST_WORDS) and self._process.returncode is None:
            self._kill_group()

    def _pipe_ended(self, why: str | None) -> None:
        if self._process.returncode is None:
            how = f"broke its control pipe ({why})" if why else "closed its control pipe"
            self._hang_up = self._loop.call_later(0 if why else HANG_UP_PATIENCE, self._give_up_on, how)

    def _give_up_on(self, how: str) -> None:
        if self._process.returncode is None:
            self._how = how
            self._kill_group()


def ending(returncode: int) -> str:
    """Word a process's end: `exited with status 3`, `was killed by SIGKILL`."""
    if returncode >= 0:
        return f"exited with status {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"
