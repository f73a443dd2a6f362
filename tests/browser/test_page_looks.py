"""The page as the address, the theme, the screen and the keyboard want it; and what it asks of the network."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from reactor_runtime.playground import assets
from tests.browser.conftest import Viewer
from tests.models import SHOWROOM, write_model
from tests.running import eventually, serving

LIVE_MS = 20_000
MOST_BYTES = 150_000
MOST_STOPS = 200
GROUND = "getComputedStyle(document.body).backgroundColor"
DARK, LIGHT = "rgb(12, 14, 18)", "rgb(243, 244, 247)"
TOO_SMALL = """() => [...document.querySelectorAll('a, button, select, textarea, input, summary, [tabindex="0"]')]
  .filter((element) => element.checkVisibility() && !element.matches('.skip, .unseen'))
  .map((element) => [element, (element.closest('label') ?? element).getBoundingClientRect()])
  .filter(([, {width, height}]) => width < 44 || height < 44)
  .map(([element, {width, height}]) => `${element.outerHTML.slice(0, 120)}: ${width} by ${height}`)"""
FOCUSED = """() => {
  const element = document.activeElement;
  const frames = [element, element.parentElement].map((it) => getComputedStyle(it));
  const named = element.getAttribute('aria-label') || element.labels?.[0]?.textContent || element.textContent
    || document.getElementById(element.getAttribute('aria-labelledby'))?.textContent;
  return {
    tag: element.tagName,
    id: element.dataset.testid || element.id || element.outerHTML.slice(0, 120),
    isSeen: frames.some(({outlineStyle, outlineWidth}) => outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2),
    isNamed: Boolean(named?.trim()),
    isAside: Boolean(element.closest('aside')),
  };
}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(write_model(tmp_path_factory.mktemp("showroom"), SHOWROOM, "Showroom")) as server:
        yield server.wait_ready().url


def open_live(page: Page, address: str) -> None:
    Viewer(page, address)
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=LIVE_MS)


def test_a_view_has_no_controls_and_an_embed_nothing_but_the_picture(url: str, page: Page) -> None:
    open_live(page, f"{url}/?view=only")
    expect(page.get_by_test_id("controls")).to_be_hidden()
    expect(page.get_by_test_id("source-webcam")).to_be_hidden()
    expect(page.locator("header")).to_be_visible()

    open_live(page, f"{url}/?embed=1")
    expect(page.get_by_test_id("controls")).to_be_hidden()
    expect(page.locator("header")).to_be_hidden()
    assert page.locator("#screen").bounding_box() == {"x": 0, "y": 0, "width": 1280, "height": 800}
    bar = page.locator(".bar")
    expect(bar).to_have_css("opacity", "0")
    page.mouse.move(300, 300)
    expect(bar).to_have_css("opacity", "1")


def test_what_share_writes_shows_the_picture_and_the_controls_in_another_page(
    url: str, page: Page, tmp_path: Path
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_live(page, f"{url}/?view=only")
    page.get_by_test_id("share").click()
    expect(page.get_by_test_id("share-local")).to_contain_text("--host")
    expect(page.get_by_test_id("share-control")).to_have_value(f"{url}/")
    expect(page.get_by_test_id("share-view")).to_have_value(f"{url}/?view=only")
    expect(page.get_by_test_id("dialog")).to_contain_text("whoever can reach this server can steer")
    page.get_by_role("button", name="Copy “Embed with controls”").click()
    frame = eventually(lambda: page.evaluate("navigator.clipboard.readText()"), what="the copied frame")

    elsewhere = tmp_path / "elsewhere.html"
    elsewhere.write_text(f"<!doctype html><meta charset=utf-8>{frame}")
    page.goto(elsewhere.as_uri())
    inside = page.frame_locator("iframe")
    expect(inside.get_by_test_id("controls")).to_be_visible(timeout=LIVE_MS)
    expect(inside.get_by_test_id("state")).to_have_text("live", timeout=LIVE_MS)
    expect(inside.locator("header")).to_be_hidden()


def test_the_theme_follows_the_system_until_a_person_chooses(url: str, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    open_live(page, url)
    assert page.evaluate(GROUND) == LIGHT
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(GROUND) == DARK
    page.keyboard.press("t")
    assert page.evaluate(GROUND) == LIGHT
    page.reload()
    assert page.evaluate(GROUND) == LIGHT
    page.get_by_test_id("theme").click()
    assert page.evaluate(GROUND) == DARK
    page.emulate_media(color_scheme="light")
    assert page.evaluate(GROUND) == LIGHT
    page.goto(f"{url}/?theme=dark")
    assert page.evaluate(GROUND) == DARK
    page.goto(url)
    assert page.evaluate(GROUND) == LIGHT


def test_the_keys_are_listed_and_rest_while_the_list_is_open(url: str, page: Page) -> None:
    open_live(page, url)
    page.keyboard.press("?")
    keys = page.get_by_test_id("shortcuts")
    expect(keys).to_contain_text("Full screen")
    ground = page.evaluate(GROUND)
    page.keyboard.press("t")
    assert page.evaluate(GROUND) == ground
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    opener = page.get_by_test_id("keys")
    opener.click()
    page.mouse.click(5, 795)
    expect(keys).to_have_count(0)
    expect(opener).to_be_focused()


def test_every_control_is_reached_by_the_keyboard_in_sight_and_with_a_name(url: str, page: Page) -> None:
    open_live(page, url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the controls")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["isAside"]

    open_live(page, url)
    stops: list[dict[str, Any]] = []
    while len(stops) < MOST_STOPS:
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop["tag"] == "BODY":
            break
        stops.append(stop)
    assert [stop["id"] for stop in stops if not (stop["isSeen"] and stop["isNamed"])] == []
    reached = {stop["id"] for stop in stops}
    assert {"share", "theme", "keys", "mute", "tab-controls", "control-turn-angle", "send-reset", "messages"} <= reached


def test_a_change_of_state_is_said_once_and_figures_are_not(url: str, page: Page) -> None:
    open_live(page, url)
    expect(page.get_by_test_id("spoken")).to_have_text("Live.")
    eventually(lambda: page.get_by_test_id("figures").inner_text(), what="the figures")
    for silent in ("state", "overlay", "figures"):
        assert (
            page.get_by_test_id(silent).evaluate("(it) => it.closest('[aria-live], [role=status], [role=log]')") is None
        )


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390)], ids=["upright", "on its side"])
def test_a_phone_shows_picture_and_controls_without_scrolling_sideways_and_big_enough_for_fingers(
    url: str, browser: Browser, width: int, height: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_live(page, url)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    screen, controls = page.locator("#screen"), page.get_by_test_id("controls")
    picture, steering = screen.bounding_box(), controls.bounding_box()
    assert picture is not None
    assert steering is not None
    if width < height:
        assert steering["y"] >= picture["y"] + picture["height"]
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(screen).to_be_in_viewport(ratio=0.9)
    else:
        assert steering["x"] >= picture["x"] + picture["width"]
        expect(screen).to_be_in_viewport(ratio=0.9)
    assert page.evaluate(TOO_SMALL) == []
    context.close()


def test_a_tour_of_the_page_asks_no_other_host_and_breaks_no_policy(url: str, page: Page) -> None:
    asked: set[str] = set()
    complaints: list[str] = []
    page.add_init_script(
        "addEventListener('securitypolicyviolation',"
        " (event) => console.error(event.violatedDirective, event.blockedURI))"
    )
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for query in ("", "?embed=1&controls=1&transport=socket", "?view=only&theme=light&transport=http"):
        open_live(page, f"{url}/{query}")
        eventually(lambda: page.get_by_test_id("figures").inner_text(), what="the figures")
        for tab in page.get_by_role("tab").all():
            tab.click()
        for key in "tiltgxm":
            page.keyboard.press(key)
        for dialog in page.get_by_test_id("share"), page.get_by_test_id("keys"):
            if dialog.is_visible():
                dialog.click()
                page.keyboard.press("Escape")
    assert {host for host in asked if host} == {urlsplit(url).netloc}
    assert complaints == []


def test_the_whole_page_is_small() -> None:
    folder = assets()
    assert folder is not None
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < MOST_BYTES
