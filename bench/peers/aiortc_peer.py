"""The stamped picture served by aiortc: its own VP8 encoder for every viewer.

aiortc at its best: the picture becomes I420 once for all viewers, and its encoder may use as much bandwidth as ours.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.codecs import vpx
from aiortc.contrib.media import MediaRelay

sys.path.append(str(Path(__file__).parents[1]))  # the stamp is shared by all

from routes import build, serve

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--fps", type=float, default=30)
    options = parser.parse_args()
    source = Source(options.width, options.height, options.fps)
    relay = MediaRelay()
    peers: list[RTCPeerConnection] = []

    async def answer(_connection: int, offer: str) -> str:
        peer = RTCPeerConnection()
        peers.append(peer)
        peer.addTrack(relay.subscribe(source, buffered=False))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    async def hang_up() -> None:
        await asyncio.gather(*(peer.close() for peer in peers))
        peers.clear()

    serve(build(answer, hang_up), options.port)


if __name__ == "__main__":
    main()
