"""The page's controls: one fitting each parameter of the schema, typed values out of it, answers beside it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from textwrap import dedent

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Viewer
from tests.models import write_model
from tests.running import eventually, serving

ECHO = dedent('''
    from typing import Literal

    from reactor_runtime import ModelMessage


    class Received(ModelMessage):
        arguments: dict


    class Painter(ReactorModel):
        """Says back what it was sent."""

        fps = 20

        def __init__(self):
            self.shade = 90

        @event(name="set_shade", description="How bright the picture is")
        async def set_shade(self, shade: int = InputField(default=90, ge=0, le=255)):
            self.shade = shade
            await self.send(Received(arguments={"shade": shade}))

        @event(name="describe", description="One parameter of each kind")
        async def describe(self,
                           steps: int,
                           title: str = InputField(default="", max_length=40),
                           style: Literal["oil", "ink"] = InputField(default="ink", description="The hand it is in"),
                           gain: float = InputField(default=1.5, ge=0, le=2),
                           rain: bool = False,
                           seed: int | None = None,
                           path: list[float] = InputField(default=None),
                           poses: list[list[float]] = InputField(default=None)):
            await self.send(Received(arguments=dict(steps=steps, title=title, style=style, gain=gain, rain=rain,
                                                    seed=seed, path=path, poses=poses)))

        @event(name="set_prompt", description="")
        async def set_prompt(self, prompt: str = ""):
            await self.send(Received(arguments={"prompt": prompt}))

        @event(name="reset", description="Begin anew")
        async def reset(self):
            await self.send(Received(arguments={}))

        async def run(self):
            step = 0
            while True:
                await self.connected.wait()
                while self.connected.is_set():
                    step += 1
                    await self.emit(Out(main_video=picture((self.shade,) * 3, step)))
''')


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(write_model(tmp_path_factory.mktemp("echo"), ECHO)) as server:
        yield server.wait_ready().url


@pytest.fixture
def viewer(url: str, page: Page) -> Viewer:
    viewer = Viewer(page, url)
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=20_000)
    return viewer


def received(page: Page) -> list[dict]:
    """Return the arguments that the model said it got, oldest first."""
    texts = page.get_by_test_id("messages").locator("li.message span").all_inner_texts()
    return [json.loads(text)["arguments"] for text in texts]


def wait_received(page: Page, *expected: dict) -> None:
    """Wait until the model has said that it got these, and nothing else: the log is drawn a few times a second."""
    eventually(lambda: received(page) == list(expected), what=f"{expected}; got {received(page)}")


def tick(page: Page, event: str) -> Locator:
    return page.get_by_test_id(f"accepted-{event}")


def test_each_parameter_gets_the_control_that_fits_it(viewer: Viewer) -> None:
    control = viewer.page.get_by_test_id

    expect(control("control-set_shade-shade")).to_have_attribute("type", "range")
    expect(control("control-set_shade-shade")).to_have_value("90")
    expect(control("control-describe-steps")).to_have_attribute("type", "number")
    expect(control("control-describe-title")).to_have_attribute("maxlength", "40")
    assert control("control-describe-style").locator("option").all_inner_texts() == ["oil", "ink"]
    expect(control("control-describe-style")).to_have_value("ink")
    expect(control("control-describe-gain")).to_have_value("1.5")
    expect(control("control-describe-rain")).to_have_role("switch")
    expect(control("control-describe-seed-none")).to_be_checked()
    expect(control("control-describe-path-none")).to_be_checked()
    expect(control("control-describe-path-add")).to_be_visible()
    expect(viewer.page.locator("textarea[data-testid=control-set_prompt-prompt]")).to_be_visible()
    expect(control("control-reset").locator("input")).to_have_count(0)
    expect(control("control-describe")).to_contain_text("The hand it is in")
    expect(viewer.page.get_by_role("slider", name="Shade")).to_be_visible()


def test_a_form_sends_what_it_shows_in_the_types_of_the_schema(viewer: Viewer) -> None:
    control = viewer.page.get_by_test_id
    control("control-describe-steps").fill("8")
    control("control-describe-style").select_option("oil")
    control("control-describe-rain").check()
    control("send-describe").click()
    expect(tick(viewer.page, "describe")).to_have_text("✓")
    control("control-describe-title").fill("Dusk")
    control("control-describe-seed").fill("7")
    for row, number in enumerate(("0.5", "1")):
        control("control-describe-path-add").click()
        control(f"control-describe-path-{row}").fill(number)
    control("control-describe-title").press("Enter")
    eventually(lambda: len(received(viewer.page)) == 2, what="two echoes")
    first = {"steps": 8, "title": "", "style": "oil", "gain": 1.5, "rain": True} | dict.fromkeys(
        ("seed", "path", "poses")
    )
    assert received(viewer.page) == [first, {**first, "title": "Dusk", "seed": 7, "path": [0.5, 1]}]


def test_an_event_without_parameters_is_a_button(viewer: Viewer) -> None:
    viewer.page.get_by_role("button", name="Reset").click()
    expect(tick(viewer.page, "reset")).to_have_text("✓")
    wait_received(viewer.page, {})


def test_enter_sends_a_text_and_shift_enter_makes_a_new_line(viewer: Viewer) -> None:
    box = viewer.page.get_by_test_id("control-set_prompt-prompt")
    box.fill("a meadow")
    box.press("Shift+Enter")
    box.press_sequentially("at night")
    box.press("Enter")
    expect(tick(viewer.page, "set_prompt")).to_have_text("✓")
    wait_received(viewer.page, {"prompt": "a meadow\nat night"})


def test_a_refusal_stands_beside_its_control_until_the_next_success(viewer: Viewer) -> None:
    error = viewer.page.get_by_test_id("error-set_shade")
    number = viewer.page.get_by_test_id("control-set_shade-shade-number")
    number.fill("256")
    number.press("Enter")
    expect(error).to_contain_text("shade: 256 > le(255)")
    expect(viewer.page.get_by_test_id("messages").locator("li.warning")).to_have_count(1)
    number.fill("20")
    number.press("Enter")
    expect(error).to_be_hidden()
    wait_received(viewer.page, {"shade": 20})


def test_what_cannot_be_read_is_said_without_asking_the_server(viewer: Viewer) -> None:
    error = viewer.page.get_by_test_id("error-describe")
    viewer.page.get_by_test_id("send-describe").click()
    expect(error).to_have_text("Steps needs a number.")
    viewer.page.get_by_test_id("control-describe-steps").fill("1")
    viewer.page.get_by_test_id("control-describe-poses").fill("[1,")
    viewer.page.get_by_test_id("send-describe").click()
    expect(error).to_have_text(re.compile(r"^Poses is not JSON"))
    assert received(viewer.page) == []


def test_the_picture_follows_a_dragged_slider_and_ends_where_the_hand_let_go(viewer: Viewer) -> None:
    page = viewer.page
    slider = page.get_by_test_id("control-set_shade-shade")
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 4, middle)
    page.mouse.down()
    began = time.monotonic()
    page.mouse.move(box["x"] + box["width"] - 2, middle, steps=60)
    expect(page.get_by_test_id("control-set_shade-shade-number")).to_have_value("255")
    eventually(lambda: {"shade": 255} in received(page), what="the last value while the hand still holds")
    page.mouse.up()
    seconds = time.monotonic() - began
    eventually(lambda: viewer.wait_picture()["rgb"][0] > 150, within=5, what="a bright picture")
    shades = [arguments["shade"] for arguments in received(page)]
    assert shades == sorted(shades)
    assert 2 <= len(shades) <= seconds / 0.05 + 2, "newest wins: twenty steps of the hand a second are sent, no more"


def test_the_keyboard_alone_moves_a_slider(viewer: Viewer) -> None:
    slider = viewer.page.get_by_test_id("control-set_shade-shade")
    slider.focus()
    slider.press("ArrowRight")
    expect(tick(viewer.page, "set_shade")).to_have_text("✓")
    eventually(lambda: received(viewer.page)[-1:] == [{"shade": 91}], what="a step of the slider")
