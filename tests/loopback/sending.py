"""What a person's camera and microphone give, made up: plain colours and tones, at a camera's pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import webrtc
import wrtc

from tests.unit.worker.border import i420

Colour = tuple[int, int, int]
RED, GREEN, BLUE = (220, 20, 30), (20, 200, 40), (30, 40, 210)
RUN = 480
"""Samples of one write of sound: 10 ms."""


class Camera:
    """A video source of one colour, which may change, as may its size and how it is held."""

    def __init__(self, colour: Colour = RED, size: tuple[int, int] = (320, 180)) -> None:
        self.colour, self.size, self.rotation = colour, size, 0
        self.shown = 0
        self._generator = wrtc.TrackGenerator("video")
        self.track = webrtc.MediaStreamTrack._wrap(self._generator.track)

    async def run(self) -> None:
        while True:
            width, height = self.size
            rgb = np.full((height + height % 2, width + width % 2, 3), self.colour, np.uint8)
            packed = i420(rgb)
            stride = width + width % 2
            luma = stride * rgb.shape[0]
            planes = [(0, stride), (luma, stride // 2), (luma * 5 // 4, stride // 2)]
            buffer = wrtc.VideoFrameBuffer.fromData("I420", width, height, packed.tobytes(), planes)
            self._generator.writeVideo(buffer, time.monotonic_ns() // 1000, self.rotation)
            self.shown += 1
            await asyncio.sleep(1 / 30)


class Microphone:
    """An audio source of one tone, without end."""

    def __init__(self, hertz: float = 440) -> None:
        self.hertz, self.loudness = hertz, 12_000
        self._generator = wrtc.TrackGenerator("audio")
        self.track = webrtc.MediaStreamTrack._wrap(self._generator.track)

    async def run(self) -> None:
        began, written = time.monotonic(), 0
        while True:
            while written < (time.monotonic() - began) * 48_000:
                moments = (np.arange(RUN) + written) / 48_000
                samples = (np.sin(moments * 2 * np.pi * self.hertz) * self.loudness).astype("<i2")
                self._generator.writeAudio(samples.tobytes(), 48_000, 1, RUN)
                written += RUN
            await asyncio.sleep(0.01)


@contextmanager
def running(*sources: Camera | Microphone) -> Iterator[None]:
    """Let sources send for the length of the block."""
    tasks = [asyncio.create_task(source.run()) for source in sources]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def pitch(samples: np.ndarray, rate: int) -> float:
    """Return the loudest frequency in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / samples.size)
