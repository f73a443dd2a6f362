"""Import path of published model code that times itself."""

from reactor_runtime.authoring.profiling import (
    BucketPreset,
    ChunkRangeProfiler,
    CudaTimingMode,
    NoOpProfiler,
    Profiler,
    get_profiler,
    profile_fn,
)

__all__ = [
    "BucketPreset",
    "ChunkRangeProfiler",
    "CudaTimingMode",
    "NoOpProfiler",
    "Profiler",
    "get_profiler",
    "profile_fn",
]
