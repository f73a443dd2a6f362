"""A journal that is written at the wall clock's time and followed while it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from reactor_runtime.runtime.clock import wall_ms
from reactor_runtime.session.journal import Fact, Journal, Quoted
from reactor_runtime.session.machine import State


class Facts:
    """The facts of one slot. All methods run on the event loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._followers: set[asyncio.Event] = set()
        self._closing = False

    def note(self, fact: str, /, state: State, **detail: Any) -> None:
        """Add one fact and wake who follows."""
        self._journal.add(fact, wall_ms(), state=state, **detail)
        self._wake()

    def quote(self, kind: Quoted, text: str, **detail: Any) -> None:
        """Add what the model said of itself and wake who follows."""
        self._journal.quote(kind, wall_ms(), text, **detail)
        self._wake()

    def close(self) -> None:
        """End what follows once it has read up to here."""
        self._closing = True
        self._wake()

    def _wake(self) -> None:
        for follower in self._followers:
            follower.set()

    async def since(self, fact_id: int) -> AsyncIterator[Fact]:
        """Yield the facts after this id, then each new one, until `close`.

        An id that is still to come is another journal's, of a server before this one: its follower gets them all.
        """
        if fact_id > self._journal.last_id:
            fact_id = 0
        grew = asyncio.Event()
        self._followers.add(grew)
        try:
            while True:
                for fact in self._journal.since(fact_id):
                    yield fact
                    fact_id = fact.id
                if self._closing:
                    return
                await grew.wait()
                grew.clear()
        finally:
            self._followers.discard(grew)
