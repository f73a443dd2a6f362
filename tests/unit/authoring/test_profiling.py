from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from reactor_runtime import get_profiler
from reactor_runtime.authoring import profiling
from reactor_runtime.profiling import BucketPreset, ChunkRangeProfiler, CudaTimingMode, NoOpProfiler, profile_fn


@pytest.fixture
def switched_on(tmp_path: Path) -> Iterator[Path]:
    profiling.switch_on(tmp_path / "profiles")
    yield tmp_path / "profiles"
    profiling.switch_off()


def test_off_nothing_is_measured_and_published_calls_work() -> None:
    profiler = get_profiler()
    assert isinstance(profiler, NoOpProfiler)
    assert not profiler.enabled
    with profiler.section("denoise", cuda_timing=CudaTimingMode.EVENT, bucket_boundaries=BucketPreset.INFERENCE):
        pass
    with profiler.timer() as timer:
        pass
    assert timer.elapsed >= 0
    assert profiler.take() == {}
    with ChunkRangeProfiler(0, 4, name="x") as ranges:
        assert ranges.step(3) is None
    with pytest.raises(AttributeError):
        getattr(ranges, "__nothing__")  # noqa: B009 - a type checker would know better


def test_on_sections_are_counted_timed_logged_and_written_once(
    switched_on: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @profile_fn
    def decode(x: int) -> int:
        return x + 1

    @profile_fn("encode", cuda_timing=CudaTimingMode.SYNC)
    async def encode(x: int) -> int:
        return x * 2

    profiler = get_profiler()
    for _ in range(3):
        with profiler.section("denoise") as timer:
            pass
        assert timer.elapsed > 0
    with pytest.raises(ZeroDivisionError), profiler.section("fails", CudaTimingMode.SYNC, (0.1, 0.2)):
        _ = 1 / 0
    assert (decode(1), asyncio.run(encode(2))) == (2, 4)
    assert decode.__name__ == "decode"
    with caplog.at_level(logging.INFO):
        profiling.report()
        profiling.report()
    [path] = switched_on.iterdir()
    written = json.loads(path.read_text())
    counts = {key.rpartition(".")[2]: section["count"] for key, section in written.items()}
    assert counts == {"denoise": 3, "fails": 1, "decode": 1, "encode": 1}
    assert list(written) == sorted(written, key=lambda key: -written[key]["total"])
    for section in written.values():
        assert 0 < section["p50"] <= section["max"] <= section["total"]
    assert [r.getMessage() for r in caplog.records] == ["profile"] * 4 + ["profile written"]
