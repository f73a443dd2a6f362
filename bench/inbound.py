"""From a client's camera to the model: 1280x720 at 30 fps, one client.

`python bench/inbound.py [--seconds 10] [--repeats 3]`

The age of a picture counts from the camera's push to the return of `read()` in the model, so the client's encoder, the
network and the engine's decoder are in it. The error of the capture time counts against the same push.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import httpx
import psutil
import webrtc
import wrtc

from rig import HERE, REACTOR, Server, free_port, medians, print_table, say_where, serving
from stamp import MovingPicture, Stamp, paint
from viewer import Viewer, open_session

WIDTH, HEIGHT, FPS = 1280, 720, 30
PLANES = [(0, WIDTH), (WIDTH * HEIGHT, WIDTH // 2), (WIDTH * HEIGHT * 5 // 4, WIDTH // 2)]
WARM_UP = 4.0  # seconds; the client's rate has risen by then
DRAWN = 60  # pictures drawn beforehand


async def film(server: Server, seconds: float) -> dict[str, float]:
    """Send a moving stamped picture, and return the server's CPU and the first picture's number after the warm-up."""
    moving = MovingPicture(WIDTH, HEIGHT)
    pictures = [moving.at(Stamp(number, 0)) for number in range(DRAWN)]
    generator = wrtc.TrackGenerator("video")
    first, last = round(WARM_UP * FPS), round((WARM_UP + seconds) * FPS)
    async with httpx.AsyncClient(base_url=server.url, timeout=10) as http:
        viewer = Viewer(http, await open_session(http))
        await viewer.connect()
        await viewer._video.sender.replace_track(webrtc.MediaStreamTrack._wrap(generator.track))
        began = time.monotonic()
        for number in range(last):
            await asyncio.sleep(began + number / FPS - time.monotonic())
            if number == first:
                used = _cpu_seconds(server)
            picture = pictures[number % DRAWN]
            paint(picture, Stamp(number, time.monotonic_ns()))
            packed = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).tobytes()
            buffer = wrtc.VideoFrameBuffer.fromData("I420", WIDTH, HEIGHT, packed, PLANES)
            generator.writeVideo(buffer, time.monotonic_ns() // 1000, 0)
        used = _cpu_seconds(server) - used
        await asyncio.sleep(0.5)  # what is under way arrives
        generator.close()
        viewer.close()
    return {"cpu_s": used, "first": first}


def _cpu_seconds(server: Server) -> float:
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def run(seconds: float) -> dict[str, float]:
    """Measure once, on a fresh server."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "ages")
        command = [REACTOR, "run", "-p", str(HERE / "inbound_model"), "--port", str(port), f"--model.ages={log}"]
        with serving(command, port) as server:
            filmed = asyncio.run(film(server, seconds))
        lines = [line.split() for line in log.read_text().splitlines()]
    read = [(float(age), off) for number, age, off in lines if int(number) >= filmed["first"]]
    ages = sorted(age for age, _ in read)
    off = [float(off) for _, off in read if off != "None"]
    return {
        "frames": len(ages),
        "p50_ms": statistics.median(ages),
        "p95_ms": ages[int(len(ages) * 0.95)],
        "off_ms": statistics.median(off),
        "cpu_ms": 1000 * filmed["cpu_s"] / len(ages),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each run, after 4 s of warm-up")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    say_where()
    got = medians([run(options.seconds) for _ in range(options.repeats)])
    columns = ("", "read", "age p50 ms", "age p95 ms", "capture time off by ms", "server CPU ms per frame")
    figures = (got[key] for key in ("p50_ms", "p95_ms", "off_ms", "cpu_ms"))
    row = ["camera to read()", f"{got['frames']:.0f} of {options.seconds * FPS:.0f}", *figures]
    title = f"{WIDTH}x{HEIGHT} at {FPS} fps, one client, median of {options.repeats} runs of {options.seconds:.0f} s"
    print_table(title, columns, [row])


if __name__ == "__main__":
    main()
