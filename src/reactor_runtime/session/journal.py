"""What happened in a slot, newest kept, for people who watch it over HTTP."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import merge
from itertools import takewhile
from typing import Any, Literal

import msgspec

MAX_DETAIL = 2048
"""Bytes that are kept of each part of a fact's detail: clients fill some of them, and thousands of facts are kept."""
MAX_LINE = 4096
"""Characters that are kept of the beginning of a log line."""
MAX_TRACEBACK = 16_384
"""Characters that are kept of the end of a traceback, where it says what went wrong."""

Quoted = Literal["log", "traceback"]
"""What a model says of itself, in development mode."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry.

    Attributes:
        id: Counts up by one.
        at_ms: Wall clock, milliseconds since 1970.
        before: The session's state before, in lower case.
        after: The state it led to; the same unless the fact is a transition.
        kind: What published clients call all that happens to the session, or what the model said.
    """

    id: int
    name: str
    at_ms: int
    detail: dict[str, Any]
    before: str
    after: str
    kind: Literal["transition"] | Quoted = "transition"

    def sse(self) -> str:
        """Return the entry as one server-sent event."""
        data = {
            "type": self.kind,
            "event": self.name,
            "from": self.before,
            "to": self.after,
            "ts": self.at_ms,
            "detail": self.detail,
        }
        return f"id: {self.id}\ndata: {msgspec.json.encode(data).decode()}\n\n"


class Journal:
    """The newest facts of each kind, in one order: a chatty model pushes out neither what happened nor what failed."""

    def __init__(self, capacity: int = 4096, *, lines: int = 1000, tracebacks: int = 50) -> None:
        self._facts = {
            "transition": deque[Fact](maxlen=capacity),
            "log": deque[Fact](maxlen=lines),
            "traceback": deque[Fact](maxlen=tracebacks),
        }
        self.last_id = 0
        self._state = "created"

    def add(self, name: str, now_wall_ms: int, /, *, state: str | None = None, **detail: Any) -> Fact:
        """Note one fact.

        Args:
            name: What happened, one word.
            now_wall_ms: Wall clock, milliseconds since 1970.
            state: The session's state after it; None when it is as it was.
            detail: Anything JSON can say; of a part that is longer than `MAX_DETAIL` its beginning is kept, as text.
        """
        before, self._state = self._state, self._state if state is None else state.lower()
        kept = {key: _abridged(value) for key, value in detail.items()}
        return self._keep("transition", name, now_wall_ms, kept, before)

    def quote(self, kind: Quoted, now_wall_ms: int, text: str, /, **detail: Any) -> Fact:
        """Note what the model logged, or how it failed: the beginning of a line, the end of a traceback.

        Args:
            kind: In which ring it is kept.
            now_wall_ms: Wall clock, milliseconds since 1970.
            text: What it said.
            detail: As for `add`.
        """
        if kind == "log":
            text = text if len(text) <= MAX_LINE else f"{text[:MAX_LINE]}…"
        else:
            text = text if len(text) <= MAX_TRACEBACK else f"…{text[-MAX_TRACEBACK:]}"
        kept = {key: _abridged(value) for key, value in detail.items()}
        return self._keep(kind, kind, now_wall_ms, {**kept, "text": text}, self._state)

    def since(self, fact_id: int) -> list[Fact]:
        """Return the facts after this id that are still kept, oldest first; 0 for all of them."""
        newer = (list(takewhile(lambda fact: fact.id > fact_id, reversed(ring)))[::-1] for ring in self._facts.values())
        return list(merge(*newer, key=lambda fact: fact.id))

    def _keep(
        self, kind: Literal["transition"] | Quoted, name: str, at_ms: int, detail: dict[str, Any], before: str
    ) -> Fact:
        self.last_id += 1
        fact = Fact(self.last_id, name, at_ms, detail, before, self._state, kind)
        self._facts[kind].append(fact)
        return fact


def _abridged(value: Any) -> Any:
    if value is None or isinstance(value, int | float) or (isinstance(value, str) and len(value) <= MAX_DETAIL // 4):
        return value
    written = msgspec.json.encode(value)
    if len(written) <= MAX_DETAIL:
        return value
    return f"{written[:MAX_DETAIL].decode(errors='ignore')}… ({len(written)} bytes)"
