"""Whether anything grows: memory, delay and lost pictures while one viewer stays and another comes and goes.

`python bench/soak.py [--minutes 30]`: 1280x720 at 30 fps from a model that is faster than that. Exits with 1 when the
memory at the end lies more than 5 % above that after the first minute, when pictures wait longer at the end than at the
beginning, or when one in a thousand is lost. Memory is that of the server and its worker, what they share counted once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from typing import Any

import httpx
import numpy as np

from receiver import Tally, memory_mb, watch
from rig import OURS, Server, free_port, print_table, say_where, serving, stamped
from viewer import Viewer, open_session

WIDTH, HEIGHT, FPS = 1280, 720, 30.0
MINUTE, AWAY = 60.0, 10.0  # seconds; of each minute the guest is away this long
GROWTH, LOSS = 1.05, 0.001
LATER_MS = 1000 / FPS  # one picture more may wait at the end

Row = dict[str, Any]


async def stay(server: Server, minutes: int) -> list[Row]:
    """Watch for some minutes; return what was seen in each."""
    rows: list[Row] = []
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as http:
        session = await open_session(http)
        resident = Viewer(http, session)
        await resident.connect()
        tally = Tally(time.monotonic_ns())
        reader = asyncio.create_task(watch(resident, WIDTH, tally))
        try:
            for minute in range(1, minutes + 1):
                start = time.monotonic_ns()
                guest = Viewer(http, session)
                await guest.connect()
                await asyncio.sleep(MINUTE - AWAY)
                guest.close()
                await asyncio.sleep(AWAY)
                seen = tally.report(start, time.monotonic_ns())
                p50, p99 = np.percentile(seen["latencies_ms"], (50, 99)) if seen["latencies_ms"] else (np.inf, np.inf)
                rows.append(
                    {
                        "minute": minute,
                        "memory MB": memory_mb(server.pid),
                        "p50 ms": float(p50),
                        "p99 ms": float(p99),
                        "delivered": seen["delivered"],
                        "lost": seen["lost"],
                    }
                )
                tally.seen.clear()
        finally:
            reader.cancel()
            resident.close()
            await http.post("/stop_session")
    return rows


def missed(rows: list[Row]) -> list[str]:
    """Return what does not hold."""
    first, last = rows[0], rows[-3:]
    memory, delay = (statistics.median(row[key] for row in last) for key in ("memory MB", "p50 ms"))
    lost, delivered = (sum(row[key] for row in rows) for key in ("lost", "delivered"))
    said = []
    if memory > GROWTH * first["memory MB"]:
        said.append(f"memory grew from {first['memory MB']:.0f} to {memory:.0f} MB")
    if delay > first["p50 ms"] + LATER_MS:
        said.append(f"delay grew from {first['p50 ms']:.0f} to {delay:.0f} ms")
    if lost > LOSS * (lost + delivered):
        said.append(f"{lost} of {lost + delivered} pictures were lost")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON instead of the table")
    options = parser.parse_args()
    if not options.json:
        say_where()
    port = free_port()
    with serving(stamped(OURS, width=WIDTH, height=HEIGHT, fps=FPS, port=port, eager=True), port) as server:
        rows = asyncio.run(stay(server, options.minutes))
    if options.json:
        print(json.dumps(rows))
    else:
        title = f"{WIDTH}x{HEIGHT} at {FPS:.0f} fps for {options.minutes} minutes"
        print_table(title, list(rows[0]), [list(row.values()) for row in rows])
    if said := missed(rows):
        sys.exit("; ".join(said))


if __name__ == "__main__":
    main()
