"""What went wrong in the author's code, as it crosses the pipe."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Literal

from reactor_runtime.errors import ReactorError
from reactor_runtime.worker.messages import Failed
from reactor_runtime.worker.plain import legible

_RUNTIME = Path(__file__).parents[1]

Where = Literal["import", "load", "run", "handler", "hook"]
_WHERE_WORDS = {
    "import": "while being imported",
    "load": "in load()",
    "run": "in run()",
    "handler": "in a command handler",
    "hook": "in a session hook",
}


def failure(where: Where, error: BaseException | str) -> Failed:
    """Describe what went wrong: to clients without the author's words, to the author with all of them."""
    if isinstance(error, str):
        return Failed(where, f"the model failed {_WHERE_WORDS[where]}", legible(error))
    name = type(error).__name__
    text = str(error) if isinstance(error, ReactorError) else f"{name}: {error}".removesuffix(": ")
    # What the runtime itself found while importing is told whole by its message; the author's code is in its cause.
    origin = error.__cause__ if where == "import" and isinstance(error, ReactorError) else error
    trace = "" if origin is None else _authors_trace(origin)
    return Failed(where, f"the model raised {name} {_WHERE_WORDS[where]}", legible(text), legible(trace))


def _authors_trace(error: BaseException) -> str:
    """Format a traceback from the author's first line on, and to the last one where the runtime itself refused."""
    told = traceback.TracebackException.from_exception(error)
    theirs = [n for n, frame in enumerate(told.stack) if not Path(frame.filename).is_relative_to(_RUNTIME)]
    refused = isinstance(error, ReactorError)
    if theirs:
        told.stack = traceback.StackSummary(told.stack[theirs[0] : theirs[-1] + 1 if refused else None])
    return "" if refused and not theirs else "".join(told.format())
