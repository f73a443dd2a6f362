"""Tries `reactor-sdk` 1.x, from its own environment: python drive_native.py"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from checking import CAMERA, FILE, FILE_SHA256, GREEN, PURPLE, SERVER, Checks, close, drive, until, until_session
from reactor_sdk import Reactor, ReactorError, ReactorStatus, Track

WIDTH, HEIGHT = 160, 120


class Client:
    """One client, and what it saw and heard last."""

    def __init__(self) -> None:
        self.reactor = Reactor(model_name="probe", local=True, api_url=SERVER)
        self.left = self.right = None
        self.frames = 0
        self.heard: list[dict[str, Any]] = []
        self.reactor.on_message(self.heard.append)
        self.reactor.track("main_video").on_raw_frame(self.on_frame)

    def on_frame(self, bgra: bytes, width: int, height: int, *_rest: object) -> None:
        self.left = mean(bgra, width, height, 0.25)
        self.right = mean(bgra, width, height, 0.75)
        self.frames += 1

    def found(self, kind: str) -> dict[str, Any] | None:
        return next((said["data"] for said in self.heard if said.get("type") == kind), None)

    async def ready(self) -> None:
        await until(lambda: self.reactor.status == ReactorStatus.READY, "ready")

    async def pictures(self) -> None:
        seen = self.frames
        await until(lambda: self.frames > seen + 3, "pictures")

    async def say(self, text: str) -> int:
        """Have the model answer, and return how many words it heard."""
        answer = await self.reactor.send_command("say", {"text": text})
        assert answer is not None, "no reply"
        assert answer["type"] == "said", answer
        assert answer["data"]["text"] == text, answer
        return int(answer["data"]["n"])

    async def paint(self, colour: tuple[int, int, int]) -> None:
        """Set the colour and wait until it is seen."""
        answer = await self.reactor.send_command("set_color", dict(zip("rgb", colour, strict=True)))
        assert answer is None, "a bare acceptance"
        await until(lambda: close(self.left, colour), "the colour in the picture")

    async def join(self) -> None:
        """Adopt the session that runs."""
        await self.reactor.connect(session_id="local")

    async def leave(self) -> None:
        """Go: a client that has adopted the session leaves it to the others."""
        await self.reactor.disconnect()
        self.reactor.close()


def mean(bgra: bytes, width: int, height: int, across: float) -> tuple[float, ...]:
    """Return the RGB mean of a few pixels around one place of the middle row."""
    first = (height // 2 * width + int(width * across)) * 4
    near = memoryview(bgra)[first - 16 : first + 16]
    return tuple(sum(near[channel::4]) / len(near[channel::4]) for channel in (2, 1, 0))


async def film(camera: Track) -> None:
    """Push one colour, ten times a second."""
    r, g, b = CAMERA
    while True:
        camera.push_frame(bytes((b, g, r, 255)) * WIDTH * HEIGHT, width=WIDTH, height=HEIGHT)
        await asyncio.sleep(0.1)


async def refusal(client: Client, command: str, data: dict[str, Any]) -> str:
    """Return the code that a command is refused with."""
    try:
        await client.reactor.send_command(command, data)
    except ReactorError as refused:
        return refused.code
    raise AssertionError(f"{command} {data} was not refused")


async def make() -> Client:
    return Client()


async def run(client: Client, checks: Checks) -> None:
    reactor = client.reactor
    async with checks.check("connect"):
        await reactor.connect()
    async with checks.check("ready"):
        await client.ready()
    async with checks.check("pixels"):
        await client.paint(GREEN)
    async with checks.check("message"):
        await until(lambda: client.found("tick"), "a tick")
        assert await client.say("héllo ✓") >= 1
    async with checks.check("refused"), checks.check("told"):
        assert await refusal(client, "set_color", {"r": 999, "g": 0, "b": 0}) == "invalid_command"
        assert await refusal(client, "no_such_command", {}) == "invalid_command"
        await client.say("still here")
        assert close(client.left, GREEN), "the refused command changed the picture"
    async with checks.check("webcam"):
        camera = await reactor.track("webcam").publish()
        filming = asyncio.create_task(film(camera))
        await until(lambda: close(client.right, CAMERA), "the camera's colour in the picture")
        filming.cancel()
        with suppress(asyncio.CancelledError):
            await filming
        camera.unpublish()
    async with checks.check("upload"):
        reference = await reactor.upload_file(FILE, name="probe.txt", mime_type="text/plain")
        answer = await reactor.send_command("set_image", {"image": reference})
        assert answer == {"type": "got", "data": {"name": "probe.txt", "sha256": FILE_SHA256}}, answer
    async with checks.check("pause"):
        await reactor.track("main_video").pause()
        await until(lambda: reactor.track("main_video").paused, "paused")
        await client.say("paused")
        await reactor.track("main_video").resume()
        await client.pictures()
    async with checks.check("recover"):
        words = await client.say("before")
        await reactor.reconnect()
        await client.ready()
        assert await client.say("after") > words
        await client.pictures()
        await client.paint(PURPLE)
    async with checks.check("disconnect"):
        await reactor.disconnect()
        await until(lambda: reactor.status == ReactorStatus.DISCONNECTED, "disconnected")
        await until_session("READY")


if __name__ == "__main__":
    asyncio.run(drive(make, run))
