"""Tries `reactor-sdk` 0.x, from its own environment: python drive_legacy.py"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
import reactor_sdk
from aiortc import VideoStreamTrack
from checking import CAMERA, FILE, FILE_SHA256, GREEN, PURPLE, Checks, close, drive, until, until_session
from reactor_sdk import Reactor, ReactorStatus


class Camera(VideoStreamTrack):
    """One colour, ten times a second."""

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.1)
        frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), CAMERA, np.uint8), format="rgb24")
        self._pts = getattr(self, "_pts", 0) + 9000
        frame.pts, frame.time_base = self._pts, Fraction(1, 90_000)
        return frame


class Client:
    """One client, and what it saw and heard last."""

    def __init__(self) -> None:
        declared = {}
        if hasattr(reactor_sdk, "video"):
            declared = {"receive": [reactor_sdk.video("main_video")], "send": [reactor_sdk.video("webcam")]}
        self.reactor = Reactor(model_name="probe", local=True, **declared)
        self.left = self.right = None
        self.frames = 0
        self.heard: list[dict[str, Any]] = []
        self.internal: list[dict[str, Any]] = []
        self.reactor.on_frame(self.on_frame)
        self.reactor.on_message(self.heard.append)
        if hasattr(self.reactor, "on_internal_message"):
            self.reactor.on_internal_message(self.internal.append)
        self.names_tracks = len(inspect.signature(self.reactor.publish_track).parameters) > 1

    def on_frame(self, frame: np.ndarray) -> None:
        middle = frame.shape[1] // 2
        self.left = tuple(frame[:, : middle - 16].mean(axis=(0, 1)))
        self.right = tuple(frame[:, middle + 16 :].mean(axis=(0, 1)))
        self.frames += 1

    def found(self, kind: str, **wanted: Any) -> dict[str, Any] | None:
        for said in self.heard:
            if said.get("type") == kind and all(said["data"].get(key) == value for key, value in wanted.items()):
                return said["data"]
        return None

    async def ready(self) -> None:
        await until(lambda: self.reactor.get_status() == ReactorStatus.READY, "ready")

    async def pictures(self) -> None:
        seen = self.frames
        await until(lambda: self.frames > seen + 3, "pictures")

    async def say(self, text: str) -> int:
        """Have the model answer, and return how many words it heard.

        Said again each second: 0.3.1 calls a reconnect ready before its channel is open, and loses what is sent.
        """
        while True:
            await self.reactor.send_command("say", {"text": text})
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    return int((await until(lambda: self.found("said", text=text), "the answer"))["n"])

    async def paint(self, colour: tuple[int, int, int]) -> None:
        """Set the colour and wait until it is seen."""
        await self.reactor.send_command("set_color", dict(zip("rgb", colour, strict=True)))
        await until(lambda: close(self.left, colour), "the colour in the picture")

    async def join(self) -> None:
        """Connect to the session that runs: 0.8 refuses to adopt one of a local server."""
        await self.reactor.connect()

    async def leave(self) -> None:
        """Stay: these clients end the session when they leave."""


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
    async with checks.check("refused"):
        await reactor.send_command("set_color", {"r": 999, "g": 0, "b": 0})
        await reactor.send_command("no_such_command", {})
        await client.say("still here")
        assert close(client.left, GREEN), "the refused command changed the picture"
    if hasattr(reactor, "on_internal_message"):
        async with checks.check("told"):
            await until(lambda: any(m.get("type") == "commandRejected" for m in client.internal), "the refusal")
    async with checks.check("webcam"):
        named = ("webcam",) if client.names_tracks else ()
        await reactor.publish_track(*named, Camera())
        await until(lambda: close(client.right, CAMERA), "the camera's colour in the picture")
        await reactor.unpublish_track(*named)
    if hasattr(reactor, "upload_file"):
        async with checks.check("upload"):
            reference = await reactor.upload_file(FILE, name="probe.txt", mime_type="text/plain")
            await reactor.send_command("set_image", {"image": reference})
            await until(lambda: client.found("got", name="probe.txt", sha256=FILE_SHA256), "what the file holds")
    if hasattr(reactor, "pause_track"):
        async with checks.check("pause"):
            await reactor.pause_track("main_video")
            await client.say("paused")
            await reactor.resume_track("main_video")
            await client.pictures()
    async with checks.check("recover"):
        words = await client.say("before")
        await reactor.disconnect(recoverable=True)
        await until(lambda: reactor.get_status() == ReactorStatus.DISCONNECTED, "disconnected")
        # 0.1.2 takes the late end of its former transport for the end of the new one.
        await until_session("ORPHANED")
        await reactor.reconnect()
        await client.ready()
        assert await client.say("after") > words
        await client.pictures()
        await client.paint(PURPLE)
    async with checks.check("disconnect"):
        await reactor.disconnect()
        await until(lambda: reactor.get_status() == ReactorStatus.DISCONNECTED, "disconnected")
        await until_session("READY")


if __name__ == "__main__":
    asyncio.run(drive(make, run))
