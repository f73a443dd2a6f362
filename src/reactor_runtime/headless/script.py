"""The words of the headless prompt, typed, piped, or read from a script: one command per line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from reactor_runtime.errors import OperatorError

Verb = Literal["start", "stop", "cmd", "help", "quit"]

HELP = """\
  start                   begin a session
  stop                    end it
  cmd <name> [json]       send a command, for example: cmd set_prompt {"prompt": "a river"}
                          a file: cmd set_image {"image": {"upload_file": "photo.png"}}
  cmd requestSchema       show the model's schema; cmd requestCapabilities its tracks and commands
  help                    this list
  quit, exit              end the session and leave
Any line may wait: `@2.5 cmd ...` until 2.5 s of the stream, `@frame 60 cmd ...` until 60 frames are taken."""

_PREFIX = re.compile(r"@(?:frame\s+(?P<frame>\d+)|(?P<seconds>\d+(?:\.\d+)?))\s+(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One line.

    Attributes:
        at_seconds: Stream time to wait for; None when it does not wait for time.
        at_frame: Frames taken to wait for.
        name: Command of `cmd`.
    """

    verb: Verb
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    at_seconds: float | None = None
    at_frame: int | None = None


def parse(line: str) -> Step | None:
    """Return what a line says; None for a blank line or a comment.

    Raises:
        OperatorError: It says nothing that is known.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    at_seconds = at_frame = None
    if text.startswith("@"):
        timed = _PREFIX.fullmatch(text)
        if timed is None:
            raise OperatorError("Usage: @<seconds> <command> or @frame <number> <command>")
        at_frame = int(timed["frame"]) if timed["frame"] else None
        at_seconds = float(timed["seconds"]) if timed["seconds"] else None
        text = timed["rest"].strip()
    word, _, rest = text.partition(" ")
    verb = "quit" if word == "exit" else word
    if verb not in get_args(Verb):
        raise OperatorError(f"Unknown command {word!r}. Type 'help' for the commands there are.")
    name, arguments = _command(rest) if verb == "cmd" else ("", {})
    if verb != "cmd" and rest.strip():
        raise OperatorError(f"{word} takes no arguments")
    return Step(cast(Verb, verb), name, arguments, at_seconds, at_frame)


def _command(rest: str) -> tuple[str, dict[str, Any]]:
    name, _, body = rest.strip().partition(" ")
    if not name:
        raise OperatorError("Usage: cmd <command_name> [json_args]")
    try:
        arguments = json.loads(body) if body.strip() else {}
    except ValueError as error:
        raise OperatorError(f"Invalid JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise OperatorError("Invalid JSON: the arguments must be an object")
    return name, arguments


def read(path: Path) -> list[str]:
    """Return the lines of a script, all of them understood.

    Raises:
        OperatorError: The file cannot be read, or some lines cannot; names every one.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"script {path} cannot be read: {getattr(error, 'strerror', error)}") from None
    problems = []
    for number, line in enumerate(lines, 1):
        try:
            parse(line)
        except OperatorError as error:
            problems.append(f"{path}:{number}: {error}")
    if problems:
        raise OperatorError("; ".join(problems))
    return lines
