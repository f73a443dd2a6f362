"""Playing: keys, mouse, gamepad and fingers become commands at once, by a mapping that a person can change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer
from tests.models import write_model
from tests.running import eventually, serving

WALKER = dedent('''
    from typing import Literal

    from reactor_runtime import ModelMessage


    class Received(ModelMessage):
        event: str
        arguments: dict


    class Walker(ReactorModel):
        """Says back what it was sent; red while it goes forward, green while it goes left, dark at rest."""

        fps = 20

        def __init__(self):
            self.held = set()

        async def echo(self, name, **arguments):
            await self.send(Received(event=name, arguments=arguments))

        @event(name="go", description="")
        async def go(self, way: Literal["forward", "back", "left", "right"], pressed: bool):
            (self.held.add if pressed else self.held.discard)(way)
            await self.echo("go", way=way, pressed=pressed)

        @event(name="look", description="")
        async def look(self, dx: float, dy: float):
            await self.echo("look", dx=dx, dy=dy)

        @event(name="jump", description="")
        async def jump(self):
            await self.echo("jump")

        @event(name="wave", description="Not before a jump")
        async def wave(self, times: int = InputField(default=1, ge=1, le=5), hand: Literal["left", "right"] = "right"):
            await self.echo("wave", times=times, hand=hand)

        @event(name="set_prompt", description="")
        async def set_prompt(self, prompt: str = ""):
            await self.echo("set_prompt", prompt=prompt)

        async def run(self):
            step = 0
            while True:
                await self.connected.wait()
                self.held.clear()
                while self.connected.is_set():
                    step += 1
                    colour = (20 + 200 * ("forward" in self.held), 20 + 200 * ("left" in self.held), 40)
                    await self.emit(Out(main_video=picture(colour, step)))
''')

# What the page sends, as it leaves: the commands with their times.
OVERHEAR = """
window.overheard = [];
const send = RTCDataChannel.prototype.send;
RTCDataChannel.prototype.send = function (text) {
  const frame = JSON.parse(text);
  if (frame.scope === "application") window.overheard.push(frame.data);
  return send.call(this, text);
};
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(write_model(tmp_path_factory.mktemp("walker"), WALKER, "Walker")) as server:
        yield server.wait_ready().url


def watching(page: Page, url: str) -> Viewer:
    page.add_init_script(OVERHEAR)
    viewer = Viewer(page, url)
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=20_000)
    return viewer


@pytest.fixture
def viewer(url: str, page: Page) -> Viewer:
    return watching(page, url)


def received(page: Page) -> list[tuple[str, dict[str, Any]]]:
    """Return what the model says it got, oldest first."""
    texts = page.get_by_test_id("messages").locator("li.message span").all_inner_texts()
    return [(said["event"], said["arguments"]) for said in map(json.loads, texts)]


def wait_received(page: Page, *expected: tuple[str, dict[str, Any]]) -> None:
    eventually(lambda: received(page) == list(expected), what=f"{expected}; got {received(page)}")


def go(way: str, pressed: bool) -> tuple[str, dict[str, Any]]:
    return "go", {"way": way, "pressed": pressed}


def red(viewer: Viewer) -> float:
    return float(viewer.wait_picture()["rgb"][0])


def test_keys_are_pressed_and_released_in_order_with_the_hands_times(viewer: Viewer) -> None:
    page = viewer.page
    page.keyboard.down("w")
    eventually(lambda: red(viewer) > 100, what="red while W is held")
    page.keyboard.down("w")  # the keyboard repeats
    page.keyboard.down("ArrowLeft")
    page.keyboard.up("w")
    page.keyboard.up("ArrowLeft")
    page.keyboard.press("Space")
    steps = [go("forward", True), go("left", True), go("forward", False), go("left", False), ("jump", {})]
    wait_received(page, *steps)
    eventually(lambda: red(viewer) < 60, what="dark at rest")
    sent = page.evaluate("window.overheard")
    times = [command["sent_at_ms"] for command in sent]
    assert [command["type"] for command in sent] == [event for event, _ in steps]
    assert times == sorted(times) and len(set(times)) == len(times)
    assert times[-1] <= page.evaluate("performance.now()")


def test_what_is_typed_does_not_play(viewer: Viewer) -> None:
    page = viewer.page
    box = page.get_by_test_id("control-set_prompt-prompt")
    box.press_sequentially("sad was a day")
    box.press("Enter")
    wait_received(page, ("set_prompt", {"prompt": "sad was a day"}))


def test_a_page_that_is_left_lets_go(viewer: Viewer) -> None:
    page = viewer.page
    page.keyboard.down("w")
    page.keyboard.down("a")
    wait_received(page, go("forward", True), go("left", True))
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    wait_received(page, go("forward", True), go("left", True), go("forward", False), go("left", False))
