"""What axe finds in each state of the page, in dark and light, on a desk, on a phone and in a frame: nothing grave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer
from tests.models import SHOWROOM, write_model
from tests.running import RunningServer, serving

LIVE_MS = 20_000
AXE = (Path(__file__).parents[2] / "page" / "node_modules" / "axe-core" / "axe.min.js").read_text()
FINDINGS = """async () => {
  const {violations} = await axe.run(document, {resultTypes: ['violations'], iframes: false});
  const grave = violations.filter(({impact}) => impact === 'serious' || impact === 'critical');
  return grave.flatMap(({id, nodes}) => nodes.map(({html, any, all, none}) =>
    `${id}: ${html.slice(0, 200)} ${[...any, ...all, ...none].map(({message}) => message).join('; ').slice(0, 200)}`));
}"""
SLOW_LOAD = (
    SHOWROOM
    + """
    def load(self, config):
        import pathlib

        while not pathlib.Path(__file__).with_name("go").exists():
            time.sleep(0.02)
"""
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(write_model(tmp_path_factory.mktemp("showroom"), SHOWROOM, "Showroom")) as server:
        yield server.wait_ready()


def open_live(page: Page, address: str) -> None:
    Viewer(page, address)
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=LIVE_MS)


def findings(page: Page) -> list[str]:
    """Return what axe calls serious or critical, in both themes."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = []
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += [f"{theme}: {finding}" for finding in page.evaluate(FINDINGS)]
    return found


def test_loading(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, SLOW_LOAD, "Showroom")) as server:
        page.goto(server.wait_listening().url)
        expect(page.get_by_test_id("loading")).to_be_visible(timeout=LIVE_MS)
        assert findings(page) == []
        (tmp_path / "go").touch()
        expect(page.get_by_test_id("state")).to_have_text("live", timeout=LIVE_MS)


def test_live_with_each_tab_and_each_dialog(server: RunningServer, page: Page) -> None:
    open_live(page, server.url)
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert findings(page) == []
    page.get_by_test_id("measure-toggle").click()
    expect(page.locator("#measure")).to_be_visible()
    assert findings(page) == []
    page.get_by_test_id("measure-toggle").click()
    for opener in ("share", "keys"):
        page.get_by_test_id(opener).click()
        expect(page.get_by_test_id("dialog")).to_be_visible()
        assert findings(page) == []
        page.keyboard.press("Escape")


def test_an_error_beside_its_field(server: RunningServer, page: Page) -> None:
    open_live(page, server.url)
    page.get_by_test_id("control-arrange-count").fill("12")
    page.get_by_test_id("send-arrange").click()
    expect(page.get_by_test_id("error-arrange")).not_to_be_empty(timeout=LIVE_MS)
    assert findings(page) == []


@pytest.mark.parametrize("query", ["?embed=1", "?embed=1&controls=1", "?view=only"])
def test_as_the_address_asks(server: RunningServer, page: Page, query: str) -> None:
    open_live(page, f"{server.url}/{query}")
    page.mouse.move(300, 300)
    assert findings(page) == []


def test_on_a_phone(server: RunningServer, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_live(page, server.url)
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert findings(page) == []
    context.close()


def test_ended(server: RunningServer, page: Page) -> None:
    open_live(page, server.url)
    httpx.post(f"{server.url}/stop_session", json={"reason": "the demo is over"}).raise_for_status()
    expect(page.get_by_test_id("restart")).to_be_visible(timeout=LIVE_MS)
    assert findings(page) == []
