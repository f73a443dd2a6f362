"""The measurements over the picture: every figure on every way to the server, bars, graph, and what is copied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

from reactor_runtime import __version__
from tests.browser.conftest import Viewer
from tests.models import PAINTER, write_model
from tests.running import RunningServer, eventually, serving

WAIT_MS = 20_000
NUMBER = r"\d+\.\d"
FIGURES = {
    "answer": r"p50 [1-9]\d* ms, p95 [1-9]\d* ms",
    "shown": rf"(?!0\.0){NUMBER} fps",
    "generated": rf"(?!0\.0){NUMBER} fps",
    "jitter": rf"± {NUMBER} ms",
    "lead": r"\d+ ms, \d+ queued",
    "bitrate": r"[1-9]\d* kbit/s|[1-9]\d*\.\d Mbit/s",
    "network": r"–|\d+ kbit/s|\d+\.\d Mbit/s",
    "round-trip": rf"{NUMBER} ms",
    "server": re.escape(__version__),
    "rung": r"1 of 1, 320×180, (\d+ kbit/s|\d+\.\d Mbit/s)",
}
OF_THE_WAY = {
    "webrtc": {"codec": "VP8", "transport": "WebRTC over UDP", "loss": rf"{NUMBER} %"},
    "socket": {"codec": "VP8", "transport": "WebSocket", "loss": r"\d+ left out"},
    "http": {"codec": "JPEG", "transport": "HTTP pictures", "loss": r"\d+ left out"},
}
LANES = {"shown": (62, 207, 142), "bitrate": (111, 138, 255), "answer": (245, 181, 68)}
COUNT_COLOUR = """(canvas, [r, g, b]) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) {
    const off = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
    if (data[i + 3] > 200 && off < 30) found++;
  }
  return found;
}"""
COPY = """async () => {
  const values = [...document.querySelectorAll("dd[data-testid^=measure-]")];
  const shown = Object.fromEntries(values.map((value) => [value.dataset.testid.slice(8), value.textContent]));
  const button = document.querySelector("[data-testid=measure-copy]");
  button.click();
  while (button.getAttribute("aria-label") !== "Copied") await new Promise(requestAnimationFrame);
  return [shown, await navigator.clipboard.readText()];
}"""
COUNT_MEASUREMENTS = """() => {
  if (window.seenStats !== reactor.stats()) window.timesSeen = (window.timesSeen ?? 0) + 1;
  window.seenStats = reactor.stats();
  return window.timesSeen;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(write_model(tmp_path_factory.mktemp("painter"), PAINTER)) as running:
        yield running.wait_ready()


@pytest.fixture(scope="module")
def measured(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """A page with its measurements open that has sent a few commands."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    opened(Viewer(page, server.url))
    for red in (40, 120, 220):
        steer(page, red)
    yield page
    context.close()


def opened(viewer: Viewer) -> None:
    """Open the measurements of a page that shows pictures."""
    expect(viewer.page.get_by_test_id("state")).to_have_attribute("data-state", "live", timeout=WAIT_MS)
    viewer.page.keyboard.press("i")
    expect(viewer.page.locator("#measure")).to_be_visible()


def steer(page: Page, red: int) -> None:
    """Send a command and wait until its way is known."""
    before = page.evaluate("reactor.latency()?.last.id")
    page.evaluate("(red) => reactor.send('set_colour', {red})", red)
    eventually(lambda: page.evaluate("reactor.latency()?.last.id") != before, within=20, what="the command's way")


def measured_again(page: Page) -> None:
    """Wait until the page has taken a few more measurements, one a second."""
    first = page.evaluate(COUNT_MEASUREMENTS) or 0
    eventually(lambda: (page.evaluate(COUNT_MEASUREMENTS) or 0) >= first + 3, within=20, what="more measurements")


def bars(page: Page) -> Locator:
    return page.get_by_test_id("waterfall")


def numbers(words: str) -> list[float]:
    return [float(found) for found in re.findall(r"[\d.]+", words)]


def told(bar: Locator) -> tuple[float, dict[str, float]]:
    """Return the total and the stages that a bar says, in milliseconds."""
    label = bar.get_attribute("aria-label") or ""
    found = re.fullmatch(r"set_colour, ([\d.]+) ms: (.+)", label)
    assert found, label
    stages = dict(each.rsplit(" ", 2)[:2] for each in found[2].split(", "))
    return float(found[1]), {stage: float(value) for stage, value in stages.items()}


@pytest.mark.parametrize("way", OF_THE_WAY)
def test_every_figure_has_a_value_on_every_way_to_the_server(way: str, server: RunningServer, page: Page) -> None:
    opened(Viewer(page, f"{server.url}?transport={way}"))
    steer(page, 90)
    for name, pattern in (FIGURES | OF_THE_WAY[way]).items():
        shown = page.get_by_test_id(f"measure-{name}")
        expect(shown).to_have_text(re.compile(f"^({pattern})$"), timeout=WAIT_MS)


def test_each_command_has_a_bar_whose_stages_make_up_its_time(measured: Page) -> None:
    expect(bars(measured)).to_have_count(3, timeout=WAIT_MS)
    widths = {}
    for bar in bars(measured).all():
        total, stages = told(bar)
        assert next(iter(stages)) == "uplink"
        assert list(stages)[-1] in ("present", "untold")
        assert sum(stages.values()) == pytest.approx(total, abs=0.05 * len(stages) + 0.1)
        line = bar.locator(".waterfall-bar")
        box = line.bounding_box()
        assert box
        widths[total] = box["width"]
        parts = [part.bounding_box() or {"width": 0.0} for part in line.locator("i").all()]
        assert sum(part["width"] for part in parts) == pytest.approx(box["width"], abs=1)
    longest = max(widths)
    for total, width in widths.items():
        assert width == pytest.approx(widths[longest] * total / longest, abs=2.5)
    last = measured.evaluate("reactor.latency().last.stages")
    assert told(bars(measured).first)[0] == pytest.approx(last["total"], abs=0.06), "the newest is at the top"


def test_a_bar_that_is_pointed_at_or_focused_tells_its_milliseconds(measured: Page) -> None:
    expect(bars(measured)).to_have_count(3, timeout=WAIT_MS)
    stages = measured.get_by_test_id("stages")
    for act in (Locator.hover, Locator.focus):
        for bar in bars(measured).all():
            act(bar)
            expect(stages).to_have_text("".join(f"{stage}{value:.1f}" for stage, value in told(bar)[1].items()))


def test_what_is_copied_is_what_is_shown(measured: Page) -> None:
    expect(bars(measured)).to_have_count(3, timeout=WAIT_MS)
    expect(measured.get_by_test_id("measure-rung")).to_contain_text("1 of 1", timeout=WAIT_MS)
    shown, text = measured.evaluate(COPY)
    copied: dict[str, Any] = json.loads(text)
    now, rung = copied["now"], copied["tracks"]["main_video"]["rung"]
    assert (copied["model"], copied["serverVersion"], copied["transport"]) == (
        "painter",
        shown["server"],
        shown["transport"],
    )
    assert "Chrome" in copied["browser"]
    assert numbers(shown["answer"])[1::2] == pytest.approx(list(copied["answer"].values()), abs=0.51)
    assert numbers(shown["shown"]) == pytest.approx([now["shownFps"]], abs=0.051)
    assert numbers(shown["round-trip"]) == pytest.approx([now["roundTripMs"]], abs=0.051)
    assert shown["lead"].endswith(f"ms, {now['queued']} queued")
    assert shown["rung"].startswith(f"{rung['place'] + 1} of {rung['of']}, {rung['width']}×{rung['height']}, ")
    assert [command["command"] for command in copied["commands"]] == ["set_colour"] * 3
    assert copied["commands"][-1]["stages"] == measured.evaluate("reactor.latency().last.stages")
    assert copied["samples"][-1] == now
    assert 1 < len(copied["samples"]) <= 60


def test_it_is_copied_too_where_the_browser_gives_a_page_no_clipboard(measured: Page) -> None:
    measured.evaluate("""() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error("not allowed"));
      document.addEventListener("copy", () => (window.copied = document.activeElement.value));
    }""")
    measured.get_by_test_id("measure-copy").click()
    text = eventually(lambda: measured.evaluate("window.copied"), within=20, what="a copy")
    assert json.loads(text)["model"] == "painter"


def test_the_last_minute_is_drawn(measured: Page) -> None:
    graph = measured.get_by_test_id("graph")
    for lane, colour in LANES.items():
        drawn = eventually(lambda c=colour: graph.evaluate(COUNT_COLOUR, c), within=20, what=f"a line for {lane}")
        assert drawn >= 2
    expect(graph).to_have_attribute("aria-label", re.compile(r"Shown \d+ fps; Bitrate .+; Answer \d+ ms"))


def test_the_server_is_asked_for_nothing_while_it_is_closed(server: RunningServer, page: Page) -> None:
    asked: list[str | bytes] = []

    def note(frame: str | bytes) -> None:
        if "requestFigures" in str(frame):
            asked.append(frame)

    def follow(socket: WebSocket) -> None:
        socket.on("framesent", note)

    page.on("websocket", follow)
    Viewer(page, f"{server.url}?transport=socket")
    expect(page.get_by_test_id("state")).to_have_attribute("data-state", "live", timeout=WAIT_MS)
    expect(page.locator("#measure")).to_be_hidden()
    measured_again(page)
    assert asked == []
    page.get_by_test_id("measure-toggle").click()
    expect(page.get_by_test_id("measure-server")).to_have_text(__version__, timeout=WAIT_MS)
    assert asked
    page.reload()
    expect(page.locator("#measure"), "it is remembered").to_be_visible()
    expect(page.get_by_test_id("measure-server")).to_have_text(__version__, timeout=WAIT_MS)
    page.get_by_test_id("measure-close").click()
    expect(page.locator("#measure")).to_be_hidden()
    before = len(asked)
    measured_again(page)
    assert len(asked) <= before + 1, "one may have been on its way"
