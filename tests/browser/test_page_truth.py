"""The controls between hands, the model and other viewers: whose value is shown, and how larger values are made."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.models import write_model
from tests.running import eventually, serving

LARGEST_FILE = 60_000

STUDIO = dedent('''
    from dataclasses import dataclass
    from typing import Literal

    from reactor_runtime import CommandError, ModelMessage, UploadedFile


    class StateUpdate(ModelMessage):
        """Where everything stands."""

        shade: int
        style: str
        tint: str
        wind: dict
        prompt: str


    class Received(ModelMessage):
        arguments: dict


    @dataclass(frozen=True)
    class Wind:
        x: float = InputField(default=0.0, ge=-1, le=1)
        gusty: bool = False


    @dataclass
    class Burst:
        x: float
        sparks: int = 120


    class Studio(ReactorModel):
        """Tells everybody its whole state after every change."""

        fps = 20

        def __init__(self):
            self.state = dict(shade=90, style="ink", tint="#3366ff", wind=dict(x=0.0, gusty=False), prompt="a meadow")

        async def change(self, **changes):
            self.state |= changes
            await self.send(StateUpdate(**self.state))

        @connected
        async def welcome(self, client):
            await client.send(StateUpdate(**self.state))

        @event(name="set_shade", description="How bright the picture is")
        async def set_shade(self, shade: int = InputField(default=90, ge=0, le=255)):
            if shade > 240:
                raise CommandError("too_bright", "shade: too bright to look at")
            await self.change(shade=shade)

        @event(name="set_style", description="The hand it is in")
        async def set_style(self, style: Literal["oil", "ink"] = "ink"):
            await self.change(style=style)

        @event(name="set_tint", description="")
        async def set_tint(self, tint: str = "#3366ff"):
            await self.change(tint=tint)

        @event(name="set_wind", description="")
        async def set_wind(self, wind: Wind = Wind()):
            await self.change(wind=dict(x=wind.x, gusty=wind.gusty))

        @event(name="set_prompt", description="")
        async def set_prompt(self, prompt: str = "a meadow"):
            if "storm" in prompt:
                raise CommandError("too_wild", "prompt: no storms here")
            await self.change(prompt=prompt)

        @event(name="set_camera_yaw", description="")
        async def set_camera_yaw(self, yaw_deg: float = InputField(default=0.0, ge=-180, le=180)):
            await self.send(Received(arguments=dict(yaw=yaw_deg)))

        @event(name="set_camera_pitch", description="")
        async def set_camera_pitch(self, pitch_deg: float = InputField(default=0.0, ge=-90, le=90)):
            await self.send(Received(arguments=dict(pitch=pitch_deg)))

        @event(name="camera_reset", description="")
        async def camera_reset(self):
            pass

        @event(name="launch", description="")
        async def launch(self, bursts: list[Burst] = InputField(min_length=1, max_length=3)):
            if bursts[0].x < 0:
                raise CommandError("outside", "bursts[0].x: outside of the picture")
            await self.send(Received(arguments=dict(bursts=[[burst.x, burst.sparks] for burst in bursts])))

        @event(name="set_image", description="")
        async def set_image(self, image: UploadedFile):
            await self.send(Received(arguments=dict(name=image.name, type=image.mime_type, bytes=sum(image.data))))

        @event(name="blend", description="")
        async def blend(self, images: list[UploadedFile]):
            await self.send(Received(arguments=dict(names=[image.name for image in images])))

        async def run(self):
            step = 0
            while True:
                await self.connected.wait()
                while self.connected.is_set():
                    step += 1
                    await self.emit(Out(main_video=picture((self.state["shade"],) * 3, step)))
''')


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = write_model(tmp_path_factory.mktemp("studio"), STUDIO, "Studio")
    with serving(folder, "--max-upload-bytes", str(LARGEST_FILE)) as server:
        yield server.wait_ready().url


@pytest.fixture
def viewer(url: str, page: Page) -> Page:
    return opened(page, url)


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=30_000)
    return page


def control(page: Page, name: str) -> Locator:
    return page.get_by_test_id(f"control-{name}")


def received(page: Page) -> list[Any]:
    """Return the arguments that the model said it got, oldest first."""
    texts = page.get_by_test_id("messages").locator("li", has_text="received").all_inner_texts()
    return [json.loads(text[text.index("{") :])["arguments"] for text in texts]


def last_received(page: Page, expected: Any) -> None:
    eventually(lambda: received(page)[-1:] == [expected], what=f"{expected}; got {received(page)}")


def png(size: int) -> bytes:
    noise = np.random.default_rng(5).integers(0, 255, (size, size, 3), np.uint8)
    return bytes(cv2.imencode(".png", noise)[1])


HAND_OVER = """([testid, kind, names, bytes]) => {
  const files = new DataTransfer();
  const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  for (const name of names) files.items.add(new File([data], name, {type: 'image/png'}));
  const event = kind === 'paste'
    ? new ClipboardEvent('paste', {clipboardData: files, bubbles: true, cancelable: true})
    : new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true});
  (testid ? document.querySelector(`[data-testid="${testid}"]`) : document.body).dispatchEvent(event);
}"""


def test_what_one_moves_the_others_see_moved(viewer: Page, url: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    other = opened(context.new_page(), url)
    control(viewer, "set_shade-shade").press("End")
    control(viewer, "set_shade-shade").press("PageDown")
    number = control(viewer, "set_shade-shade-number").input_value()
    expect(control(other, "set_shade-shade-number")).to_have_value(number, timeout=20_000)
    expect(control(other, "set_shade-shade")).to_have_value(number)
    control(viewer, "set_style-style").select_option("oil")
    control(viewer, "set_tint-tint-hex").fill("#ff8800")
    control(viewer, "set_tint-tint-hex").press("Enter")
    control(viewer, "set_wind-wind-gusty").check()
    control(viewer, "set_prompt-prompt").fill("a harbour")
    control(viewer, "set_prompt-prompt").press("Enter")
    expect(control(other, "set_prompt-prompt")).to_have_value("a harbour", timeout=20_000)
    expect(control(other, "set_style-style")).to_have_value("oil")
    expect(control(other, "set_tint-tint")).to_have_value("#ff8800")
    expect(control(other, "set_wind-wind-gusty")).to_be_checked()
    # A text that somebody is writing stays theirs while the rest moves.
    control(other, "set_prompt-prompt").fill("a half")
    control(viewer, "set_prompt-prompt").fill("a lighthouse")
    control(viewer, "set_prompt-prompt").press("Enter")
    control(viewer, "set_style-style").select_option("ink")
    expect(control(other, "set_style-style")).to_have_value("ink", timeout=20_000)
    expect(control(other, "set_prompt-prompt")).to_have_value("a half")
    control(other, "set_prompt-prompt").press("Escape")
    expect(control(other, "set_prompt-prompt")).to_have_value("a lighthouse")
    context.close()


def test_a_refusal_puts_back_what_the_model_has_and_says_why(viewer: Page) -> None:
    number, error = control(viewer, "set_shade-shade-number"), viewer.get_by_test_id("error-set_shade")
    number.fill("70")
    number.press("Enter")
    expect(viewer.get_by_test_id("accepted-set_shade")).to_have_text("✓", timeout=20_000)
    number.fill("250")
    number.press("Enter")
    expect(error).to_contain_text("too bright to look at", timeout=20_000)
    expect(number).to_have_value("70")
    expect(control(viewer, "set_shade-shade")).to_have_value("70")
    # A sentence is not thrown away with its refusal.
    prompt = control(viewer, "set_prompt-prompt")
    prompt.fill("a storm at sea")
    prompt.press("Enter")
    expect(viewer.get_by_test_id("error-set_prompt")).to_contain_text("no storms here", timeout=20_000)
    expect(prompt).to_have_value("a storm at sea")
    expect(prompt).to_have_attribute("aria-invalid", "true")
    prompt.press("Escape")
    expect(prompt).not_to_have_value("a storm at sea")


def test_lists_of_objects_are_made_row_by_row_and_arrive_typed(viewer: Page) -> None:
    control(viewer, "launch-bursts-0-x").fill("-1")
    control(viewer, "launch-bursts-add").click()
    control(viewer, "launch-bursts-1-x").fill("0.5")
    control(viewer, "launch-bursts-1-sparks").fill("7")
    control(viewer, "launch-bursts-add").click()
    expect(control(viewer, "launch-bursts-add")).to_be_disabled()
    viewer.get_by_test_id("send-launch").click()
    third = viewer.get_by_role("group", name="Burst 3")
    expect(third.get_by_test_id("error-launch")).to_have_text("X needs a number.", timeout=20_000)
    third.get_by_role("button", name="Remove burst").click()
    viewer.get_by_test_id("send-launch").click()
    first = viewer.get_by_role("group", name="Burst 1")
    expect(first.get_by_test_id("error-launch")).to_contain_text("outside of the picture", timeout=20_000)
    expect(control(viewer, "launch-bursts-0-x")).to_have_value("-1")
    control(viewer, "launch-bursts-0-x").fill("0.25")
    viewer.get_by_test_id("send-launch").click()
    last_received(viewer, {"bursts": [[0.25, 120], [0.5, 7]]})


def test_a_file_is_chosen_dropped_or_pasted_and_arrives_byte_for_byte(viewer: Page, tmp_path: Path) -> None:
    data = png(48)
    assert len(data) < LARGEST_FILE
    image, note = control(viewer, "set_image-image"), control(viewer, "set_image-image-note")
    (tmp_path / "noise.png").write_bytes(data)
    image.set_input_files(tmp_path / "noise.png")
    last_received(viewer, {"name": "noise.png", "type": "image/png", "bytes": sum(data)})
    preview = control(viewer, "set_image-image-preview")
    eventually(lambda: preview.evaluate("image => image.naturalWidth") == 48, what="a preview")

    text = base64.b64encode(data).decode()
    viewer.evaluate(HAND_OVER, ["", "paste", ["pasted.png"], text])
    last_received(viewer, {"name": "pasted.png", "type": "image/png", "bytes": sum(data)})
    viewer.evaluate(HAND_OVER, ["control-blend-images", "drop", ["one.png", "two.png"], text])
    expect(viewer.get_by_role("group", name=re.compile(r"^Image \d$"))).to_have_count(2)
    viewer.get_by_role("group", name="Image 1").get_by_text("one.png").wait_for()
    eventually(lambda: viewer.locator("progress:visible").count() == 0, what="the end of both uploads")
    viewer.get_by_test_id("send-blend").click()
    last_received(viewer, {"names": ["one.png", "two.png"]})

    (tmp_path / "large.png").write_bytes(bytes(LARGEST_FILE + 1))
    image.set_input_files(tmp_path / "large.png")
    expect(note).to_contain_text(f"at most {LARGEST_FILE} bytes", timeout=20_000)


def test_arrow_up_recalls_what_was_sent_also_after_a_reload(viewer: Page) -> None:
    prompt, tick = control(viewer, "set_prompt-prompt"), viewer.get_by_test_id("accepted-set_prompt")
    for words in ("a river", "a bridge"):
        prompt.fill(words)
        prompt.press("Enter")
        expect(tick).to_have_text("✓", timeout=20_000)
    prompt.press("ArrowUp")
    expect(prompt).to_have_value("a river")
    prompt.press("ArrowDown")
    expect(prompt).to_have_value("a bridge")
    viewer.reload()
    expect(viewer.get_by_test_id("state")).to_have_text("live", timeout=30_000)
    expect(prompt).to_have_value("a bridge")
    prompt.fill("")
    prompt.press("ArrowUp")
    prompt.press("ArrowUp")
    expect(prompt).to_have_value("a river")
    prompt.press("Enter")
    expect(tick).to_have_text("✓", timeout=20_000)


def test_a_long_panel_is_searched_and_folded_by_keyboard_alone(viewer: Page) -> None:
    yaw, section = control(viewer, "set_camera_yaw"), viewer.get_by_test_id("section-Camera")
    expect(yaw).to_contain_text("°")
    viewer.keyboard.press("/")
    expect(viewer.get_by_test_id("search")).to_be_focused()
    viewer.keyboard.type("yaw")
    expect(control(viewer, "set_shade")).to_be_hidden()
    viewer.keyboard.press("Enter")
    expect(control(viewer, "set_camera_yaw-yaw_deg")).to_be_focused()
    viewer.keyboard.press("ArrowRight")
    last_received(viewer, {"yaw": 1})
    reset = viewer.get_by_role("button", name="Reset Yaw")
    for _ in range(2):
        viewer.keyboard.press("Tab")
    expect(reset).to_be_focused()
    viewer.keyboard.press("Enter")
    last_received(viewer, {"yaw": 0})
    expect(control(viewer, "set_camera_yaw-yaw_deg-number")).to_have_value("0")
    expect(reset).to_be_hidden()
    viewer.get_by_test_id("search").fill("nothing like it")
    expect(viewer.get_by_text("No control is called that.")).to_be_visible()
    viewer.get_by_test_id("search").press("Escape")
    expect(control(viewer, "set_shade")).to_be_visible()
    section.focus()
    section.press("Enter")
    expect(yaw).to_be_hidden()
    viewer.reload()
    expect(section).to_be_visible(timeout=30_000)
    expect(yaw).to_be_hidden()
