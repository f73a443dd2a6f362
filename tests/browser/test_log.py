"""The page's log: what it tells of messages, journal, model and page, how it is filtered, and what much of it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Viewer
from tests.models import HEAD, PAINTER, write_model
from tests.running import RunningServer, eventually, serving

TALKATIVE = PAINTER + dedent("""
    class Score(ModelMessage):
        points: int
        places: list


    class Talkative(Painter):
        @event(name="speak", description="")
        async def speak(self):
            log = logging.getLogger("paint")
            log.info("mixing")
            log.warning("the paint is wet")
            print("loss 0.5")
            await self.send(Score(points=3, places=[{"name": "Ada"}]))

        @event(name="chat", description="")
        async def chat(self, count: int):
            for number in range(count):
                logging.getLogger("paint").info("line %d", number)
                await self.send(Score(points=number, places=[]))
                await asyncio.sleep(0.001)
            await self.send(Score(points=-1, places=[]))
""")
DAMAGED = PAINTER + "\n\n    def load(self, config):\n        raise OSError('weights.bin is damaged')\n"


def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    head = HEAD.replace("InputField, Output", "InputField, ModelMessage, Output").replace(
        "import os", "import logging\nimport os"
    )
    return write_model(tmp_path_factory.mktemp("talkative"), TALKATIVE, "Talkative", head)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server in development mode."""
    with serving(folder(tmp_path_factory), "--dev") as server:
        yield server.wait_ready()


@pytest.fixture(scope="module")
def viewer(browser: Browser, server: RunningServer) -> Iterator[Viewer]:
    """One page for all of them; each begins with an empty log that shows everything."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer = Viewer(context.new_page(), server.url)
    viewer.wait_moving()
    yield viewer
    context.close()


@pytest.fixture
def log(viewer: Viewer) -> Locator:
    page = viewer.page
    page.get_by_test_id("log-filter").fill("")
    page.get_by_test_id("log-level").select_option("all")
    for name in ("messages", "journal", "model", "page"):
        show(page, name)
    page.get_by_test_id("log-clear").click()
    rows = page.get_by_test_id("messages")
    expect(rows.locator("li")).to_have_count(0, timeout=20_000)
    return rows


def show(page: Page, name: str, is_shown: bool = True) -> None:
    chip = page.get_by_test_id(f"log-source-{name}")
    if (chip.get_attribute("aria-pressed") == "true") != is_shown:
        chip.click()


def line(log: Locator, text: str | re.Pattern[str]) -> Locator:
    return log.locator("li", has_text=text)


def says(log: Locator, text: str | re.Pattern[str]) -> None:
    expect(line(log, text).last).to_be_visible(timeout=20_000)


def test_everything_is_in_one_list_and_filtered_by_source_level_and_words(viewer: Viewer, log: Locator) -> None:
    page = viewer.page
    viewer.send("speak")
    for text in ("mixing", "the paint is wet", "loss 0.5", "points", "speak"):
        says(log, text)
    expect(page.get_by_test_id("log-source-model")).to_contain_text(re.compile(r"[3-9]$"))

    show(page, "model", False)
    expect(line(log, "the paint is wet")).to_have_count(0)
    says(log, "points")
    show(page, "model")
    page.get_by_test_id("log-level").select_option("warnings")
    expect(line(log, "points")).to_have_count(0)
    says(log, "the paint is wet")
    page.get_by_test_id("log-level").select_option("errors")
    expect(log.locator("li")).to_have_count(0)

    page.get_by_test_id("log-level").select_option("all")
    page.get_by_test_id("state").click()
    page.keyboard.press("l")
    page.keyboard.type("WET")
    expect(page.get_by_test_id("log-filter")).to_be_focused()
    expect(log.locator("li")).to_have_count(1)
    says(log, "the paint is wet")
    page.get_by_test_id("log-copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert re.fullmatch(r"\S+ model warning paint: the paint is wet", page.evaluate("navigator.clipboard.readText()"))


def test_a_message_is_unfolded_into_its_json(viewer: Viewer, log: Locator) -> None:
    viewer.send("speak")
    score = line(log, '{"points":3')
    score.locator("summary").click()
    expect(score.locator("pre")).to_have_text(
        '{\n  "points": 3,\n  "places": [\n    {\n      "name": "Ada"\n    }\n  ]\n}'
    )


def test_in_development_a_handlers_traceback_is_there_to_unfold_and_to_copy(viewer: Viewer, log: Locator) -> None:
    viewer.send("raise_in_handler")
    failure = line(log, "ValueError: the handler is broken")
    expect(failure.locator("pre")).to_have_count(0, timeout=20_000)
    failure.locator("summary").click()
    expect(failure.locator("pre")).to_contain_text('raise ValueError("the handler is broken")')
    failure.get_by_role("button", name="Copy").click()
    expect(failure.get_by_role("button", name="Copied")).to_be_visible()
    assert "Traceback (most recent call last)" in viewer.page.evaluate("navigator.clipboard.readText()")


def test_the_journal_tells_who_comes_and_goes(
    browser: Browser, server: RunningServer, viewer: Viewer, log: Locator
) -> None:
    context = browser.new_context()
    Viewer(context.new_page(), server.url).wait_picture()
    says(log, re.compile(r"connection_opened.*transport: webrtc"))
    context.close()
    says(log, "connection_closed")


def test_who_scrolls_up_reads_on_undisturbed_until_the_new_lines_are_asked_for(viewer: Viewer, log: Locator) -> None:
    page = viewer.page
    viewer.send("chat", count=60)
    says(log, '"points":-1')
    log.hover()
    page.mouse.wheel(0, -300)
    eventually(
        lambda: log.evaluate("list => list.scrollHeight - list.scrollTop - list.clientHeight") > 100, what="scrolled up"
    )
    height = log.evaluate("list => list.scrollHeight")
    viewer.send("speak")
    newer = page.get_by_test_id("log-newer")
    expect(newer).to_contain_text("new", timeout=20_000)
    assert log.evaluate("list => list.scrollHeight") == height
    newer.click()
    expect(newer).to_be_hidden()
    expect(line(log, "the paint is wet")).to_be_in_viewport()


def test_a_chatty_model_fills_no_more_than_its_rows(viewer: Viewer, log: Locator) -> None:
    for count in (700, 700):
        viewer.send("chat", count=count)
    says(log, '"points":-1')
    viewer.wait_moving()
    assert 200 < log.locator("li").count() <= 250
    assert viewer.page.get_by_test_id("log-source-messages").inner_text().endswith("1402")


def test_a_model_that_cannot_load_shows_its_traceback_beside_the_one_line(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, DAMAGED), "--dev") as server:
        page.goto(server.wait_listening().url)
        expect(page.get_by_test_id("overlay")).to_contain_text("the model raised OSError in load()", timeout=20_000)
        traceback = page.get_by_test_id("messages").locator("pre")
        expect(traceback).to_contain_text("Traceback (most recent call last)", timeout=20_000)
        expect(traceback).to_be_in_viewport()
        expect(traceback).to_contain_text("OSError: weights.bin is damaged")


def test_without_development_one_line_is_all_and_the_journal_is_read_on_demand(
    tmp_path_factory: pytest.TempPathFactory, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/events" in request.url else None)
    with serving(folder(tmp_path_factory)) as server:
        viewer = Viewer(page, server.wait_ready().url)
        viewer.wait_moving()
        log = page.get_by_test_id("messages")
        viewer.send("speak")
        viewer.send("raise_in_handler")
        says(log, "the model raised ValueError in a command handler")
        assert "--dev" in (page.get_by_test_id("log-source-model").get_attribute("title") or "")
        assert asked == []
        page.get_by_test_id("log-source-journal").click()
        says(log, "connection_opened")
        assert len(asked) == 1
        expect(line(log, "the handler is broken")).to_have_count(0)
        expect(line(log, "the paint is wet")).to_have_count(0)
        page.get_by_test_id("log-source-journal").click()
        expect(line(log, "connection_opened")).to_have_count(0)
