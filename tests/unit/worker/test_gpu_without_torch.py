"""Arrays on a GPU where there is no torch: what their library gives to the CPU is shown."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from reactor_runtime.errors import OutputError
from reactor_runtime.media.video import VideoFrames
from reactor_runtime.worker.gpu import frames_of, on_its_streams, wait_for_gpus

PICTURE = np.random.default_rng(5).integers(0, 256, (6, 8, 3), np.uint8)


class OnGpu:
    """As CuPy's: nothing but DLPack, and no way to the CPU unless it is asked for by name."""

    shape, dtype = PICTURE.shape, PICTURE.dtype

    def __dlpack__(self, **kwargs: object) -> object:
        raise BufferError("unsupported device")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0


class GivenToTheCpu(OnGpu):
    """As JAX's, which copies by itself."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return PICTURE


class Spread(GivenToTheCpu):
    """One array over several devices."""

    def __dlpack_device__(self) -> tuple[int, int]:
        raise ValueError("__dlpack__ is only supported for unsharded arrays")


@pytest.fixture(autouse=True)
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.parametrize("payload", [GivenToTheCpu(), [GivenToTheCpu(), PICTURE], Spread(), [PICTURE], PICTURE])
def test_what_its_library_copies_is_shown(payload: object) -> None:
    frames = frames_of(payload, track="main")
    assert isinstance(frames, VideoFrames)
    assert np.array_equal(frames.rgb(0), PICTURE)


def test_what_nothing_can_fetch_is_refused_with_what_would_help() -> None:
    with pytest.raises(OutputError, match=r"cannot be read: unsupported device; torch, if it is installed, fetches it"):
        frames_of(OnGpu(), track="main")


def test_nothing_on_a_gpu_changes_nothing() -> None:
    wait_for_gpus({"main": PICTURE, "list": [GivenToTheCpu()]})
    call = list
    assert on_its_streams({"main": PICTURE}, call) is call
