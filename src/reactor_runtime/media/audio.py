"""What authors emit as sound: checked, resampled to the wire's rate, and split along a chunk's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from reactor_runtime.errors import IllegalInput, OutputError
from reactor_runtime.media.arrays import describe, to_array
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE

if TYPE_CHECKING:
    from av.audio.resampler import AudioResampler

Samples = npt.NDArray[np.int16]
"""(channels, M), 1 or 2 channels."""

WANTED = "(M,) or (C, M) samples as int16 or float -1..1"
MOST_CHANNELS = 8  # 7.1 surround; a longer dimension counts samples
LAYOUTS = {1: "mono", 2: "stereo"}
OVERSHOOT = 1e-3  # beyond -1..1 this much is rounding, and clipped


def audio_samples(payload: object, *, track: str) -> Samples:
    """Check what an author emits for an audio track.

    Of two dimensions the first counts channels if it is 1..8; else the second does, and (M, C) is transposed. More
    than two channels are mixed to mono.

    Args:
        payload: int16 or float -1..1; a numpy array, torch tensor or anything with `__array__` or `__dlpack__`.
        track: Name for errors.

    Returns:
        (1, M) or (2, M) int16.

    Raises:
        OutputError: It is no sound; names the track, what came and what is wanted.
    """
    try:
        array = to_array(payload)
    except Exception as error:  # another library's conversion may raise anything
        raise _refusal(track, f"{describe(payload)} that cannot be read: {error}") from error
    if array is None or array.ndim not in (1, 2):
        raise _refusal(track, describe(payload))
    if array.dtype.kind != "f" and array.dtype.newbyteorder("=") != np.int16:
        raise _refusal(track, describe(payload))
    if array.ndim == 1:
        array = array[np.newaxis]
    elif not 1 <= array.shape[0] <= MOST_CHANNELS:
        if not 1 <= array.shape[1] <= MOST_CHANNELS:
            raise _refusal(track, f"{describe(payload)}, which has more than {MOST_CHANNELS} channels")
        array = array.T
    if array.dtype.kind == "f":
        peak = float(np.abs(array).max(initial=0))
        if not peak <= 1 + OVERSHOOT:
            values = "that contains NaN" if np.isnan(peak) else f"with values up to {peak:g}; scale floats to -1..1"
            raise _refusal(track, f"{describe(payload)} {values}")
        array = np.rint(np.clip(array, -1, 1) * 32767).astype(np.int16)
    if array.shape[0] > 2:
        array = np.rint(array.mean(axis=0, keepdims=True)).astype(np.int16)
    # native order and rows in one piece: what the resampler reads
    return np.ascontiguousarray(array, np.int16)


class Resampler:
    """Brings a stream of samples to another rate, without a seam between pushes. At that rate it changes nothing."""

    def __init__(self, rate: int, channels: int, to: int = AUDIO_CLOCK_RATE) -> None:
        """Make a resampler.

        Args:
            rate: Samples per second of what is pushed.
            channels: 1 or 2.
            to: Samples per second of what comes back.

        Raises:
            IllegalInput: A rate is not positive, or `channels` neither 1 nor 2.
        """
        if min(rate, to) <= 0 or channels not in LAYOUTS:
            raise IllegalInput(f"cannot resample {channels} channels at {rate} Hz to {to} Hz")
        self._rate = rate
        self._channels = channels
        self._resampler: AudioResampler | None = None
        if rate != to:
            from av.audio.resampler import AudioResampler

            self._resampler = AudioResampler("s16p", LAYOUTS[channels], to)

    def push(self, samples: Samples) -> Samples:
        """Return what is ready of the samples pushed so far, (channels, K); the last few ms wait for the next push.

        Raises:
            IllegalInput: `samples` has another number of channels.
        """
        if samples.shape[0] != self._channels:
            raise IllegalInput(f"got {samples.shape[0]} channels for a resampler of {self._channels}")
        if self._resampler is None or samples.shape[1] == 0:
            return samples
        from av import AudioFrame

        frame = AudioFrame.from_ndarray(samples, "s16p", LAYOUTS[self._channels])
        frame.sample_rate = self._rate
        ready = [cast(Samples, piece.to_ndarray()) for piece in self._resampler.resample(frame)]
        return np.concatenate([samples[:, :0], *ready], axis=1)


def split(samples: Samples, n: int) -> list[Samples]:
    """Cut samples into `n` pieces for the `n` frames of a chunk, as even as `numpy.array_split`."""
    return np.array_split(samples, n, axis=1)


def interleave(samples: Samples) -> bytes:
    """Return (channels, M) as interleaved little-endian int16."""
    return samples.T.astype("<i2").tobytes()


def _refusal(track: str, came: str) -> OutputError:
    return OutputError(f"track '{track}': got {came}. Wanted: {WANTED}.")
