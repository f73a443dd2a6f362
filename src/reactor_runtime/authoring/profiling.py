"""A stopwatch for the author's code: named sections, counted and timed while profiling is on.

    with get_ctx().profiler().section("denoise"):
        ...

Off, which is the default, a section costs a function call. `REACTOR_PROFILING=1` or `--enable-profiling` turns it on.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload

from reactor_runtime.log import get_logger

log = get_logger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

REMEMBERED = 4096
"""Latest durations of a section that its median is taken of."""


class CudaTimingMode(enum.Enum):
    """Whether a section waits for the GPU, so that queued work counts where it was queued.

    `EVENT` and `SYNC` both wait for it at either end of the section, if the model uses torch.
    """

    NONE = "none"
    EVENT = "event"
    SYNC = "sync"


class BucketPreset(enum.Enum):
    """Ranges of durations that published code names, in seconds. A summary is exact, and needs none."""

    FAST = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05)
    INFERENCE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
    TTFF = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
    SLOW = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0)


class Timer:
    """Measures one `with` block. `elapsed` is in seconds, also while the block runs."""

    def __init__(self) -> None:
        self._began_at = time.perf_counter()
        self._ended_at: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds from the beginning to the end, or to this moment."""
        return (self._ended_at or time.perf_counter()) - self._began_at

    def __enter__(self) -> Timer:
        self._began_at, self._ended_at = time.perf_counter(), None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended_at = time.perf_counter()


class Section:
    """What was measured under one key. All times are in seconds."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.max = 0.0
        self._latest: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def p50(self) -> float:
        """Median of the latest durations."""
        import statistics  # 8 ms, wanted where profiling is on

        return statistics.median(self._latest)

    def add(self, seconds: float) -> None:
        """Count one run."""
        self.count += 1
        self.total += seconds
        self.max = max(self.max, seconds)
        self._latest.append(seconds)

    def summary(self) -> dict[str, float]:
        """Return count, total, p50 and max."""
        return {"count": self.count, "total": self.total, "p50": self.p50, "max": self.max}


class Profiler:
    """Collects sections from all threads. Safe in `async` code: a section may be left by another task meanwhile."""

    enabled = True

    def __init__(self) -> None:
        self._sections: dict[str, Section] = {}
        self._lock = threading.Lock()

    @contextmanager
    def section(
        self,
        key: str,
        cuda_timing: CudaTimingMode = CudaTimingMode.NONE,
        bucket_boundaries: BucketPreset | Sequence[float] = BucketPreset.FAST,
    ) -> Iterator[Timer]:
        """Time a `with` block under a key, whether it ends well or raises.

        Args:
            key: Runs of one key are summed up.
            cuda_timing: Whether to wait for the GPU.
            bucket_boundaries: Taken for published code.
        """
        waits = cuda_timing is not CudaTimingMode.NONE
        if waits:
            _wait_for_gpu()
        timer = Timer()
        try:
            with timer:
                yield timer
                if waits:
                    _wait_for_gpu()
        finally:
            with self._lock:
                self._sections.setdefault(key, Section()).add(timer.elapsed)

    def timer(self) -> Timer:
        """Return a stopwatch that is not summed up anywhere."""
        return Timer()

    def take(self) -> dict[str, dict[str, float]]:
        """Return each key's summary, the largest total first, and begin anew."""
        with self._lock:
            sections, self._sections = self._sections, {}
        ranked = sorted(sections.items(), key=lambda item: -item[1].total)
        return {key: section.summary() for key, section in ranked}


class NoOpProfiler(Profiler):
    """Measures nothing: what `get_profiler` returns while profiling is off."""

    enabled = False

    @contextmanager
    def section(
        self,
        key: str,
        cuda_timing: CudaTimingMode = CudaTimingMode.NONE,
        bucket_boundaries: BucketPreset | Sequence[float] = BucketPreset.FAST,
    ) -> Iterator[Timer]:
        """Run the `with` block."""
        yield Timer()


class ChunkRangeProfiler:
    """Stands in for a published class that profiled a range of chunks: takes any call and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None

    def __enter__(self) -> ChunkRangeProfiler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass


_profiler: Profiler = NoOpProfiler()
_folder: Path | None = None


def switch_on(folder: Path | None = None) -> None:
    """Time sections in this process from here on.

    Args:
        folder: Where each session's summary goes as JSON as well; None writes no files.
    """
    global _profiler, _folder
    _profiler, _folder = Profiler(), folder


def switch_off() -> None:
    """Time nothing from here on."""
    global _profiler
    _profiler = NoOpProfiler()


def get_profiler() -> Profiler:
    """Return the profiler of this process."""
    return _profiler


def report() -> None:
    """Log what was measured since the last report, a line per section, and write it where that was asked for."""
    if not (sections := _profiler.take()):
        return
    for key, summary in sections.items():
        total, p50, slowest = (f"{summary[name] * 1000:.3f}ms" for name in ("total", "p50", "max"))
        log.info("profile", section=key, count=summary["count"], total=total, p50=p50, max=slowest)
    if _folder is not None:
        _folder.mkdir(parents=True, exist_ok=True)
        path = _folder / f"profile-{time.time_ns()}.json"
        import json

        path.write_text(json.dumps(sections, indent=2), encoding="utf-8")
        log.info("profile written", path=str(path))


@overload
def profile_fn(function: F) -> F: ...
@overload
def profile_fn(function: str | None = None, **options: Any) -> Callable[[F], F]: ...
def profile_fn(function: Any = None, **options: Any) -> Any:
    """Time every call of a function, sync or async: `@profile_fn`, or `@profile_fn("key", cuda_timing=...)`.

    The key is the function's name unless given. Options are those of `Profiler.section`.
    """
    if not callable(function):
        return functools.partial(_timed, key=options.pop("key", function), options=options)
    return _timed(function, key=None, options=options)


def _timed(function: Callable[..., Any], *, key: str | None, options: dict[str, Any]) -> Callable[..., Any]:
    name = key or function.__qualname__

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _profiler.section(name, **options):
            return function(*args, **kwargs)

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with _profiler.section(name, **options):
            return await function(*args, **kwargs)

    return call_async if inspect.iscoroutinefunction(function) else call


def _wait_for_gpu() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()
