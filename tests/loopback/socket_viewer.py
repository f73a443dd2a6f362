"""A client of the fallback WebSocket, with a library that nobody here wrote; it decodes what comes with FFmpeg."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import av
import numpy as np
import numpy.typing as npt
from prometheus_client.parser import text_string_to_metric_families

from tests.loopback.published_client import WAIT, until

HEADER = struct.Struct(">BBBBIHHI")
JSON = dict[str, Any]
Rgb = npt.NDArray[np.uint8]


@dataclass
class Unit:
    """One picture as it came. `rgb` is None where no key frame came before it."""

    codec: int
    is_key: bool
    timestamp: int
    size: tuple[int, int]
    late_us: int
    rgb: Rgb | None


class SocketViewer:
    """One client. `pictures` and `sound` keep what came, oldest first; `told` the messages of scope runtime."""

    def __init__(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        self.wire = wire
        self.hello: JSON = {}
        self.told: list[JSON] = []
        self.said: list[JSON] = []
        self.pictures: list[Unit] = []
        self.sound: list[npt.NDArray[np.float64]] = []
        self.sound_stamps: list[int] = []
        self.keys = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self._decoder = av.CodecContext.create("vp8", "r")
        self._opus = av.CodecContext.create("opus", "r")
        self._can_decode = False
        self._ids = itertools.count(1)
        self._reading: asyncio.Task[None] | None = None

    async def greeted(self) -> SocketViewer:
        """Wait for `hello`, and read what follows it."""
        first = await self.wire.receive(timeout=WAIT)
        assert first.type is aiohttp.WSMsgType.TEXT, first
        self.hello = json.loads(first.data)["data"]
        self._reading = asyncio.create_task(self._read())
        return self

    @property
    def connection_id(self) -> int:
        return int(self.hello["data"]["connection_id"])

    async def resume(self, *tracks: str) -> None:
        for track in tracks:
            await self.verb("resume_track", track)

    async def verb(self, event: str, track: str) -> None:
        await self.send({"type": "notification", "event": event, "data": {"name": track}})

    async def send(self, frame: JSON) -> None:
        await self.wire.send_str(json.dumps(frame))

    async def ask(self, command: str, **arguments: Any) -> JSON:
        """Send a command and return what becomes of it."""
        request_id = f"ask-{next(self._ids)}"
        said = {"type": command, "data": arguments, "id": request_id, "sent_at_ms": time.monotonic() * 1000}
        await self.send({"scope": "application", "data": said})
        judged = ("commandAccepted", "commandRejected")
        return await self.hears(lambda told: told["type"] in judged and told["data"].get("id") == request_id)

    async def hears(self, holds: Callable[[JSON], bool]) -> JSON:
        """Wait for a message of scope runtime."""
        return (await until(lambda: [told for told in self.told if holds(told)], "a message"))[0]

    async def sees(self, holds: Callable[[Rgb], Any], what: str) -> Unit:
        """Wait for a picture of which something holds."""

        def newest() -> list[Unit]:
            return [unit for unit in self.pictures[-1:] if unit.rgb is not None and holds(unit.rgb)]

        return (await until(newest, what))[0]

    async def close(self) -> None:
        self.reads.set()
        await self.wire.close()
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading

    async def _read(self) -> None:
        while True:
            await self.reads.wait()
            message = await self.wire.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                frame = json.loads(message.data)
                (self.told if frame.get("scope") == "runtime" else self.said).append(frame.get("data", frame))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._take(message.data)
            else:
                return

    def _take(self, frame: bytes) -> None:
        kind, index, codec, flags, timestamp, width, height, late_us = HEADER.unpack_from(frame)
        track = self.hello["data"]["tracks"][index]
        packet = av.Packet(frame[HEADER.size :])
        if kind == 0:
            assert track["kind"] == "video"
            is_key = bool(flags & 1)
            self.keys += is_key
            self._can_decode = self._can_decode or is_key
            rgb = None
            if self._can_decode:
                rgb = np.asarray(self._decoder.decode(packet)[0].to_ndarray(format="rgb24"), np.uint8)
            self.pictures.append(Unit(codec, is_key, timestamp, (width, height), late_us, rgb))
        else:
            assert track["kind"] == "audio"
            assert codec == 3
            for block in self._opus.decode(packet):
                self.sound.append(block.to_ndarray()[0].astype(float))
            self.sound_stamps.append(timestamp)


def shallow(address: Any) -> socket.socket:
    """Return a socket with little room for what its reader does not read."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    made.setblocking(False)
    return made


class Session:
    """A session of the server, and where its transports are."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http = http
        self.base = base
        self.viewers: list[SocketViewer] = []

    async def viewer(self, query: str = "", *, through: str = "") -> SocketViewer:
        """Connect a client, through another address if one is given."""
        wire = await self.http.ws_connect(f"{through}{self.base}/socket{query}", max_msg_size=0)
        self.viewers.append(SocketViewer(wire))
        return await self.viewers[-1].greeted()

    async def refusal(self, path: str) -> tuple[int, str]:
        """Return the code and the words that a client is turned away with."""
        async with self.http.ws_connect(path) as wire:
            closing = await wire.receive(timeout=10)
            assert closing.type is aiohttp.WSMsgType.CLOSE
            return closing.data, closing.extra or ""

    async def stop(self) -> None:
        async with self.http.post("/stop_session", json={}):
            pass

    async def journalled(self, name: str, **detail: Any) -> JSON:
        """Wait for an entry of the journal that says this, and return it."""
        async with asyncio.timeout(WAIT), self.http.get("/events") as journal:
            async for line in journal.content:
                fact: JSON = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else {}
                if fact.get("event") == name and fact["detail"].items() >= detail.items():
                    return fact
        raise AssertionError(f"the journal ended without {name!r}")

    async def sees(self, name: str, holds: Callable[[float], bool], **labels: str) -> None:
        """Wait until something holds of a figure."""
        async with asyncio.timeout(WAIT):
            while not holds(await self.figure(name, **labels)):  # noqa: ASYNC110 - it is asked for
                await asyncio.sleep(0.1)

    async def figure(self, name: str, **labels: str) -> float:
        """Return the sum of a family's samples that have these labels."""
        async with self.http.get("/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if sample.labels.items() >= labels.items())


async def _started(http: aiohttp.ClientSession) -> str:
    async with asyncio.timeout(WAIT):
        while True:
            async with http.post("/start_session", json={}) as answer:
                if answer.ok:
                    return str((await answer.json())["session_id"])
            await asyncio.sleep(0.05)  # the one of the test before is still closing


@asynccontextmanager
async def on_session(url: str) -> AsyncIterator[Session]:
    """Start the server's session for the length of the block; who came is let go after it."""
    connector = aiohttp.TCPConnector(socket_factory=shallow, force_close=True)
    async with aiohttp.ClientSession(url, connector=connector, timeout=aiohttp.ClientTimeout(20)) as http:
        session = Session(http, f"/sessions/{await _started(http)}/transport")
        try:
            yield session
        finally:
            for viewer in session.viewers:
                await viewer.close()
            await session.stop()
