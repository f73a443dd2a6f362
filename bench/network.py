"""What a viewer sees of a bad network: longest freeze, time to the full rate, delay; a relay between it and the server.

`python bench/network.py [--only NAME] [--repeats N]`; exits with 1 when a median is over its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from reactor_runtime.testing import UdpRelay
from receiver import MS, Tally, watch
from rig import OURS, Server, free_port, print_table, say_where, serving, stamped
from viewer import Viewer, open_session

WIDTH, HEIGHT, FPS = 1280, 720, 30.0
RATE = 5_000_000  # of the healthy network, bits per second
WARMUP, AFTER = 8.0, 8.0  # seconds before a change and after its end
LOOK = 0.1  # seconds between two looks at what has arrived
FULL = 0.8  # share of the rate before the change that counts as full quality


@dataclass(frozen=True, slots=True)
class Case:
    """A change of the network, how long it lasts, and what a viewer may notice of it."""

    name: str
    change: dict[str, Any]
    seconds: float
    freeze_s: float
    full_s: float
    p95_ms: float = float("inf")


CASES = (
    Case("5 to 0.5 Mbit/s and back", {"rate_bps": 500_000}, 10, freeze_s=1.0, full_s=5.0),
    Case("5 to 0.25 Mbit/s and back", {"rate_bps": 250_000}, 10, freeze_s=2.0, full_s=5.0),
    Case("blackout of 2 s", {"blackout": True}, 2, freeze_s=3.0, full_s=5.0),
    Case("1 % loss", {"loss": 0.01}, 10, freeze_s=0.5, full_s=5.0),
    Case("5 % loss", {"loss": 0.05}, 10, freeze_s=1.0, full_s=5.0),
    Case("40 ms delay", {"delay": 0.04}, 10, freeze_s=0.5, full_s=5.0, p95_ms=200),
    Case("150 ms delay", {"delay": 0.15}, 10, freeze_s=0.5, full_s=5.0, p95_ms=350),
)


async def run(case: Case, server: Server, seed: int) -> dict[str, float]:
    """Watch one case on a fresh server."""
    with UdpRelay(seed=seed, rate_bps=RATE, delay=0.01) as relay:
        async with httpx.AsyncClient(base_url=server.url, timeout=20) as http:
            viewer = Viewer(http, await open_session(http), relay=relay)
            tally, arrived = Tally(time.monotonic_ns()), list[tuple[float, float]]()
            await viewer.connect()
            tasks = [
                asyncio.create_task(watch(viewer, WIDTH, tally)),
                asyncio.create_task(_count(viewer, tally, arrived)),
            ]
            try:
                await asyncio.sleep(WARMUP)
                began = time.monotonic()
                relay.set(**case.change)
                await asyncio.sleep(case.seconds)
                ended = time.monotonic()
                relay.set(**dict.fromkeys(case.change, 0) | {"rate_bps": RATE, "blackout": False, "delay": 0.01})
                await asyncio.sleep(AFTER)
            finally:
                for task in tasks:
                    task.cancel()
                viewer.close()
                await http.post("/stop_session")
    return _judged(tally, arrived, began, ended)


async def _count(viewer: Viewer, tally: Tally, arrived: list[tuple[float, float]]) -> None:
    while True:
        await asyncio.sleep(LOOK)
        if tally.seen:  # before that the engine has nothing to report
            arrived.append((time.monotonic(), (await viewer.received())["bytes"]))


def _judged(tally: Tally, arrived: list[tuple[float, float]], began: float, ended: float) -> dict[str, float]:
    shown = np.array([at / MS / 1000 for _, at in tally.seen])
    during = shown[(shown >= began - 1)]
    delays = [(at - stamp.pushed_ns) / MS for stamp, at in tally.seen if began <= at / MS / 1000 < ended]
    before = _kbps(arrived, began - 3, began)
    full = (at for at, _ in arrived if at > ended and _kbps(arrived, at - 1, at) >= FULL * before)
    return {
        "freeze_s": float(np.diff(during).max()) if len(during) > 1 else float("inf"),
        "full_s": next(full, float("inf")) - ended,
        "p50_ms": float(np.percentile(delays, 50)) if delays else float("inf"),
        "p95_ms": float(np.percentile(delays, 95)) if delays else float("inf"),
        "before_kbps": before,
        "during_kbps": _kbps(arrived, max(began, ended - 5), ended),
    }


def _kbps(arrived: list[tuple[float, float]], start: float, end: float) -> float:
    inside = [(at, count) for at, count in arrived if start <= at <= end]
    if len(inside) < 2:
        return 0.0
    return (inside[-1][1] - inside[0][1]) * 8 / 1000 / (inside[-1][0] - inside[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("--seed", type=int, default=1, help="of the losses, of the first repeat")
    parser.add_argument("--repeats", type=int, default=3, help="of each case: when a picture is cut off is chance")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    missed = []
    for case in (case for case in CASES if options.only in case.name):
        runs = []
        for repeat in range(options.repeats):
            port = free_port()
            with serving(stamped(OURS, width=WIDTH, height=HEIGHT, fps=FPS, port=port), port) as server:
                runs.append(asyncio.run(run(case, server, options.seed + repeat)))
        seen = figures[case.name] = {key: float(np.median([figure[key] for figure in runs])) for key in runs[0]}
        seen["worst_freeze_s"] = max(figure["freeze_s"] for figure in runs)
        limits = {"freeze_s": case.freeze_s, "full_s": case.full_s, "p95_ms": case.p95_ms}
        missed += [f"{case.name}: {key} {seen[key]:.2f} > {most:g}" for key, most in limits.items() if seen[key] > most]
    if options.json:
        print(json.dumps(figures))
    else:
        say_where()
        columns = {
            "longest freeze s": "freeze_s",
            "worst of all s": "worst_freeze_s",
            "full rate after s": "full_s",
            "p50 ms": "p50_ms",
            "p95 ms": "p95_ms",
            "kbit/s before": "before_kbps",
            "and during": "during_kbps",
        }
        rows = [[name, *(figure[key] for key in columns.values())] for name, figure in figures.items()]
        print_table(f"a bad network, medians of {options.repeats} runs", ("", *columns), rows)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
