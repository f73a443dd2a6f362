"""What a headless session's input tracks are fed with: folders of pictures, films and sound files, cue by cue."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np

from reactor_runtime.authoring.contract import Kind, TrackSpec
from reactor_runtime.errors import OperatorError
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE
from reactor_runtime.media.pixels import Pixels

PICTURES = (".png", ".jpg", ".jpeg")
FOLDER_FPS = 30.0
"""Pictures per second of a folder, where nothing else is asked for."""
RUNS_PER_SECOND = 100
"""Runs of sound: 10 ms each, as clients send it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder or file that was found. `track` is the input track it was given for, None for the first that fits."""

    path: Path
    track: str | None
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """A picture or a run of sound.

    Attributes:
        at: Seconds since the input began.
        media: (H, W, 3) uint8 RGB, or mono little-endian int16 at 48 kHz.
        rotation: Degrees by which a picture is to be turned clockwise to stand upright.
    """

    at: float
    track: str
    media: Pixels | bytes
    rotation: int = 0


def find(given: str) -> Source:
    """Return what `PATH` or `TRACK=PATH` names.

    Raises:
        OperatorError: It is no folder with pictures, and no file with pictures or sound.
    """
    name, separator, rest = given.partition("=")
    is_named = bool(separator) and name.isidentifier()
    path = Path(rest if is_named else given).expanduser()
    kinds: tuple[Kind, ...] = ("video",) if path.is_dir() else _kinds(path)
    if path.is_dir() and not _in_natural_order(path):
        raise OperatorError(f"input {path} holds no picture: none of its files ends in {', '.join(PICTURES)}")
    return Source(path, name if is_named else None, kinds)


def assign(sources: Sequence[Source], tracks: Sequence[TrackSpec]) -> dict[TrackSpec, Path]:
    """Return what each input track is fed with; a film goes to the first video track and to the first audio track.

    Raises:
        OperatorError: A source fits no input track, or one track is given two.
    """
    inputs = [track for track in tracks if track.direction == "in"]
    lines: dict[TrackSpec, Path] = {}
    for source in sources:
        fitting = [t for t in inputs if t.kind in source.kinds and source.track in (None, t.name)]
        if not fitting:
            wanted = f"input track {source.track!r}" if source.track else "an input track"
            known = ", ".join(f"{track.name} ({track.kind})" for track in inputs) or "none"
            raise OperatorError(
                f"input {source.path} ({' and '.join(source.kinds)}) has no place: it wants {wanted} of its kind, and "
                f"the model's input tracks are: {known}"
            )
        for track in {track.kind: track for track in reversed(fitting)}.values():
            if track in lines:
                raise OperatorError(f"input track {track.name!r} is given both {lines[track]} and {source.path}")
            lines[track] = source.path
    return lines


def cues(lines: Mapping[TrackSpec, Path], fps: float | None) -> Iterator[Cue]:
    """Yield everything in the order of its time, each once; decodes as it goes. Thread: any, one at a time.

    Args:
        lines: What each track is fed with.
        fps: Pictures per second; None takes the file's own time, and 30 for a folder.

    Raises:
        OperatorError: A file cannot be decoded.
    """
    each = [
        _sound(path, track.name)
        if track.kind == "audio"
        else (_folder if path.is_dir() else _film)(path, track.name, fps)
        for track, path in lines.items()
    ]
    return heapq.merge(*each, key=lambda cue: cue.at)


def _kinds(path: Path) -> tuple[Kind, ...]:
    try:
        with av.open(str(path)) as file:
            found: dict[Kind, int] = {"video": len(file.streams.video), "audio": len(file.streams.audio)}
    except (OSError, av.FFmpegError) as error:
        raise _unreadable(path, error) from None
    kinds = tuple(kind for kind, count in found.items() if count)
    if not kinds:
        raise OperatorError(f"input {path} holds neither pictures nor sound")
    return kinds


def _in_natural_order(folder: Path) -> list[Path]:
    """Return the pictures of a folder: 2 before 10."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES]
    return sorted(files, key=lambda path: [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", path.name)])


def _folder(folder: Path, track: str, fps: float | None) -> Iterator[Cue]:
    import cv2  # 60 ms that sound need not pay

    for number, path in enumerate(_in_natural_order(folder)):
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise OperatorError(f"input {path} cannot be read as a picture")
        rgb = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        yield Cue(number / (fps or FOLDER_FPS), track, rgb)


def _film(path: Path, track: str, fps: float | None) -> Iterator[Cue]:
    try:
        with av.open(str(path)) as file:
            began = (file.start_time or 0) / av.time_base
            for number, frame in enumerate(file.decode(video=0)):
                at = max(0.0, (frame.time or 0.0) - began) if fps is None else number / fps
                yield Cue(at, track, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), -frame.rotation % 360)
    except av.FFmpegError as error:
        raise _unreadable(path, error) from None


def _sound(path: Path, track: str) -> Iterator[Cue]:
    resampler = av.AudioResampler("s16", "mono", AUDIO_CLOCK_RATE)
    size = 2 * AUDIO_CLOCK_RATE // RUNS_PER_SECOND
    rest, runs, first = b"", 0, 0.0
    try:
        with av.open(str(path)) as file:
            began = (file.start_time or 0) / av.time_base
            for number, frame in enumerate(chain(file.decode(audio=0), [None])):
                if number == 0 and frame is not None:
                    first = max(0.0, (frame.time or 0.0) - began)
                rest += b"".join(piece.to_ndarray().tobytes() for piece in resampler.resample(frame))
                while len(rest) >= size:
                    yield Cue(first + runs / RUNS_PER_SECOND, track, rest[:size])
                    rest, runs = rest[size:], runs + 1
    except av.FFmpegError as error:
        raise _unreadable(path, error) from None
    if rest:
        yield Cue(first + runs / RUNS_PER_SECOND, track, rest)


def _unreadable(path: Path, error: Exception) -> OperatorError:
    return OperatorError(f"input {path} cannot be read: {getattr(error, 'strerror', None) or error}")
