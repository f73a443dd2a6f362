"""A `reactor run` process under test: started as a user starts it, watched, and always ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

T = TypeVar("T")
DEADLINE = 30.0
REACTOR = str(Path(sys.executable).with_name("reactor"))
_HTTP = httpx.Client(timeout=10, limits=httpx.Limits(max_keepalive_connections=0))
"""Made once: it reads the certificates of the whole world, which takes 40 ms, longer than a look at a server."""


def eventually(probe: Callable[[], T], *, within: float = DEADLINE, what: str = "the condition") -> T:
    """Return the first truthy value of `probe`, or fail once `within` seconds have passed."""
    until = time.monotonic() + within
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come within {within:g} s; last seen: {value!r}")
        threading.Event().wait(0.02)


class RunningServer:
    """A server process, its address and what it printed."""

    def __init__(self, model_dir: Path, flags: tuple[str, ...]) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [REACTOR, "run", "-p", str(model_dir), "--port", "0", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = ""

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "".join(self._lines)

    def wait_listening(self) -> RunningServer:
        """Wait for the printed address."""

        def address() -> str | None:
            found = re.search(r"Open (http://\S+)", self.output)
            if found is None and self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.output}")
            return found and found.group(1)

        self.url = eventually(address, what="the printed address") or ""
        return self

    def wait_ready(self) -> RunningServer:
        """Wait until `/health` says ready."""
        self.wait_listening()

        def is_ready() -> bool:
            try:
                return bool(self.health()["status"] == "ready")
            except httpx.ConnectError:
                raise AssertionError(f"the server ended with {self.process.wait(15)}:\n{self.output}") from None

        eventually(is_ready, what=f"readiness; output:\n{self.output}")
        return self

    def health(self) -> dict[str, Any]:
        """Return the body of `/health`."""
        body: dict[str, Any] = _HTTP.get(f"{self.url}/health").json()
        return body

    @property
    def worker(self) -> psutil.Process:
        """The model's process: the server's only child."""
        children = psutil.Process(self.process.pid).children()
        assert len(children) == 1, children
        return children[0]

    def stop(self) -> int:
        """Press Ctrl-C and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise AssertionError(f"the server did not stop within 15 s:\n{self.output}") from None
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.returncode


@contextmanager
def serving(model_dir: Path, *flags: str) -> Iterator[RunningServer]:
    """Run a server over a model folder for the length of the block."""
    server = RunningServer(model_dir, flags)
    try:
        yield server
    finally:
        server.stop()
