"""Takes what a client sends out of the engine: pictures, the newest where the loop was busy, and runs of sound."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import webrtc
import wrtc

from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, ClientPicture
from reactor_runtime.runtime.clock import now
from reactor_runtime.webrtc.capture_clock import CaptureClock, PictureTimes
from reactor_runtime.webrtc.engine_report import engine_id

log = logging.getLogger(__name__)

LONGEST_SIDE = 4096
"""Pictures beyond it are dropped: what a client sends must not decide how much memory is spent on it."""
SOUND_RUNS = 20
"""Runs of sound the engine holds for a busy loop, 200 ms; then the oldest goes."""


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A `ClientPicture` in the engine's memory. An odd last row or column is left out."""

    buffer: wrtc.VideoFrameBuffer
    width: int
    height: int
    rotation: int
    sent_at: float
    capture_time_us: int
    skipped: int

    def write_i420(self, out: npt.NDArray[np.uint8]) -> None:
        """See `ClientPicture.write_i420`."""
        width, height = self.width, self.height
        luma, half = width * height, width // 2
        planes = [
            (0, 0, width, height, 0, width),
            (0, 0, half, height // 2, luma, half),
            (0, 0, half, height // 2, luma + luma // 4, half),
        ]
        self.buffer.copyPlanes(out, planes)


class IncomingLine(webrtc.MediaStreamTrackProcessor):
    """One incoming line of a connection. It takes the engine's wake-ups itself, without a stream and its tasks.

    Thread: the loop's, all of it.
    """

    __slots__ = ("_arrived",)

    def __init__(
        self, track: webrtc.MediaStreamTrack, held: int, arrived: Callable[[tuple[Any, ...], int], None]
    ) -> None:
        """Call `arrived` with each item, and how many the engine has discarded so far."""
        self._arrived = arrived
        super().__init__(webrtc.MediaStreamTrackProcessorInit(track, held))

    def _on_event(self, name: str, *_args: object) -> None:
        if name == "_ready":
            native = self._native_obj
            native._ackWakeup()
            while (item := native.read()) is not None:
                self._arrived(item, native.discardedFrames)

    def close(self) -> None:
        """Take nothing more."""
        self._native_obj.cancel()


def incoming_video(
    track: webrtc.MediaStreamTrack, clock: CaptureClock, seen: Callable[[ClientPicture], None]
) -> IncomingLine:
    """Call `seen` with each picture; of those that came while the loop was busy, with the newest."""
    refused = False
    times = PictureTimes(clock, engine_id(track))
    told = 0

    def arrived(item: tuple[Any, ...], discarded: int) -> None:
        nonlocal refused, told
        buffer, _, rotation, ticks = item
        width, height = buffer.width & ~1, buffer.height & ~1
        if buffer.format == "I420" and min(width, height) > 0 and max(width, height) <= LONGEST_SIDE:
            skipped, told = discarded - told, discarded
            seen(DecodedPicture(buffer, width, height, rotation, *times.place(ticks, now()), skipped))
        elif not refused:
            refused = True
            log.warning(f"pictures of {buffer.width}x{buffer.height} ({buffer.format}) are dropped")

    return IncomingLine(track, 1, arrived)


def incoming_audio(
    track: webrtc.MediaStreamTrack, clock: CaptureClock, heard: Callable[[bytes, int], None]
) -> IncomingLine:
    """Call `heard` with each run of sound, mono int16 at 48 kHz, and when the client took it.

    The engine gives silence where nothing is sent.
    """
    name = engine_id(track)

    def arrived(item: tuple[Any, ...], _discarded: int) -> None:
        samples, bits, rate, channels, frames, played_us = item
        assert (bits, rate) == (16, AUDIO_CLOCK_RATE), "sound is negotiated as Opus, and decoded to this"
        if channels > 1:
            interleaved = np.frombuffer(samples, np.int16).reshape(-1, channels)
            samples = interleaved.mean(axis=1).astype("<i2").tobytes()
        heard(samples, clock.sent_us(name, played_us / 1e6 - frames / rate))

    return IncomingLine(track, SOUND_RUNS, arrived)
