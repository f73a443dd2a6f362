"""Takes what a client sends out of the engine: pictures, the newest where the loop was busy, and runs of sound."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

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
SILENCE = 0.05
"""Seconds between looks at a line on which nothing is sent, as most lines for sound are."""


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
    """One incoming line of a connection, read without the engine's stream and its tasks. Thread: the loop's."""

    def close(self) -> None:
        """Take nothing more."""
        self._native_obj.cancel()


class IncomingVideo(IncomingLine):
    """Hands on each picture; of those that came while the loop was busy, the newest."""

    __slots__ = ("_has_refused", "_seen", "_skipped", "_times")

    def __init__(
        self, track: webrtc.MediaStreamTrack, clock: CaptureClock, seen: Callable[[ClientPicture], None]
    ) -> None:
        self._seen = seen
        self._times = PictureTimes(clock, engine_id(track))
        self._skipped = 0
        self._has_refused = False
        super().__init__(webrtc.MediaStreamTrackProcessorInit(track, 1))

    def _on_event(self, name: str, *_args: object) -> None:
        if name == "_ready":
            self._native_obj._ackWakeup()
            while (item := self._native_obj.read()) is not None:
                self._take(*item)

    def _take(self, buffer: wrtc.VideoFrameBuffer, _: int, rotation: int, ticks: int) -> None:
        width, height = buffer.width & ~1, buffer.height & ~1
        if buffer.format == "I420" and min(width, height) > 0 and max(width, height) <= LONGEST_SIDE:
            skipped, self._skipped = self.discarded_frames - self._skipped, self.discarded_frames
            self._seen(DecodedPicture(buffer, width, height, rotation, *self._times.place(ticks, now()), skipped))
        elif not self._has_refused:
            self._has_refused = True
            log.warning(f"pictures of {buffer.width}x{buffer.height} ({buffer.format}) are dropped")


class IncomingSound(IncomingLine):
    """Hands on each run of sound, mono int16 at 48 kHz, with when the client took it; silence where nothing is sent.

    The engine makes a run every 10 ms whether or not anything is sent, and to be woken for each would cost a fortieth
    of a core.
    """

    __slots__ = ("_clock", "_heard", "_name", "_timer")

    def __init__(
        self, track: webrtc.MediaStreamTrack, clock: CaptureClock, heard: Callable[[bytes, int], None]
    ) -> None:
        self._clock = clock
        self._heard = heard
        self._name = engine_id(track)
        self._timer: asyncio.TimerHandle | None = None
        super().__init__(webrtc.MediaStreamTrackProcessorInit(track, SOUND_RUNS))

    def close(self) -> None:
        """Take nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        super().close()

    def _on_event(self, name: str, *_args: object) -> None:
        if name == "_ready":
            self._fetch()

    def _fetch(self) -> None:
        if self._take_all():
            self._timer = asyncio.get_running_loop().call_later(SILENCE, self._fetch)
        else:
            self._native_obj._ackWakeup()  # until then the engine does not wake us again
            self._take_all()

    def _take_all(self) -> bool:
        """Hand on what there is, and tell whether the last of it is silent."""
        is_silent = False
        while (item := self._native_obj.read()) is not None:
            is_silent = self._take(*item)
        return is_silent

    def _take(self, samples: bytes, bits: int, rate: int, channels: int, frames: int, played_us: int) -> bool:
        """Hand on one run, and tell whether it is silent."""
        assert (bits, rate) == (16, AUDIO_CLOCK_RATE), "sound is negotiated as Opus, and decoded to this"
        if channels > 1:
            interleaved = np.frombuffer(samples, np.int16).reshape(-1, channels)
            samples = interleaved.mean(axis=1).astype("<i2").tobytes()
        self._heard(samples, self._clock.sent_us(self._name, played_us / 1e6 - frames / rate))
        return not samples.strip(b"\0")
