"""What one emit hands over, on its way to the server."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.media.audio import Resampler
from reactor_runtime.worker.gpu import Frames
from reactor_runtime.worker.ring import RingWriter

Ticket = tuple[int, int]
"""Session and epoch that a chunk belongs to; once they are over, the rest of the chunk is abandoned."""


@dataclass(slots=True)
class Line:
    """One output track.

    Attributes:
        lock: Held while a chunk of this track goes out; guards what is not guarded by `Host._changed`, as `ring` is.
        emitted_at: When the author's code went on after the last emit of this session; None before the first.
    """

    spec: TrackSpec
    ring: RingWriter
    lock: threading.Lock = field(default_factory=threading.Lock)
    emitted_at: float | None = None
    resampler: tuple[Ticket, int, Resampler] | None = None


@dataclass(slots=True)
class Chunk:
    """One emit, normalised: `count` time slices. A video of one frame goes into each of them.

    Attributes:
        current_at: When it was certainly being made, at the earliest: what was superseded after that has to go.
    """

    count: int
    video: dict[str, Frames]
    audio: list[dict[str, tuple[int, bytes]]]
    lines: list[Line]
    ticket: Ticket
    fps: float | None = None
    pinned: bool = False
    began_at: float = 0.0
    current_at: float = 0.0
    entered_at: float = 0.0
    normalised_at: float = 0.0
    converting_at: float = 0.0

    @property
    def interval(self) -> float | None:
        """Seconds from slice to slice as the author asked for, else None."""
        return 1 / self.fps if self.fps and self.pinned else None

    @property
    def resumed_at(self) -> float | None:
        """When the model could begin to make it: as the last emit on its tracks returned. None for the first."""
        return max((line.emitted_at for line in self.lines if line.emitted_at is not None), default=None)
