"""Takes the pictures of the page that README and docs show, from the examples.

`python -m tests.browser.screenshots [NAME ...]` writes docs/images/NAME.png, all of them without a name, of the page as
it is built.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, Viewer
from tests.running import eventually, serving

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
IMAGES = ROOT / "docs" / "images"
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DESK, PHONE, ARTICLE = (1440, 900), (390, 844), (1100, 760)
LIVE_MS = 30_000
MOST_BYTES = 250_000
EMBEDDING = """<!doctype html><meta charset="utf-8"><title>Notes</title><style>
  body {{ max-width: 46rem; margin: 2.5rem auto; font: 17px/1.6 Georgia, serif; color: #222; background: #fdfcf9 }}
  h1 {{ font-size: 1.7rem; line-height: 1.2 }} iframe {{ width: 100%; height: 414px; border: 0; border-radius: 10px }}
</style><h1>A model in a page of your own</h1>
<p>One line of HTML shows what the model makes at this moment. The page's Share button writes it.</p>
<iframe src="{url}/?embed=1" allow="autoplay; fullscreen"></iframe><p>It is live: nothing here was recorded.</p>"""
Theme = Literal["dark", "light"]


@contextmanager
def opened(
    browser: Browser, folder: Path, size: tuple[int, int], theme: Theme, *flags: str, touch: bool = False
) -> Iterator[Page]:
    """Serve a model and open its page, live."""
    with serving(folder, *flags) as server:
        url = server.wait_ready().url
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, is_mobile=touch, has_touch=touch
        )
        page = context.new_page()
        Viewer(page, url)
        expect(page.get_by_test_id("state")).to_have_text("live", timeout=LIVE_MS)
        eventually(lambda: page.get_by_test_id("figures").text_content(), what="the figures")
        yield page
        context.close()


def see(page: Page, pictures: int) -> None:
    """Wait until so many pictures were shown."""
    shown = "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"
    until = page.evaluate(shown) + pictures
    eventually(lambda: page.evaluate(shown) >= until, within=60, what=f"{pictures} pictures")


def shot(page: Page, name: str) -> None:
    """Write the window as a small PNG."""
    whole = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = IMAGES / f"{name}.png"
    for lost_bits in range(5):
        whole.point(lambda value, lost=lost_bits: value >> lost << lost).save(file, optimize=True)
        if file.stat().st_size < MOST_BYTES:
            break
    print(f"{file.relative_to(ROOT)}: {whole.width} by {whole.height}, {file.stat().st_size // 1000} kB")


def controls(browser: Browser) -> None:
    with opened(browser, EXAMPLES / "fireworks", DESK, "dark") as page:
        page.get_by_test_id("control-set_palette-palette").select_option("candy")
        page.get_by_test_id("control-set_every-every").fill("12")
        see(page, 120)
        shot(page, "page")


def measure(browser: Browser) -> None:
    with opened(browser, EXAMPLES / "maze", DESK, "light") as page:
        page.keyboard.press("i")
        page.evaluate("window.reactor.send('mouse', {dx: 250})")
        for fog in (0.1, 0.6, 0.2, 0.5, 0.3, 0.15):
            page.get_by_test_id("control-set_fog-fog").fill(str(fog))
            see(page, 25)
        shot(page, "measure")


def play(browser: Browser) -> None:
    with opened(browser, EXAMPLES / "maze", DESK, "dark") as page:
        page.get_by_test_id("tab-play").click()
        page.evaluate("window.reactor.send('mouse', {dx: 250})")
        see(page, 20)
        shot(page, "play")


def send(browser: Browser) -> None:
    with opened(browser, EXAMPLES / "webcam", DESK, "light") as page:
        page.get_by_test_id("source-webcam").click()
        page.get_by_test_id("control-set_style-style").select_option("thermal")
        see(page, 90)
        shot(page, "send")


def log(browser: Browser) -> None:
    with tempfile.TemporaryDirectory() as folder:
        buggy = Path(folder) / "dial"
        shutil.copytree(EXAMPLES / "dial", buggy, ignore=shutil.ignore_patterns("__pycache__"))
        source = buggy / "model.py"
        source.write_text(
            source.read_text().replace("self.target = angle\n", "self.target = angle + 1 / (angle - 90)\n")
        )
        with opened(browser, buggy, DESK, "dark", "--dev") as page:
            for angle in (-45, 30, 90):
                page.get_by_test_id("control-set_angle-angle").fill(str(angle))
                see(page, 25)
            page.get_by_test_id("messages").locator("summary", has_text="ZeroDivisionError").last.click()
            page.get_by_test_id("messages").evaluate("(it) => it.scrollTo(0, it.scrollHeight)")
            shot(page, "log")


def phone(browser: Browser) -> None:
    with opened(browser, EXAMPLES / "fireworks", PHONE, "light", touch=True) as page:
        page.get_by_test_id("control-set_palette-palette").select_option("ocean")
        page.get_by_test_id("control-set_every-every").fill("12")
        see(page, 120)
        shot(page, "phone")


def embed(browser: Browser) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(browser, EXAMPLES / "meadow", ARTICLE, "light") as page:
        article = Path(folder) / "article.html"
        article.write_text(EMBEDDING.format(url=page.url.rstrip("/")))
        page.goto(article.as_uri())
        inside = page.frame_locator("iframe")
        expect(inside.get_by_test_id("state")).to_have_text("live", timeout=LIVE_MS)
        page.wait_for_timeout(2_000)  # for a sharp picture
        shot(page, "embed")


VIEWS: dict[str, Callable[[Browser], None]] = {
    "page": controls,
    "measure": measure,
    "play": play,
    "send": send,
    "log": log,
    "phone": phone,
    "embed": embed,
}


def main() -> None:
    """Take the named pictures, or all."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *FAKE_CAMERA])
        for name in sys.argv[1:] or VIEWS:
            VIEWS[name](browser)
        browser.close()


if __name__ == "__main__":
    main()
