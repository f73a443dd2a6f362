"""`profiler()`, `reactor_runtime.profiling` and logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reactor_runtime import get_profiler
from reactor_runtime.authoring import profiling as switch
from reactor_runtime.log import JsonFormatter, get_logger
from reactor_runtime.profiling import BucketPreset, ChunkRangeProfiler, CudaTimingMode, NoOpProfiler, profile_fn
from tests.conformance.facts import fact


@pytest.fixture
def profiled(tmp_path: Path) -> Iterator[Path]:
    switch.switch_on(tmp_path)
    yield tmp_path
    switch.switch_off()


@fact("7.3", "1, 2", "`section(key, cuda_timing=..., bucket_boundaries=...)` times a `with` block")
def test_a_section_is_timed(profiled: Path) -> None:
    with get_profiler().section("step", cuda_timing=CudaTimingMode.SYNC, bucket_boundaries=BucketPreset.INFERENCE):
        pass
    assert get_profiler().take()["step"]["count"] == 1


@fact("7.3", "1, 2", "`CudaTimingMode` is NONE, EVENT or SYNC; `BucketPreset` is FAST, INFERENCE, TTFF or SLOW")
def test_the_modes_and_presets_that_code_names() -> None:
    assert [mode.name for mode in CudaTimingMode] == ["NONE", "EVENT", "SYNC"]
    assert [preset.name for preset in BucketPreset] == ["FAST", "INFERENCE", "TTFF", "SLOW"]


@fact("7.3", "1, 2", "`timer()` is a stopwatch of its own")
def test_a_timer_measures_one_block(profiled: Path) -> None:
    with get_profiler().timer() as timer:
        pass
    assert timer.elapsed >= 0
    assert get_profiler().take() == {}


@fact("7.3", "1, 2", "`profile_fn` times every call of a function, sync or async")
async def test_a_decorated_function_is_timed(profiled: Path) -> None:
    @profile_fn("sync")
    def one(n: int) -> int:
        return n

    @profile_fn("async", cuda_timing=CudaTimingMode.NONE)
    async def two(n: int) -> int:
        return n

    assert (one(1), await two(2)) == (1, 2)
    assert get_profiler().take().keys() == {"sync", "async"}


@fact("7.3", "1, 2", "profiling is a no-op unless it is enabled")
def test_profiling_is_off_by_default() -> None:
    assert isinstance(get_profiler(), NoOpProfiler)
    with get_profiler().section("step"):
        pass
    assert get_profiler().take() == {}


@fact("7.3", "1, 2", "what was measured is written as JSON into the profiling folder", better="and logged, per session")
def test_what_was_measured_is_written_and_logged(profiled: Path, caplog: pytest.LogCaptureFixture) -> None:
    with get_profiler().section("step"):
        pass
    with caplog.at_level(logging.INFO):
        switch.report()
    [written] = profiled.glob("*.json")
    assert json.loads(written.read_text())["step"]["count"] == 1
    assert [record.fields["section"] for record in caplog.records if record.message == "profile"] == ["step"]  # type: ignore[attr-defined]


@fact("11", "2", "`ChunkRangeProfiler` takes any call and does nothing")
def test_a_range_profiler_does_nothing() -> None:
    with ChunkRangeProfiler(1, end=2) as profiler:
        profiler.step()
        profiler.chunk(3, name="x")


@fact("7.5", "1, 2", "`REACTOR_LOG_FORMAT=json` writes an object per record, with the author's fields")
def test_a_json_log_carries_the_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        get_logger("mine").info("chunk done", frames=12)
    line: dict[str, Any] = json.loads(JsonFormatter().format(caplog.records[0]))
    assert (line["logger"], line["msg"], line["frames"], line["level"]) == ("mine", "chunk done", 12, "info")
