"""Watch a server with one or more viewers, read the stamp of every decoded picture, print one JSON report.

A separate process, so that its decoding is not counted as the server's:
`python bench/receiver.py --url http://127.0.0.1:8080 --server-pid PID`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import psutil
import webrtc

from stamp import STAMP_HEIGHT, STAMP_WIDTH, Stamp, read
from viewer import Viewer, open_session

LOOK_LATER = 0.015  # seconds from a picture to the reading of its stamp: the other viewers' pictures come first
DRAIN = 1.0  # seconds to wait for pictures pushed in the window and decoded after it
AT_ONCE = 8  # viewers that connect together
MS = 1_000_000  # nanoseconds


@dataclass(slots=True)
class Tally:
    """Every picture one viewer saw: its stamp and when it was decoded, both CLOCK_MONOTONIC nanoseconds."""

    began_ns: int
    seen: list[tuple[Stamp, int]] = field(default_factory=list)
    unreadable: int = 0
    size: str = ""

    def report(self, start_ns: int, end_ns: int) -> dict[str, Any]:
        """Summarise the pictures that were pushed in a window."""
        window = [(s.counter, at - s.pushed_ns) for s, at in self.seen if start_ns <= s.pushed_ns < end_ns]
        counters = {counter for counter, _ in window}
        span = max(counters) - min(counters) + 1 if counters else 0
        return {
            "delivered": len(counters),
            "lost": span - len(counters),
            "duplicates": len(window) - len(counters),
            "unreadable": self.unreadable,
            "first_frame_ms": (self.seen[0][1] - self.began_ns) / MS if self.seen else None,
            "size": self.size,
            "latencies_ms": [ns / MS for _, ns in window],
        }


async def watch(viewer: Viewer, width: int, tally: Tally) -> None:
    """Note the pictures of one viewer until cancelled. `width` is what the model emits; rungs may be smaller."""
    loop = asyncio.get_running_loop()
    async for frame in viewer.frames():
        loop.call_later(LOOK_LATER, look, frame, width, tally, time.monotonic_ns())


def look(frame: webrtc.VideoFrame, width: int, tally: Tally, now: int) -> None:
    """Read the stamp of a picture that was decoded at `now`, in monotonic ns."""
    tally.size = f"{frame.coded_width}x{frame.coded_height}"
    stamp = read(_stamp_luma(frame, frame.coded_width / width))
    frame.close()
    if stamp is None:
        tally.unreadable += 1
    else:
        tally.seen.append((stamp, now))


def _stamp_luma(frame: webrtc.VideoFrame, scale: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    width, height = round(STAMP_WIDTH * scale / 2) * 2, round(STAMP_HEIGHT * scale / 2) * 2
    options = webrtc.VideoFrameCopyToOptions(rect=webrtc.DOMRectInit(0, 0, width, height))
    pixels = bytearray(frame.allocation_size(options))
    frame.copy_to(pixels, options).result()
    return np.frombuffer(pixels, np.uint8, width * height).reshape(height, width)


def cpu_seconds(pid: int) -> float:
    """Return user plus system time of a process and all its descendants."""
    root = psutil.Process(pid)
    return sum(t.user + t.system for t in (p.cpu_times() for p in [root, *root.children(recursive=True)]))


def stolen_seconds() -> float:
    """Return how long this machine's cores were wanted and somebody else's, on a host that is shared; of all cores."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def memory_mb(pid: int) -> float:
    """Return what a process and all its descendants hold; what they share, as the rings, is counted once."""
    root = psutil.Process(pid)
    return sum(p.memory_full_info().pss for p in [root, *root.children(recursive=True)]) / 2**20


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Connect, warm up, watch, hang up."""
    async with httpx.AsyncClient(base_url=options.url, timeout=20) as http:
        session = await open_session(http)
        viewers = [Viewer(http, session, counts_only=i < options.count_only) for i in range(options.viewers)]
        tallies: list[Tally] = []
        readers: list[asyncio.Task[None]] = []

        async def join(viewer: Viewer) -> None:
            tally = Tally(time.monotonic_ns())
            await viewer.connect()
            if not viewer.counts_only:
                tallies.append(tally)
                readers.append(asyncio.create_task(watch(viewer, options.width, tally)))

        try:
            for some in range(0, len(viewers), AT_ONCE):
                await asyncio.gather(*(join(viewer) for viewer in viewers[some : some + AT_ONCE]))
            await asyncio.sleep(options.warmup)
            counts = [await viewer.received() for viewer in viewers]
            cpu, stolen, start = cpu_seconds(options.server_pid), stolen_seconds(), time.monotonic_ns()
            await asyncio.sleep(options.seconds)
            cpu, end = cpu_seconds(options.server_pid) - cpu, time.monotonic_ns()
            stolen = stolen_seconds() - stolen
            after = [await viewer.received() for viewer in viewers]
            await asyncio.sleep(DRAIN)
        finally:
            for reader in readers:
                reader.cancel()
            for viewer in viewers:
                viewer.close()
            await http.post("/stop_session")
    seconds = (end - start) / MS / 1000
    reports = [tally.report(start, end) for tally in tallies]
    pooled = [latency for report in reports for latency in report.pop("latencies_ms")]
    p50, p95, p99 = np.percentile(pooled, (50, 95, 99)) if pooled else (None, None, None)
    # Each viewer is asked in its turn, which takes a while, so each has a time of its own.
    grown = [{k: b[k] - a[k] for k in ("at", "packets_lost", "bytes")} for a, b in zip(counts, after, strict=True)]
    counted = [viewer.counted(start, end) for viewer in viewers if viewer.counts_only]
    frames = sum(r["delivered"] for r in reports) + sum(counted)
    return {
        "viewers": options.viewers,
        "seconds": seconds,
        "frames": frames,
        "lost": sum(r["lost"] for r in reports),
        "duplicates": sum(r["duplicates"] for r in reports),
        "packets_lost": sum(g["packets_lost"] for g in grown),
        "pushed": max((r["delivered"] + r["lost"] for r in reports), default=0),
        # Of those that only count, one more or less falls into the window.
        "fewest": min([r["delivered"] for r in reports] + [count + 1 for count in counted]),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "first_frame_ms": max((r["first_frame_ms"] or float("inf") for r in reports), default=None),
        "kbps": sum(g["bytes"] * 8 / 1000 / g["at"] for g in grown) / options.viewers,
        "server_cores": cpu / seconds,
        "stolen": stolen / seconds,
        "cpu_ms": 1000 * cpu / max(frames, 1),
        "codec": after[-1]["codec"],
        "latencies_ms": [round(latency, 2) for latency in pooled],
        "each": reports,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="HTTP address of the server")
    parser.add_argument("--server-pid", type=int, required=True, help="root of the process tree whose CPU is counted")
    parser.add_argument("--width", type=int, default=1280, help="width of the pictures that the model emits")
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--count-only", type=int, default=0, help="how many of the viewers count pictures only")
    parser.add_argument("--warmup", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    print(json.dumps(asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
