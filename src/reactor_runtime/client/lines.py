"""The media of a connection on the `wrtc` engine: received lines are read, and what is published is written."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import webrtc
import wrtc

from reactor_runtime.client.values import Frame, Kind, Sound
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE
from reactor_runtime.media.pixels import i420_bytes, to_rgb, write_i420

RUNS_PER_SECOND = 100
"""The engine takes sound in runs of 10 ms."""


@cache
def prepare_engine() -> None:
    """Set what the engine takes only before its first connection. Further calls do nothing."""
    try:
        webrtc.allow_loopback()
        webrtc.field_trials.update(
            {
                "WebRTC-ForcePlayoutDelay": "min_ms:0,max_ms:0",
                "WebRTC-ForceSendPlayoutDelay": "min_ms:0,max_ms:0",
            }
        )
    except webrtc.InvalidStateError:
        pass  # somebody else in this process uses the engine, as they set it up


class Line(webrtc.MediaStreamTrackProcessor):
    """A received track, read without the engine's stream objects: of what nobody has read yet, the newest `depth`.

    Attributes:
        closed: By us; a line that the other side ended just has nothing more.
    """

    __slots__ = ("_arrived", "_offset", "_seen_lost", "_started_at", "_ticks", "_track", "closed")

    def __init__(self, name: str, track: webrtc.MediaStreamTrack, depth: int, started_at: float) -> None:
        """Begin to hold what arrives.

        Args:
            name: The track's, for what is read.
            track: The engine's.
            depth: Pictures, or runs of sound, that are held at most.
            started_at: What `pts` counts from, on the loop's clock.
        """
        self._track = name
        self._arrived = asyncio.Event()
        self.closed = False
        self._started_at = started_at
        self._offset: float | None = None
        self._ticks = 0
        self._seen_lost = 0
        super().__init__(webrtc.MediaStreamTrackProcessorInit(track, depth))

    def close(self) -> None:
        """End the reading, now and of whoever waits."""
        if not self.closed:
            self.closed = True
            self._native_obj.cancel()
            self._arrived.set()

    async def next(self) -> Frame | Sound | None:
        """Return what comes next, None once the line has ended."""
        while not self.closed:
            self._arrived.clear()
            item = self._native_obj.read()
            if item is not None:
                return self._picture(*item) if len(item) == 4 else self._sound(*item)
            if self._native_obj.ended:
                break
            await self._arrived.wait()
        return None

    def _on_event(self, name: str, *_args: object) -> None:
        if name == "_ready":
            self._native_obj._ackWakeup()
            self._arrived.set()

    def _picture(self, buffer: wrtc.VideoFrameBuffer, _: int, rotation: int, ticks: int) -> Frame:
        skipped, self._seen_lost = self.discarded_frames - self._seen_lost, self.discarded_frames
        now = asyncio.get_running_loop().time() - self._started_at
        step = (ticks - self._ticks + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        self._ticks = ticks if self._offset is None else self._ticks + step
        if self._offset is None:
            self._offset = now - self._ticks / VIDEO_CLOCK_RATE
        data = np.rot90(rgb_of(buffer), -rotation // 90).copy() if rotation else rgb_of(buffer)
        return Frame(data, self._ticks / VIDEO_CLOCK_RATE + self._offset, self._track, skipped, ticks)

    def _sound(self, samples: bytes, _bits: int, rate: int, channels: int, count: int, _played_us: int) -> Sound:
        now = asyncio.get_running_loop().time() - self._started_at
        lost, self._seen_lost = self.discarded_frames - self._seen_lost, self.discarded_frames
        if self._offset is None:
            self._offset = now - count / rate
        # The engine plays without a gap: what was left out took its time as well.
        self._ticks += lost * count
        pts, self._ticks = self._offset + self._ticks / rate, self._ticks + count
        return Sound(np.frombuffer(samples, "<i2").reshape(-1, channels).T.copy(), rate, pts, self._track)


def rgb_of(buffer: wrtc.VideoFrameBuffer) -> npt.NDArray[np.uint8]:
    """Return a picture of the engine's as fresh (h, w, 3) uint8 RGB; an odd last row or column is left out."""
    width, height = buffer.width & ~1, buffer.height & ~1
    packed = np.empty(i420_bytes(width, height), np.uint8)
    luma, half = width * height, width // 2
    planes = [
        (0, 0, width, height, 0, width),
        (0, 0, half, height // 2, luma, half),
        (0, 0, half, height // 2, luma + luma // 4, half),
    ]
    buffer.copyPlanes(packed, planes)
    return to_rgb(packed, width, height)


class Outgoing:
    """What is sent on one input track, whichever connection carries it."""

    def __init__(self, kind: Kind) -> None:
        self._generator = wrtc.TrackGenerator(kind)
        self.track = webrtc.MediaStreamTrack._wrap(self._generator.track)
        self._rest = np.zeros((0, 1), "<i2")

    def show(self, picture: npt.NDArray[Any]) -> None:
        """Send a picture: (h, w), (h, w, 1), (h, w, 3) RGB or (h, w, 4) RGBA; uint8, or floats in 0..1.

        Raises:
            ValueError: It is none of these.
        """
        picture = np.asarray(picture)
        picture = picture[..., None] if picture.ndim == 2 else picture
        is_number = picture.dtype in (np.uint8, np.float32, np.float64)
        if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4) or not picture.size or not is_number:
            told = f"{picture.shape} {picture.dtype}"
            raise ValueError(f"a picture is (height, width, 3) uint8 RGB; this is {told}")
        height, width = (side + side % 2 for side in picture.shape[:2])
        packed = np.empty(i420_bytes(width, height), np.uint8)
        write_i420(picture, packed)
        layout = [(0, width), (width * height, width // 2), (width * height * 5 // 4, width // 2)]
        buffer = wrtc.VideoFrameBuffer.fromData("I420", width, height, packed, layout)
        self._generator.writeVideo(buffer, round(asyncio.get_running_loop().time() * 1e6), 0)

    def play(self, samples: npt.NDArray[Any], rate: int) -> float:
        """Send sound: (samples,) or (channels, samples), one or two channels; int16, or floats in -1..1.

        Runs of 10 ms are sent; what is left over waits for more.

        Returns:
            Seconds that it lasts.

        Raises:
            ValueError: It is none of these.
        """
        samples = np.asarray(samples)
        samples = samples[None] if samples.ndim == 1 else samples
        if samples.ndim != 2 or samples.shape[0] not in (1, 2) or samples.dtype.kind not in "if":
            raise ValueError(f"sound is (channels, samples) int16 or float; this is {samples.shape} {samples.dtype}")
        if samples.dtype.kind == "f":
            samples = (samples.clip(-1, 1) * 32767).round()
        channels, run = samples.shape[0], rate // RUNS_PER_SECOND
        rest = self._rest if self._rest.shape[1] == channels else np.zeros((0, channels), "<i2")
        whole = np.concatenate([rest, samples.T.astype("<i2")])
        cut = len(whole) - len(whole) % run
        for at in range(0, cut, run):
            self._generator.writeAudio(whole[at : at + run].tobytes(), rate, channels, run)
        self._rest = whole[cut:]
        return float(samples.shape[1] / rate)

    def close(self) -> None:
        """Send nothing more."""
        self._generator.close()
