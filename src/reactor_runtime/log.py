"""Log lines with fields, and the one line that shows what a long start is busy with.

Library logging underneath: what an author logs with `logging` comes out in the same form. Everything goes to stderr.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

_SECRET = re.compile(r"token|secret|passw|credential|authorization|api_?key", re.IGNORECASE)
_PASSED_ON = ("exc_info", "stack_info", "stacklevel", "extra")


class Logger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose keyword arguments become fields: `log.info("frame dropped", track="main", count=3)`."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Move fields to where the formatters look for them."""
        fields = {name: kwargs.pop(name) for name in list(kwargs) if name not in _PASSED_ON}
        kwargs["extra"] = {**(kwargs.get("extra") or {}), "fields": fields}
        return msg, kwargs

    def traceback(self, text: str) -> None:
        """Log an author's traceback whole; it may come from another process."""
        self.error("the author's traceback:", traceback=text.rstrip())


def get_logger(name: str) -> Logger:
    """Return the logger of that name; authors and this package use the same."""
    return Logger(logging.getLogger(name), {})


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = getattr(record, "fields", {})
    return {name: "***" if _SECRET.search(name) else value for name, value in fields.items()}


def words(record: logging.LogRecord) -> tuple[str, str]:
    """Return what a record says, its secrets left out: the message with its fields, and its traceback or ``.

    The traceback of an exception that is logged is not among it: formatters add it themselves.
    """
    fields = _fields(record)
    traceback = str(fields.pop("traceback", ""))
    return record.getMessage() + "".join(f" {name}={value}" for name, value in fields.items()), traceback


class TextFormatter(logging.Formatter):
    """`12:00:01 INFO  worker: message key=value`, a traceback whole underneath."""

    def __init__(self) -> None:
        super().__init__(datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the first line."""
        said, traceback = words(record)
        below = f"\n{traceback}" if traceback else ""
        name = record.name.removeprefix("reactor_runtime.")
        return f"{self.formatTime(record, self.datefmt)} {record.levelname:<7} {name}: {said}{below}"

    def usesTime(self) -> bool:  # noqa: N802 - logging's name
        """Leave the time to `formatMessage`."""
        return False


class JsonFormatter(logging.Formatter):
    """One JSON object per record: ts, level, logger, msg, exc_info, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        extra = {name: value for name, value in _fields(record).items() if name not in line}
        return json.dumps(line | extra, default=str)


class StatusLine:
    """What a long start is busy with: one line rewritten in place on a terminal, a log line per change elsewhere.

    Thread: the event loop. The caller shows it again every few tenths of a second to move the elapsed time.
    """

    def __init__(self, log: Logger, began_at: float, stream: TextIO | None = None) -> None:
        self.began_at = began_at
        self._log = log
        self._stream = stream or sys.stderr
        self._text = ""

    def show(self, now: float, text: str = "", fraction: float | None = None) -> None:
        """Say what goes on; without `text`, only move the time.

        Args:
            now: Monotonic seconds, of the clock that gave `began_at`.
            text: What goes on.
            fraction: How much is done, 0..1.
        """
        if text and fraction is not None:
            text = f"{text} {fraction:.0%}"
        if not self._stream.isatty():
            if text and text != self._text:
                self._log.info(text, elapsed=f"{now - self.began_at:.1f}s")
            self._text = text or self._text
            return
        self._text = text or self._text
        if self._text:
            _Handler.open_line = self
            self._stream.write(f"\r\x1b[K{self._text} · {now - self.began_at:.0f} s")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line off the terminal."""
        if _Handler.open_line is self:
            _Handler.open_line = None
            self._stream.write("\r\x1b[K")
            self._stream.flush()


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to its stream, else to whatever stderr is at the time, after taking an open status line off it."""

    open_line: StatusLine | None = None

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        if _Handler.open_line is not None:
            _Handler.open_line.clear()
        self.stream = self._stream or sys.stderr
        super().emit(record)


def configure(level: str = "info", form: Literal["text", "json"] = "text", stream: TextIO | None = None) -> None:
    """Send every record of this process to stderr, in one form. May be called again to change level or form.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: `text` or `json`.
        stream: Where to write; None is whatever stderr is at the time.
    """
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(handler)
    handler = _Handler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root.addHandler(handler)
    root.setLevel(level.upper())
