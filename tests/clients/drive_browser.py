"""Tries the JavaScript SDK in headless Chromium: python drive_browser.py PAGE"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from checking import CAMERA, FILE, FILE_SHA256, GREEN, PURPLE, Checks, close, drive, until_session
from playwright.async_api import Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


class Client:
    """One client, in its page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def do(self, script: str, *arguments: Any) -> Any:
        """Evaluate `script` with `client` and its arguments in scope."""
        return await self.page.evaluate(f"(given) => {script}", list(arguments))

    async def until(self, script: str, *arguments: Any) -> Any:
        """Wait until a script is true."""
        while not (value := await self.do(script, *arguments)):  # noqa: ASYNC110 - polled in the page
            await asyncio.sleep(0.05)
        return value

    async def status(self, wanted: str) -> None:
        await self.until("client.reactor.getStatus() === given[0]", wanted)

    async def send(self, command: str, data: dict[str, Any]) -> None:
        await self.do("client.reactor.sendCommand(...given)", command, data)

    async def heard(self, kind: str, key: str, value: Any) -> Any:
        """Wait for a message of the model and return its content."""
        return await self.until(
            "client.heard.find(({type, data}) => type === given[0] && data[given[1]] === given[2])?.data",
            kind,
            key,
            value,
        )

    async def say(self, text: str) -> int:
        """Have the model answer, and return how many words it heard.

        Said again each second: 2.2.1 is ready before its channel is open, and loses what is sent.
        """
        while True:
            await self.send("say", {"text": text})
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    return int((await self.heard("said", "text", text))["n"])

    async def sees(self, side: str, colour: tuple[int, ...]) -> None:
        while not close((await self.do("client.look()") or {}).get(side), colour):  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.05)

    async def frames(self) -> int:
        return int((await self.until("client.look()"))["frames"])

    async def paint(self, colour: tuple[int, int, int]) -> None:
        """Set the colour and wait until it is seen."""
        await self.send("set_color", dict(zip("rgb", colour, strict=True)))
        await self.sees("left", colour)

    async def join(self) -> None:
        await self.do("client.reactor.connect()")

    async def ready(self) -> None:
        await self.status("ready")

    async def leave(self) -> None:
        """Stay: these clients end the session when they leave."""


async def run(client: Client, checks: Checks) -> None:
    async with checks.check("connect"):
        await client.do("client.reactor.connect()")
    async with checks.check("ready"):
        await client.ready()
    async with checks.check("message"):
        await client.until("client.heard.some(({type}) => type === 'tick')")
        assert await client.say("héllo ✓") >= 1
    async with checks.check("pixels"):
        await client.paint(GREEN)
    async with checks.check("refused"):
        await client.send("set_color", {"r": 999, "g": 0, "b": 0})
        await client.send("no_such_command", {})
        await client.say("still here")
        assert close((await client.do("client.look()"))["left"], GREEN), "it changed the picture"
    if await client.do("Boolean(sdk.useReactorInternalMessage)"):
        async with checks.check("told"):
            await client.until("client.internal.some(({type}) => type === 'commandRejected')")
    async with checks.check("webcam"):
        await client.do("client.film()")
        await client.sees("right", CAMERA)
        await client.do("client.stopFilming()")
    if await client.do("'uploadFile' in client.reactor"):
        async with checks.check("upload"):
            await client.do("client.upload(...given)", FILE.decode())
            await client.heard("got", "sha256", FILE_SHA256)
    async with checks.check("recover"):
        words = await client.say("before")
        await client.do("client.reactor.disconnect(true)")
        await client.status("disconnected")
        await until_session("ORPHANED")
        await client.do("client.reactor.reconnect()")
        await client.status("ready")
        assert await client.say("after") > words
        frames = await client.frames()
        await client.until("client.look().frames > given[0] + 3", frames)
        await client.paint(PURPLE)
    async with checks.check("disconnect"):
        await client.do("client.reactor.disconnect()")
        await client.status("disconnected")
        await until_session("READY")


async def main(page_file: Path) -> None:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        async def make() -> Client:
            page = await chromium.new_page()
            await page.goto(page_file.as_uri())
            await page.add_script_tag(path=Path(__file__).with_name("drive_page.js"))
            return Client(page)

        await drive(make, run)
        await chromium.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve()))
