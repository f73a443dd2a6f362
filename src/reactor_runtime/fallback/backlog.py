"""Pictures that wait for a socket: who falls behind loses all up to a key frame. Pure: `now` is given."""

from __future__ import annotations

import dataclasses
from collections import deque

from reactor_runtime.media.frame import AccessUnit

MOST_SECONDS = 1.0
MOST_BYTES = 1_000_000
"""How long pictures wait, and how much of them; beyond it, all are dropped."""
LATE = 0.15
"""Seconds after which a picture that waits makes way for a key frame: what it shows is over."""


class Backlog:
    """The pictures of all tracks, in the order in which they came.

    What a dropped picture answered, the next one of its track does.

    Attributes:
        lost: Pictures dropped.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: deque[tuple[float, str, AccessUnit]] = deque()
        self._bytes = 0
        self._owed: dict[str, tuple[int, ...]] = {}
        # Tracks of which nothing but a key frame is of use; True once it was asked for.
        self._broken: dict[str, bool] = {}

    def put(self, track: str, unit: AccessUnit, now: float) -> None:
        """Take a picture, or drop it."""
        if self._waiting and (now - self._waiting[0][0] > MOST_SECONDS or self._bytes + len(unit.data) > MOST_BYTES):
            for name in {name for _, name, _ in self._waiting}:
                self._drop(name)
        if unit.is_keyframe:
            if any(name == track and now - at > LATE for at, name, _ in self._waiting):
                self._drop(track)
            self._broken.pop(track, None)
        if track in self._broken:
            self._lose(track, unit)
            return
        self._waiting.append((now, track, unit))
        self._bytes += len(unit.data)

    def take(self) -> tuple[str, AccessUnit] | None:
        """Remove and return the oldest picture."""
        if not self._waiting:
            return None
        _, track, unit = self._waiting.popleft()
        self._bytes -= len(unit.data)
        owed = self._owed.pop(track, ())
        return track, dataclasses.replace(unit, answers=owed + unit.answers) if owed else unit

    def keyframes_needed(self) -> list[str]:
        """Return the tracks that nothing but a key frame mends, each once."""
        needed = [track for track, is_asked in self._broken.items() if not is_asked]
        self._broken.update(dict.fromkeys(needed, True))
        return needed

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._bytes = 0

    def _drop(self, track: str) -> None:
        kept = deque(entry for entry in self._waiting if entry[1] != track)
        for _, name, unit in self._waiting:
            if name == track:
                self._bytes -= len(unit.data)
                self._lose(track, unit)
        self._waiting = kept

    def _lose(self, track: str, unit: AccessUnit) -> None:
        self.lost += 1
        self._owed[track] = self._owed.get(track, ()) + unit.answers
        self._broken.setdefault(track, False)
