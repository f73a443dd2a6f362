"""One viewer of a running server: the "multi" family of the wire, spoken with the wrtc engine."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import av
import httpx
import webrtc

from reactor_runtime.testing import UdpRelay, through, without_candidates

READY_TIMEOUT = 30.0  # seconds; a first key frame included
_HEADERS = {"Reactor-WebRTC-Version": "1.0", "Authorization": "Bearer local"}
_INIT = {way: webrtc.RTCRtpTransceiverInit(direction=way) for way in ("recvonly", "sendonly")}

webrtc.allow_loopback()


async def open_session(http: httpx.AsyncClient) -> dict[str, Any]:
    """Start the server's session, or adopt the one that runs; return its descriptor."""
    answer = await http.post("/start_session", json={})
    if answer.is_error:
        answer = await http.get("/session")
    return dict(answer.raise_for_status().json())


def _event(target: Any, name: str, holds: Callable[[], bool] = lambda: True) -> asyncio.Future[None]:
    """Return a future that is done at the first such event after which a condition holds."""
    future = asyncio.get_running_loop().create_future()

    def seen(_: object) -> None:
        if holds() and not future.done():
            future.set_result(None)

    target.on(name, seen)
    return future


class Counter:
    """Notes when VP8 pictures arrive at a receiver, in monotonic ns; gives its decoder a tiny one in the place of each.

    So counting costs next to nothing, and the engine neither misses a picture nor asks for a key frame.
    """

    def __init__(self) -> None:
        self.arrived: list[int] = []
        encoder = av.CodecContext.create("libvpx", "w")
        encoder.width = encoder.height = 16
        encoder.pix_fmt, encoder.framerate = "yuv420p", 30
        encoder.options = {"error-resilient": "default", "lag-in-frames": "0"}
        self._key, self._delta = (bytes(encoder.encode(av.VideoFrame(16, 16))[0]) for _ in range(2))

    async def replace(self, event: webrtc.RTCTransformEvent) -> None:
        """Work for a script transform."""
        writer = event.transformer.writable.get_writer()
        async for frame in event.transformer.readable:
            self.arrived.append(time.monotonic_ns())
            frame.data = self._key if frame.type == "key" else self._delta
            await writer.write(frame)


class Viewer:
    """One connection. `await connect()` returns when both data channels are open and the outputs are resumed."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        session: dict[str, Any],
        *,
        counts_only: bool = False,
        relay: UdpRelay | None = None,
    ) -> None:
        self._relay = relay
        self._http = http
        self._session_id = session["session_id"]
        self._tracks = session["capabilities"]["tracks"]
        self._peer = webrtc.RTCPeerConnection()
        self._control = self._peer.create_data_channel("control")
        self._data = self._peer.create_data_channel("data")
        self._requests = itertools.count()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._pings: asyncio.Task[None] | None = None
        self.counts_only = counts_only
        self._counter = Counter() if counts_only else None

    async def connect(self) -> None:
        """Offer, wait for the answer and for the channels, ask for every output."""
        lines = [self._peer.add_transceiver(t["kind"], _INIT[t["direction"]]) for t in self._tracks]
        self._video = next(line for line, t in zip(lines, self._tracks, strict=True) if t["kind"] == "video")
        if self._counter is not None:
            self._video.receiver.transform = webrtc.RTCRtpScriptTransform(self._counter.replace)
        opened = asyncio.gather(_event(self._control, "open"), _event(self._data, "open"))
        self._data.on("message", self._on_message)
        await self._negotiate(lines)
        await asyncio.wait_for(opened, READY_TIMEOUT)
        for track in self._tracks:
            if track["direction"] == "recvonly":
                notice = {"type": "notification", "event": "resume_track", "data": {"name": track["name"]}}
                self._control.send(json.dumps(notice))
        self._pings = asyncio.create_task(self._ping())

    async def _negotiate(self, lines: list[webrtc.RTCRtpTransceiver]) -> None:
        gathered = _event(self._peer, "icegatheringstatechange", lambda: self._peer.ice_gathering_state == "complete")
        await self._peer.set_local_description(await self._peer.create_offer())
        await asyncio.wait_for(gathered, READY_TIMEOUT)
        local = self._peer.local_description
        assert local is not None, "it was set three lines above"
        base = f"/sessions/{self._session_id}/transport/webrtc/connections"
        connection = (await self._http.post(base, headers=_HEADERS)).raise_for_status().json()["connection_id"]
        offer = {
            "sdp_offer": without_candidates(local.sdp) if self._relay else local.sdp,
            "client_info": {"sdk_version": "2.12.3", "sdk_type": "js"},
            "track_mapping": [{"mid": line.mid, **track} for line, track in zip(lines, self._tracks, strict=True)],
        }
        path = f"{base}/{connection}/sdp_params"
        (await self._http.post(path, json=offer, headers=_HEADERS)).raise_for_status()
        async with asyncio.timeout(READY_TIMEOUT):
            answer = await self._http.get(path, headers=_HEADERS)
            while answer.status_code == 202:
                await asyncio.sleep(0.02)
                answer = await self._http.get(path, headers=_HEADERS)
        sdp = answer.raise_for_status().json()["sdp_answer"]
        if self._relay:
            sdp = through(sdp, self._relay)
        await self._peer.set_remote_description(webrtc.RTCSessionDescriptionInit("answer", sdp))

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(5)
            self._data.send(json.dumps({"scope": "runtime", "data": {"type": "ping", "data": {}}}))

    def frames(self) -> webrtc.ReadableStream[Any]:
        """Return the decoded pictures as they come; eight wait for a slow reader, then the oldest is lost."""
        init = webrtc.MediaStreamTrackProcessorInit(self._video.receiver.track, max_buffer_size=8)
        return webrtc.MediaStreamTrackProcessor(init).readable

    def counted(self, start_ns: int, end_ns: int) -> int:
        """Return how many pictures arrived in a window; of a viewer that only counts."""
        assert self._counter is not None, "it decodes"
        return sum(start_ns <= at < end_ns for at in self._counter.arrived)

    async def received(self) -> dict[str, Any]:
        """Return the engine's own counts so far, their monotonic time, and the codec: packets lost, bytes."""
        report = await self._peer.get_stats()
        inbound = [s for s in report.values() if isinstance(s, webrtc.RTCInboundRtpStreamStats)]
        video = next(s for s in inbound if s.kind == "video")
        codec = next((s.mime_type for s in report.values() if s.id == video.codec_id), None)
        return {
            "at": time.monotonic(),
            "packets_lost": video.packets_lost or 0,
            "bytes": video.bytes_received or 0,
            "codec": codec,
        }

    async def ask(self, command: str) -> dict[str, Any]:
        """Send a command and return the runtime's answer to it, `commandAccepted` or `commandRejected`."""
        request = f"bench-{next(self._requests)}"
        answer = self._answers[request] = asyncio.get_running_loop().create_future()
        self._data.send(json.dumps({"scope": "application", "data": {"type": command, "data": {}, "id": request}}))
        return dict(await asyncio.wait_for(answer, READY_TIMEOUT))

    def _on_message(self, message: webrtc.MessageEvent) -> None:
        said = json.loads(str(message.data))
        request = said.get("scope") == "runtime" and (said["data"].get("data") or {}).get("id")
        if request in self._answers:
            self._answers.pop(request).set_result(said["data"])

    def close(self) -> None:
        """Hang up."""
        if self._pings is not None:
            self._pings.cancel()
        self._peer.close()
