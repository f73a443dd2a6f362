"""What happened in a slot, newest kept, for people who watch it over HTTP."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

MAX_DETAIL = 2048
"""Bytes that are kept of each part of a fact's detail: clients fill some of them, and thousands of facts are kept."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry.

    Attributes:
        id: Counts up by one.
        at_ms: Wall clock, milliseconds since 1970.
        before: The session's state before, in lower case.
        after: The state it led to; the same unless the fact is a transition.
    """

    id: int
    name: str
    at_ms: int
    detail: dict[str, Any]
    before: str
    after: str

    def sse(self) -> str:
        """Return the entry as one server-sent event."""
        data = {
            "type": "transition",
            "event": self.name,
            "from": self.before,
            "to": self.after,
            "ts": self.at_ms,
            "detail": self.detail,
        }
        return f"id: {self.id}\ndata: {msgspec.json.encode(data).decode()}\n\n"


class Journal:
    """The newest `capacity` facts, in order."""

    def __init__(self, capacity: int = 4096) -> None:
        self._facts: deque[Fact] = deque(maxlen=capacity)
        self._last_id = 0
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
        self._last_id += 1
        kept = {key: _abridged(value) for key, value in detail.items()}
        fact = Fact(self._last_id, name, now_wall_ms, kept, before, self._state)
        self._facts.append(fact)
        return fact

    def since(self, fact_id: int) -> list[Fact]:
        """Return the facts after this id that are still kept, oldest first; 0 for all of them."""
        newer = min(self._last_id - fact_id, len(self._facts))
        return list(islice(self._facts, len(self._facts) - newer, None)) if newer > 0 else []


def _abridged(value: Any) -> Any:
    if value is None or isinstance(value, int | float) or (isinstance(value, str) and len(value) <= MAX_DETAIL // 4):
        return value
    written = msgspec.json.encode(value)
    if len(written) <= MAX_DETAIL:
        return value
    return f"{written[:MAX_DETAIL].decode(errors='ignore')}… ({len(written)} bytes)"
