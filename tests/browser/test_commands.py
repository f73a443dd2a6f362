"""Commands from the page: controls built from the schema, answers beside them, refusals that end nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Viewer
from tests.models import PAINTER, write_model
from tests.running import RunningServer, eventually, serving

MEADOW = Path(__file__).parents[2] / "examples" / "meadow"
BRIGHTNESS = Path(__file__).parents[2] / "examples" / "brightness"
SCREENSHOT = Path(__file__).parents[2] / "docs" / "images" / "page.png"


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(write_model(tmp_path_factory.mktemp("painter"), PAINTER)) as server:
        yield server.wait_ready()


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no_such_command", {}, "unknown command 'no_such_command'"),
    ("set_colour", {"red": 256}, "red"),
    ("set_colour", {"red": "many"}, "red"),
    ("set_colour", {"purple": 1}, "purple"),
]


def test_a_bad_command_is_refused_with_its_reason(painter: RunningServer, page: Page) -> None:
    viewer = Viewer(page, painter.url)
    viewer.wait_moving()
    for command, arguments, said in REFUSED:
        answer = viewer.send(command, **arguments)
        assert not answer["ok"]
        assert answer["code"] == "invalid_command"
        assert said in answer["message"]
        viewer.wait_moving()


def test_the_example_is_steered_by_typing_into_its_control(page: Page) -> None:
    with serving(MEADOW) as server:
        server.wait_ready()
        viewer = Viewer(page, server.url)
        viewer.wait_moving()
        before = viewer.wait_picture()
        box = page.get_by_test_id("control-set_prompt-prompt")
        box.fill("a snowy meadow at night")
        page.get_by_test_id("send-set_prompt").click()
        eventually(lambda: viewer.colour_distance(before) > 40, within=10, what="a changed meadow")
        expect(page.get_by_test_id("state")).to_contain_text("live", ignore_case=True)
        if not SCREENSHOT.exists():  # the README's; remove the file to have it taken anew
            box.fill("a sunny meadow at sunset")
            page.get_by_test_id("send-set_prompt").click()
            settled = viewer.wait_picture()["frames"] + 150
            eventually(lambda: viewer.wait_picture()["frames"] > settled, what="the sunset")
            SCREENSHOT.parent.mkdir(exist_ok=True)
            page.screenshot(path=SCREENSHOT)


def test_the_generation_1_example_is_steered_by_its_slider(page: Page) -> None:
    with serving(BRIGHTNESS) as server:
        server.wait_ready()
        viewer = Viewer(page, server.url)
        viewer.wait_moving()
        assert viewer.send("set_brightness", brightness=0.0)["ok"]
        eventually(lambda: sum(viewer.wait_picture()["rgb"]) < 60, within=10, what="a dark picture")
        refusal = viewer.send("set_brightness", brightness=7)
        assert not refusal["ok"]
        assert "brightness" in refusal["message"]


def test_a_second_viewer_and_a_late_one_share_the_session(painter: RunningServer, page: Page) -> None:
    first = Viewer(page, painter.url)
    first.wait_moving()
    second = Viewer(page.context.new_page(), painter.url)
    second.wait_moving()
    before = second.wait_picture()
    assert first.send("set_colour", red=220)["ok"]
    eventually(lambda: second.colour_distance(before) > 60, within=5, what="the colour at the other viewer")
    eventually(lambda: painter.health()["connections"] == 2, what="two connections")
