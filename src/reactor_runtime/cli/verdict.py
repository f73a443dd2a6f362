"""How a command that failed says so: what led to it, then one line, and an exit status by blame."""

from __future__ import annotations

import sys
import traceback

from reactor_runtime.errors import OperatorError, ReactorError


def refuse(text: str) -> int:
    """Print one line and return the status for something to set right."""
    print(f"Error: {text}", file=sys.stderr, flush=True)
    return 2


def tell(wrong: ReactorError) -> int:
    """Print an error, what led to it first, and return its exit status: 1 the model's, 2 the command's."""
    if isinstance(wrong, OperatorError):
        return refuse(str(wrong))
    if wrong.__cause__ is not None:
        traceback.print_exception(wrong.__cause__)
    *causes, verdict = str(wrong).strip().splitlines() or [type(wrong).__name__]
    if causes:
        print(*causes, sep="\n", file=sys.stderr)
    refuse(verdict)
    return 1
