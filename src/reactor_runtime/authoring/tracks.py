"""What a model of generation 2 puts out: a subclass of `Output` with one annotated field per track."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.authoring.fields import hints_of
from reactor_runtime.authoring.names import place
from reactor_runtime.errors import ContractError


class Video:
    """Annotates a video track: `(H, W, 3)` or `(N, H, W, 3)` RGB, uint8 0..255 or float 0..1."""


class Audio:
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
        where = place(cls)
        hints = {name: hint for name, hint in hints_of(cls, where).items() if not name.startswith("_")}
        cls._tracks = tuple(_track(name, hint, where) for name, hint in hints.items())

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


def _track(name: str, hint: Any, where: str) -> TrackSpec:
    if isinstance(hint, type) and issubclass(hint, Video):
        return TrackSpec(name, "video")
    if isinstance(hint, type) and issubclass(hint, Audio):
        return TrackSpec(name, "audio", rate=hint.sample_rate)
    raise ContractError(f"{where}: field {name!r} is annotated {hint!r}; a field of an Output is Video or Audio")
