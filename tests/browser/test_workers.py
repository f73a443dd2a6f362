"""Several workers: each visitor a session of their own, kept over a reload, and a plain word when all are taken."""

from __future__ import annotations

from pathlib import Path

import httpx
from playwright.sync_api import Browser

from tests.browser.conftest import Viewer
from tests.models import PAINTER, write_model
from tests.running import eventually, serving


def test_two_visitors_steer_two_models_and_a_reload_finds_its_own(tmp_path: Path, browser: Browser) -> None:
    with serving(write_model(tmp_path, PAINTER), "--workers", "2") as server:
        server.wait_listening()

        def both_ready() -> bool:
            states = [httpx.get(f"{server.url}/health?session_id=local-{n}").json()["status"] for n in (1, 2)]
            return states == ["ready", "ready"]

        eventually(both_ready, what="two ready models")
        one = Viewer(browser.new_context().new_page(), server.url)
        green = one.wait_picture()
        two = Viewer(browser.new_context().new_page(), server.url)
        two.wait_moving()
        assert one.send("set_colour", blue=220)["ok"]
        eventually(lambda: one.colour_distance(green) > 60, within=5, what="the colour of the first")
        assert two.colour_distance(green) < 60, "the second has a model of its own"

        one.page.reload()
        one.wait_moving()
        eventually(lambda: one.colour_distance(green) > 60, within=5, what="the colour as it was before the reload")

        full = httpx.post(f"{server.url}/start_session", json={})
        assert full.status_code == 503
        assert "2 of 2 in use" in full.json()["detail"]
        for viewer in (one, two):
            viewer.page.context.close()
