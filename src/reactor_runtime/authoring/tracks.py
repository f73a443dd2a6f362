"""What a model of generation 2 puts out: a subclass of `Output` with one annotated field per track."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from reactor_runtime.authoring.contract import Direction, TrackSpec
from reactor_runtime.authoring.fields import hints_of
from reactor_runtime.authoring.names import place
from reactor_runtime.errors import ContractError

if TYPE_CHECKING:
    from reactor_runtime.authoring.inputs import InputBuffer


class _Annotation:
    """To type checkers, a field of an `Output` takes any payload, and one of an `Input` is its buffer."""

    if TYPE_CHECKING:

        def __get__(self, owner: object, cls: type | None = None) -> InputBuffer: ...
        def __set__(self, owner: object, payload: Any) -> None: ...


class Video(_Annotation):
    """Annotates a video track: `(H, W, 3)` or `(N, H, W, 3)` RGB, uint8 0..255 or float 0..1."""


class Audio(_Annotation):
    """Annotates an audio track: `(samples,)` or `(channels, samples)`, int16 or float -1..1.

    Subclass it to declare another `sample_rate` in Hz.
    """

    sample_rate: ClassVar[int] = 48_000


class Output:
    """One chunk of media for all clients. Fields annotated `Video` or `Audio` are its tracks, in order.

    Works with and without `@dataclass` on the subclass.
    """

    _tracks: ClassVar[tuple[TrackSpec, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._tracks = declared_tracks(cls, place(cls))

    def __init__(self, **payloads: Any) -> None:
        declared = [track.name for track in self._tracks]
        if set(payloads) != set(declared):
            raise TypeError(f"{type(self).__name__} expects payloads for {declared}, got {list(payloads)}")
        for name, payload in payloads.items():
            setattr(self, name, payload)


def payloads_of(output: Output) -> Mapping[str, Any]:
    """Return what an output carries, track name to payload."""
    return {track.name: getattr(output, track.name) for track in output._tracks}


def tracks_of(outputs: list[type[Output]], where: str) -> tuple[TrackSpec, ...]:
    """Return the tracks of all output classes, each name once.

    Raises:
        ContractError: Two classes give one name different kinds.
    """
    tracks: dict[str, TrackSpec] = {}
    for output in outputs:
        for track in output._tracks:
            if tracks.setdefault(track.name, track) != track:
                raise ContractError(
                    f"{where}: track {track.name!r} is declared as {tracks[track.name].kind} at "
                    f"{tracks[track.name].rate:g} and, in {output.__name__}, as {track.kind} at {track.rate:g}; "
                    "one name is one track"
                )
    return tuple(tracks.values())


def declared_tracks(cls: type, where: str, *, direction: Direction = "out") -> tuple[TrackSpec, ...]:
    """Return a track for each public annotated field of a class.

    Raises:
        ContractError: A field is neither `Video` nor `Audio`.
    """
    tracks = []
    for name, hint in hints_of(cls, where).items():
        if name.startswith("_"):
            continue
        if isinstance(hint, type) and issubclass(hint, Video):
            tracks.append(TrackSpec(name, "video", direction))
        elif isinstance(hint, type) and issubclass(hint, Audio):
            tracks.append(TrackSpec(name, "audio", direction, rate=hint.sample_rate))
        else:
            owner = "an Output" if direction == "out" else "an Input"
            raise ContractError(f"{where}: field {name!r} is annotated {hint!r}; a field of {owner} is Video or Audio")
    return tuple(tracks)
