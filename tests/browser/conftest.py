"""A real Chromium, and the page as a person sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running import eventually

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
CHROMIUM = "/usr/bin/chromium"

SAMPLE = """(track) => {
  const video = document.querySelector(`[data-testid="stage-${track}"]`);
  if (!video || !video.videoWidth || video.readyState < 2) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 18;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0, 32, 18);
  const data = context.getImageData(0, 0, 32, 18).data;
  let r = 0, g = 0, b = 0;
  for (let i = 0; i < data.length; i += 4) { r += data[i]; g += data[i + 1]; b += data[i + 2]; }
  const n = data.length / 4;
  const quality = video.getVideoPlaybackQuality();
  return {rgb: [r / n, g / n, b / n], frames: quality.totalVideoFrames, width: video.videoWidth,
          height: video.videoHeight};
}"""


@pytest.fixture(scope="package")  # Playwright holds the thread's event loop until it is stopped
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


class Viewer:
    """One person in front of the page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(url)

    def picture(self, track: str = "main_video") -> dict[str, Any] | None:
        """Return the mean colour and frame count of a track's video element, None before its first frame."""
        sample: dict[str, Any] | None = self.page.evaluate(SAMPLE, track)
        return sample

    def wait_picture(self, track: str = "main_video", within: float = 20.0) -> dict[str, Any]:
        """Wait for a first picture."""
        return eventually(lambda: self.picture(track), within=within, what="a picture in the browser")

    def wait_moving(self, track: str = "main_video", within: float = 20.0) -> None:
        """Wait until at least five more frames were shown."""
        first = self.wait_picture(track, within)["frames"]
        eventually(
            lambda: (self.picture(track) or {"frames": 0})["frames"] >= first + 5, within=within, what="moving pictures"
        )

    def send(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        answer: dict[str, Any] = self.page.evaluate(
            "([name, args]) => window.reactor.send(name, args).then(r => ({ok: true, ...r}),"
            " e => ({ok: false, code: e.code, message: e.message}))",
            [command, arguments],
        )
        return answer

    def text(self, testid: str) -> str:
        """Return the text of an element, empty when it is not shown."""
        found = self.page.locator(f'[data-testid="{testid}"]').first
        return found.inner_text() if found.is_visible() else ""

    def colour_distance(self, reference: dict[str, Any], track: str = "main_video") -> float:
        """Return how far the mean colour is from a former sample's, in grey levels."""
        sample = self.picture(track)
        if sample is None:
            return 0.0
        return float(sum(abs(a - b) for a, b in zip(sample["rgb"], reference["rgb"], strict=True)))
