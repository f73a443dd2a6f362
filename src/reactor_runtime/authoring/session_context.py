"""What a generation 1 model sees of its session: `get_ctx()` and the tracks it emits on."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from reactor_runtime.authoring.contract import Kind

BLACK_SIZE = (720, 1280)
"""Height and width of a black frame before the track has shown any other."""
PARTIAL_CHUNKS = 8
"""Chunks that may wait for a slower track; then the oldest goes out without it, and nothing piles up."""


class Stage(Protocol):
    """What a session reaches the world through. Thread: any."""

    def emit(self, payloads: Mapping[str, object], *, fps: float | None = None) -> int:
        """Hand over one chunk; wait for room."""

    def say(self, data: object) -> None:
        """Send a message to every client."""


class OutputTrack(ABC):
    """A named line of media that the model emits: a class attribute of its model, or what `get_track` returns."""

    kind: Kind

    def __init__(self, rate: float, *, default: bool = False) -> None:
        self.rate = rate
        self.default = default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def emit(self, frame: object = None, bucket: int | None = None) -> None:
        """Hand over one chunk of this track; waits while the stream is full.

        With several tracks, chunks of one number go out together once each track has given its own.

        Args:
            frame: Picture or pictures, or sound; None is a black frame, or a second of silence.
            bucket: Number of the chunk; without one the track counts by itself.

        Raises:
            RuntimeError: No session is running.
            OutputError: It is no picture or sound.
        """
        context = _context()
        if context is None or context._tracks.get(self.name) is not self:
            raise RuntimeError(
                f"Track '{self.name}' is not wired to a session. Ensure emit() is called during an active session."
            )
        context._emit(self, frame, bucket)

    @abstractmethod
    def blank(self, last_size: tuple[int, int] | None) -> Any:
        """Return what stands for None on this track."""


class VideoOut(OutputTrack):
    """A video track. `rate` above 0 pins the playout rate, `default` makes it the one `get_track()` returns."""

    kind: Kind = "video"

    def __init__(self, rate: float = 0.0, default: bool = False) -> None:
        super().__init__(rate, default=default)

    def blank(self, last_size: tuple[int, int] | None) -> Any:
        """Return a black `(H, W, 3)` uint8 picture, of the size shown last."""
        import numpy as np

        return np.zeros((*(last_size or BLACK_SIZE), 3), np.uint8)


class AudioOut(OutputTrack):
    """An audio track of `rate` samples per second."""

    kind: Kind = "audio"

    def __init__(self, rate: float = 48_000.0) -> None:
        super().__init__(rate)

    def blank(self, last_size: tuple[int, int] | None) -> Any:
        """Return one second of silence, `(1, rate)` int16."""
        import numpy as np

        return np.zeros((1, int(self.rate)), np.int16)


class ReactorContext:
    """One session, as the model sees it. Thread: any."""

    def __init__(self, stage: Stage, tracks: Mapping[str, OutputTrack], fps: float | None) -> None:
        self._stop_evt = threading.Event()
        self._stage = stage
        self._tracks = tracks
        self._fps = fps
        self._assembling = threading.Lock()
        self._chunks: dict[int, dict[str, object]] = {}
        self._counts = dict.fromkeys(tracks, 0)
        self._sizes: dict[str, tuple[int, int]] = {}

    def should_stop(self) -> bool:
        """Whether the session is over: leave `start_session` soon."""
        return self._stop_evt.is_set()

    def get_track(self, name: str | None = None) -> OutputTrack:
        """Return the named output track; without a name the default one, else the first video track.

        Raises:
            ValueError: The model declares none of that name.
        """
        if name is not None:
            if name not in self._tracks:
                raise ValueError(f"Unknown track '{name}'. This model has: {', '.join(self._tracks)}")
            return self._tracks[name]
        ranked = sorted(self._tracks.values(), key=lambda track: (not track.default, track.kind != "video"))
        return ranked[0]

    def emit_block(self, frames: object | None) -> None:
        """Hand over pictures on the default track, `(H, W, 3)` or `(N, H, W, 3)`; None is a black frame."""
        self.get_track().emit(frames)

    def send(self, data: object) -> None:
        """Send a message, usually a dict, to every client.

        Raises:
            AuthorError: It cannot be encoded.
        """
        self._stage.say(data)

    def enable_monitoring(self) -> None:
        """Accepted for models that call it; the playout rate follows the model without being told."""

    def disable_monitoring(self) -> None:
        """Accepted for models that call it; the playout rate is smoothed, so one slow step does not disturb it."""

    def _emit(self, track: OutputTrack, frame: object, bucket: int | None) -> None:
        # Held while the stream is full: other tracks of the same chunk have to wait just as long.
        with self._assembling:
            if frame is None:
                frame = track.blank(self._sizes.get(track.name))
            elif len(shape := tuple(getattr(frame, "shape", ()))) >= 3:
                self._sizes[track.name] = (shape[-3], shape[-2])
            if bucket is None:
                bucket = self._counts[track.name]
            self._counts[track.name] = bucket + 1
            self._chunks.setdefault(bucket, {})[track.name] = frame
            complete = len(self._chunks[bucket]) == len(self._tracks)
            if complete:
                self._stage.emit(self._chunks.pop(bucket), fps=self._fps)
            elif len(self._chunks) > PARTIAL_CHUNKS:
                self._stage.emit(self._chunks.pop(min(self._chunks)), fps=self._fps)


_current: ContextVar[ReactorContext | None] = ContextVar("reactor_context", default=None)
_live: list[ReactorContext] = []


def bind(context: ReactorContext) -> None:
    """Make `get_ctx` return this session, for this thread of work, and for others while it is the only one."""
    _current.set(context)
    _live.append(context)


def unbind(context: ReactorContext) -> None:
    """Make `get_ctx` forget a session, everywhere."""
    if context in _live:
        _live.remove(context)


def is_bound(context: ReactorContext) -> bool:
    """Whether the model still works in this session."""
    return context in _live


def _context() -> ReactorContext | None:
    # A thread that the author started inherits no context variable; one live session leaves no doubt.
    context = _current.get()
    if context in _live:
        return context
    return _live[0] if len(_live) == 1 else None


def get_ctx() -> ReactorContext:
    """Return the running session.

    Raises:
        RuntimeError: There is none.
    """
    context = _context()
    if context is None:
        raise RuntimeError("Global context not set. This should only be called during an active session.")
    return context
