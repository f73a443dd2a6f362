"""Text frames that wait to be sent: nothing of it may be dropped, so who reads none is let go."""

from __future__ import annotations

from collections import deque

MOST_TEXT = 1_000_000
"""Characters that may wait."""


class Outbox:
    """In the order in which they came."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._size = 0

    def put(self, frame: str | bytes) -> bool:
        """Take a frame; False once more waits than may."""
        text = frame if isinstance(frame, str) else frame.decode()
        self._texts.append(text)
        self._size += len(text)
        return self._size <= MOST_TEXT

    def take(self) -> str | None:
        """Remove and return the oldest frame."""
        if not self._texts:
            return None
        text = self._texts.popleft()
        self._size -= len(text)
        return text
