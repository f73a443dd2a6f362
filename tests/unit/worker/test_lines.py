"""What a model logs and prints, in the order it did, and no more of it than there is room for."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import pytest

from reactor_runtime.log import get_logger
from reactor_runtime.session.journal import MAX_LINE, MAX_TRACEBACK
from reactor_runtime.worker.lines import AT_ONCE, PER_SECOND, Allowance, Lines
from reactor_runtime.worker.messages import Logged


class Told:
    """Stands where the pipe stands."""

    def __init__(self) -> None:
        self.lines: list[Logged] = []

    def tell(self, message: Any) -> None:
        self.lines.append(message)


@pytest.fixture
def told() -> Told:
    return Told()


def lines(told: Told) -> Lines:
    return Lines(told)  # type: ignore[arg-type]


@contextmanager
def told_to(told: Told, servers_thread: int | None = None) -> Iterator[io.StringIO]:
    """Tell what is logged and printed in the block, which the test's own handlers and streams do not see."""
    root, printed = logging.getLogger(), io.StringIO()
    former = root.handlers[:], root.level
    root.handlers[:], root.level = [], logging.INFO
    try:
        with redirect_stdout(printed), redirect_stderr(io.StringIO()), lines(told).following(servers_thread):
            yield printed
    finally:
        root.handlers[:], root.level = former


def test_a_model_may_be_loud_for_a_moment_and_not_for_long() -> None:
    allowance = Allowance(10.0)
    assert sum(allowance.take(10.0) for _ in range(AT_ONCE + 7)) == AT_ONCE
    assert allowance.left_out == 7
    assert sum(allowance.take(11.0) for _ in range(1000)) == PER_SECOND
    assert sum(allowance.take(1000.0) for _ in range(1000)) == AT_ONCE


def test_records_are_told_with_their_fields_and_without_their_secrets(told: Told) -> None:
    with told_to(told):
        logging.getLogger("my.model").warning("step %d", 7)
        get_logger("my.model").info("joined", access_token="hush", client=3)
        logging.getLogger("my.model").debug("below the level")
    assert told.lines == [
        Logged("warning", "my.model", "step 7"),
        Logged("info", "my.model", "joined access_token=*** client=3"),
    ]


def test_a_logged_exception_comes_with_its_traceback(told: Told) -> None:
    with told_to(told):
        try:
            raise KeyError("tone")
        except KeyError:
            logging.getLogger("m").exception("no such thing")
    (line,) = told.lines
    assert (line.level, line.text) == ("error", "no such thing")
    assert line.traceback.startswith("Traceback")
    assert line.traceback.endswith("KeyError: 'tone'")


def test_prints_are_told_line_by_line_and_still_printed(told: Told) -> None:
    with told_to(told) as printed:
        print("one", 1)
        print("a\nb", end="")
        print("c", file=sys.stderr)
        print("", end="\n")
        sys.stderr.write("\r10 %\r20 %\r100 %\n")
    assert told.lines == [
        Logged("info", "stdout", "one 1"),
        Logged("info", "stdout", "a"),
        Logged("warning", "stderr", "c"),
        Logged("info", "stdout", "b"),
        Logged("warning", "stderr", "100 %"),
    ]
    assert printed.getvalue() == "one 1\na\nb\n"


def test_in_the_servers_process_the_servers_own_lines_and_all_prints_are_left_alone(told: Told) -> None:
    with told_to(told, threading.get_ident()):
        logging.getLogger("server").warning("of the loop")
        print("anybody's")
        model = threading.Thread(target=lambda: logging.getLogger("m").warning("of the model"))
        model.start()
        model.join()
    assert told.lines == [Logged("warning", "m", "of the model")]


def test_nothing_is_told_after_it_is_over(told: Told) -> None:
    with told_to(told):
        pass
    logging.getLogger("m").error("alone")
    assert told.lines == []


def test_what_is_too_much_is_counted_in_one_line(told: Told) -> None:
    relay = lines(told)
    for _ in range(AT_ONCE + 1000):
        relay.tell("info", "m", "again")
    relay.say_left_out()
    relay.say_left_out()
    assert AT_ONCE <= len(told.lines) - 1 < AT_ONCE + 500
    assert f"{AT_ONCE + 1000 - (len(told.lines) - 1)} more lines" in told.lines[-1].text


def test_long_words_and_broken_text_cross_in_a_size_that_is_kept(told: Told) -> None:
    lines(told).tell("info", "m", "x" * 100_000, "y" * 100_000 + "\ud800")
    (line,) = told.lines
    assert len(line.text) == MAX_LINE + 1
    assert len(line.traceback) < MAX_TRACEBACK + 10
    assert line.traceback.endswith("\\ud800")


def test_a_record_that_cannot_be_written_is_the_authors_mistake_and_no_failure(told: Told) -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with told_to(told):
        logging.getLogger("m").warning("%s", Mute())
        logging.getLogger("m").warning("and on")
    assert told.lines[-1] == Logged("warning", "m", "and on")
