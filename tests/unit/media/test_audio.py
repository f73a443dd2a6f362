import numpy as np
import pytest

from reactor_runtime.errors import IllegalInput, OutputError
from reactor_runtime.media.audio import Resampler, audio_samples, interleave, split
from tests.unit.media.tensor import Tensor

RAMP = np.arange(480, dtype=np.int16)


@pytest.mark.parametrize(
    ("payload", "channels"),
    [
        (RAMP, 1),
        (RAMP[np.newaxis], 1),
        (RAMP[:, np.newaxis], 1),
        (np.stack([RAMP, RAMP]), 2),
        (np.stack([RAMP, RAMP], axis=1), 2),
        (np.stack([RAMP] * 6), 1),
        (np.stack([RAMP] * 6, axis=1), 1),
        (RAMP.astype(">i2"), 1),
        (np.repeat(RAMP, 2)[::2], 1),
        (Tensor(RAMP), 1),
    ],
    ids=["(M,)", "(1,M)", "(M,1)", "(2,M)", "(M,2)", "5.1", "(M,6)", "big-endian", "strided", "tensor"],
)
def test_int16_in_any_order_becomes_channels_by_samples(payload: object, channels: int) -> None:
    samples = audio_samples(payload, track="voice")
    assert samples.shape == (channels, 480)
    assert samples.dtype == np.dtype("=i2")
    assert samples.flags.c_contiguous
    assert all(np.array_equal(row, RAMP) for row in samples)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_scaled_to_full_int16(dtype: type) -> None:
    assert audio_samples(np.array([-1, 0, 0.5, 1], dtype), track="voice").tolist() == [[-32767, 0, 16384, 32767]]


def test_rounding_beyond_full_scale_is_clipped() -> None:
    assert audio_samples(np.array([1.0005, -1.0005]), track="voice").tolist() == [[32767, -32767]]


def test_surround_is_mixed_without_overflow() -> None:
    assert audio_samples(np.full((6, 10), 32767, np.int16), track="voice").tolist() == [[32767] * 10]


def test_no_samples_are_no_error() -> None:
    assert audio_samples(np.zeros(0, np.float32), track="voice").shape == (1, 0)
    assert audio_samples(np.zeros((0, 2), np.int16), track="voice").shape == (2, 0)


@pytest.mark.parametrize(
    ("payload", "came"),
    [
        (None, "None"),
        ("hello", "str"),
        ([0, 1], "list"),
        (np.zeros(10, np.int32), "numpy.ndarray of shape (10,) and dtype int32"),
        (np.zeros((20, 20), np.int16), "more than 8 channels"),
        (np.zeros((1, 2, 3), np.int16), "shape (1, 2, 3)"),
        (np.array(0, np.int16), "shape ()"),
        (np.array([0.0, -3.5]), "values up to 3.5; scale floats to -1..1"),
        (np.array([0.0, np.nan]), "contains NaN"),
        (np.array([np.inf], np.float32), "values up to inf"),
        (Tensor(RAMP, fails=True), "cannot be read: no kernel image"),
    ],
)
def test_what_is_no_sound_is_refused_with_what_came_and_what_is_wanted(payload: object, came: str) -> None:
    with pytest.raises(OutputError) as caught:
        audio_samples(payload, track="voice")
    message = str(caught.value)
    assert message.startswith("track 'voice': got ")
    assert came in message
    assert message.endswith("Wanted: (M,) or (C, M) samples as int16 or float -1..1.")


def test_48_khz_passes_untouched() -> None:
    samples = RAMP[np.newaxis]
    assert Resampler(48_000, 1).push(samples) is samples


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (22_050, 2), (24_000, 1), (44_100, 2), (96_000, 2)])
def test_a_tone_keeps_its_pitch_level_and_length_across_pushes(rate: int, channels: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 20_000
    source = np.tile(tone.astype(np.int16), (channels, 1))
    resampler = Resampler(rate, channels)
    out = np.concatenate([resampler.push(piece) for piece in split(source, 24)], axis=1)
    assert out.dtype == np.int16
    assert out.shape[0] == channels
    assert 48_000 - 200 <= out.shape[1] <= 48_000
    for row in out:
        middle = row[1000:-1000].astype(float)
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
        loud_hz = np.flatnonzero(spectrum > spectrum.max() / 1000) * 48_000 / middle.size
        assert np.abs(loud_hz - 440).max() < 20, "the tone alone: no clicks where pushes meet"
        assert abs(np.abs(middle).max() - 20_000) < 200


def test_a_resampler_takes_no_samples_at_all() -> None:
    assert Resampler(16_000, 2).push(np.zeros((2, 0), np.int16)).shape == (2, 0)


def test_a_resampler_refuses_another_number_of_channels() -> None:
    with pytest.raises(IllegalInput, match="got 2 channels for a resampler of 1"):
        Resampler(16_000, 1).push(np.zeros((2, 10), np.int16))


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (-8000, 1), (16_000, 3), (16_000, 0)])
def test_an_impossible_resampler_is_refused(rate: int, channels: int) -> None:
    with pytest.raises(IllegalInput):
        Resampler(rate, channels)


def test_a_split_loses_nothing_and_is_even() -> None:
    pieces = split(np.stack([RAMP, -RAMP]), 7)
    assert [piece.shape[0] for piece in pieces] == [2] * 7
    assert {piece.shape[1] for piece in pieces} == {68, 69}
    assert np.array_equal(np.concatenate(pieces, axis=1), np.stack([RAMP, -RAMP]))


def test_interleaving_alternates_the_channels() -> None:
    assert interleave(np.array([[1, 2], [-1, 3]], np.int16)) == b"\x01\x00\xff\xff\x02\x00\x03\x00"
