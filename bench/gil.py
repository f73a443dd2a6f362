"""Whether a model that holds the GIL delays anybody: HTTP answers and data-channel replies, beside a model that sleeps.

Both models emit five pictures a second; one spends the 200 ms between them in C code that keeps the GIL, the other
asleep. `python bench/gil.py [--seconds 10] [--in-process]` exits with 1 when the 99th percentile under the GIL lies
more than 50 ms above the sleeping model's median. `--in-process` shows what the process border is good for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable

import httpx
import numpy as np

from rig import OURS, free_port, print_table, say_where, serving, stamped
from viewer import Viewer, open_session

EVERY = 0.02  # seconds between probes, whether or not earlier ones are answered
LIMIT_MS = 50.0
HOLD_MS = 200

Probes = dict[str, list[float]]


async def probe(url: str, seconds: float) -> Probes:
    """Return the milliseconds that each HTTP answer and each data-channel reply took; none counts as its time-out."""
    times: Probes = {"GET /health": [], "data-channel reply": []}

    async def timed(name: str, ask: Callable[[], Awaitable[object]]) -> None:
        began = time.perf_counter()
        with contextlib.suppress(TimeoutError, httpx.TimeoutException):
            await ask()
        times[name].append(1000 * (time.perf_counter() - began))

    async with (
        httpx.AsyncClient(base_url=url, timeout=20) as watching,
        httpx.AsyncClient(base_url=url, timeout=20) as other,
    ):
        viewer = Viewer(watching, await open_session(watching))
        try:
            await viewer.connect()
            await asyncio.sleep(2)
            due = time.monotonic()
            async with asyncio.TaskGroup() as probes:
                for _ in range(round(seconds / EVERY)):
                    probes.create_task(timed("GET /health", lambda: other.get("/health")))
                    probes.create_task(timed("data-channel reply", lambda: viewer.ask("no_such_command")))
                    due += EVERY
                    await asyncio.sleep(due - time.monotonic())
        finally:
            viewer.close()
            await watching.post("/stop_session")
    return times


def measure(seconds: float, hold_ms: int, flags: list[str]) -> Probes:
    """Probe a fresh server whose model holds the GIL for so long before each picture."""
    port = free_port()
    command = stamped(OURS, width=512, height=512, fps=1000 / HOLD_MS, port=port)
    with serving([*command, f"--model.hold_gil_ms={hold_ms}", *flags], port) as server:
        return asyncio.run(probe(server.url, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each run, after 2 s of warm-up")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, interleaved")
    parser.add_argument("--in-process", action="store_true", help="run the model in the server's own process")
    options = parser.parse_args()
    say_where()
    flags = ["--in-process"] if options.in_process else []
    runs = [
        (measure(options.seconds, 0, flags), measure(options.seconds, HOLD_MS, flags)) for _ in range(options.repeats)
    ]
    rows, worst = [], 0.0
    for name in runs[0][0]:
        asleep, holding = (np.concatenate([run[which][name] for run in runs]) for which in (0, 1))
        calm, busy = np.percentile(asleep, (50, 99)), np.percentile(holding, (50, 99))
        worst = max(worst, busy[1] - calm[0])
        rows.append([name, len(holding), *map(float, (*calm, *busy, busy[1] - calm[0]))])
    columns = ("", "probes", "asleep p50 ms", "p99 ms", "holding the GIL p50 ms", "p99 ms", "added at p99, ms")
    print_table(f"A model that holds the GIL in pieces of {HOLD_MS} ms, beside one that sleeps", columns, rows)
    if worst > LIMIT_MS:
        sys.exit(f"{worst:.0f} ms are added at p99; the limit is {LIMIT_MS:.0f} ms")


if __name__ == "__main__":
    main()
