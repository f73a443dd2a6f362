"""What a person keeps: screenshots, recordings with their sound, and the session's log, as downloaded files."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Download, Page, expect

from tests.browser.test_stage import GREEN, RED, TRIO, watching
from tests.running import RunningServer, eventually, serving

TWO_SECONDS = re.compile(r"0:(0[2-9]|[1-9]\d)")
NAME = r"trio-{what}-\d{{4}}-\d\d-\d\d-\d\d-\d\d-\d\d\.{extension}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("trio")
    (folder / "model.py").write_text(TRIO)
    (folder / "reactor.yaml").write_text("model: model:Trio\nname: trio\n")
    with serving(folder) as server:
        yield server.wait_ready()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context
    context.close()


def downloads_of(page: Page) -> list[Download]:
    got: list[Download] = []
    page.on("download", lambda download: got.append(download))
    return got


def wait_files(page: Page, got: list[Download], count: int) -> None:
    # Asking the page lets its events come in.
    eventually(lambda: page.evaluate("true") and len(got) >= count, what=f"{count} files")


def names(got: list[Download], what: str, extension: str) -> bool:
    wanted = NAME.format(what=what, extension=extension)
    return any(re.fullmatch(wanted, download.suggested_filename) for download in got)


def content(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def is_near(pixel: Any, colour: tuple[int, int, int], within: int = 20) -> bool:
    return bool((np.abs(np.asarray(pixel, dtype=int) - colour) < within).all())


@pytest.mark.parametrize("way", ["webrtc", "socket"])
def test_a_screenshot_is_the_large_picture_in_its_own_size(
    way: str, server: RunningServer, context: BrowserContext
) -> None:
    page = watching(context.new_page(), f"{server.url}?transport={way}")
    page.get_by_test_id("focus-depth").click()
    with page.expect_download() as downloading:
        page.get_by_test_id("screenshot").click()
    expect(page.get_by_test_id("screenshot")).to_have_attribute("aria-label", "Kept")
    assert names([downloading.value], "depth", "png")
    picture = Image.open(io.BytesIO(content(downloading.value)))
    assert picture.size == (640, 360)
    assert is_near(picture.convert("RGB").getpixel((320, 300)), GREEN)
    expect(page.get_by_test_id("messages")).to_contain_text(downloading.value.suggested_filename)
    expect(page.get_by_test_id("screenshot")).to_have_attribute("aria-label", "Screenshot")


def test_a_screenshot_of_several_pictures_is_a_file_of_each(server: RunningServer, context: BrowserContext) -> None:
    page = watching(context.new_page(), server.url)
    got = downloads_of(page)
    page.keyboard.press("s")
    wait_files(page, got, 3)
    assert all(names(got, what, "png") for what in ("scene", "depth", "checks"))
    sizes = {Image.open(io.BytesIO(content(download))).size for download in got}
    assert sizes == {(640, 360), (320, 180)}


def recorded(data: bytes) -> tuple[list[np.ndarray[Any, Any]], float]:
    """Return the pictures of a recording, and the loudness of its sound."""
    with av.open(io.BytesIO(data)) as container:
        pictures, sound = [], []
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                pictures.append(frame.to_ndarray(format="rgb24"))
            else:
                sound.append(frame.to_ndarray().astype(float))
    return pictures, float(np.abs(np.concatenate(sound, axis=-1)).max()) if sound else 0.0


def assert_red_with_a_tone(data: bytes) -> None:
    pictures, loudness = recorded(data)
    assert len(pictures) > 1
    assert {picture.shape for picture in pictures} == {(360, 640, 3)}
    assert is_near(pictures[-1][300, 320], RED, within=40)  # a browser's encoder says little of its colours
    assert loudness > 0.2


@pytest.mark.parametrize("way", ["webrtc", "socket"])
def test_a_recording_has_the_picture_and_the_sound(way: str, server: RunningServer, context: BrowserContext) -> None:
    page = watching(context.new_page(), f"{server.url}?transport={way}")
    page.get_by_test_id("focus-scene").click()
    record = page.get_by_test_id("record")
    record.click()
    expect(record).to_have_attribute("aria-pressed", "true")
    expect(record).to_have_text(TWO_SECONDS, timeout=20_000)
    with page.expect_download() as downloading:
        page.keyboard.press("r")
    expect(record).to_have_attribute("aria-pressed", "false")
    assert names([downloading.value], "scene", "webm")
    assert_red_with_a_tone(content(downloading.value))
    expect(page.get_by_test_id("messages")).to_contain_text(downloading.value.suggested_filename)


def test_a_recording_ends_well_when_the_connection_does(server: RunningServer, context: BrowserContext) -> None:
    page = context.new_page()
    page.add_init_script(CATCH_PEERS)
    watching(page, server.url)
    page.get_by_test_id("focus-scene").click()
    record = page.get_by_test_id("record")
    record.click()
    expect(record).to_have_text(TWO_SECONDS, timeout=20_000)
    with page.expect_download() as downloading:
        page.evaluate("peers.at(-1).close(); peers.at(-1).dispatchEvent(new Event('connectionstatechange'))")
    assert_red_with_a_tone(content(downloading.value))
    expect(record).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_test_id("messages")).to_contain_text("The connection ended.")


CATCH_PEERS = """
  window.peers = [];
  const Real = RTCPeerConnection;
  window.RTCPeerConnection = class extends Real { constructor(...args) { super(...args); peers.push(this); } };"""


def test_what_is_recorded_so_far_is_kept_when_the_page_is_left(server: RunningServer, context: BrowserContext) -> None:
    page = watching(context.new_page(), server.url)
    page.on("dialog", lambda dialog: dialog.accept())
    got = downloads_of(page)
    page.get_by_test_id("focus-scene").click()
    page.get_by_test_id("record").click()
    expect(page.get_by_test_id("record")).to_have_text(TWO_SECONDS, timeout=20_000)
    page.goto("about:blank")
    wait_files(page, got, 1)
    assert_red_with_a_tone(content(got[0]))


def test_the_session_log_holds_what_was_said_and_measured(server: RunningServer, context: BrowserContext) -> None:
    page = watching(context.new_page(), server.url)
    eventually(lambda: "depth" in (page.evaluate("window.reactor.stats()?.tracks") or {}), what="a measurement")
    with page.expect_download() as downloading:
        page.get_by_test_id("save-log").click()
    assert names([downloading.value], "log", "json")
    log = json.loads(content(downloading.value))
    assert log["state"] == "live"
    assert log["connections"] >= 1
    assert log["measured"]["model"] == "trio"
    assert set(log["measured"]["tracks"]) == {"scene", "depth", "checks"}
    assert {"connection", "live"} <= {entry["type"] for entry in log["entries"]}


def test_what_cannot_be_kept_is_said(server: RunningServer, context: BrowserContext) -> None:
    page = context.new_page()
    page.add_init_script("delete window.MediaRecorder")
    watching(page, server.url)
    page.get_by_test_id("record").click()
    expect(page.get_by_test_id("record")).to_have_attribute("aria-label", "This browser records nothing.")
    expect(page.get_by_test_id("messages")).to_contain_text("This browser records nothing.")
    expect(page.get_by_test_id("record")).to_have_attribute("aria-pressed", "false")
