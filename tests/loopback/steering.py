"""A client of a running server that only steers: its data channel, its uploads, and the server's journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import webrtc

WAIT = 20.0
JSON = dict[str, Any]


class Steering:
    """One connection. What the model says is read in order."""

    def __init__(self, http: httpx.AsyncClient, session_id: str) -> None:
        self.http = http
        self.uploads = f"/sessions/{session_id}/uploads"
        self._session = f"/sessions/{session_id}"
        self._peer = webrtc.RTCPeerConnection()
        self._data = self._peer.create_data_channel("data")
        self._said: asyncio.Queue[JSON] = asyncio.Queue()
        self._told: list[JSON] = []
        self._grew = asyncio.Event()

    async def connect(self) -> None:
        """Return once the data channel is open."""
        opened, gathered = asyncio.Event(), asyncio.Event()
        self._data.on("open", lambda _: opened.set())
        self._data.on("message", lambda message: self._take(json.loads(str(message.data))))
        video = self._peer.add_transceiver("video", webrtc.RTCRtpTransceiverInit(direction="recvonly"))
        self._peer.on("icegatheringstatechange", lambda _: self._check_gathered(gathered))
        await self._peer.set_local_description(await self._peer.create_offer())
        async with asyncio.timeout(WAIT):
            await gathered.wait()
        local = self._peer.local_description
        assert local is not None
        base = f"{self._session}/transport/webrtc/connections"
        connection = (await self.http.post(base)).raise_for_status().json()["connection_id"]
        path = f"{base}/{connection}/sdp_params"
        mapped = {"mid": video.mid, "name": "main_video"}
        offer = {"sdp_offer": local.sdp, "track_mapping": [mapped]}
        (await self.http.post(path, json=offer)).raise_for_status()
        async with asyncio.timeout(WAIT):
            while (answer := await self.http.get(path)).status_code == 202:  # noqa: ASYNC110 - it is polled for
                await asyncio.sleep(0.02)
        sdp = answer.raise_for_status().json()["sdp_answer"]
        await self._peer.set_remote_description(webrtc.RTCSessionDescriptionInit("answer", sdp))
        async with asyncio.timeout(WAIT):
            await opened.wait()

    def _check_gathered(self, gathered: asyncio.Event) -> None:
        if self._peer.ice_gathering_state == "complete":
            gathered.set()

    def _take(self, frame: JSON) -> None:
        if frame["scope"] == "application":
            self._said.put_nowait(frame["data"])
        else:
            self._told.append(frame["data"])
            self._grew.set()

    def close(self) -> None:
        self._peer.close()

    # ---- saying -------------------------------------------------------------------------------------------------

    def command(
        self, name: str, arguments: JSON, *, uploads: JSON | None = None, request_id: str | None = None
    ) -> None:
        said: JSON = {"type": name, "data": arguments}
        if uploads is not None:
            said["uploads"] = uploads
        if request_id is not None:
            said["id"] = request_id
        self._data.send(json.dumps({"scope": "application", "data": said}))

    def report(self, reference: JSON) -> None:
        """Say `fileUploaded`."""
        self._data.send(json.dumps({"scope": "runtime", "data": {"type": "fileUploaded", "data": reference}}))

    async def reserve(self, name: str, size: int, mime_type: str = "image/png") -> JSON:
        body = {"name": name, "size": size, "mime_type": mime_type}
        reserved: JSON = (await self.http.post(self.uploads, json=body)).raise_for_status().json()
        return reserved

    async def put(self, reserved: JSON, data: bytes) -> None:
        answer = await self.http.put(reserved["presigned_url"], content=data)
        assert answer.status_code == 200, answer.text

    async def upload(self, name: str, data: bytes, mime_type: str = "image/png") -> JSON:
        """Reserve and send a file; return the reference that commands carry."""
        reserved = await self.reserve(name, len(data), mime_type)
        await self.put(reserved, data)
        return {"upload_id": reserved["presigned_id"], "name": name, "mime_type": mime_type, "size": len(data)}

    # ---- hearing ------------------------------------------------------------------------------------------------

    async def next(self) -> tuple[str, Any]:
        """Return who spoke next and the files it spoke of."""
        async with asyncio.timeout(WAIT):
            said = (await self._said.get())["data"]
        return said["by"], said["files"]

    async def heard(self, by: str) -> Any:
        """Return the files of the next message, which is to be of `by`."""
        speaker, files = await self.next()
        assert speaker == by
        return files

    async def refused(self, request_id: str) -> JSON:
        """Return the refusal of a command."""
        return await self._when(lambda told: told["type"] == "commandRejected" and told["data"]["id"] == request_id)

    async def state(self, name: str) -> None:
        """Wait until the session is said to be in a state."""
        await self._when(lambda told: told["type"] == "sessionState" and told["data"]["state"].lower() == name)

    async def _when(self, holds: Callable[[JSON], bool]) -> JSON:
        async with asyncio.timeout(WAIT):
            while True:
                for told in self._told:
                    if holds(told):
                        self._told = self._told[self._told.index(told) + 1 :]
                        found: JSON = told["data"]
                        return found
                self._grew.clear()
                await self._grew.wait()

    async def fact(self, name: str, about: str = "") -> JSON:
        """Return the first journal entry of a name, and about something, once there is one."""
        async with asyncio.timeout(WAIT), self.http.stream("GET", "/events") as journal:
            async for line in journal.aiter_lines():
                fact = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if fact.get("event") == name and about in line:
                    detail: JSON = fact["detail"]
                    return detail
        raise AssertionError(f"the journal ended without {name!r}")


@asynccontextmanager
async def steering(url: str) -> AsyncIterator[Steering]:
    """Connect to the server's session for the length of the block, then end it."""
    async with httpx.AsyncClient(base_url=url, timeout=WAIT) as http:
        session = (await http.post("/start_session", json={})).raise_for_status().json()
        client = Steering(http, session["session_id"])
        try:
            await client.connect()
            yield client
        finally:
            client.close()
            with suppress(httpx.TransportError):
                await http.post("/stop_session", json={})
