"""The audio clock: one 20 ms block after the other for as long as a stream lives, silence where nothing is queued.

Rules:
- Block `k` is due `k` blocks after the start and has the PTS `k * BLOCK`, whatever was or was not offered.
- Sound after silence starts `LEAD` after its offer, so that offers that come a little late leave no gap.
- Offers are made as their slice is shown. Sound that has drifted from there, as its length is not quite that of its
  slice, is played a little faster or slower until it is back; what trails by more than `BACKLOG` is cut.
"""

from __future__ import annotations

import numpy as np

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, AudioBlock

BLOCK = AUDIO_CLOCK_RATE // 50  # samples, 20 ms: what every Opus stack packs
LEAD = BLOCK * 3 // 2  # samples: a block is taken as a whole; half a one more for slices that come late
DRIFT = BLOCK * 2 // 5  # samples that sound may be off its lead, 8 ms, before it is brought back
BEND = 0.005  # by which sound is then made longer or shorter; nobody hears that
BACKLOG = 2 * AUDIO_CLOCK_RATE  # samples; room for a model that speaks ahead, beyond it sound has lost its picture
MOST_AT_ONCE = 3  # blocks after a late wake-up; older ones would only fill the receiver's jitter buffer


class AudioClock:
    """Turns the uneven audio of slices into an unbroken run of blocks.

    Attributes:
        dropped: Samples cut from the queue because sound trailed its picture.
        skipped: Blocks that were never made because a poll came too late for them.
    """

    def __init__(self, channels: int = 2) -> None:
        """Make a clock whose blocks have `channels` channels.

        Raises:
            IllegalInput: `channels` is neither 1 nor 2.
        """
        if channels not in (1, 2):
            raise IllegalInput(f"an audio stream has 1 or 2 channels, not {channels}")
        self._channels = channels
        self._sample_bytes = 2 * channels
        self._queue = bytearray()
        self._started_at: float | None = None
        self._next_block = 0
        self.dropped = 0
        self.skipped = 0

    @property
    def queued(self) -> int:
        """Samples not yet played."""
        return len(self._queue) // self._sample_bytes

    def start(self, now: float) -> None:
        """Begin to make blocks, the first one at once; a clock that runs goes on."""
        if self._started_at is None:
            self._started_at = now

    def offer(self, samples: bytes, channels: int, now: float) -> None:
        """Queue the audio of one slice as it is shown; starts the clock.

        Args:
            samples: Interleaved little-endian int16 at 48 kHz.
            channels: 1 or 2; mono and stereo are turned into each other.
            now: Monotonic seconds.

        Raises:
            IllegalInput: `channels` is neither 1 nor 2, or `samples` is not a whole number of samples.
        """
        if channels not in (1, 2) or len(samples) % (2 * channels):
            raise IllegalInput(f"{len(samples)} bytes are no int16 samples of {channels} channels")
        self.start(now)
        if self.queued > BACKLOG:
            cut = self.queued - LEAD
            del self._queue[: cut * self._sample_bytes]
            self.dropped += cut
        early = (
            round((now - (self._started_at or now)) * AUDIO_CLOCK_RATE) + LEAD - self._next_block * BLOCK - self.queued
        )
        sound = _with_channels(samples, channels, self._channels)
        if not self._queue and samples:
            self._queue += bytes(max(early, 0) * self._sample_bytes)
        elif abs(early) > DRIFT:
            sound = _bent(sound, self._channels, early)
        self._queue += sound

    def poll(self, now: float) -> list[AudioBlock]:
        """Return the blocks due, oldest first; after a very late call only the last few of them."""
        blocks: list[AudioBlock] = []
        if self._started_at is None:
            return blocks
        due = int((now - self._started_at) * AUDIO_CLOCK_RATE / BLOCK + 1e-6) + 1
        behind = due - self._next_block
        if behind > MOST_AT_ONCE:
            self.skipped += behind - MOST_AT_ONCE
            self._next_block = due - MOST_AT_ONCE
        while self._next_block < due:
            blocks.append(AudioBlock(self._take_block(), self._channels, self._next_block * BLOCK))
            self._next_block += 1
        return blocks

    def next_deadline(self) -> tuple[float, str] | None:
        """Return when to poll next, and why; None before the start."""
        if self._started_at is None:
            return None
        return self._started_at + self._next_block * BLOCK / AUDIO_CLOCK_RATE, "audio block due"

    def flush(self) -> None:
        """Drop everything queued; silence goes on."""
        self._queue.clear()

    def _take_block(self) -> bytes:
        size = BLOCK * self._sample_bytes
        block = bytes(self._queue[:size])
        del self._queue[:size]
        return block.ljust(size, b"\0")


def _bent(sound: bytes, channels: int, wanted: int) -> bytes:
    """Make sound longer, or shorter where it is negative, by as many samples as are wanted and not heard."""
    source = np.frombuffer(sound, "<i2").reshape(-1, channels)
    most = int(len(source) * BEND)
    count = len(source) + max(-most, min(wanted, most))
    if count == len(source):
        return sound
    at = np.linspace(0, len(source) - 1, count)
    bent = np.stack([np.interp(at, np.arange(len(source)), source[:, channel]) for channel in range(channels)], axis=1)
    return bent.round().astype("<i2").tobytes()


def _with_channels(samples: bytes, have: int, want: int) -> bytes:
    if have == want:
        return samples
    source = np.frombuffer(samples, "<i2").reshape(-1, have)
    out = source.repeat(2, axis=1) if have == 1 else source.mean(axis=1)
    return out.astype("<i2").tobytes()
