"""What a generation 1 model sees of its session: `get_ctx()`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, cast

from reactor_runtime.authoring.assembly import Assembly
from reactor_runtime.authoring.profiling import Profiler, get_profiler
from reactor_runtime.log import get_logger

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from reactor_runtime.authoring.emission_rate import EmissionRate
    from reactor_runtime.authoring.video_model_tracks import OutputTrack, Track

log = get_logger(__name__)


class Stage(Protocol):
    """What a session reaches the world through. Thread: any."""

    def emit(
        self, payloads: Mapping[str, object], *, fps: float | None = None, compute_time: float | None = None
    ) -> int:
        """Hand over one chunk; wait for room. Returns the frames handed over."""

    def say(self, data: object) -> None:
        """Send a message to every client."""


class Seen(Protocol):
    """What clients sent. Thread: any."""

    def latest(self, track: str) -> npt.NDArray[Any] | None:
        """Return the newest frame of a track, None where there is none."""


class ReactorContext:
    """One session, as the model sees it. Thread: any."""

    def __init__(self, stage: Stage, tracks: Mapping[str, Track], rate: EmissionRate, seen: Seen) -> None:
        self._stop_evt = threading.Event()
        self._clients: set[int] = set()
        self._stage = stage
        self._tracks = tracks
        self._rate = rate
        self._seen = seen
        self._emitting = threading.Lock()
        outputs = {name: cast("OutputTrack", track) for name, track in tracks.items() if track.direction.value == "out"}
        self._assembly = Assembly(outputs, lambda name, payload: outputs[name].copied(payload))
        self._sizes: dict[str, tuple[int, int]] = {}
        self._told_of_lag = False

    def should_stop(self) -> bool:
        """Whether the session is over: leave `start_session` soon."""
        return self._stop_evt.is_set()

    @property
    def is_media_configured(self) -> bool:
        """Whether a client is there whose connection can carry media."""
        return bool(self._clients)

    def get_track(self, name: str | None = None) -> Track:
        """Return the named track, of either direction; without a name the default output, else the first video.

        Raises:
            ValueError: The model declares none of that name, or no output.
        """
        known = ", ".join(self._tracks)
        if name is None:
            outputs = [track for track in self._tracks.values() if track.direction.value == "out"]
            if not outputs:
                raise ValueError(f"This model has no output track, only: {known}")
            return min(outputs, key=lambda track: (not track.default, track.kind != "video"))
        if name not in self._tracks:
            raise ValueError(f"Unknown track '{name}'. This model has: {known}")
        return self._tracks[name]

    def emit_block(self, frames: Any) -> None:
        """Hand over pictures on the default track, `(H, W, 3)` or `(N, H, W, 3)`; None is a black frame."""
        self.get_track().emit(frames)

    def send(self, data: object) -> None:
        """Send a message, usually a dict, to every client.

        Raises:
            AuthorError: It cannot be encoded.
        """
        self._stage.say(data)

    def enable_monitoring(self) -> None:
        """Let the playout rate follow the model again, as it does from the start."""
        with self._emitting:
            self._rate.thaw()

    def disable_monitoring(self) -> None:
        """Keep the playout rate as it is, while the model does what says nothing of its speed."""
        with self._emitting:
            self._rate.freeze()

    def profiler(self) -> Profiler:
        """Return the profiler; it measures nothing unless profiling is on."""
        return get_profiler()

    def _has(self, track: Track) -> bool:
        return self._tracks.get(track.name) is track

    def _latest(self, track: str) -> npt.NDArray[np.generic] | None:
        return self._seen.latest(track)

    def _emit(self, track: OutputTrack, frame: Any, bucket: int | None) -> None:
        # Held while the stream is full: other tracks of the same chunk have to wait just as long.
        with self._emitting:
            if frame is None:
                frame = track.blank(self._sizes.get(track.name))
            elif len(shape := tuple(getattr(frame, "shape", ()))) >= 3:
                # A tensor may have its channels first.
                self._sizes[track.name] = (shape[-3], shape[-2]) if shape[-1] <= 4 else (shape[-2], shape[-1])
            for payloads in self._assembly.put(track.name, frame, bucket):
                self._tell_of_lag(payloads)
                fps, compute_time = self._rate.ask()
                self._rate.note(self._stage.emit(payloads, fps=fps, compute_time=compute_time))

    def _tell_of_lag(self, payloads: Mapping[str, object]) -> None:
        """Say once that sound goes out alone while there are pictures: each such chunk takes a picture's time."""
        if self._told_of_lag or not self._sizes or any(self._tracks[name].kind == "video" for name in payloads):
            return
        self._told_of_lag = True
        log.warning(
            "sound goes out without pictures, which slows them down: emit on every track once per chunk, "
            "with a batch of pictures the sound of all of them",
            sound=", ".join(payloads),
            pictures=", ".join(self._sizes),
        )


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


def current_context() -> ReactorContext | None:
    """Return the session that the calling thread works for, None where there is none."""
    # A thread that the author started inherits no context variable; one live session leaves no doubt.
    context = _current.get()
    if context is None:
        return _live[0] if len(_live) == 1 else None
    return context if context in _live else None


def get_ctx() -> ReactorContext:
    """Return the running session.

    Raises:
        RuntimeError: There is none: before a session, and after it.
    """
    context = current_context()
    if context is None:
        raise RuntimeError("Global context not set. This should only be called during an active session.")
    return context
