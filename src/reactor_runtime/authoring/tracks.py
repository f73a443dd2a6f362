"""What a model of generation 2 puts out: a subclass of `Output` with one annotated field per track."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, dataclass_transform, overload, runtime_checkable

from reactor_runtime.authoring.annotations import hints_of
from reactor_runtime.authoring.contract import Direction, TrackSpec, float_range
from reactor_runtime.authoring.names import place
from reactor_runtime.errors import ContractError, OutputError

if TYPE_CHECKING:
    from reactor_runtime.authoring.inputs import Input, InputBuffer


if TYPE_CHECKING:
    # To type checkers a field of an `Input` is its buffer, and one of an `Output` takes any payload. Under `@dataclass`
    # mypy has one type for both: a buffer that anything may stand for, as a protocol that asks for nothing.
    class _Line(InputBuffer):
        @overload
        def __get__(self, owner: Input, cls: type) -> InputBuffer: ...
        @overload
        def __get__(self, owner: object, cls: type) -> Any: ...
        def __get__(self, owner: object, cls: type) -> Any: ...
        def __set__(self, owner: object, payload: Any) -> None: ...

    class _Pictures(_Line):
        float_range: ClassVar[tuple[float, float]]

    class _Sound(_Line):
        sample_rate: ClassVar[int]

    @runtime_checkable
    class Video(_Pictures, Protocol):  # type: ignore[misc]
        """Annotates a video track: `(H, W, 3)` or `(N, H, W, 3)` RGB, uint8 or float; see `float_range`."""

    @runtime_checkable
    class Audio(_Sound, Protocol):  # type: ignore[misc]
        """Annotates an audio track: `(samples,)` or `(channels, samples)`, int16 or float -1..1; see `sample_rate`."""

else:

    class Video:
        """Annotates a video track: `(H, W, 3)` or `(N, H, W, 3)` RGB, uint8 0..255 or float 0..1.

        Subclass it to declare another `float_range`, as `(-1, 1)`: the floats that mean black and white.
        """

        float_range = (0.0, 1.0)

    class Audio:
        """Annotates an audio track: `(samples,)` or `(channels, samples)`, int16 or float -1..1.

        Subclass it to declare another `sample_rate` in Hz.
        """

        sample_rate = 48_000


@dataclass_transform()
class Output:
    """One chunk of media for all clients. Fields annotated `Video` or `Audio` are its tracks, in order.

    Each track needs its payload. One given None has nothing in this chunk: its last picture stays, its sound is silent.
    It is constructed as a dataclass is, in order or by name, with and without `@dataclass` on the subclass.
    """

    _tracks: ClassVar[tuple[TrackSpec, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._tracks = declared_tracks(cls, place(cls))

    def __init__(self, *in_order: Any, **named: Any) -> None:
        declared = [track.name for track in self._tracks]
        payloads = {**dict(zip(declared, in_order, strict=False)), **named}
        needed = {name for name in declared if not hasattr(type(self), name)}
        if len(payloads) < len(in_order) + len(named) or not needed <= payloads.keys() <= set(declared):
            got = f"{len(in_order)} in order and {list(named)}" if in_order else list(named)
            raise TypeError(f"{type(self).__name__} expects payloads for {declared}, got {got}")
        for name, payload in payloads.items():
            setattr(self, name, payload)


def payloads_of(output: Output) -> Mapping[str, Any]:
    """Return what an output carries, track name to payload; a track that was given None is left out.

    Raises:
        OutputError: All of them are None.
    """
    given = {track.name: getattr(output, track.name) for track in output._tracks}
    payloads = {name: payload for name, payload in given.items() if payload is not None}
    if given and not payloads:
        written = ", ".join(f"{name}=None" for name in given)
        raise OutputError(f"{type(output).__name__}({written}): give at least one track a picture or sound")
    return payloads


def each_track_once(declared: Mapping[type, Iterable[TrackSpec]], where: str) -> tuple[TrackSpec, ...]:
    """Return the tracks that several classes declare, each name once.

    Raises:
        ContractError: Two classes give one name different kinds or rates.
    """
    tracks: dict[str, TrackSpec] = {}
    for cls, own in declared.items():
        for track in own:
            if (known := tracks.setdefault(track.name, track)) != track:
                raise ContractError(
                    f"{where}: track {track.name!r} is declared as {_declaration(known)} and, in "
                    f"{cls.__name__}, as {_declaration(track)}; one name is one track"
                )
    return tuple(tracks.values())


def _declaration(track: TrackSpec) -> str:
    floats = "" if track.float_range == Video.float_range else " with floats {:g}..{:g}".format(*track.float_range)
    return f"{track.kind} at {track.rate:g}{floats}"


def declared_tracks(cls: type, where: str, *, direction: Direction = "out") -> tuple[TrackSpec, ...]:
    """Return a track for each public annotated field of a class.

    Raises:
        ContractError: A field is neither `Video` nor `Audio`, or its `float_range` is none.
    """
    tracks = []
    for name, hint in hints_of(cls, where).items():
        if name.startswith("_"):
            continue
        is_class = isinstance(hint, type)
        if is_class and issubclass(hint, Video):
            floats = float_range(f"{where}: {hint.__name__}.float_range", hint.float_range)
            tracks.append(TrackSpec(name, "video", direction, float_range=floats))
        elif is_class and issubclass(hint, Audio):
            tracks.append(TrackSpec(name, "audio", direction, rate=hint.sample_rate))
        else:
            owner = "an Output" if direction == "out" else "an Input"
            raise ContractError(f"{where}: field {name!r} is annotated {hint!r}; a field of {owner} is Video or Audio")
    return tuple(tracks)
