"""A person's camera and microphone reach the model from the page, and what it makes of them comes back."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import CHROMIUM, FLAGS, Viewer
from tests.running import RunningServer, eventually, serving

MIRROR = dedent("""
    import asyncio

    import numpy as np

    from reactor_runtime import Audio, BufferClosed, Input, ModelMessage, Output, ReactorModel, ReadMode, Video


    class Media(Input):
        webcam: Video
        mic: Audio


    class Mirrored(Output):
        main_video: Video


    class Loudness(ModelMessage):
        peak: int


    class Mirror(ReactorModel):
        media: Media

        async def run(self):
            await asyncio.gather(self.mirror(), self.listen())

        async def mirror(self):
            while True:
                try:
                    (frame,) = await self.media.webcam.read()
                except BufferClosed:
                    await self.emit(Mirrored(main_video=np.full((180, 320, 3), (0, 0, 200), np.uint8)))
                    await asyncio.sleep(0.05)
                    continue
                changed = np.zeros_like(frame)
                changed[:, :, 0] = frame[:, ::-1, 1]
                await self.emit(Mirrored(main_video=changed), drop=True)

        async def listen(self):
            while True:
                try:
                    blocks = await self.media.mic.read(100, mode=ReadMode.FIFO)
                except BufferClosed:
                    await asyncio.sleep(0.05)
                    continue
                await self.send(Loudness(peak=max(int(np.abs(block.astype(int)).max()) for block in blocks)))
""")

SHOWN = """() => {
  const video = document.querySelector('[data-testid="stage-main_video"]');
  if (!video || !video.videoWidth) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 18;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0, 32, 18);
  const pixels = context.getImageData(0, 0, 32, 18).data;
  const mean = [0, 0, 0];
  for (let i = 0; i < pixels.length; i++) if (i % 4 < 3) mean[i % 4] += pixels[i] / (pixels.length / 4);
  return {mean, width: video.videoWidth, height: video.videoHeight};
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "model.py").write_text(MIRROR)
    (folder / "reactor.yaml").write_text("model: model:Mirror\nname: mirror\n")
    with serving(folder) as server:
        server.wait_ready()
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser with cameras that show green screens, the first with a clock, and a microphone that beeps."""
    flags = [*FLAGS, "--use-fake-device-for-media-stream=device-count=3", "--use-fake-ui-for-media-stream"]
    filming = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    context = filming.new_context()
    yield context.new_page()
    for page in context.pages:
        page.goto("about:blank")  # leaves the session: a browser that is just gone is waited for
    filming.close()


def shown(viewer: Viewer, channel: int) -> dict[str, Any] | None:
    """Return the picture if this channel alone is bright: red is the mirrored green camera, blue the idle picture."""
    picture: dict[str, Any] | None = viewer.page.evaluate(SHOWN)
    if picture is None:
        return None
    others = [value for index, value in enumerate(picture["mean"]) if index != channel]
    return picture if picture["mean"][channel] > 12 and max(others) < picture["mean"][channel] / 2 else None


def test_the_camera_goes_to_the_model_and_comes_back_changed(server: RunningServer, page: Page) -> None:
    viewer = Viewer(page, server.url)
    camera = page.get_by_test_id("source-webcam")
    camera.click()
    picture = eventually(lambda: shown(viewer, 0), what="the mirrored camera, in red")
    assert camera.inner_text() == "Camera"
    assert camera.get_attribute("aria-pressed") == "true"
    assert picture["width"] * 3 == picture["height"] * 4, "the fake camera has 4:3"
    viewer.wait_moving()
    camera.click()
    eventually(lambda: shown(viewer, 2), what="the idle picture once nobody sends")
    assert camera.get_attribute("aria-pressed") == "false"
    camera.click()
    eventually(lambda: shown(viewer, 0), what="the mirrored camera again")


def brightness(viewer: Viewer) -> float:
    return float((shown(viewer, 0) or {"mean": [0]})["mean"][0])


def test_another_camera_takes_over_without_letting_go_of_the_track(server: RunningServer, page: Page) -> None:
    page.add_init_script("""
        window.asked = [];
        const { send } = RTCDataChannel.prototype;
        RTCDataChannel.prototype.send = function (text) {
          const { method, event } = this.label === 'control' ? JSON.parse(text) : {};
          if (/publish/.test(method ?? event ?? '')) window.asked.push(method ?? event);
          return send.call(this, text);
        };""")
    viewer = Viewer(page, server.url)
    page.get_by_test_id("source-webcam").click()
    eventually(lambda: brightness(viewer) > 148, what="the first camera, with a bright clock")
    menu = page.get_by_test_id("pick-webcam")
    names = menu.locator("option").all_inner_texts()
    assert names[:4] == [f"fake_device_{n}" for n in range(3)] + ["Screen or window"], (
        "once allowed, cameras have names"
    )
    menu.select_option("fake_device_2")
    eventually(lambda: 100 < brightness(viewer) < 142, what="the other camera, which is darker")
    assert page.evaluate("window.asked") == ["publish_track"]
    assert page.get_by_test_id("source-webcam").get_attribute("aria-pressed") == "true"
    page.reload()
    expect(menu.locator("option:checked")).to_have_text("fake_device_2")
    expect(page.get_by_test_id("source-webcam")).to_have_attribute("aria-pressed", "false")


def test_the_microphone_is_heard(server: RunningServer, page: Page) -> None:
    viewer = Viewer(page, server.url)
    page.get_by_test_id("source-mic").click()
    heard = eventually(lambda: '"peak":' in viewer.text("messages"), what="a report of the model")
    assert heard
    eventually(
        lambda: any(int(line.split(":")[-1].strip("} \n")) > 1000 for line in peaks(viewer)), what="the fake beep"
    )


def peaks(viewer: Viewer) -> list[str]:
    return [line for line in viewer.text("messages").splitlines() if '"peak":' in line]


def test_a_second_page_is_told_that_another_has_the_track(server: RunningServer, page: Page) -> None:
    first = Viewer(page, server.url)
    page.get_by_test_id("source-webcam").click()
    eventually(lambda: shown(first, 0), what="the mirrored camera")
    second = Viewer(page.context.new_page(), server.url)
    second.page.get_by_test_id("source-webcam").click()
    eventually(lambda: "Another client sends" in second.text("trouble-webcam"), what="the refusal")
    assert second.page.get_by_test_id("source-webcam").get_attribute("aria-pressed") == "false"
    page.goto("about:blank")
    eventually(lambda: shown(second, 2), what="the idle picture once the first page is gone")
    second.page.get_by_test_id("source-webcam").click()
    eventually(lambda: shown(second, 0), what="the second page's camera")


def test_the_camera_goes_on_with_a_restarted_model(server: RunningServer, page: Page) -> None:
    viewer = Viewer(page, server.url)
    page.get_by_test_id("source-webcam").click()
    eventually(lambda: shown(viewer, 0), what="the mirrored camera")
    server.worker.kill()
    eventually(lambda: page.evaluate("window.reactor.state") == "recovering", what="the loss of the model")
    eventually(lambda: page.evaluate("window.reactor.state") == "live", what="the fresh model")
    eventually(lambda: shown(viewer, 0), what="the mirrored camera at the fresh model")
