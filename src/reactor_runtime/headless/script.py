"""The words of the headless prompt, typed, piped, or read from a script: one command per line."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from reactor_runtime.errors import OperatorError

Verb = Literal["start", "stop", "cmd", "help", "quit"]

HELP = """\
  start                   begin a session; what feeds its input tracks, a folder of pictures, a film or a sound file:
                          start --input-folder [TRACK=]PATH --input-fps 30
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
        input: What `start` is to feed the input tracks with.
        input_fps: Pictures per second of it; None where it does not say.
    """

    verb: Verb
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    at_seconds: float | None = None
    at_frame: int | None = None
    input: tuple[str, ...] = ()
    input_fps: float | None = None


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
    match verb:
        case "cmd":
            name, arguments = _command(rest)
            return Step("cmd", name, arguments, at_seconds, at_frame)
        case "start":
            paths, fps = _input(rest)
            return Step("start", at_seconds=at_seconds, at_frame=at_frame, input=paths, input_fps=fps)
    if rest.strip():
        raise OperatorError(f"{word} takes no arguments")
    return Step(cast(Verb, verb), at_seconds=at_seconds, at_frame=at_frame)


def _input(rest: str) -> tuple[tuple[str, ...], float | None]:
    usage = OperatorError("Usage: start [--input-folder [TRACK=]PATH] [--input-fps FPS]")
    try:
        words = shlex.split(rest)
        given = list(zip(words[::2], words[1::2], strict=True))
        fps = next((float(value) for flag, value in given if flag == "--input-fps"), None)
    except ValueError:
        raise usage from None
    if any(flag not in ("--input-folder", "--input-fps") for flag, _ in given) or not (fps is None or 0 < fps <= 1000):
        raise usage
    return tuple(value for flag, value in given if flag == "--input-folder"), fps


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
