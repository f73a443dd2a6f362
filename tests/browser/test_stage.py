"""The stage: every track in its place, one of them large, pixel by pixel, in a window of its own; and its sound."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.test_sound import LOUDEST_FREQUENCY
from tests.models import PAINTER, write_model
from tests.running import RunningServer, eventually, serving

TRIO = dedent("""
    import numpy as np

    from reactor_runtime import Audio, Output, ReactorModel, Video


    class Out(Output):
        scene: Video
        depth: Video
        checks: Video
        voice: Audio


    def plain(colour, step):
        frame = np.zeros((360, 640, 3), np.uint8)
        frame[:] = colour
        frame[:8, step * 8 % 640 :][:, :8] = 255
        return frame


    class Trio(ReactorModel):
        fps = 15

        async def run(self):
            rows, columns = np.indices((180, 320)) // 4
            checks = ((rows + columns) % 2 * 255).astype(np.uint8)[:, :, None].repeat(3, axis=2)
            step = 0
            while True:
                await self.connected.wait()
                step += 1
                moments = (np.arange(3200) + step * 3200) / 48000
                tone = (np.sin(2 * np.pi * 440 * moments) * 15000).astype(np.int16)
                await self.emit(
                    Out(scene=plain((200, 30, 30), step), depth=plain((30, 180, 40), step), checks=checks, voice=tone)
                )
""")
RED, GREEN = (200, 30, 30), (30, 180, 40)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("trio")
    (folder / "model.py").write_text(TRIO)
    (folder / "reactor.yaml").write_text("model: model:Trio\nname: trio\n")
    with serving(folder) as server:
        yield server.wait_ready()


@pytest.fixture
def trio(server: RunningServer, page: Page) -> Page:
    return watching(page, server.url)


def watching(page: Page, url: str) -> Page:
    page.goto(url)
    eventually(lambda: page.evaluate(SHOWN) == ["scene", "depth", "checks"], what="three pictures")
    return page


SHOWN = """() => [...document.querySelectorAll('.tile')].filter((tile) => {
  const {videoWidth, readyState} = tile.querySelector('video');
  return !tile.querySelector('canvas').hidden || (videoWidth && readyState >= 2);
}).map((tile) => tile.querySelector('figcaption').textContent)"""


def pixels(page: Page) -> np.ndarray[Any, Any]:
    """Return what is on the screen, as rows of red, green and blue."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)


def share(page: Page, colour: tuple[int, int, int], area: Locator | None = None) -> float:
    """Return how much of the screen, or of an element on it, has this colour."""
    seen = pixels(page)
    if area is not None and (box := area.bounding_box()):
        left, top = int(box["x"]), int(box["y"])
        seen = seen[top : top + int(box["height"]), left : left + int(box["width"])]
    return float((np.abs(seen - colour).max(axis=2) < 20).mean())


def tile(page: Page, name: str) -> Locator:
    return page.locator(".tile").filter(has_text=name)


def test_every_track_has_its_place_and_one_is_made_large_by_button_and_key(trio: Page) -> None:
    red, green = share(trio, RED), share(trio, GREEN)
    assert 0.08 < red == pytest.approx(green, abs=0.01)
    trio.get_by_test_id("focus-depth").click()
    eventually(lambda: share(trio, GREEN) > 2 * green and 0 < share(trio, RED) < red / 2, what="a large green picture")
    expect(trio.get_by_test_id("focus-depth")).to_have_attribute("aria-pressed", "true")
    trio.get_by_test_id("focus-scene").click()
    eventually(lambda: share(trio, RED) > 2 * red and 0 < share(trio, GREEN) < green / 2, what="a large red picture")
    trio.keyboard.press("g")
    eventually(lambda: share(trio, RED) == pytest.approx(red, abs=0.01), what="the grid")
    trio.keyboard.press("g")
    eventually(lambda: share(trio, RED) > 2 * red, what="the red picture, which was large before")
    trio.get_by_test_id("focus-checks").focus()
    trio.keyboard.press("Enter")
    expect(tile(trio, "checks")).to_have_class(re.compile("large"))


@pytest.mark.parametrize(("way", "scale"), [("webrtc", 1), ("socket", 1.5)])
def test_pixel_by_pixel_every_pixel_of_the_picture_is_one_of_the_screen(
    way: str, scale: float, server: RunningServer, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 1281, "height": 803}, device_scale_factor=scale)
    page = watching(context.new_page(), f"{server.url}?transport={way}")
    page.get_by_test_id("focus-checks").click()
    rows, columns = np.indices((180, 320)) // 4
    checks = (rows + columns) % 2 == 1

    def is_exact() -> bool:
        seen = pixels(page).mean(axis=2) > 128
        return any(
            (seen[top : top + 180, left : left + 320] == checks).mean() > 0.99
            for top, left in corners(page, scale)
            if seen[top : top + 180, left : left + 320].shape == checks.shape
        )

    assert not is_exact()
    page.keyboard.press("x")
    expect(page.get_by_test_id("view-pixels")).to_have_attribute("aria-pressed", "true")
    eventually(is_exact, what="the squares, pixel by pixel")
    page.keyboard.press("x")
    expect(page.get_by_test_id("view-fit")).to_have_attribute("aria-pressed", "true")
    context.close()


CORNER = """() => {
  const {left, top} = document.querySelector('.large :is(video, canvas):not([hidden])').getBoundingClientRect();
  return [top, left];
}"""


def corners(page: Page, scale: float) -> list[tuple[int, int]]:
    """Return the whole pixels around the picture's corner, which may lie between two."""
    box = page.evaluate(CORNER)
    top, left = (int(edge * scale) for edge in box)
    return [(top + down, left + right) for down in (0, 1) for right in (0, 1)]


def test_a_picture_larger_than_its_place_is_scrolled_and_fill_leaves_no_edge(trio: Page) -> None:
    trio.set_viewport_size({"width": 900, "height": 420})
    trio.get_by_test_id("focus-scene").click()
    trio.get_by_test_id("view-pixels").click()
    picture = tile(trio, "scene").locator(".picture")
    overflow = "(element) => [element.scrollWidth > element.clientWidth, element.scrollHeight > element.clientHeight]"
    eventually(lambda: picture.evaluate(overflow) == [True, True], what="a picture to be scrolled")
    picture.focus()
    trio.keyboard.press("ArrowDown")
    eventually(lambda: picture.evaluate("(element) => element.scrollTop") > 0, what="the picture scrolled by key")
    trio.get_by_test_id("view-fit").click()
    eventually(lambda: share(trio, RED, tile(trio, "scene")) < 0.9, what="edges beside the picture")
    trio.get_by_test_id("view-fill").click()
    eventually(lambda: share(trio, RED, tile(trio, "scene")) > 0.9, what="a picture without edges")


def test_full_screen_shows_the_stage_alone_and_comes_back(trio: Page) -> None:
    trio.keyboard.press("f")
    eventually(lambda: trio.evaluate("document.fullscreenElement?.id") == "screen", what="the full screen")
    eventually(lambda: trio.evaluate("document.getElementById('screen').clientWidth") == 1280, what="all of its width")
    expect(trio.get_by_test_id("fullscreen")).to_have_attribute("aria-pressed", "true")
    trio.keyboard.press("f")
    eventually(lambda: trio.evaluate("document.fullscreenElement") is None, what="the page again")


FLOATING = """() => {
  const video = document.pictureInPictureElement;
  if (!video || video.readyState < 2) return null;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 3;
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 3, 3);
  return [...context.getImageData(1, 1, 1, 1).data].slice(0, 3);
}"""


def floats(page: Page, colour: tuple[int, int, int]) -> bool:
    seen = page.evaluate(FLOATING)
    return seen is not None and all(abs(a - b) < 20 for a, b in zip(seen, colour, strict=True))


@pytest.mark.parametrize("way", ["webrtc", "socket"])
def test_a_small_window_shows_what_is_large_on_the_stage(way: str, server: RunningServer, page: Page) -> None:
    watching(page, f"{server.url}?transport={way}")
    page.get_by_test_id("focus-scene").click()
    page.get_by_test_id("pip").click()
    eventually(lambda: floats(page, RED), what="the red picture in a window of its own")
    expect(page.get_by_test_id("pip")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("focus-depth").click()
    eventually(lambda: floats(page, GREEN), what="the green picture, which is large now")
    page.keyboard.press("p")
    eventually(lambda: page.evaluate("document.pictureInPictureElement") is None, what="no window")
    expect(page.get_by_test_id("pip")).to_have_attribute("aria-pressed", "false")


def test_a_browser_without_picture_in_picture_has_no_button_for_it(server: RunningServer, page: Page) -> None:
    page.add_init_script("Object.defineProperty(Document.prototype, 'pictureInPictureEnabled', {get: () => undefined})")
    page.goto(server.url)
    expect(page.get_by_test_id("fullscreen")).to_be_visible()
    expect(page.get_by_test_id("pip")).to_be_hidden()


@pytest.mark.parametrize("way", ["webrtc", "socket"])
def test_one_volume_is_remembered_and_turning_it_up_unmutes(way: str, server: RunningServer, browser: Browser) -> None:
    context = browser.new_context()
    page = watching(context.new_page(), f"{server.url}?transport={way}")
    volume, mute = page.get_by_test_id("volume"), page.get_by_test_id("mute")
    player = "(({muted, volume}) => [muted, volume])(document.querySelector('audio'))"
    assert page.evaluate(player) == [True, 1]
    volume.fill("0.3")
    assert page.evaluate(player) == [False, 0.3]
    expect(mute).to_have_attribute("aria-label", "Mute")
    eventually(lambda: (page.evaluate(LOUDEST_FREQUENCY)["decibels"] or -99) > -40, what="a tone")
    page.keyboard.press("m")
    assert page.evaluate(player) == [True, 0.3]
    page.reload()
    expect(volume).to_have_value("0.3")
    eventually(lambda: page.evaluate("document.querySelector('audio')") is not None, what="the player")
    assert page.evaluate(player) == [True, 0.3]
    context.close()


def test_all_pictures_are_held_while_the_model_restarts(server: RunningServer, page: Page) -> None:
    watching(page, server.url)
    red, green = share(page, RED), share(page, GREEN)
    server.worker.kill()
    overlay = page.get_by_test_id("overlay")
    expect(overlay).to_contain_text("restarting", timeout=20_000)
    page.evaluate("document.getElementById('overlay').style.setProperty('visibility', 'hidden')")
    assert share(page, RED) == pytest.approx(red, abs=0.02)
    assert share(page, GREEN) == pytest.approx(green, abs=0.02)
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=30_000)
    expect(overlay).to_be_hidden()


SLOW_LOAD = (
    PAINTER
    + """
    def load(self, config):
        from pathlib import Path

        from reactor_runtime import report_progress

        for file, fraction in (("downloaded", 0.42), ("compiled", None)):
            report_progress(f"until it is {file}", fraction)
            while not Path(__file__).with_name(file).exists():
                time.sleep(0.02)
"""
)


def test_a_cold_start_shows_how_far_it_is_or_how_long_it_takes(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, SLOW_LOAD)) as server:
        page.goto(server.wait_listening().url)
        amount, bar = page.get_by_test_id("loading-amount"), page.locator("progress")
        expect(page.get_by_test_id("loading")).to_contain_text("until it is downloaded", timeout=20_000)
        expect(amount).to_have_text("42 %")
        expect(bar).to_have_js_property("value", 0.42)
        (tmp_path / "downloaded").touch()
        expect(page.get_by_test_id("loading")).to_contain_text("until it is compiled", timeout=20_000)
        expect(amount).to_have_text(re.compile(r"\d:\d\d"))
        expect(amount).not_to_have_text("0:00")
        expect(bar).not_to_have_attribute("value", re.compile(".*"))
        (tmp_path / "compiled").touch()
        expect(page.get_by_test_id("overlay")).to_be_hidden(timeout=20_000)
