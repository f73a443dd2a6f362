"""Log lines carry fields, whole tracebacks and no secrets."""

from __future__ import annotations

import io
import json
import logging

import pytest

from reactor_runtime.log import JsonFormatter, Logger, StatusLine, TextFormatter, get_logger


class Lines(logging.Handler):
    """Keeps what it is handed, formatted."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def logger(formatter: logging.Formatter) -> tuple[Logger, list[str]]:
    handler = Lines(formatter)
    log = get_logger(f"reactor_runtime.test.{id(handler)}")
    log.logger.addHandler(handler)
    log.logger.setLevel(logging.INFO)
    log.logger.propagate = False
    return log, handler.lines


def test_keyword_arguments_become_fields() -> None:
    log, lines = logger(TextFormatter())
    log.info("frame %s dropped", 7, track="main_video", count=3)
    assert lines[0].endswith(": frame 7 dropped track=main_video count=3")
    assert "INFO" in lines[0]


def test_json_lines_hold_message_and_fields() -> None:
    log, lines = logger(JsonFormatter())
    log.warning("slow", seconds=1.5)
    line = json.loads(lines[0])
    assert (line["level"], line["msg"], line["seconds"]) == ("warning", "slow", 1.5)
    assert line["ts"].endswith("+00:00")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_secrets_are_left_out(formatter: logging.Formatter) -> None:
    log, lines = logger(formatter)
    log.info("joined", turn_credential="hush", api_key="hush", access_token="hush")
    assert "hush" not in lines[0]


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_traceback_is_whole(formatter: logging.Formatter) -> None:
    log, lines = logger(formatter)
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("handler failed", command="set_prompt")
    assert "Traceback (most recent call last)" in lines[0]
    assert "ValueError: broken" in lines[0]


def test_a_traceback_from_another_process_is_printed_as_it_is() -> None:
    log, lines = logger(TextFormatter())
    log.traceback('Traceback (most recent call last):\n  File "model.py", line 1\nKeyError: 1\n')
    assert lines[0].endswith('\nTraceback (most recent call last):\n  File "model.py", line 1\nKeyError: 1')


def test_what_loading_does_is_logged_once_per_change_without_a_terminal() -> None:
    log, lines = logger(TextFormatter())
    status = StatusLine(log, 10.0, io.StringIO())
    status.show(10.5, "Loading m")
    status.show(11.0)
    status.show(12.0, "Loading m")
    status.show(13.0, "reading weights", 0.5)
    assert [line.split(": ", 1)[1] for line in lines] == ["Loading m elapsed=0.5s", "reading weights 50% elapsed=3.0s"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_rewritten_and_then_taken_away() -> None:
    log, lines = logger(TextFormatter())
    terminal = Terminal()
    status = StatusLine(log, 10.0, terminal)
    status.show(10.0, "Loading m")
    status.show(13.2)
    status.clear()
    assert terminal.getvalue() == "\r\x1b[KLoading m · 0 s\r\x1b[KLoading m · 3 s\r\x1b[K"
    assert lines == []
