"""The same stamped picture served by aiortc, behind the same HTTP routes: its own VP8 encoder for every viewer.

aiortc at its best: the picture becomes I420 once for all viewers, and its encoder may use as much bandwidth as ours.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import uvicorn
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.codecs import vpx
from aiortc.contrib.media import MediaRelay
from fastapi import FastAPI

from stamp import MovingPicture, Stamp

vpx.DEFAULT_BITRATE = 2_500_000  # out of the box 0.5 Mbit/s, too little for 720p
vpx.MAX_BITRATE = 4_000_000  # out of the box 1.5; this is the runtime's own ceiling


class Source(VideoStreamTrack):
    """The stamped picture at exactly its rate."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        super().__init__()
        self._picture = MovingPicture(width, height)
        self._interval = 1 / fps
        self._counter = itertools.count()
        self._due = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        self._due = max(self._due + self._interval, time.monotonic())
        await asyncio.sleep(self._due - time.monotonic())
        counter = next(self._counter)
        picture = self._picture.at(Stamp(counter, time.monotonic_ns()))
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = int(counter * self._interval * 90_000), Fraction(1, 90_000)
        return frame


def build(source: Source) -> FastAPI:
    """Return the routes a "multi" client needs, and no more."""
    relay, numbers = MediaRelay(), itertools.count(1001)
    peers: dict[int, RTCPeerConnection] = {}
    connections = "/sessions/{session}/transport/webrtc/connections"

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> Any:
        yield
        await asyncio.gather(*(peer.close() for peer in peers.values()))

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/start_session")
    async def start_session() -> dict[str, Any]:
        tracks = [{"name": "main_video", "kind": "video", "direction": "recvonly"}]
        return {"session_id": "aiortc", "capabilities": {"tracks": tracks}}

    @app.post("/stop_session")
    async def stop_session() -> None:
        for connection in list(peers):
            await peers.pop(connection).close()

    @app.post(connections, status_code=201)
    async def connect() -> dict[str, int]:
        connection = next(numbers)
        peers[connection] = RTCPeerConnection()
        return {"connection_id": connection}

    @app.post(connections + "/{connection}/sdp_params", status_code=202)
    async def offer(connection: int, body: dict[str, Any]) -> None:
        peer = peers[connection]
        peer.addTrack(relay.subscribe(source, buffered=False))
        await peer.setRemoteDescription(RTCSessionDescription(body["sdp_offer"], "offer"))
        await peer.setLocalDescription(await peer.createAnswer())

    @app.get(connections + "/{connection}/sdp_params")
    async def answer(connection: int) -> dict[str, str]:
        return {"sdp_answer": peers[connection].localDescription.sdp}

    return app


async def serve(options: argparse.Namespace) -> None:
    """Serve until interrupted."""
    app = build(Source(options.width, options.height, options.fps))
    await uvicorn.Server(uvicorn.Config(app, port=options.port, log_level="warning")).serve()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--fps", type=float, default=30)
    asyncio.run(serve(parser.parse_args()))
