"""The tracks of a generation 1 model: class attributes that are emitted on, or read from, while a session runs."""

from __future__ import annotations

import enum
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from reactor_runtime.authoring.contract import Kind, TrackSpec, float_range
from reactor_runtime.authoring.names import place
from reactor_runtime.authoring.session_context import current_context
from reactor_runtime.errors import ContractError, OutputError
from reactor_runtime.media.pacer import FASTEST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BLACK_SIZE = (720, 1280)
"""Height and width of a black frame before the track has shown any other."""


class TrackDirection(enum.Enum):
    """Which way a track goes, seen from the model."""

    IN = "in"
    OUT = "out"


class Track(ABC):
    """A named line of media: a class attribute of its model, or what `get_ctx().get_track(name)` returns.

    Attributes:
        name: The attribute's name; clients see it.
        rate: What the author declared: frames or samples per second, 0 where that is left open.
        default: Whether `get_track()` without a name returns it.
    """

    kind: ClassVar[Kind]
    direction: ClassVar[TrackDirection]

    def __init__(self, rate: float, *, default: bool = False) -> None:
        self.rate = rate
        self.default = default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name  # one track of two names is refused by `declared_on`

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, rate={self.rate!r})"

    @property
    def spec(self) -> TrackSpec:
        """The track as plain data."""
        return TrackSpec(self.name, self.kind, self.direction.value, self.rate)

    def emit(self, frame: Any = None, bucket: int | None = None) -> None:
        """Hand over one chunk of an output track; see `OutputTrack.emit`."""
        raise TypeError(
            f"Track '{self.name}' (direction={self.direction.value}) does not support emit(). "
            "Only output tracks (OUT) can emit."
        )

    def latest(self) -> npt.NDArray[Any] | None:
        """Return the newest frame of an input track; see `InputTrack.latest`."""
        raise TypeError(
            f"Track '{self.name}' (direction={self.direction.value}) does not support latest(). "
            "Only input tracks (IN) receive frames."
        )


class OutputTrack(Track):
    """A track that the model emits. Thread: any."""

    direction = TrackDirection.OUT

    def emit(self, frame: Any = None, bucket: int | None = None) -> None:
        """Hand over one chunk of this track; waits while the stream is full.

        With several tracks, chunks of one number go out together once each track has given its own. A track that
        gives none does not hold the others up: see `authoring.assembly`.

        Args:
            frame: Picture or pictures, `(H, W, 3)` or `(N, H, W, 3)`, or sound, `(samples,)` or `(channels, samples)`;
                None is a black frame, or a second of silence.
            bucket: Number of the chunk; without one the track counts by itself.

        Raises:
            RuntimeError: No session is running.
            OutputError: It is no picture or sound, or `bucket` no whole number.
        """
        context = current_context()
        if bucket is not None and not hasattr(bucket, "__index__"):
            raise OutputError(f"track '{self.name}': bucket={bucket!r}: the number of a chunk is a whole number, as 0")
        if context is None or not context._has(self):
            raise RuntimeError(
                f"Track '{self.name}' is not wired to a session. Ensure emit() is called during an active session."
            )
        context._emit(self, frame, bucket)

    @abstractmethod
    def blank(self, last_size: tuple[int, int] | None) -> npt.NDArray[Any]:
        """Return what stands for None on this track."""

    @abstractmethod
    def copied(self, payload: object) -> object:
        """Return a copy of what was emitted.

        Raises:
            OutputError: It is no picture or sound.
        """


class InputTrack(Track):
    """A track that a client sends. Thread: any."""

    direction = TrackDirection.IN

    def latest(self) -> npt.NDArray[Any] | None:
        """Return the newest frame, `(H, W, 3)` uint8 RGB, or the newest run of sound, `(1, samples)` int16.

        None before the first, after the client that sent them left, and outside a session.
        """
        context = current_context()
        return context._latest(self.name) if context is not None and context._has(self) else None


class VideoOut(OutputTrack):
    """A video track. `rate` above 0 pins the playout rate, `default` makes it the one `get_track()` returns.

    Attributes:
        float_range: The floats that mean black and white, where pictures are floats.
    """

    kind = "video"

    def __init__(
        self, rate: float = 0.0, default: bool = False, *, float_range: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        super().__init__(rate, default=default)
        self.float_range = float_range

    @property
    def spec(self) -> TrackSpec:
        """The track as plain data."""
        return msgspec.structs.replace(super().spec, float_range=self.float_range)

    def blank(self, last_size: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
        """Return a black `(H, W, 3)` uint8 picture, of the size shown last."""
        import numpy as np

        return np.zeros((*(last_size or BLACK_SIZE), 3), np.uint8)

    def copied(self, payload: object) -> list[npt.NDArray[Any]]:
        """Return the pictures, each in memory of its own; see `OutputTrack.copied`."""
        from reactor_runtime.media.video import video_frames

        frames = video_frames(payload, track=self.name, float_range=self.float_range)
        return [picture.copy() for picture in frames.pictures]


class AudioOut(OutputTrack):
    """An audio track of `rate` samples per second."""

    kind = "audio"

    def __init__(self, rate: float = 48_000.0) -> None:
        super().__init__(rate)

    def blank(self, last_size: tuple[int, int] | None) -> npt.NDArray[np.int16]:
        """Return one second of silence, `(1, rate)` int16."""
        import numpy as np

        return np.zeros((1, int(self.rate)), np.int16)

    def copied(self, payload: object) -> npt.NDArray[np.int16]:
        """Return the samples, `(channels, samples)`; see `OutputTrack.copied`."""
        from reactor_runtime.media.audio import audio_samples

        return audio_samples(payload, track=self.name).copy()


class VideoIn(InputTrack):
    """Video that a client sends, a webcam for example. `rate` is what the model expects, 0 for any."""

    kind = "video"

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__(rate)


class AudioIn(InputTrack):
    """Sound that a client sends, a microphone for example, at `rate` samples per second; 0 is 48000."""

    kind = "audio"

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__(rate)


class MediaBundle(Mapping[str, "npt.NDArray[Any]"]):
    """What clients sent since `on_media` was called last: track name to frame.

    Video is the newest picture, `(H, W, 3)` uint8 RGB; what a slow model missed is gone. Sound, `(1, samples)` int16,
    is everything since the last call, a second at most. A track without news is not in the mapping; as an attribute
    (`bundle.webcam`) it is None.
    """

    def __init__(self, frames: Mapping[str, npt.NDArray[Any]], declared: tuple[str, ...] = ()) -> None:
        self._frames = dict(frames)
        self._declared = declared

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __getattr__(self, name: str) -> npt.NDArray[Any] | None:
        if name in (frames := self.__dict__.get("_frames", {})):
            found: npt.NDArray[Any] = frames[name]
            return found
        if name in self.__dict__.get("_declared", ()):
            return None
        raise AttributeError(f"no input track {name!r}; this model has: {', '.join(self._declared) or 'none'}")


def declared_on(cls: type) -> dict[str, Track]:
    """Return the tracks among a class's attributes, inherited ones first, by name.

    Raises:
        ContractError: A rate cannot be kept, or one track has two names.
    """
    names = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base))
    for name in names:
        value = inspect.getattr_static(cls, name)
        if isinstance(value, type) and issubclass(value, Track):
            raise ContractError(f"{place(cls)}: {name} = {value.__name__}: write {name} = {value.__name__}()")
    tracks = {name: value for name in names if isinstance(value := inspect.getattr_static(cls, name), Track)}
    for name, track in tracks.items():
        if track.name != name:
            both = " and ".join(sorted((name, track.name)))
            raise ContractError(f"{place(cls)}: {both} are one {type(track).__name__} object; write one for each")
        where = f"{place(cls)}: {name} = {type(track).__name__}"
        _check_rate(f"{where}(rate={track.rate!r})", track)
        if isinstance(track, VideoOut):
            track.float_range = float_range(f"{where}: float_range", track.float_range)
    return tracks


def _check_rate(where: str, track: Track) -> None:
    if track.kind == "video":
        frames_per_second(where, track.rate)
    elif not is_number(track.rate) or track.rate != int(track.rate) or track.rate < 0:
        raise ContractError(f"{where}: write a whole number of samples per second, as 48000")
    elif track.direction is TrackDirection.OUT and track.rate == 0:
        raise ContractError(f"{where}: sound is emitted at a rate above 0, as 48000 samples per second")


def frames_per_second(where: str, rate: Any) -> float | None:
    """Return a declared frame rate, None where it is left open (None, or not above 0).

    Raises:
        ContractError: It is no number, or cannot be kept.
    """
    if rate is None:
        return None
    if not is_number(rate):
        raise ContractError(f"{where}: {rate!r} is no frame rate: write a number of frames per second, or 0 to measure")
    if rate > FASTEST:
        raise ContractError(f"{where}: {rate!r} frames per second cannot be kept: at most {FASTEST:g} can")
    return float(rate) if rate > 0 else None


def is_number(value: Any) -> bool:
    """Whether this is a finite number, a numpy one included."""
    try:
        return not isinstance(value, bool | str) and math.isfinite(value)
    except TypeError:
        return False
