"""The fallback WebSocket beside WebRTC: push to decoded at 1280x720 and 30 fps, in turns on one server.

`python bench/fallback.py [--seconds 10] [--repeats 5] [--json]`

Both viewers are in this process and decode with libvpx; only one is connected at a time. Exits with 1 when the p95 over
the WebSocket is more than 1.5 times that over WebRTC, median of the turns' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import struct
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import av
import httpx
import numpy as np

from receiver import MS, Tally, watch
from rig import OURS, Server, free_port, print_table, say_where, serving, stamped
from stamp import STAMP_HEIGHT, STAMP_WIDTH, read
from viewer import Viewer, open_session

WIDTH, HEIGHT, FPS = 1280, 720, 30.0
WARMUP = 3.0  # seconds
LIMIT = 1.5
HEADER = struct.Struct(">BBBBIHHI")
RESUME = {"type": "notification", "event": "resume_track", "data": {"name": "main_video"}}


@asynccontextmanager
async def over_webrtc(server: Server, tally: Tally) -> AsyncIterator[None]:
    """Watch as `receiver.py` does."""
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as http:
        viewer = Viewer(http, await open_session(http))
        await viewer.connect()
        watching = asyncio.create_task(watch(viewer, WIDTH, tally))
        try:
            yield
        finally:
            watching.cancel()
            viewer.close()


@asynccontextmanager
async def over_socket(server: Server, tally: Tally) -> AsyncIterator[None]:
    """Watch over the WebSocket."""
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as http:
        session = (await open_session(http))["session_id"]
    path = f"/sessions/{session}/transport/socket"
    async with aiohttp.ClientSession(server.url) as client, client.ws_connect(path, max_msg_size=0) as wire:
        await wire.send_str(json.dumps(RESUME))
        watching = asyncio.create_task(_decode(wire, tally))
        try:
            yield
        finally:
            watching.cancel()


async def _decode(wire: aiohttp.ClientWebSocketResponse, tally: Tally) -> None:
    decoder = av.CodecContext.create("vp8", "r")
    decoder.thread_count = 1
    async for message in wire:
        if message.type is not aiohttp.WSMsgType.BINARY:
            continue
        (frame,) = decoder.decode(av.Packet(message.data[HEADER.size :]))
        now = time.monotonic_ns()
        tally.size = f"{frame.width}x{frame.height}"
        scale = frame.width / WIDTH
        plane = frame.planes[0]
        luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        stamp = read(luma[: round(STAMP_HEIGHT * scale / 2) * 2, : round(STAMP_WIDTH * scale / 2) * 2])
        if stamp is None:
            tally.unreadable += 1
        else:
            tally.seen.append((stamp, now))


WAYS = {"WebRTC": over_webrtc, "WebSocket": over_socket}


async def measure(server: Server, way: str, seconds: float) -> dict[str, Any]:
    """Watch for a while one way."""
    tally = Tally(time.monotonic_ns())
    async with WAYS[way](server, tally):
        await asyncio.sleep(WARMUP)
        start = time.monotonic_ns()
        await asyncio.sleep(seconds)
        end = time.monotonic_ns()
    report = tally.report(start, end - MS * 500)  # what is still under way at the end is not lost
    delays = report.pop("latencies_ms")
    p50, p95 = (float(np.percentile(delays, share)) for share in (50, 95))
    return {**report, "p50_ms": p50, "p95_ms": p95}


async def compare(server: Server, seconds: float, repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Measure both ways in turns, each turn begun by the other one."""
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for turn in range(repeats):
        for way in list(WAYS)[:: 1 if turn % 2 else -1]:
            found[way].append(await measure(server, way, seconds))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each run, after 3 s of warm-up")
    parser.add_argument("--repeats", type=int, default=5, help="turns")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args()
    port = free_port()
    with serving(stamped(OURS, width=WIDTH, height=HEIGHT, fps=FPS, port=port), port) as server:
        found = asyncio.run(compare(server, options.seconds, options.repeats))
    ratios = [s["p95_ms"] / w["p95_ms"] for w, s in zip(found["WebRTC"], found["WebSocket"], strict=True)]
    ratio = statistics.median(ratios)
    if options.json:
        print(json.dumps({"ratio": ratio, **found}))
    else:
        say_where()
        keys = ("p50_ms", "p95_ms", "delivered", "lost", "first_frame_ms")
        rows = [[way, *(statistics.median(run[key] for run in runs) for key in keys)] for way, runs in found.items()]
        print_table("push to decoded, medians of the turns", ("", *keys), rows)
        held = "held" if ratio <= LIMIT else "MISSED"
        print(f"p95 over the WebSocket {ratio:.2f} x that over WebRTC, at most {LIMIT:g}: {held}")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
