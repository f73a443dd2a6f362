"""The page without WebRTC, in Chromium: how old its pictures are beside WebRTC's, and how soon it shows the first.

`python bench/fallback_page.py [--seconds 12] [--repeats 3]`

Stamped pictures of 1280x720 at 30 fps. Every animation frame reads the stamp of what the page shows, alike on each way
to the server, so an age is from the push to the refresh that paints it. The ways take turns, each on a fresh page.
Then a browser opens the page in a network that lets no UDP through, which needs root. Exits with 1 when a limit is
missed.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

from namespaces import Cable
from photon import CHROMIUM, FLAGS
from rig import OURS, free_port, print_table, say_where, serving, stamped
from stamp import COLUMNS, ROWS, STAMP_HEIGHT, STAMP_WIDTH, read

WIDTH, HEIGHT, FPS = 1280, 720, 30
LIMIT_RATIO = 1.5  # p95 of the socket's ages to WebRTC's
LIMIT_OPEN_S = 3.0  # from opening the page to its first picture, where no UDP gets through
WARM_UP_MS = 4_000
NO_UDP = ("add pref 100 lookup local", "del pref 0", "add pref 10 ipproto udp blackhole")
WATCH = f"""() => {{
  const canvas = document.createElement('canvas');
  canvas.width = {COLUMNS}; canvas.height = {ROWS};
  const context = canvas.getContext('2d', {{willReadFrequently: true}});
  const tile = document.querySelector('.tile');
  const [video, drawn] = [tile.querySelector('video'), tile.querySelector('canvas')];
  let former = '';
  window.sightings = [];
  const look = () => {{
    const seen = drawn.hidden ? video : drawn;
    const scale = (seen.videoWidth ?? seen.width) / {WIDTH};
    context.drawImage(seen, 0, 0, {STAMP_WIDTH} * scale, {STAMP_HEIGHT} * scale, 0, 0, {COLUMNS}, {ROWS});
    const greens = [...context.getImageData(0, 0, {COLUMNS}, {ROWS}).data].filter((_, at) => at % 4 == 1);
    const bits = greens.map((green) => +(green > 127)).join('');
    if (bits !== former) sightings.push([performance.now(), bits]);
    former = bits;
    requestAnimationFrame(look);
  }};
  look();
}}"""

NOTE_FIRST = """(() => {
  const look = () => {
    if (window.reactor?.state === 'live') window.firstAt = performance.now();
    else requestAnimationFrame(look);
  };
  look();
})();"""


def clock_ahead(page: Page) -> float:
    """Return by how many milliseconds our monotonic clock is ahead of the page's, from the quickest of many looks."""
    looks = []
    for _ in range(100):
        asked = time.monotonic()
        theirs = page.evaluate("performance.now()")
        answered = time.monotonic()
        looks.append((answered - asked, (asked + answered) / 2 * 1000 - theirs))
    return min(looks)[1]


def ages(browser: Browser, url: str, way: str, seconds: float) -> dict[str, Any]:
    """Watch over one way; return how old pictures are when they are painted, in milliseconds, and how many came."""
    page = browser.new_page()
    page.goto(f"{url}?transport={way}")
    page.locator('[data-testid="state"][data-state="live"]').wait_for(timeout=20_000)
    page.wait_for_timeout(WARM_UP_MS)
    page.evaluate(WATCH)
    page.wait_for_timeout(seconds * 1000)
    sightings = page.evaluate("window.sightings")
    ahead = clock_ahead(page)
    page.close()
    found = []
    for at, bits in sightings[1:]:
        luma = np.array([int(bit) * 255 for bit in bits], np.uint8).reshape(ROWS, COLUMNS)
        if (stamp := read(luma)) is not None:
            found.append(at + ahead - stamp.pushed_ns / 1e6)
    p50, p95 = np.percentile(found, (50, 95))
    return {"p50": float(p50), "p95": float(p95), "fps": len(found) / seconds}


def opening(browser: Browser, url: str) -> float:
    """Return the seconds from opening the page to its first picture, which has to come over the socket."""
    page = browser.new_page()
    page.add_init_script(NOTE_FIRST)
    page.goto(url)
    page.locator('[data-testid="state"][data-state="live"]').wait_for(timeout=20_000)
    seconds, way = page.evaluate("[firstAt / 1000, reactor.transport]")
    page.close()
    assert way == "socket", f"the picture came over {way}"
    return float(seconds)


def openings(chromium: BrowserType, command: list[str], port: int, repeats: int) -> list[float]:
    """Open the page again and again where no UDP gets through."""
    with Cable() as cable, cable.inside("server"), tempfile.TemporaryDirectory() as folder:
        for family, rule in itertools.product(("-4", "-6"), NO_UDP):
            subprocess.run(["ip", family, "rule", *rule.split()], check=True)
        with serving(command, port) as server:
            # Playwright's own process, which starts browsers, is outside.
            wrapper = Path(folder) / "chromium"
            wrapper.write_text(f'#!/bin/sh\nexec nsenter --net=/proc/{server.pid}/ns/net {CHROMIUM} "$@"\n')
            wrapper.chmod(0o755)
            browser = chromium.launch(executable_path=wrapper, args=FLAGS)
            found = [opening(browser, server.url) for _ in range(repeats)]
            browser.close()
            return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="length of each run, after 4 s of warm-up")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way")
    options = parser.parse_args()
    say_where()
    port = free_port()
    ways = ("webrtc", "socket", "http")
    command = stamped(OURS, width=WIDTH, height=HEIGHT, fps=FPS, port=port)
    with sync_playwright() as playwright:
        with serving(command, port) as server:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            once = functools.partial(ages, browser, server.url, seconds=options.seconds)
            runs = [{way: once(way) for way in ways} for _ in range(options.repeats)]
            browser.close()
        first = statistics.median(openings(playwright.chromium, command, port, options.repeats))
    middle = {way: {key: statistics.median(run[way][key] for run in runs) for key in runs[0][way]} for way in ways}
    rows = [[way, *(middle[way][key] for key in ("p50", "p95", "fps"))] for way in ways]
    print_table("from push to painted, ms; medians", ("way", "p50", "p95", "pictures/s"), rows)
    ratio = statistics.median(run["socket"]["p95"] / run["webrtc"]["p95"] for run in runs)
    print(f"p95 of the socket to WebRTC's: {ratio:.2f}, at most {LIMIT_RATIO}")
    print(f"first picture without UDP after {first:.2f} s, at most {LIMIT_OPEN_S:g} s")
    raise SystemExit(ratio > LIMIT_RATIO or first > LIMIT_OPEN_S)


if __name__ == "__main__":
    main()
