"""The stamped picture served by FastRTC: a `Stream` in mode "receive" that draws from a generator, one for each viewer.

Only its signalling is spoken through the routes that the receiver knows. Its encoder is aiortc's, with the same
bitrates as `aiortc_peer.py`. FastRTC takes a picture when one is due, so its model can never be ahead.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiortc.codecs import vpx
from fastrtc import Stream, VideoStreamHandler
from fastrtc.stream import Body

sys.path.append(str(Path(__file__).parents[1]))  # the stamp is shared by all

from routes import build, serve

from stamp import MovingPicture, Stamp

vpx.DEFAULT_BITRATE = 2_500_000
vpx.MAX_BITRATE = 4_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--fps", type=float, default=30)
    options = parser.parse_args()
    picture = MovingPicture(options.width, options.height)

    def pictures() -> Iterator[Any]:
        for counter in itertools.count():
            yield picture.at(Stamp(counter, time.monotonic_ns()))

    handler = VideoStreamHandler(pictures, fps=round(options.fps))
    stream = Stream(handler, modality="video", mode="receive", concurrency_limit=64)

    async def answer(connection: int, offer: str) -> str:
        answered = await stream.offer(Body(sdp=offer, type="offer", webrtc_id=str(connection)))
        stream.set_input(str(connection), None)  # the generator starts when its inputs are set
        return str(answered["sdp"])

    async def hang_up() -> None:
        await asyncio.gather(*(peer.close() for peer in list(stream.pcs.values())))

    serve(build(answer, hang_up), options.port)


if __name__ == "__main__":
    main()
