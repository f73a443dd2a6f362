"""Playing: keys, mouse, gamepad and fingers become commands at once, by a mapping that a person can change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
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
  if (frame.scope === "application") {
    window.overheard.push(frame.data);
    window.channel = this;
  }
  return send.call(this, text);
};
"""

# A gamepad in the page's hands.
PAD = """
const buttons = Array.from({length: 17}, () => ({pressed: false, value: 0}));
window.pad = {mapping: 'standard', axes: [0, 0, 0, 0], buttons};
window.plug = (isThere) => {
  navigator.getGamepads = () => isThere ? [window.pad] : [null];
  window.dispatchEvent(new Event(isThere ? 'gamepadconnected' : 'gamepaddisconnected'));
};
"""

PLAYING = re.compile(r"\bplaying\b")


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
    assert times == sorted(set(times))
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


def test_what_was_let_go_while_the_connection_was_lost_is_let_go_on_the_next(viewer: Viewer) -> None:
    page = viewer.page
    page.keyboard.down("w")
    wait_received(page, go("forward", True))
    page.evaluate("window.channel.close()")
    page.keyboard.up("w")
    wait_received(page, go("forward", True), go("forward", False))


def click_picture(page: Page) -> None:
    page.locator("#screen").click(position={"x": 200, "y": 150})


def test_a_click_on_the_picture_plays_with_the_mouse_until_escape(viewer: Viewer) -> None:
    page = viewer.page
    screen = page.locator("#screen")
    expect(page.get_by_test_id("play-hint")).to_have_text("Click to play · W S A D go · Mouse look · Space jump")
    click_picture(page)
    page.wait_for_function("document.pointerLockElement?.id === 'screen'")
    expect(screen).to_have_class(PLAYING)
    box = screen.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    eventually(lambda: looked(page)[-1:] == [(0.0, 0.0)], what="a zero when the mouse has stopped")
    before = len(looked(page))
    page.mouse.move(box["x"] + 420, box["y"] + 160, steps=40)
    eventually(
        lambda: path(page, before) == (120, -40) and looked(page)[-1] == (0.0, 0.0), what="the mouse's whole way"
    )
    looks = looked(page)
    times = page.evaluate("window.overheard.filter(({type}) => type === 'look').map(({sent_at_ms}) => sent_at_ms)")
    assert min(later - earlier for earlier, later in pairwise(times)) > 10, "sixty a second at most"
    page.evaluate("document.exitPointerLock()")  # what the browser does for Escape
    expect(screen).not_to_have_class(PLAYING)
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    assert looked(page) == looks


def path(page: Page, begin: int) -> tuple[float, float]:
    looks = looked(page)[begin:]
    return sum(dx for dx, _ in looks), sum(dy for _, dy in looks)


def looked(page: Page) -> list[tuple[float, float]]:
    commands = page.evaluate("window.overheard.filter(({type}) => type === 'look').map(({data}) => [data.dx, data.dy])")
    return [(dx, dy) for dx, dy in commands]


def test_a_gamepad_plays_by_buttons_and_sticks_and_lets_go_when_it_is_gone(url: str, page: Page) -> None:
    page.add_init_script(PAD)
    watching(page, url)
    page.evaluate("window.plug(true)")
    page.evaluate("window.pad.buttons[12].pressed = true")
    wait_received(page, go("forward", True))
    page.evaluate("window.pad.axes[2] = 1")
    eventually(lambda: len(looked(page)) >= 3, what="a turn that goes on as long as the stick is pushed")
    page.evaluate("window.pad.axes[2] = 0")
    eventually(lambda: looked(page)[-1] == (0.0, 0.0), what="a zero when the stick is back")
    assert all(dx > 0 and dy == 0 for dx, dy in looked(page)[:-1]), looked(page)
    page.evaluate("window.plug(false)")
    eventually(lambda: received(page)[-1] == go("forward", False), what="the button let go")


def test_fingers_play_on_the_picture_two_at_a_time(url: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    viewer = watching(page, url)
    page.locator("#screen").tap(position={"x": 200, "y": 60})
    stick = centre(page, "touch-stick")
    button = centre(page, "touch-1")
    fingers = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    pushed = (stick[0], stick[1] - 40)
    touch("touchStart", stick)
    touch("touchMove", pushed)
    eventually(lambda: red(viewer) > 100, what="red while the stick is pushed forward")
    touch("touchStart", pushed, button)
    touch("touchEnd", pushed)
    touch("touchEnd")
    wait_received(page, go("forward", True), ("jump", {}), go("forward", False))
    middle = (200.0, stick[1] - 100)
    touch("touchStart", middle)
    touch("touchMove", (middle[0] + 30, middle[1] - 60))
    touch("touchEnd")
    eventually(lambda: looked(page)[-1:] == [(0.0, 0.0)], what="a drag that looked")
    assert looked(page)[0][0] > 0
    assert page.evaluate("scrollY") == 0, "the page stands still while fingers play"
    page.get_by_test_id("play-end").tap()
    expect(page.get_by_test_id("play-touch")).to_be_hidden()
    context.close()


def centre(page: Page, testid: str) -> tuple[float, float]:
    box = page.get_by_test_id(testid).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_key_is_mapped_by_pressing_it_and_kept_for_the_next_visit(viewer: Viewer) -> None:
    page = viewer.page
    page.get_by_test_id("tab-play").click()
    rows = page.get_by_test_id("play-row")
    expect(rows).to_have_count(6)
    page.get_by_test_id("play-add").click()
    page.keyboard.press("h")
    expect(rows).to_have_count(7)
    mine = rows.last
    mine.get_by_test_id("play-press").select_option("wave")
    mine.get_by_test_id("play-press-times").fill("3")
    mine.get_by_test_id("play-press-times").press("Enter")
    mine.get_by_test_id("play-press-hand").select_option("left")
    expect(mine.get_by_test_id("play-deed")).to_have_text("wave times=3 hand=left")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.reload()
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=20_000)
    page.get_by_test_id("tab-play").click()
    expect(mine.get_by_test_id("play-deed")).to_have_text("wave times=3 hand=left")
    page.keyboard.down("h")
    expect(mine.get_by_test_id("play-lamp")).to_have_class("lamp held")
    page.keyboard.up("h")
    expect(mine.get_by_test_id("play-lamp")).to_have_class("lamp")
    wait_received(page, ("wave", {"times": 3, "hand": "left"}))
    page.get_by_test_id("play-reset").click()
    expect(rows).to_have_count(6)


def test_a_mapping_goes_into_a_file_and_comes_out_of_one(viewer: Viewer, tmp_path: Path) -> None:
    page = viewer.page
    page.get_by_test_id("tab-play").click()
    with page.expect_download() as download:
        page.get_by_test_id("play-export").click()
    assert download.value.suggested_filename == "walker-play.json"
    mapping = json.loads(Path(download.value.path()).read_text())
    mapping["bindings"] = [{**mapping["bindings"][-1], "inputs": ["key:KeyJ"]}]
    changed = tmp_path / "mine.json"
    changed.write_text(json.dumps(mapping))
    take_file(page, changed)
    expect(page.get_by_test_id("play-row")).to_have_count(1)
    page.keyboard.press("j")
    eventually(lambda: len(received(page)) == 1, what="the imported key")
    changed.write_text("{}")
    take_file(page, changed)
    expect(page.get_by_test_id("play-error")).to_have_text("This holds no mapping.")


def take_file(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("play-import").click()
    chooser.value.set_files(file)


def test_what_the_model_refuses_again_and_again_is_said_once(viewer: Viewer) -> None:
    page = viewer.page
    call = {"event": "wave", "args": {"times": 9}}
    binding = {"kind": "action", "inputs": ["key:KeyK"], "press": call, "release": None, "joined": False}
    page.evaluate("(text) => localStorage.setItem('reactor-play:walker', text)", json.dumps({"bindings": [binding]}))
    page.reload()
    expect(page.get_by_test_id("state")).to_have_text("live", timeout=20_000)
    for _ in range(3):
        page.keyboard.press("k")
    page.evaluate("window.reactor.send('jump')")
    wait_received(page, ("jump", {}))
    expect(page.get_by_test_id("messages").locator("li.warning")).to_have_count(1)
