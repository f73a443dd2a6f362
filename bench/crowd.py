"""Whether viewers that come and go leave anything behind, or take anything from one that stays.

`python bench/crowd.py [--viewers 64] [--cycles 200] [--at-once 20]`: 512x512 at 16 fps. One viewer stays while the rest
of the viewers come, watch together and go, and while others come and go so many times. Exits with 1 when the server
holds more memory, threads, files or connections afterwards than after a first crowd, when the one that stays went
without a picture for longer than the bound, or when somebody was not let in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import httpx
import psutil

from receiver import cpu_seconds, memory_mb
from rig import OURS, Server, free_port, print_table, say_where, serving, stamped
from viewer import Viewer, open_session

WIDTH, HEIGHT, FPS = 512, 512, 16.0
QUIET, TOGETHER = 5.0, 5.0  # seconds
LONGEST_GAP = 1.0  # seconds without a picture
GROWTH_MB, GROWTH = 20.0, 4  # memory; threads and files
SETTLE_TIMEOUT = 60.0

Row = dict[str, Any]


@dataclass(slots=True)
class Visits:
    """What a crowd of viewers met."""

    connect_s: list[float]
    failures: list[str]


async def come_and_go(url: str, viewers: int, at_once: int, stay: float) -> Visits:
    """Connect so many viewers, each as soon as there is room; they hang up, after `stay` seconds all together."""
    visits, room, everybody = Visits([], []), asyncio.Semaphore(at_once), asyncio.Barrier(viewers)
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        session = await open_session(http)

        async def visit() -> None:
            viewer = Viewer(http, session, counts_only=True)
            try:
                async with room:
                    began = time.monotonic()
                    await viewer.connect()
                    visits.connect_s.append(time.monotonic() - began)
                    if not stay:
                        viewer.close()
            except Exception as error:
                visits.failures.append(f"{type(error).__name__}: {error}")
            if stay:
                await everybody.wait()
                await asyncio.sleep(stay)
                viewer.close()

        await asyncio.gather(*(visit() for _ in range(viewers)))
    return visits


async def crowd(server: Server, viewers: int, at_once: int, stay: float = 0.0) -> Visits:
    """Send a crowd from a process of its own, whose work is not the server's nor that of who stays."""
    sent = [f"--url={server.url}", f"--viewers={viewers}", f"--at-once={at_once}", f"--stay={stay}"]
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, *sent, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        return Visits([], [f"the crowd's process ended with {process.returncode}"])
    return Visits(**json.loads(out))


async def watch(viewer: Viewer, seen: list[float]) -> None:
    """Note when each picture of one viewer came, until cancelled."""
    async for frame in viewer.frames():
        frame.close()
        seen.append(time.monotonic())


def held(server: Server) -> Row:
    """Return what the server's process holds; its memory is that of the model's process too."""
    process = psutil.Process(server.pid)
    return {"memory MB": memory_mb(server.pid), "threads": process.num_threads(), "files": process.num_fds()}


async def emptied(http: httpx.AsyncClient) -> int:
    """Wait until nobody but the viewer that stays is connected; return how many are."""
    until, connections = time.monotonic() + SETTLE_TIMEOUT, -1
    while connections != 1 and time.monotonic() < until:
        connections = (await http.get("/health")).json()["connections"]
        await asyncio.sleep(0.2)
    return connections


async def measure(server: Server, options: argparse.Namespace) -> tuple[list[Row], list[Row], list[str]]:
    """Return what was seen in each part, what the server held before and after, and what does not hold."""
    parts: list[Row] = []
    wrong: list[str] = []
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        resident = Viewer(http, await open_session(http))
        await resident.connect()
        seen: list[float] = []
        reader = asyncio.create_task(watch(resident, seen))

        async def part(name: str, viewers: int, at_once: int, stay: float = 0.0) -> None:
            began, cpu = time.monotonic(), cpu_seconds(server.pid)
            visits = await crowd(server, viewers, at_once, stay) if viewers else Visits([], [])
            if not viewers:
                await asyncio.sleep(QUIET)
            ended, cpu = time.monotonic(), cpu_seconds(server.pid) - cpu
            times = [began, *(at for at in seen if began <= at <= ended), ended]
            gap = max(later - earlier for earlier, later in pairwise(times))
            parts.append(
                {
                    "part": name,
                    "connected": len(visits.connect_s),
                    "connect p50 s": statistics.median(visits.connect_s) if visits.connect_s else "",
                    "connect max s": max(visits.connect_s, default=""),
                    "server cores": cpu / (ended - began),
                    "pictures per s": (len(times) - 2) / (ended - began),
                    "longest gap ms": 1000 * gap,
                }
            )
            wrong.extend(visits.failures)
            if gap > LONGEST_GAP:
                wrong.append(f"{name}: no picture for {gap:.1f} s")
            if (left := await emptied(http)) != 1:
                wrong.append(f"{name}: {left - 1} connections are left")

        try:
            # The first crowd makes what is kept for the next.
            await part("warm-up", options.viewers - 1, options.at_once, TOGETHER)
            before = held(server)
            await part("one viewer alone", 0, 0)
            await part(f"{options.viewers} viewers", options.viewers - 1, options.at_once, TOGETHER)
            await part(f"{options.cycles} cycles, {options.at_once} at once", options.cycles, options.at_once)
            after = held(server)
        finally:
            reader.cancel()
            resident.close()
            await http.post("/stop_session")
    bounds = {"memory MB": GROWTH_MB, "threads": GROWTH, "files": GROWTH}
    wrong += [
        f"{name} grew from {before[name]:.0f} to {after[name]:.0f}"
        for name, bound in bounds.items()
        if after[name] > before[name] + bound
    ]
    if "Traceback" in (said := server.said()):
        wrong.append(f"the server logged: {said[said.index('Traceback') :][:2000]}")
    return parts, [{"when": "before", **before}, {"when": "after", **after}], wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=64, help="connected together, the one that stays counted")
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--url", help=argparse.SUPPRESS)  # be the crowd: so many viewers to that server
    parser.add_argument("--stay", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.url:
        print(json.dumps(asdict(asyncio.run(come_and_go(options.url, options.viewers, options.at_once, options.stay)))))
        return
    say_where()
    port = free_port()
    with serving(stamped(OURS, width=WIDTH, height=HEIGHT, fps=FPS, port=port), port) as server:
        parts, holdings, wrong = asyncio.run(measure(server, options))
    for title, rows in (("Who stays, while others come and go", parts), ("What the server holds", holdings)):
        print_table(title, list(rows[0]), [list(row.values()) for row in rows])
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
