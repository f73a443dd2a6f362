"""One line of a script, or of the prompt, means one thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reactor_runtime.errors import OperatorError
from reactor_runtime.headless.script import Step, parse, read


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("start", Step("start")),
        ('start --input-folder "a b" --input-folder mic=x.wav', Step("start", input=("a b", "mic=x.wav"))),
        ("@2 start --input-folder a --input-fps 12", Step("start", at_seconds=2.0, input=("a",), input_fps=12.0)),
        ("  stop \n", Step("stop")),
        ("exit", Step("quit")),
        ("quit", Step("quit")),
        ("help", Step("help")),
        ("cmd reset", Step("cmd", "reset")),
        ('cmd set_prompt {"prompt": "a  river"}', Step("cmd", "set_prompt", {"prompt": "a  river"})),
        ("@2.5 stop", Step("stop", at_seconds=2.5)),
        ("@3 cmd reset {}", Step("cmd", "reset", at_seconds=3.0)),
        ("@frame 60 cmd reset", Step("cmd", "reset", at_frame=60)),
    ],
)
def test_a_line_is_one_step(line: str, step: Step) -> None:
    assert parse(line) == step


@pytest.mark.parametrize("line", ["", "   ", "# cmd reset", "  # a note"])
def test_blank_lines_and_comments_are_no_steps(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("go", "Unknown command 'go'"),
        ("cmd", "Usage: cmd <command_name>"),
        ("cmd reset {oops", "Invalid JSON"),
        ("cmd reset [1]", "must be an object"),
        ("@soon stop", "Usage: @<seconds>"),
        ("@frame x stop", "Usage: @<seconds>"),
        ("@1", "Usage: @<seconds>"),
        ("start --input-folder", "Usage: start"),
        ("start --input-fps 0", "Usage: start"),
        ("start --output x", "Usage: start"),
    ],
)
def test_anything_else_is_refused(line: str, why: str) -> None:
    with pytest.raises(OperatorError, match=why):
        parse(line)


def test_a_script_with_mistakes_names_every_line(tmp_path: Path) -> None:
    script = tmp_path / "demo.txt"
    script.write_text("cmd reset\ngo\n# fine\ncmd reset {oops\n")
    with pytest.raises(OperatorError, match=r"demo\.txt:2: .*demo\.txt:4: "):
        read(script)


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"none\.txt cannot be read: No such file"):
        read(tmp_path / "none.txt")
