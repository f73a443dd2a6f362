"""What a viewer sees of a model that computes: how evenly it plays, and how old its pictures are.

Shared by `chunks.py` and `lead.py`: they differ in what the model does.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import pairwise

import httpx
import numpy as np

from receiver import Tally, watch
from rig import HERE, REACTOR, free_port, serving
from viewer import Viewer, open_session


@dataclass(frozen=True, slots=True)
class Work:
    """What a model does: `chunk` pictures each `step_ms`, every tenth time `slow_ms`, played at `fps`."""

    name: str
    width: int
    height: int
    fps: float
    chunk: int
    step_ms: float
    slow_ms: float

    @property
    def learning(self) -> float:
        """Seconds until the second slow step is shown: the first one comes as a surprise."""
        return 3 + 20 * self.chunk / self.fps


@dataclass(frozen=True, slots=True)
class Seen:
    """What a viewer saw. Gaps are between pictures as they are decoded, in frame intervals; ages in milliseconds."""

    delivered: int
    lost: int
    gap_p50: float
    gap_p99: float
    gap_max: float
    age_p50: float
    age_p95: float


def play(work: Work, seconds: float) -> Seen:
    """Serve a model on a fresh server and watch it for so long, once it is known to the runtime."""
    port = free_port()
    keys = ("width", "height", "fps", "chunk", "step_ms", "slow_ms")
    settings = [f"--model.{key}={getattr(work, key)}" for key in keys]
    with serving([REACTOR, "run", "-p", str(HERE / "steps_model"), "--port", str(port), *settings], port) as server:
        return asyncio.run(_watch(server.url, work, seconds))


async def _watch(url: str, work: Work, seconds: float) -> Seen:
    async with httpx.AsyncClient(base_url=url, timeout=20) as http:
        viewer = Viewer(http, await open_session(http))
        tally = Tally(time.monotonic_ns())
        try:
            await viewer.connect()
            watching = asyncio.create_task(watch(viewer, work.width, tally))
            await asyncio.sleep(work.learning)
            first = len(tally.seen)
            await asyncio.sleep(seconds)
            watching.cancel()
        finally:
            viewer.close()
            await http.post("/stop_session")
    seen = tally.seen[first:]
    if len(seen) < 2:
        raise TimeoutError(f"{work.name}: {len(seen)} pictures in {seconds:.0f} s")
    counters = [stamp.counter for stamp, _ in seen]
    gaps = [(after - before) / 1e9 * work.fps for (_, before), (_, after) in pairwise(seen)]
    # A chunk's later pictures wait for the earlier ones, as they must.
    ages = [(at - stamp.pushed_ns) / 1e6 for stamp, at in seen if stamp.counter % work.chunk == 0]
    gap_p50, gap_p99 = map(float, np.percentile(gaps, (50, 99)))
    age_p50, age_p95 = map(float, np.percentile(ages, (50, 95)))
    lost = counters[-1] - counters[0] + 1 - len(set(counters))
    return Seen(len(seen), lost, gap_p50, gap_p99, max(gaps), age_p50, age_p95)
