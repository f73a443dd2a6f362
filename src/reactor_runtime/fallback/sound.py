"""Opus packets of the output tracks, each made once for all who listen without WebRTC."""

from __future__ import annotations

import av
import numpy as np

from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, AudioBlock

BITRATE_BPS = 96_000
"""For both channels together."""


class Sound:
    """The tracks of one slot. Thread: the loop's; a block takes a third of a millisecond."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], _Line] = {}

    def packet(self, track: str, block: AudioBlock) -> bytes:
        """Return a 20 ms block as one packet."""
        key = track, block.channels
        if key not in self._lines:
            self._lines[key] = _Line(block.channels)
        return self._lines[key].packet(block)


class _Line:
    def __init__(self, channels: int) -> None:
        self._layout = "stereo" if channels == 2 else "mono"
        encoder = av.CodecContext.create("libopus", "w")
        assert isinstance(encoder, av.AudioCodecContext)
        encoder.sample_rate = AUDIO_CLOCK_RATE
        encoder.layout = self._layout
        encoder.format = "s16"
        encoder.bit_rate = BITRATE_BPS
        encoder.options = {"application": "audio", "frame_duration": "20", "compression_level": "5"}
        encoder.open()
        self._encoder = encoder
        self._block: AudioBlock | None = None
        self._packet = b""

    def packet(self, block: AudioBlock) -> bytes:
        if block is not self._block:
            samples = np.frombuffer(block.samples, "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=self._layout)
            frame.sample_rate = AUDIO_CLOCK_RATE
            self._packet = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
            self._block = block
        return self._packet
