"""The page through loading, a lost server, an ended session; and what it asks of the network and the screen."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Viewer
from tests.models import PAINTER, write_model
from tests.running import eventually, serving

BRIGHTEST_SEEN = """() => {
  const still = document.querySelector('.tile canvas');
  const seen = still.hidden ? document.querySelector('video') : still;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 4;
  const context = canvas.getContext('2d');
  context.drawImage(seen, 0, 0, 4, 4);
  return Math.max(...context.getImageData(0, 0, 4, 4).data.filter((_, i) => i % 4 != 3));
}"""
WATCH_FOR_BLACK = f"""() => {{
  window.blackSeen = 0;
  const brightest = {BRIGHTEST_SEEN};
  const look = () => {{ if (brightest() < 30) window.blackSeen++; requestAnimationFrame(look); }};
  look();
}}"""

SLOW_LOAD = (
    PAINTER
    + """
    def load(self, config):
        import pathlib

        while not pathlib.Path(__file__).with_name("go").exists():
            time.sleep(0.02)
"""
)


def test_a_loading_model_is_waited_for(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, SLOW_LOAD)) as server:
        server.wait_listening()
        page.goto(server.url)
        expect(page.get_by_test_id("loading")).to_be_visible(timeout=10_000)
        expect(page.get_by_test_id("state")).to_have_text("connecting")
        expect(page.get_by_test_id("overlay")).to_contain_text("The model is loading")
        (tmp_path / "go").touch()
        expect(page.get_by_test_id("state")).to_have_text("live", timeout=20_000)
        expect(page.get_by_test_id("overlay")).to_be_hidden()
        expect(page).to_have_title("painter · Reactor")


def test_a_server_that_was_killed_and_started_again_is_found_without_a_reload_or_a_black_picture(
    tmp_path: Path, page: Page
) -> None:
    folder = write_model(tmp_path, PAINTER)
    with serving(folder) as server:
        port = urlsplit(server.wait_ready().url).port
        Viewer(page, server.url).wait_moving()
        page.evaluate(WATCH_FOR_BLACK)
        os.killpg(server.process.pid, signal.SIGKILL)
        expect(page.get_by_test_id("state")).to_have_text("lost", timeout=15_000)
        expect(page.get_by_test_id("overlay")).to_contain_text("reconnecting")
    with serving(folder, "--port", str(port)):
        expect(page.get_by_test_id("state")).to_have_text("live", timeout=20_000)
        assert page.evaluate("window.blackSeen") == 0
        assert page.evaluate("window.reactor.peers") == 2


def test_an_ended_session_says_why_and_can_be_started_again(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        server.wait_ready()
        viewer = Viewer(page, server.url)
        viewer.wait_moving()
        httpx.post(f"{server.url}/stop_session", json={"reason": "the demo is over"})
        expect(page.get_by_test_id("state")).to_have_text("ended")
        expect(page.get_by_test_id("overlay")).to_contain_text("the demo is over")
        page.get_by_test_id("restart").click()
        expect(page.get_by_test_id("state")).to_have_text("live", timeout=20_000)
        viewer.wait_moving()


def test_leaving_the_page_ends_its_connection_and_not_the_session(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        server.wait_ready()
        Viewer(page, server.url).wait_moving()
        page.goto("about:blank")
        health = eventually(lambda: (h := server.health())["connections"] == 0 and h, within=3, what="no connection")
        assert health["state"] == "ORPHANED"


def test_the_page_asks_no_other_host_and_breaks_no_content_policy(tmp_path: Path, page: Page) -> None:
    asked: set[str | None] = set()
    complaints: list[str] = []
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with serving(write_model(tmp_path, PAINTER)) as server:
        server.wait_ready()
        Viewer(page, server.url).wait_moving()
        eventually(lambda: page.get_by_test_id("figures").inner_text(), what="the figures")
        assert asked == {urlsplit(server.url).netloc}
        assert complaints == []
        assert "script-src 'self'" in httpx.get(server.url).headers["content-security-policy"]
