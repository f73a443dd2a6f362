"""Where a model stands: the stacks of its threads, and what its tasks wait for."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

DEPTH = 8
"""Innermost frames shown of each stack."""
_POOL = "concurrent/futures/thread.py"


def standing(threads: Iterable[threading.Thread], loop: asyncio.AbstractEventLoop | None) -> str:
    """Describe where these threads, and the tasks of this loop, stand. Thread: any."""
    frames = sys._current_frames()
    parts = []
    for thread in threads:
        frame = frames.get(thread.ident or 0)
        if frame is not None and not frame.f_code.co_filename.endswith(_POOL):  # a worker without work tells nothing
            stack = traceback.format_list(traceback.extract_stack(frame, DEPTH))
            parts.append(f"thread {thread.name}:\n{''.join(stack)}")
    if loop is not None and not loop.is_closed():
        for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
            lines = [_line(frame) for frame in _awaited(task.get_coro())][-DEPTH:]
            parts.append(f"task {task.get_name()}:\n{''.join(lines)}")
    return "; the model stands at\n" + "\n".join(parts) if parts else "; the model has ended"


def _line(frame: FrameType) -> str:
    return traceback.format_list(traceback.StackSummary.extract([(frame, frame.f_lineno)]))[0]


def _awaited(awaitable: Any) -> Iterator[FrameType]:
    """Yield the frames of a suspended coroutine, the innermost last."""
    while awaitable is not None:
        for kind, inner in (("cr", "cr_await"), ("ag", "ag_await"), ("gi", "gi_yieldfrom")):
            if hasattr(awaitable, inner):
                frame = getattr(awaitable, f"{kind}_frame")
                if frame is not None:
                    yield frame
                awaitable = getattr(awaitable, inner)
                break
        else:
            # What `anext` returns tells nothing of itself; its generator is what it refers to.
            held = gc.get_referents(awaitable) if type(awaitable).__name__.startswith(("anext", "async_gen")) else []
            awaitable = next((item for item in held if "gen" in type(item).__name__), None)
