"""Where a headless session's media goes: a folder of PNGs, or one MP4. Thread: the writer's, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.errors import OperatorError
from reactor_runtime.log import get_logger
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, AudioBlock, Picture
from reactor_runtime.runtime.clock import wall_ms

log = get_logger(__name__)

PATIENCE = 10 * VIDEO_CLOCK_RATE
"""Ticks that an MP4 waits for a track to begin; its header names every track before anything is written."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What one instant of the stream holds: a picture or a block of sound per track, `seconds` long."""

    pts: int
    seconds: float
    video: Mapping[str, Picture]
    audio: Mapping[str, AudioBlock]


class Output(Protocol):
    """One session's file or folder."""

    path: Path

    def write(self, cut: Cut) -> None:
        """Write one cut; its pixels are not needed afterwards.

        Raises:
            OperatorError: It cannot be written.
        """

    def close(self) -> None:
        """Complete what was written. Nothing written leaves nothing behind."""


class PngFolder:
    """`frame_000000.png` and on; a folder per track where there are several."""

    def __init__(self, path: Path, tracks: Sequence[TrackSpec]) -> None:
        self.path = path
        video = [track.name for track in tracks if track.kind == "video"]
        self._folders = {name: path / name if len(video) > 1 else path for name in video}
        self._counts = dict.fromkeys(video, 0)

    def write(self, cut: Cut) -> None:
        """Write each picture of the cut. Sound is left out."""
        import cv2  # 60 ms that an MP4 need not pay

        for name, picture in cut.video.items():
            count = self._counts[name]
            if count == 0:
                self._make(self._folders[name])
            pixels = picture.i420.reshape(picture.height * 3 // 2, picture.width)
            file = self._folders[name] / f"frame_{count:06d}.png"
            # Level 1 is 3 times as fast as the default 3 and a fifth larger; frames come as fast as they are made.
            if not cv2.imwrite(
                str(file), cv2.cvtColor(pixels, cv2.COLOR_YUV2BGR_I420), [cv2.IMWRITE_PNG_COMPRESSION, 1]
            ):
                raise OperatorError(f"cannot write {file}")
            self._counts[name] = count + 1

    def close(self) -> None:
        """Do nothing: each file is complete."""

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperatorError(f"cannot write to {folder}: {error.strerror}") from None
        if any(folder.glob("frame_*.png")):
            log.warning("the folder holds frames of an earlier run", folder=str(folder))


class Mp4File:
    """H.264 and AAC, one stream per track. A picture of another size than its track's first is scaled to it."""

    def __init__(self, path: Path, tracks: Sequence[TrackSpec]) -> None:
        self.path = path
        self._waiting = {track.name for track in tracks}
        self._container: av.container.OutputContainer | None = None
        self._video: dict[str, av.VideoStream] = {}
        self._audio: dict[str, av.AudioStream] = {}
        self._heard: dict[str, int] = {}
        self._held: list[av.Packet[Any]] | None = []

    def write(self, cut: Cut) -> None:
        """Encode one cut; sound is padded with silence up to its place."""
        try:
            for name, picture in cut.video.items():
                self._picture(name, picture, cut.seconds)
            for name, block in cut.audio.items():
                self._sound(name, block)
            if self._held is not None and (not self._waiting or cut.pts > PATIENCE):
                self._release()
        except (OSError, av.FFmpegError) as error:
            raise OperatorError(f"cannot write {self.path}: {error}") from None

    def close(self) -> None:
        """Write what the encoders still hold, and the index."""
        if self._container is None:
            return
        try:
            for video in self._video.values():
                self._mux(video.encode(None))
            for audio in self._audio.values():
                self._mux(audio.encode(None))
            if self._held is not None:
                self._release()
            self._container.close()
        except (OSError, av.FFmpegError) as error:
            raise OperatorError(f"cannot write {self.path}: {error}") from None

    def _picture(self, name: str, picture: Picture, seconds: float) -> None:
        stream = self._video.get(name)
        if stream is None:
            if self._held is None:
                return
            stream = self._video[name] = self._video_stream(picture, seconds)
            self._waiting.discard(name)
        frame = av.VideoFrame.from_ndarray(picture.i420.reshape(picture.height * 3 // 2, picture.width), "yuv420p")
        if (picture.width, picture.height) != (stream.width, stream.height):
            frame = frame.reformat(stream.width, stream.height)
        frame.pts, frame.time_base = picture.pts, Fraction(1, VIDEO_CLOCK_RATE)
        frame.duration = round(seconds * VIDEO_CLOCK_RATE)
        self._mux(stream.encode(frame))

    def _sound(self, name: str, block: AudioBlock) -> None:
        stream = self._audio.get(name)
        if stream is None:
            if self._held is None:
                return
            layout = "mono" if block.channels == 1 else "stereo"
            stream = self._audio[name] = self._open().add_stream("aac", rate=AUDIO_CLOCK_RATE, layout=layout)
            self._heard[name] = 0
            self._waiting.discard(name)
        channels = stream.channels
        samples = np.frombuffer(block.samples, "<i2").reshape(-1, block.channels)[:, :channels]
        gap = max(0, block.pts - self._heard[name])
        padded = np.concatenate([np.zeros((gap, channels), np.int16), samples])
        if not len(padded):
            return
        frame = av.AudioFrame.from_ndarray(padded.reshape(1, -1), "s16", stream.layout.name)
        frame.sample_rate = AUDIO_CLOCK_RATE
        frame.pts, frame.time_base = self._heard[name], Fraction(1, AUDIO_CLOCK_RATE)
        self._heard[name] += len(padded)
        self._mux(stream.encode(frame))

    def _open(self) -> av.container.OutputContainer:
        if self._container is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(str(self.path), "w", format="mp4")
        return self._container

    def _video_stream(self, picture: Picture, seconds: float) -> av.VideoStream:
        rate = Fraction(1 / seconds).limit_denominator(1001)  # a hint; the pictures' PTS decide
        stream = self._open().add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, VIDEO_CLOCK_RATE)
        # BT.601, limited range: what the ring slots hold.
        context.color_primaries = context.color_trc = context.colorspace = 6
        context.color_range = 1
        return stream

    def _mux(self, packets: Sequence[av.Packet[Any]]) -> None:
        if self._held is not None:
            self._held.extend(packets)
        elif self._container is not None:
            self._container.mux(packets)

    def _release(self) -> None:
        held, self._held = self._held, None
        for name in sorted(self._waiting):
            log.warning("a track began too late for the file and is left out", track=name)
        self._mux(held or ())


def open_output(path: Path, tracks: Sequence[TrackSpec]) -> Output:
    """Return an MP4 for a path that ends in `.mp4`, else a folder of PNGs. Nothing is created before the first cut."""
    if path.suffix.lower() == ".mp4":
        return Mp4File(path, tracks)
    return PngFolder(path, tracks)


def session_path(given: Path | None, session: int) -> Path:
    """Return where the output of a run's n-th session goes: where was asked for, or to a folder named for the time."""
    path = given or Path("output") / str(wall_ms() // 1000)
    if given is None:
        return path if not path.exists() else path.with_name(f"{path.name}-{session}")
    return path if session == 1 else path.with_name(f"{path.stem}-{session}{path.suffix}")
