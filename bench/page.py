"""The page's own speed, in Chromium: until it is painted and has a picture, what video costs it, and whether it grows.

`python bench/page.py [--opens 5] [--seconds 20] [--minutes 10] [--only open cost growth]`

Pictures of 1280x720 at 60 fps over WebRTC, from a model that is loaded. An opening is in a browser context of its own,
which has nothing cached. The cost is the part of its time that the page's main thread is busy, by the processor's clock
and by the clock on the wall; the first counts, since the second has in it what else the machine does. What may grow is
taken after a forced collection, once a minute: the page has its measurements open and its log full, and each second it
sends a command that is followed to the screen, and one that is refused, of which the log tells. Exits with 1 when a
limit is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from photon import CHROMIUM, FLAGS
from rig import HERE, OURS, REACTOR, free_port, print_table, say_where, serving, stamped

WIDTH, HEIGHT, FPS = 1280, 720, 60
LIMIT_PAINTED_MS, LIMIT_PICTURE_MS = 300.0, 1000.0
LIMIT_BUSY = 0.05
GROWTH = {"heap MB": 1.0, "nodes": 50.0, "listeners": 20.0}  # by which the last minute may be above the first
SETTLE_S, MINUTE_S = 5.0, 60.0
LOGGED = 600  # more than it shows
PARTS = ("open", "cost", "growth")
WATCH_OPENING = """
new PerformanceObserver((list) => {
  window.paintedAt ??= list.getEntriesByName("first-contentful-paint")[0]?.startTime;
}).observe({ type: "paint", buffered: true });
const looking = new MutationObserver(() => {
  const video = document.querySelector("video");
  if (!video) return;
  looking.disconnect();
  video.requestVideoFrameCallback((_now, { expectedDisplayTime }) => (window.pictureAt = expectedDisplayTime));
});
looking.observe(document, { childList: true, subtree: true });
"""
STEER = """async (tint) => {
  await reactor.send("set_tint", { tint });
  await reactor.send("no_such_command").catch(() => undefined);
}"""
FILL_LOG = """async (count) => {
  for (let sent = 0; sent < count; sent++) await reactor.send("no_such_command").catch(() => undefined);
}"""
LIVE = '[data-testid="state"][data-state="live"]'


def open_page(browser: Browser, url: str) -> Page:
    """Open the page in a fresh context and wait for its picture."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(WATCH_OPENING)
    page.goto(url)
    page.locator(LIVE).wait_for(timeout=20_000)
    while not page.evaluate("Boolean(window.pictureAt && window.paintedAt)"):
        page.wait_for_timeout(50)
    return page


def opening(browser: Browser, url: str) -> dict[str, float]:
    """Return when a fresh page was painted and had its picture, milliseconds from the navigation."""
    page = open_page(browser, url)
    painted, picture = page.evaluate("[paintedAt, pictureAt]")
    page.context.close()
    return {"painted": painted, "picture": picture}


class Clocked:
    """What the main thread did, by one clock: `threadTicks` is the processor's, `timeTicks` the one on the wall."""

    def __init__(self, page: Page, domain: str) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": domain})

    def seconds(self) -> dict[str, float]:
        """Return what it did so far."""
        found = self._session.send("Performance.getMetrics")["metrics"]
        return {each["name"]: each["value"] for each in found if each["name"].endswith("Duration")}


def cost(page: Page, seconds: float) -> dict[str, float]:
    """Return shares of the time in which the main thread is busy, and the pictures shown in a second."""
    clocks = {"processor": Clocked(page, "threadTicks"), "wall": Clocked(page, "timeTicks")}
    before = {name: clock.seconds() for name, clock in clocks.items()}
    began = time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    lasted = time.monotonic() - began
    spent = {
        name: {what: (value - before[name][what]) / lasted for what, value in clock.seconds().items()}
        for name, clock in clocks.items()
    }
    fps = page.evaluate("reactor.stats().tracks.main_video.fps")
    script = spent["processor"]["ScriptDuration"]
    return {
        "busy": spent["processor"]["TaskDuration"],
        "script": script,
        "wall": spent["wall"]["TaskDuration"],
        "fps": fps,
    }


def costs(browser: Browser, url: str, seconds: float) -> dict[str, dict[str, float]]:
    """Return the cost with the measurements closed and open."""
    page = open_page(browser, url)
    found = {}
    for name in ("closed", "open"):
        page.wait_for_timeout(SETTLE_S * 1000)
        found[name] = cost(page, seconds)
        page.get_by_test_id("measure-toggle").click()
    page.context.close()
    return found


def size_of(devtools: CDPSession) -> dict[str, float]:
    """Return what the page holds, garbage collected."""
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
    return {
        "heap MB": found["JSHeapUsedSize"] / 1e6,
        "nodes": found["Nodes"],
        "listeners": found["JSEventListeners"],
    }


def growth(browser: Browser, url: str, minutes: int) -> list[dict[str, float]]:
    """Return what the page holds at the end of each minute."""
    page = open_page(browser, url)
    page.get_by_test_id("measure-toggle").click()
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    page.evaluate(FILL_LOG, LOGGED)
    rows = []
    began = time.monotonic()
    for minute in range(1, minutes + 1):
        while time.monotonic() < began + minute * MINUTE_S:
            page.evaluate(STEER, int(time.monotonic() * 10) % 256)
            page.wait_for_timeout(1000)
        rows.append({"minute": float(minute), **size_of(devtools)})
    page.context.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opens", type=int, default=5, help="pages opened; the median counts")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each look at the main thread")
    parser.add_argument("--minutes", type=int, default=10, help="how long the page is watched for growth")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    say_where()
    missed: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        port = free_port()
        if {"open", "cost"} & set(options.only):
            with serving(stamped(OURS, width=WIDTH, height=HEIGHT, fps=FPS, port=port), port) as server:
                open_page(browser, server.url).context.close()
                if "open" in options.only:
                    missed += show_openings([opening(browser, server.url) for _ in range(options.opens)])
                if "cost" in options.only:
                    missed += show_costs(costs(browser, server.url, options.seconds))
        if "growth" in options.only:
            command = [REACTOR, "run", "-p", str(HERE / "photon_model"), "--port", str(port)]
            with serving([*command, f"--model.compute_ms={1000 / FPS}"], port) as server:
                missed += show_growth(growth(browser, server.url, options.minutes))
        browser.close()
    if missed:
        sys.exit("; ".join(missed))


def show_openings(found: list[dict[str, float]]) -> list[str]:
    """Print the openings; return what is over its limit."""
    limits = {"painted": LIMIT_PAINTED_MS, "picture": LIMIT_PICTURE_MS}
    middle = {name: statistics.median(each[name] for each in found) for name in limits}
    rows = [[name, middle[name], max(each[name] for each in found), limit] for name, limit in limits.items()]
    print_table(f"from navigation, ms; {len(found)} fresh contexts", ("", "median", "slowest", "limit"), rows)
    return [f"{name} after {middle[name]:.0f} ms" for name, limit in limits.items() if middle[name] > limit]


def show_costs(found: dict[str, dict[str, float]]) -> list[str]:
    """Print what video costs; return what is over its limit."""
    rows: list[list[Any]] = [
        [name, *(each[what] * 100 for what in ("busy", "script", "wall")), each["fps"]] for name, each in found.items()
    ]
    columns = ("measurements", "busy %", "of it script %", "wall clock %", "fps shown")
    print_table(f"main thread, {WIDTH}x{HEIGHT} at {FPS} fps, at most {LIMIT_BUSY:.0%} busy", columns, rows)
    return [
        f"{each['busy']:.1%} busy, measurements {name}" for name, each in found.items() if each["busy"] > LIMIT_BUSY
    ]


def show_growth(rows: list[dict[str, float]]) -> list[str]:
    """Print what the page held; return what grew."""
    print_table("after a collection, measurements and log open", list(rows[0]), [list(row.values()) for row in rows])
    first, last = rows[0], rows[-1]
    grown = {what: last[what] - first[what] for what in GROWTH}
    return [f"{what} grew by {grown[what]:.1f}" for what, most in GROWTH.items() if grown[what] > most]


if __name__ == "__main__":
    main()
