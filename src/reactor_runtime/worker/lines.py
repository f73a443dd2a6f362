"""What a model logs and prints, told to the server in development mode."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Literal, TextIO

from reactor_runtime.log import words
from reactor_runtime.session.journal import MAX_LINE, MAX_TRACEBACK
from reactor_runtime.worker.messages import Logged
from reactor_runtime.worker.pipe import ModelEnd
from reactor_runtime.worker.plain import legible

PER_SECOND, AT_ONCE = 200, 500
"""Lines that are told of a model that goes on logging, and of one that was silent before."""


class Allowance:
    """`AT_ONCE` lines, and `PER_SECOND` more each second. Time is an argument.

    Attributes:
        left_out: Lines that were refused since it was last set to 0.
    """

    def __init__(self, now: float) -> None:
        self.left_out = 0
        self._room = float(AT_ONCE)
        self._at = now

    def take(self, now: float) -> bool:
        """Tell whether a line may be told, and count it."""
        self._room = min(AT_ONCE, self._room + (now - self._at) * PER_SECOND)
        self._at = now
        if self._room < 1:
            self.left_out += 1
            return False
        self._room -= 1
        return True


class Lines:
    """Tells the server what is logged and printed, not more than it has room for. Thread: any."""

    def __init__(self, pipe: ModelEnd) -> None:
        self._pipe = pipe
        self._allowance = Allowance(time.monotonic())
        self._lock = threading.RLock()  # a finalizer that logs may interrupt a line

    def tell(
        self, level: Literal["debug", "info", "warning", "error"], logger: str, text: str, traceback: str = ""
    ) -> None:
        """Tell one line, unless there were too many."""
        with self._lock:
            if not self._allowance.take(time.monotonic()):
                return
        # One character more than is kept lets the journal see that something was cut off.
        text, traceback = text[: MAX_LINE + 1], traceback[-MAX_TRACEBACK - 1 :]
        self._pipe.tell(Logged(level, logger, legible(text), legible(traceback)))

    def say_left_out(self) -> None:
        """Say how many lines there was no room for since this was last asked; to be asked every second or so."""
        with self._lock:
            count, self._allowance.left_out = self._allowance.left_out, 0
        if count:
            text = f"{count} more lines are only in the terminal: at most {PER_SECOND} a second are shown here"
            self._pipe.tell(Logged("warning", "reactor.worker", text))

    @contextmanager
    def following(self, servers_thread: int | None) -> Iterator[None]:
        """Tell what is logged while the block runs, and what is printed where the process is the model's own.

        Args:
            servers_thread: Ident of the thread that serves, where that is in this process: what it logs is not the
                model's, and what is printed may be anybody's.
        """
        root, records = logging.getLogger(), _Records(self, servers_thread)
        root.addHandler(records)
        with ExitStack() as printed:
            if servers_thread is None:
                printed.enter_context(redirect_stdout(_Printed(self, sys.stdout, "stdout")))
                printed.enter_context(redirect_stderr(_Printed(self, sys.stderr, "stderr")))
            try:
                yield
            finally:
                root.removeHandler(records)
                self.say_left_out()


class _Records(logging.Handler):
    """Tells log records."""

    def __init__(self, lines: Lines, servers_thread: int | None) -> None:
        super().__init__()
        self._lines = lines
        self._servers_thread = servers_thread
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._servers_thread:
            return
        try:
            text, traceback = words(record)
            if record.exc_info:
                traceback = self._formatter.formatException(record.exc_info)
            self._lines.tell(_level(record.levelno), record.name, text, traceback)
        except Exception:  # noqa: BLE001 - whatever the author's __str__ raises; reported as logging does
            self.handleError(record)


def _level(number: int) -> Literal["debug", "info", "warning", "error"]:
    if number >= logging.WARNING:
        return "error" if number >= logging.ERROR else "warning"
    return "info" if number >= logging.INFO else "debug"


class _Printed:
    """A text stream that tells each line that is written to it, and is else the one beneath."""

    def __init__(self, lines: Lines, beneath: TextIO, name: Literal["stdout", "stderr"]) -> None:
        self._lines = lines
        self._beneath = beneath
        self._name = name
        self._open = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Write, and tell the lines that are complete by it."""
        with self._lock:
            *whole, self._open = (self._open + text).split("\n")
            if len(self._open) > MAX_LINE:
                whole, self._open = [*whole, self._open], ""
        for line in whole:
            # A progress bar writes over itself: what stands there last is the line.
            if shown := line.rstrip("\r").rpartition("\r")[2]:
                self._lines.tell("info" if self._name == "stdout" else "warning", self._name, shown)
        return self._beneath.write(text)

    def writelines(self, lines: list[str]) -> None:
        """Write them all."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beneath, name)
