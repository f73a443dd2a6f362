"""What clients send, on its way to the model: slots become RGB arrays, sound becomes blocks at the track's rate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.input_frame import InputFrame
from reactor_runtime.media.audio import Resampler
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE
from reactor_runtime.media.pixels import to_rgb
from reactor_runtime.worker.driver import Received
from reactor_runtime.worker.messages import (
    Heard,
    InputFreed,
    InputReleased,
    InputRingOpened,
    Saw,
    SessionEnding,
    ToModel,
)
from reactor_runtime.worker.pipe import ModelEnd
from reactor_runtime.worker.ring import RingReader

BLOCKS_PER_SECOND = 50
GAP = 0.1
"""Seconds that sound may arrive early or late; beyond it something is missing, and time goes on after the gap."""
SMOOTHING = 0.05
"""How far one run moves the capture time of all: less than the length of a block, so that time never runs backwards."""

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Inputs:
    """The input tracks of one model instance. Thread: control."""

    def __init__(self, contract: Contract, pipe: ModelEnd, deliver: Callable[[Received], None]) -> None:
        """Make it ready; `deliver` gets every picture and block, and must not wait."""
        self._pipe = pipe
        self._deliver = deliver
        self._rings: dict[int, RingReader] = {}
        self._sounds = {
            track.name: _Sound(int(track.rate) or AUDIO_CLOCK_RATE)
            for track in contract.tracks
            if track.direction == "in" and track.kind == "audio"
        }

    def take(self, message: ToModel) -> None:
        """Take a message as it arrives; of those that are not about input tracks nothing comes."""
        match message:
            case Saw():
                self._see(message)
            case Heard(track=track, client_id=client_id):
                for block in self._sounds[track].push(message.samples, message.pts, message.capture_time_us):
                    self._deliver(Received(track, client_id, block))
            case InputRingOpened(track=track):
                if (fd := self._pipe.take_descriptor()) is not None:
                    self._rings = {n: ring for n, ring in self._rings.items() if ring.track != track}
                    self._rings[message.ring] = RingReader(message, fd)
                    os.close(fd)
            case InputFreed(track=track) if track in self._sounds:
                self._sounds[track].restart()
            case SessionEnding():
                for sound in self._sounds.values():
                    sound.restart()

    def _see(self, saw: Saw) -> None:
        ref = saw.slot
        rgb = to_rgb(self._rings[ref.ring].view(ref), ref.width, ref.height)
        self._pipe.send(InputReleased(ref.ring, [ref.slot]))
        if saw.rotation in _ROTATIONS:
            rgb = np.asarray(cv2.rotate(rgb, _ROTATIONS[saw.rotation]), np.uint8)
        frame = InputFrame(rgb, saw.pts, capture_time_us=saw.capture_time_us)
        self._deliver(Received(saw.track, saw.client_id, frame))


class _Sound:
    """One input track's sound, cut into blocks of 20 ms at its rate. Time runs by samples, not by arrival."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.restart()

    def restart(self) -> None:
        """Forget what was not handed out."""
        self._resampler = Resampler(AUDIO_CLOCK_RATE, 1, self._rate)
        self._rest: npt.NDArray[np.int16] = np.empty((1, 0), np.int16)
        self._pts = 0.0
        self._due: float | None = None
        self._epoch_us = 0.0

    def push(self, samples: bytes, pts: float, capture_time_us: int = 0) -> Iterator[InputFrame]:
        """Take 48 kHz mono, and yield the blocks that are full by it."""
        if self._due is None:
            self._pts = self._due = pts
        elif abs(pts - self._due) > GAP:
            self._pts += pts - self._due
            self._due = pts
        self._date(capture_time_us - self._due * 1e6 if capture_time_us else 0.0)
        arrived = np.frombuffer(samples, "<i2").astype(np.int16, copy=False)[np.newaxis]
        self._due += arrived.shape[1] / AUDIO_CLOCK_RATE
        self._rest = np.concatenate([self._rest, self._resampler.push(arrived)], axis=1)
        size = self._rate // BLOCKS_PER_SECOND
        while self._rest.shape[1] >= size:
            block, self._rest = self._rest[:, :size], self._rest[:, size:]
            us = round(self._epoch_us + self._pts * 1e6) if self._epoch_us else 0
            yield InputFrame(block, self._pts, capture_time_us=us)
            self._pts += size / self._rate

    def _date(self, epoch_us: float) -> None:
        """Take what a run says of the client's clock at a PTS of zero. Runs come unevenly, the sound did not."""
        if self._epoch_us and epoch_us and abs(epoch_us - self._epoch_us) < GAP * 1e6:
            self._epoch_us += (epoch_us - self._epoch_us) * SMOOTHING
        else:
            self._epoch_us = epoch_us
