"""A bounded queue that says what it had to let go of, so that the caller can count or release it."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from reactor_runtime.errors import IllegalInput

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A first-in, first-out queue of at most `capacity` items.

    Attributes:
        dropped: How many items `put` displaced or refused so far.
    """

    def __init__(self, capacity: int, newest_wins: bool) -> None:
        """Make an empty mailbox.

        Args:
            capacity: At least 1.
            newest_wins: What a full mailbox does: True lets the oldest item go, False refuses the new one.

        Raises:
            IllegalInput: `capacity` is below 1.
        """
        if capacity < 1:
            raise IllegalInput(f"a mailbox holds at least one item, not {capacity}")
        self._capacity = capacity
        self._newest_wins = newest_wins
        self._items: deque[T] = deque()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> T | None:
        """Add an item; return the one that was displaced or refused, None when there was room."""
        if len(self._items) < self._capacity:
            self._items.append(item)
            return None
        self.dropped += 1
        if not self._newest_wins:
            return item
        self._items.append(item)
        return self._items.popleft()

    def take(self) -> T | None:
        """Remove and return the oldest item, None when empty."""
        return self._items.popleft() if self._items else None

    def clear(self) -> list[T]:
        """Remove and return all items, oldest first; they do not count as dropped."""
        items = list(self._items)
        self._items.clear()
        return items
