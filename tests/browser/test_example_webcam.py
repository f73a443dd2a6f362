"""The camera example in a browser: a person's camera goes in, and comes back through the filter they choose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import CHROMIUM, FLAGS, Viewer
from tests.running import eventually, serving

WEBCAM = Path(__file__).parents[2] / "examples" / "webcam"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser whose camera shows a green screen with a clock."""
    flags = [*FLAGS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    filming = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    page = filming.new_page()
    yield page
    page.goto("about:blank")  # leaves the session: a browser that is just gone is waited for
    filming.close()


def is_green(viewer: Viewer) -> bool:
    red, green, blue = (viewer.picture() or {"rgb": (0, 0, 0)})["rgb"]
    return bool(green > 60 and green > 1.5 * max(red, blue))


def test_a_camera_comes_back_through_the_filter_that_is_chosen(page: Page) -> None:
    with serving(WEBCAM) as server:
        viewer = Viewer(page, server.wait_ready().url)
        assert viewer.wait_picture()["width"] == 640, "the card while nobody sends"
        page.get_by_test_id("source-webcam").click()
        eventually(lambda: is_green(viewer), what="the green screen, mirrored")
        assert viewer.send("set_style", style="thermal")["ok"]
        eventually(lambda: not is_green(viewer) and sum((viewer.picture() or {"rgb": []})["rgb"]) > 60, what="heat")
        viewer.wait_moving()
        assert viewer.send("set_style", style="edges")["ok"]
        eventually(lambda: max((viewer.picture() or {"rgb": [255]})["rgb"]) < 30, what="outlines on black")
        refused = viewer.send("set_style", style="sepia")
        assert (refused["ok"], refused["code"]) == (False, "invalid_command")
        page.goto("about:blank")
