"""From the hand to the picture: what the runtime adds to a model's own time, in Chromium, stage by stage.

`python bench/photon.py [--seconds 15] [--repeats 5] [--no-webcam] [--json]`

A video-to-video model of 1280x720 whose step takes 40 ms, one picture per step, a camera in every picture; a command
each 300 ms, at no fixed place in a step. Each repeat is a fresh page: how many refreshes of the screen ahead Chromium
composes is settled anew with each, 0 to 2. Exits with 1 when the added latency's p95, median of the repeats, is over
the limit.
"""

from __future__ import annotations

import argparse
import functools
import json
import random
import statistics
import time
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from rig import HERE, REACTOR, free_port, print_table, say_where, serving

LIMIT_MS = 50.0  # p95 of what is added to compute and to the wait for the model
EVERY = (0.25, 0.35)  # seconds between commands
WARM_UP = 5.0
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
TRACE = """async (tint) => {
  const before = reactor.latency()?.last.id;
  await reactor.send("set_tint", {tint});
  for (let waited = 0; waited < 2000; waited += 5) {
    const last = reactor.latency()?.last;
    if (last && last.id !== before) return last.stages;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return null;
}"""


def watch(page: Page, url: str, *, webcam: bool) -> None:
    """Open the page, and give the model a camera."""
    page.goto(url)
    page.locator('[data-testid="state"][data-state="live"]').wait_for(timeout=20_000)
    if webcam:
        page.get_by_test_id("source-webcam").click()
        page.locator('[data-testid="source-webcam"][aria-pressed="true"]').wait_for(timeout=10_000)


def measure(browser: Browser, url: str, *, seconds: float, webcam: bool) -> dict[str, Any]:
    """Steer for a while; return each command's stages in milliseconds, and how many pictures a second were shown."""
    page = browser.new_page()
    watch(page, url, webcam=webcam)
    chance = random.Random(4)
    page.wait_for_timeout(WARM_UP * 1000)
    traced: list[dict[str, float]] = []
    missed = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        stages = page.evaluate(TRACE, chance.randrange(256))
        if stages is None:
            missed += 1
        else:
            traced.append(stages)
        page.wait_for_timeout(max(0.0, chance.uniform(*EVERY) - (time.monotonic() - began)) * 1000)
    figures = page.evaluate("reactor.stats().tracks.main_video")
    page.close()
    p95 = float(np.percentile([stages["added"] for stages in traced], 95))
    return {"traced": traced, "missed": missed, "fps": figures["fps"], "added_p95_ms": p95}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each run, after 5 s of warm-up")
    parser.add_argument("--repeats", type=int, default=5, help="runs, each on a fresh page")
    parser.add_argument("--compute-ms", type=float, default=40.0, help="what a step of the model takes")
    parser.add_argument("--no-webcam", dest="webcam", action="store_false", help="send the model no camera")
    parser.add_argument("--json", action="store_true", help="print every command as JSON instead of the table")
    options = parser.parse_args()
    if not options.json:
        say_where()
    port = free_port()
    command = [REACTOR, "run", "-p", str(HERE / "photon_model"), "--port", str(port)]
    command.append(f"--model.compute_ms={options.compute_ms}")
    with sync_playwright() as playwright, serving(command, port) as server:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        once = functools.partial(measure, browser, server.url, seconds=options.seconds, webcam=options.webcam)
        reports = [once() for _ in range(options.repeats)]
        browser.close()
    added = statistics.median(report["added_p95_ms"] for report in reports)
    if options.json:
        print(json.dumps(reports))
    else:
        show(reports, "with" if options.webcam else "without")
        print(f"added latency p95 {added:.1f} ms, at most {LIMIT_MS:g} ms: {'held' if added <= LIMIT_MS else 'MISSED'}")
    raise SystemExit(added > LIMIT_MS or any(report["missed"] for report in reports))


def show(reports: list[dict[str, Any]], camera: str) -> None:
    """Print the stages, all repeats together, and what each repeat added."""
    traced = [stages for report in reports for stages in report["traced"]]
    quantiles = {name: np.percentile([stages[name] for stages in traced], (50, 95, 99)) for name in traced[0]}
    fps, missed = statistics.median(r["fps"] for r in reports), sum(r["missed"] for r in reports)
    print(f"1280x720 at {fps:.1f} fps {camera} a camera; {len(traced)} commands, {missed} more not shown")
    rows = [[name, *(float(value) for value in values)] for name, values in quantiles.items()]
    print_table("all repeats together", ("ms", "p50", "p95", "p99"), rows)
    print("added latency p95 of each repeat:", ", ".join(f"{r['added_p95_ms']:.0f}" for r in reports), "ms")


if __name__ == "__main__":
    main()
