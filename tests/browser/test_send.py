"""What a person sends from the page besides a plain camera: files, a screen, what is muted, and what is not allowed."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.running import RunningServer, eventually, serving

ECHO = dedent("""
    import asyncio

    import numpy as np

    from reactor_runtime import Audio, BufferClosed, Input, ModelMessage, Output, ReactorModel, ReadMode, Video


    class Media(Input):
        webcam: Video
        mic: Audio


    class Seen(Output):
        main_video: Video


    class Heard(ModelMessage):
        peak: int


    class Echo(ReactorModel):
        media: Media

        async def run(self):
            await asyncio.gather(self.show(), self.listen())

        async def show(self):
            while True:
                try:
                    (frame,) = await self.media.webcam.read()
                    await self.emit(Seen(main_video=frame), drop=True)
                except BufferClosed:
                    await asyncio.sleep(0.05)

        async def listen(self):
            while True:
                try:
                    blocks = await self.media.mic.read(50, mode=ReadMode.FIFO)
                    await self.send(Heard(peak=max(int(np.abs(block.astype(int)).max()) for block in blocks)))
                except BufferClosed:
                    await asyncio.sleep(0.05)
""")

RED, GREEN, BLUE, BLACK = "red", "green", "blue", "black"
LONG = 20_000  # ms, on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("echo")
    (folder / "model.py").write_text(ECHO)
    (folder / "reactor.yaml").write_text("model: model:Echo\nname: echo\n")
    with serving(folder) as server:
        yield server.wait_ready()


@pytest.fixture(scope="module")
def filming(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose camera sees red on its left and blue on its right, and which shares its own tab as a screen."""
    film = tmp_path_factory.mktemp("camera") / "camera.y4m"
    luma = np.repeat(np.array([[81, 41]], np.uint8), 160, axis=1).repeat(180, axis=0)
    chroma = [np.repeat(np.array([pair], np.uint8), 80, axis=1).repeat(90, axis=0) for pair in ((90, 240), (240, 110))]
    frame = b"FRAME\n" + b"".join(plane.tobytes() for plane in (luma, *chroma))
    film.write_bytes(b"YUV4MPEG2 W320 H180 F20:1 Ip A1:1 C420jpeg\n" + frame * 20)
    flags = [
        "--use-fake-device-for-media-stream=display-media-type=browser",
        f"--use-file-for-fake-video-capture={film}",
        "--use-fake-ui-for-media-stream",
    ]
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    yield chromium
    chromium.close()


@pytest.fixture
def page(filming: Browser, server: RunningServer) -> Iterator[Page]:
    context = filming.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(server.url)
    expect(page.get_by_test_id("source-webcam")).to_be_enabled(timeout=LONG)
    yield page
    page.goto("about:blank")  # leaves the session: a browser that is just gone is waited for
    # Until then the camera's track is its own, and the next page would be refused it.
    eventually(lambda: not server.health()["connections"], what="the page's connection to end")
    context.close()


def sides(element: Locator) -> tuple[str, str]:
    """Name the colours in the middle of an element's left and right half, as they are on the screen."""
    image = cv2.imdecode(np.frombuffer(element.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    height, width = image.shape[:2]
    return tuple(colour(image[height // 2, width * part // 8]) for part in (2, 6))  # type: ignore[return-value]


def colour(bgr: Any) -> str:
    channels = dict(zip((BLUE, GREEN, RED), (int(value) for value in bgr), strict=True))
    brightest = max(channels, key=lambda name: channels[name])
    others = [value for name, value in channels.items() if name != brightest]
    if channels[brightest] > 2 * max(others) + 30:
        return brightest
    return BLACK if max(channels.values()) < 40 else "mixed"


def wait_sides(element: Locator, left: str, right: str) -> None:
    eventually(lambda: sides(element) == (left, right), what=f"{left} on the left, {right} on the right")


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return an RGB picture of two colours."""
    picture = np.zeros((180, 320, 3), np.uint8)
    picture[:, :160], picture[:, 160:] = left, right
    return picture


def loudest(page: Page) -> int:
    """Return the loudest that the model heard in its latest reports."""
    lines = [line for line in page.get_by_test_id("messages").inner_text().splitlines() if '"peak":' in line][-3:]
    return max((int(line.split('"peak":')[1].strip("} ")) for line in lines), default=0)


def test_a_camera_is_previewed_as_in_a_mirror_and_sent_as_it_is(page: Page) -> None:
    page.get_by_test_id("source-webcam").click()
    stage, preview = page.get_by_test_id("stage-main_video"), page.get_by_test_id("preview-webcam")
    wait_sides(stage, RED, BLUE)
    wait_sides(preview, BLUE, RED)
    # Beside a second one Chromium shows the model's picture later.
    expect(page.locator("video:visible")).to_have_count(1)
    expect(page.get_by_test_id("sent-webcam")).to_contain_text("fps", timeout=LONG)
    mute = page.get_by_test_id("mute-webcam")
    mute.click()
    expect(mute).to_have_text("Muted")
    wait_sides(stage, BLACK, BLACK)
    expect(page.get_by_test_id("source-webcam")).to_have_attribute("aria-pressed", "true")
    mute.click()
    wait_sides(stage, RED, BLUE)
    page.get_by_test_id("fold-webcam").click()
    expect(preview).to_be_hidden()


def test_a_picture_file_is_shown_and_sent_as_it_is_also_when_dropped(page: Page, tmp_path: Path) -> None:
    stage, preview = page.get_by_test_id("stage-main_video"), page.get_by_test_id("preview-webcam")
    picture = tmp_path / "grass.png"
    cv2.imwrite(str(picture), halves((0, 200, 0), (0, 0, 200))[:, :, ::-1])
    page.get_by_test_id("file-webcam").set_input_files(picture)
    wait_sides(stage, GREEN, BLUE)
    wait_sides(preview, GREEN, BLUE)
    expect(page.get_by_test_id("source-webcam")).to_have_text("File")
    dropped = page.evaluate_handle(
        """async () => {
          const canvas = new OffscreenCanvas(64, 36), context = canvas.getContext('2d');
          context.fillStyle = '#c00';
          context.fillRect(0, 0, 64, 36);
          const carried = new DataTransfer();
          carried.items.add(new File([await canvas.convertToBlob()], 'poppy.png', {type: 'image/png'}));
          return carried;
        }"""
    )
    page.get_by_role("group", name="Camera").dispatch_event("drop", {"dataTransfer": dropped})
    wait_sides(stage, RED, RED)
    expect(page.get_by_role("button", name="poppy.png")).to_be_visible()


def test_a_film_is_played_over_and_over(page: Page, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for step in range(20):
            picture = halves((200, 0, 0), (0, 200, 0)) if step < 10 else halves((0, 200, 0), (0, 0, 200))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    page.get_by_test_id("file-webcam").set_input_files(film)
    stage = page.get_by_test_id("stage-main_video")
    for _ in range(3):
        wait_sides(stage, RED, GREEN)
        wait_sides(stage, GREEN, BLUE)


def test_a_sound_file_is_heard_by_the_model_and_shown_as_a_level(page: Page, tmp_path: Path) -> None:
    sound = tmp_path / "tone.wav"
    tone = (np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000) * 20_000).astype("<i2")
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(tone.tobytes())
    page.get_by_test_id("file-mic").set_input_files(sound)
    eventually(lambda: loudest(page) > 10_000, what="the tone at the model")
    level = page.get_by_test_id("level-mic")
    eventually(lambda: int(level.get_attribute("aria-valuenow") or 0) > 80, what="a level near the top")
    page.get_by_test_id("mute-mic").click()
    eventually(lambda: loudest(page) < 100, what="silence at the model")


def test_a_screen_is_shared_with_its_sound_and_both_end_together(page: Page) -> None:
    page.get_by_test_id("pick-webcam").select_option("Screen or window")
    page.get_by_test_id("source-webcam").click()
    expect(page.get_by_test_id("source-webcam")).to_have_text("Screen")
    expect(page.get_by_test_id("sent-webcam")).to_contain_text("×", timeout=LONG)
    expect(page.get_by_test_id("source-mic")).to_have_text("Screen sound")
    eventually(lambda: loudest(page) > 1_000, what="the beep of the fake screen")
    eventually(lambda: page.evaluate("window.reactor.state") == "live", what="the shared tab, shown back")
    page.get_by_test_id("source-webcam").click()
    for track in ("webcam", "mic"):
        expect(page.get_by_test_id(f"source-{track}")).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(page.get_by_test_id("source-webcam")).to_be_enabled(timeout=LONG)
    expect(page.get_by_test_id("source-webcam")).to_have_text("Screen")
    expect(page.get_by_test_id("preview-webcam")).to_be_hidden()


def test_who_is_not_let_to_a_device_is_told_what_to_do(browser: Browser, server: RunningServer, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(server.url)
    page.get_by_test_id("source-webcam").click(timeout=LONG)
    expect(page.get_by_test_id("trouble-webcam")).to_contain_text("This machine has no camera", timeout=LONG)
    nonsense = tmp_path / "notes.mp4"
    nonsense.write_text("no film at all")
    page.get_by_test_id("file-webcam").set_input_files(nonsense)
    expect(page.get_by_test_id("trouble-webcam")).to_contain_text("cannot play “notes.mp4”", timeout=LONG)
    page.close()
    strict = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, "--use-fake-device-for-media-stream"])
    page = strict.new_page()
    page.goto(server.url)
    page.get_by_test_id("source-mic").click(timeout=LONG)
    expect(page.get_by_test_id("trouble-mic")).to_contain_text("does not let the page use the microphone", timeout=LONG)
    page.goto("about:blank")
    strict.close()
