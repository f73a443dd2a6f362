"""A client of a running server that watches, listens, asks and uploads; it is of the published family "multi"."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import webrtc

from reactor_runtime.media.pixels import to_rgb
from tests.loopback.published_client import PublishedClient, until

Rgb = npt.NDArray[np.uint8]
KEPT = 150


class Watcher(PublishedClient):
    """One client. `pictures` are those that came last, with the sender's clock in seconds."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.pictures: deque[tuple[float, Rgb]] = deque(maxlen=KEPT)
        self.judged: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)
        self._watching: list[asyncio.Task[None]] = []

    async def connect(self) -> Watcher:
        """Join, and watch the model's `main_video`."""
        await super().connect()
        lines = [t for t in self._pc.get_transceivers() if t.direction == "recvonly"]
        video = next(t.receiver.track for t in lines if t.receiver.track.kind == "video")
        self._watching = [asyncio.create_task(self._watch(video))]
        resume = {"type": "notification", "event": "resume_track", "data": {"name": "main_video"}}
        self._channels["control"].send(json.dumps(resume))
        return self

    async def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and return what becomes of it: `commandAccepted` or `commandRejected` with its data."""
        return await self.answer(self.say(command, **arguments))

    def say(self, command: str, **arguments: Any) -> str:
        """Send a command, and return the id that its answer will carry."""
        request_id = f"ask-{next(self._ids)}"
        said = {"type": command, "data": arguments, "id": request_id}
        self._channels["data"].send(json.dumps({"scope": "application", "data": said}))
        return request_id

    async def answer(self, request_id: str) -> dict[str, Any]:
        """Return the answer to a command, once it is there."""
        return await until(lambda: self.judged.get(request_id), f"an answer to {request_id}")

    async def upload(self, name: str, data: bytes, mime_type: str) -> dict[str, Any]:
        """Send a file; return the reference that commands carry."""
        session = (await self._http.get("/session")).raise_for_status().json()
        file = {"name": name, "size": len(data), "mime_type": mime_type}
        answer = await self._http.post(f"/sessions/{session['session_id']}/uploads", json=file)
        reserved = answer.raise_for_status().json()
        (await self._http.put(reserved["presigned_url"], content=data)).raise_for_status()
        return {"upload_id": reserved["presigned_id"], **file}

    async def sees(self, holds: Callable[[Rgb], Any], what: str) -> Rgb:
        """Wait for a picture of which something holds, and return it."""

        def newest() -> list[Rgb]:
            return [picture for _, picture in list(self.pictures)[-1:] if holds(picture)]

        return (await until(newest, what))[0]

    async def close(self) -> None:
        """End the session and leave."""
        for task in self._watching:
            task.cancel()
        try:
            await self.stop_session()
        finally:
            await super().close()

    async def _watch(self, track: webrtc.MediaStreamTrack) -> None:
        async for frame in webrtc.MediaStreamTrackProcessor(webrtc.MediaStreamTrackProcessorInit(track, 30)).readable:
            packed = bytearray(frame.allocation_size())
            await frame.copy_to(packed)
            rgb = to_rgb(np.frombuffer(packed, np.uint8), frame.coded_width, frame.coded_height)
            self.pictures.append((frame.timestamp / 1e6, rgb))
            frame.close()

    def _on_message(self, event: Any) -> None:
        frame = json.loads(event.data)
        if frame.get("scope") == "runtime" and frame["data"]["type"] in ("commandAccepted", "commandRejected"):
            self.judged[frame["data"]["data"]["id"]] = {"type": frame["data"]["type"], **frame["data"]["data"]}
        super()._on_message(event)


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watcher]:
    """Be a client of a server for the length of the block, and end its session."""
    watcher = Watcher(url)
    try:
        yield await watcher.connect()
    finally:
        await watcher.close()
