"""The page's ways to the server: the picture is right on each, and it goes on when the way changes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import urlsplit

import pytest
from bench.namespaces import Cable, why_unavailable
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.test_sound import LOUDEST_FREQUENCY
from tests.running import RunningServer, eventually, serving

PATCHES = dedent("""
    import numpy as np

    from reactor_runtime import Audio, Input, InputField, Output, ReactorModel, Video, event


    class Seen(Input):
        webcam: Video


    class Out(Output):
        main_video: Video
        main_audio: Audio


    class Patches(ReactorModel):
        fps = 25
        seen: Seen

        def __init__(self):
            self.colour = (200, 30, 30)
            self.step = 0

        @event(name="paint", description="Paint the first quarter")
        def paint(self, red: int = 0, green: int = 0, blue: int = 0):
            self.colour = (red, green, blue)

        async def run(self):
            while True:
                await self.connected.wait()
                self.step += 1
                frame = np.zeros((360, 640, 3), np.uint8)
                frame[:180, :320] = self.colour
                frame[:180, 320:] = (30, 180, 40)
                frame[180:, :320] = (40, 60, 210)
                frame[180:, 320:] = (230, 230, 230)
                frame[172:188, self.step * 8 % 640 :][:, :16] = 0
                moments = (np.arange(1920) + self.step * 1920) / 48000
                tone = (np.sin(2 * np.pi * 440 * moments) * 15000).astype(np.int16)
                await self.emit(Out(main_video=frame, main_audio=tone))
""")
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 180, 40), (40, 60, 210), (230, 230, 230)
YELLOW = (220, 200, 20)
TOLERANCE = 16
"""Grey levels: a wrong colour matrix is further off, a codec is not."""

SEEN = """() => {
  const video = document.querySelector('[data-testid="stage-main_video"]');
  if (!video) return null;
  const drawn = video.parentElement.querySelector('canvas');
  const seen = drawn.hidden ? video : drawn;
  const size = [seen.videoWidth ?? seen.width, seen.videoHeight ?? seen.height];
  if (seen === video && video.readyState < 2) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 4; canvas.height = 4;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(seen, 0, 0, 4, 4);
  const at = (x, y) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
  return {size, patches: [at(0, 0), at(3, 0), at(0, 3), at(3, 3)]};
}"""
WATCH_FOR_BLACK = f"""() => {{
  window.blackSeen = 0;
  const seen = {SEEN};
  const look = () => {{ if (Math.max(...seen().patches[3]) < 150) window.blackSeen++; requestAnimationFrame(look); }};
  look();
}}"""
NO_WEBRTC = "delete window.RTCPeerConnection;"
NO_WEBCODECS = "delete window.VideoDecoder;"
CATCH_SOCKETS = """
  window.sockets = [];
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(url) {
      if (window.isSocketBlocked) throw new Error('blocked');
      super(url);
      sockets.push(this);
    }
  };"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patches")
    (folder / "model.py").write_text(PATCHES)
    (folder / "reactor.yaml").write_text("model: model:Patches\nname: patches\n")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    with serving(folder) as server:
        yield server.wait_ready()


def shows(page: Page, first: tuple[int, int, int]) -> bool:
    """Return whether the picture is right, its first quarter being of this colour."""
    seen: dict[str, Any] | None = page.evaluate(SEEN)
    if seen is None or seen["size"] != [640, 360]:
        return False
    pairs = zip(seen["patches"], (first, GREEN, BLUE, WHITE), strict=True)
    return all(abs(a - b) <= TOLERANCE for patch, colour in pairs for a, b in zip(patch, colour, strict=True))


def wait_right(page: Page, first: tuple[int, int, int]) -> None:
    try:
        eventually(lambda: shows(page, first), what="the right picture")
    except AssertionError as error:
        raise AssertionError(f"{error}: {page.evaluate(SEEN)} on {rung(page)}") from None


def wait_moving(page: Page) -> None:
    """Wait until five more pictures were shown, as the page itself counts them."""
    frames = "window.reactor.stats()?.tracks.main_video?.framesDecoded ?? 0"
    eventually(lambda: page.evaluate(frames) > 0, what="decoded pictures")
    first = page.evaluate(frames)
    eventually(lambda: page.evaluate(frames) >= first + 5, what="moving pictures")


def rung(page: Page) -> str | None:
    found: str | None = page.evaluate("window.reactor.transport")
    return found


def wait_rung(page: Page, name: str) -> None:
    eventually(lambda: rung(page) == name, what=f"the way {name}")


def paint(page: Page, colour: tuple[int, int, int]) -> None:
    page.evaluate("([red, green, blue]) => window.reactor.send('paint', {red, green, blue})", list(colour))


@pytest.mark.parametrize(
    ("name", "words"), [("webrtc", "WebRTC over UDP"), ("socket", "WebSocket"), ("http", "HTTP pictures")]
)
def test_on_each_way_the_picture_is_right_follows_a_command_and_is_measured(
    name: str, words: str, server: RunningServer, page: Page
) -> None:
    asked: set[str | None] = set()
    complaints: list[str] = []
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server.url}?transport={name}")
    wait_rung(page, name)
    eventually(lambda: page.evaluate(SEEN), what="a picture")
    paint(page, RED)
    wait_right(page, RED)
    wait_moving(page)
    paint(page, YELLOW)
    wait_right(page, YELLOW)
    latency = eventually(lambda: page.evaluate("window.reactor.latency()"), what="the command's way to the screen")
    assert 0 < latency["last"]["stages"]["total"] < 5000
    expect(page.get_by_test_id("state")).to_have_text("live")
    expect(page.get_by_test_id("state")).to_have_attribute("title", f"Connected by {words.split(' over')[0]}")
    expect(page.get_by_test_id("figures")).to_contain_text(words)
    expect(page.get_by_test_id("figures")).to_contain_text("640×360")
    if name == "http":
        expect(page.get_by_test_id("mute")).to_be_disabled()
    else:
        page.get_by_test_id("mute").click()
        eventually(lambda: is_heard(page), what="a tone of 440 Hz")
    camera, note = page.get_by_test_id("source-webcam"), page.get_by_test_id("sources-note")
    if name == "webrtc":
        expect(camera).to_be_enabled()
        expect(note).to_be_hidden()
    else:
        expect(camera).to_be_disabled()
        expect(note).to_contain_text("only be sent over WebRTC")
    assert page.evaluate("window.reactor.peers") == 1
    assert asked == {urlsplit(server.url).netloc}
    assert complaints == []


def is_heard(page: Page) -> bool:
    sound = page.evaluate(LOUDEST_FREQUENCY)
    return sound is not None and (sound["decibels"] or -99) > -40 and abs(sound["frequency"] - 440) < 15


def test_a_socket_that_is_closed_is_replaced_by_pictures_over_http_and_comes_back_without_a_black_moment(
    server: RunningServer, page: Page
) -> None:
    page.add_init_script(NO_WEBRTC + CATCH_SOCKETS)
    page.goto(server.url)
    wait_rung(page, "socket")
    eventually(lambda: page.evaluate(SEEN), what="a picture")
    paint(page, RED)
    wait_right(page, RED)
    page.evaluate(WATCH_FOR_BLACK)
    page.evaluate("window.isSocketBlocked = true; sockets.at(-1).close()")
    wait_rung(page, "http")
    wait_moving(page)
    paint(page, YELLOW)
    wait_right(page, YELLOW)
    page.evaluate("window.isSocketBlocked = false; dispatchEvent(new Event('online'))")
    wait_rung(page, "socket")
    wait_moving(page)
    paint(page, RED)
    wait_right(page, RED)
    assert page.evaluate("window.blackSeen") == 0


def test_a_browser_without_webrtc_and_webcodecs_shows_pictures_over_http(server: RunningServer, page: Page) -> None:
    page.add_init_script(NO_WEBRTC + NO_WEBCODECS)
    page.goto(server.url)
    wait_rung(page, "http")
    wait_moving(page)


@pytest.mark.skipif(why_unavailable() is not None, reason=f"{why_unavailable()}")
def test_where_no_udp_gets_through_the_page_shows_its_picture_and_webrtc_takes_over_while_it_does(
    folder: Path, tmp_path: Path, browser: Browser
) -> None:
    with Cable() as cable, cable.inside("server"):
        for rule in ("add pref 100 lookup local", "del pref 0", BLOCK_UDP):
            ip_rule(rule)
        with serving(folder) as server, browsing_beside(server.wait_ready(), tmp_path, browser) as page:
            page.goto(server.url)
            wait_rung(page, "socket")
            eventually(lambda: page.evaluate(SEEN), what="a picture")
            paint(page, RED)
            wait_right(page, RED)
            page.evaluate(WATCH_FOR_BLACK)
            ip_rule(BLOCK_UDP.replace("add", "del"))
            page.evaluate("dispatchEvent(new Event('online'))")
            wait_rung(page, "webrtc")
            wait_moving(page)
            paint(page, YELLOW)
            wait_right(page, YELLOW)
            ip_rule(BLOCK_UDP)
            wait_rung(page, "socket")
            wait_moving(page)
            paint(page, RED)
            wait_right(page, RED)
            assert page.evaluate("window.blackSeen") == 0


BLOCK_UDP = "add pref 10 ipproto udp blackhole"


def ip_rule(rule: str) -> None:
    for family in ("-4", "-6"):
        subprocess.run(["ip", family, "rule", *rule.split()], check=True)


@contextmanager
def browsing_beside(server: RunningServer, tmp_path: Path, browser: Browser) -> Iterator[Page]:
    """A page of a browser in the server's own network."""
    wrapper = tmp_path / "chromium"
    wrapper.write_text(f'#!/bin/sh\nexec nsenter --net=/proc/{server.process.pid}/ns/net {CHROMIUM} "$@"\n')
    wrapper.chmod(0o755)
    inside = browser.browser_type.launch(executable_path=wrapper, args=FLAGS)
    try:
        yield inside.new_page()
    finally:
        inside.close()
