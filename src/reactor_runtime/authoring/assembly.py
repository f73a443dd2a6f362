"""Puts what a generation 1 model emits, track by track, together into chunks of all its tracks. Pure.

Rules:
- A chunk is due once every track it waits for has given its part, or has gone on to a later chunk.
- A track that the model has not emitted on yet holds back one chunk, and none once another track went past it: a
  model may declare sound and emit only pictures. One that was in step may fall `PATIENCE` chunks behind.
- A track that was given up joins the others in their next chunk, and holds back one chunk from then on: it may be
  one that speaks now and then. Where it gives its chunks numbers, they count, and it is as good as in step.
- What has to wait is kept as a copy: the author may draw the next picture into the same memory.
- So nothing is dropped while the model emits on, and no more than `PATIENCE` chunks ever wait for one track.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

PATIENCE = 8
"""Chunks that wait for a track which was in step."""


@dataclass(slots=True)
class _Chunk:
    awaited: set[str]
    payloads: dict[str, object] = field(default_factory=dict)


class Assembly:
    """The chunks of one session that are not complete."""

    def __init__(
        self, tracks: Iterable[str], keep: Callable[[str, object], object] = lambda _, payload: payload
    ) -> None:
        """Begin a session.

        Args:
            tracks: Names of the output tracks.
            keep: Given track and payload, returns a copy that waits; raises what the payload is refused with.
        """
        self._keep = keep
        self._patience = dict.fromkeys(tracks, 1)
        self._counts = dict.fromkeys(self._patience, 0)
        self._given_up: set[str] = set()
        self._chunks: dict[int, _Chunk] = {}

    @property
    def waiting(self) -> int:
        """Chunks that wait for a track."""
        return len(self._chunks)

    def put(self, track: str, payload: object, number: int | None = None) -> list[dict[str, object]]:
        """Take one track's part of a chunk; return the chunks that are due, in order, track name to payload.

        Args:
            track: Its name.
            payload: What replaces an earlier part of the same track and number.
            number: Of the chunk; None counts on.

        Raises:
            Exception: What `keep` raised; the part is dropped.
        """
        number = self._join(track, number)
        self._counts[track] = number + 1
        if number not in self._chunks:
            self._chunks[number] = _Chunk(self._patience.keys() - self._given_up)
        self._chunks[number].payloads[track] = payload
        for other, chunk in self._chunks.items():
            if other <= number:
                chunk.awaited.discard(track)
        self._give_up()
        due = [number for number, chunk in self._chunks.items() if not chunk.awaited]
        if number not in due:
            payloads = self._chunks[number].payloads
            payloads[track] = self._keep(track, payloads.pop(track))
        return [payloads for number in due if (payloads := self._chunks.pop(number).payloads)]

    def _join(self, track: str, number: int | None) -> int:
        """Wait for this track from here on, and return the number of its part."""
        if track in self._given_up and number is None:
            self._counts[track] = max(self._counts.values())
            self._patience[track] = 1
        elif number is not None or self._counts[track] == 0:
            self._patience[track] = PATIENCE
        self._given_up.discard(track)
        return self._counts[track] if number is None else number

    def _give_up(self) -> None:
        for track, patience in self._patience.items():
            if sum(track in chunk.awaited for chunk in self._chunks.values()) > patience:
                self._given_up.add(track)
        for chunk in self._chunks.values():
            chunk.awaited -= self._given_up
