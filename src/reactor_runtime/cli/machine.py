"""What a machine has that a server, or a client, needs."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from reactor_runtime.cli.doctor import Absent, Finding, examined
from reactor_runtime.errors import OperatorError
from reactor_runtime.version import __version__

if TYPE_CHECKING:
    from reactor_runtime.codec.formats import Codec

PORT = 8080
LEAST_SHARED = 64 << 20
"""Bytes of shared memory for the frames of one model of 1280x720."""
GATHERING = 3.0
SIZE, FPS, RATE = (640, 360), 30.0, 1_000_000
_LIBRARIES = ("wrtc", "av", "numpy", "fastapi", "uvicorn")


async def machine() -> AsyncIterator[Finding]:
    """Yield what is found of each."""
    yield await examined("versions", _versions)
    yield await examined("WebRTC engine", _engine, is_vital=True)
    yield await examined("TCP port", _port)
    yield await examined("encoder VP8", partial(_encoder, "vp8"), is_vital=True)
    yield await examined("encoder VP9", partial(_encoder, "vp9"))
    yield await examined("encoder AV1", partial(_encoder, "av1"))
    # The first way to make it is the card's.
    yield await examined("encoder H.264 (NVENC)", partial(_encoder, "h264"))
    yield await examined("GPU", _gpu)
    yield await examined("shared memory", _shared_memory, is_vital=True)
    yield await examined("ffmpeg", _ffmpeg)


async def _versions() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"reactor {__version__}, Python {platform.python_version()}, {libraries}"


async def _engine() -> str:
    """Gather this machine's addresses as a connection does."""
    import webrtc

    from reactor_runtime.client.lines import prepare_engine

    prepare_engine()
    peer = webrtc.RTCPeerConnection()
    try:
        peer.create_data_channel("data")
        await peer.set_local_description(await peer.create_offer())
        async with asyncio.timeout(GATHERING):
            while peer.ice_gathering_state != webrtc.RTCIceGatheringState.complete:  # noqa: ASYNC110 - once, briefly
                await asyncio.sleep(0.01)
        description = peer.local_description
        lines = (description.sdp if description else "").splitlines()
        found = sorted({line.split()[4] for line in lines if line.startswith("a=candidate:")})
    finally:
        peer.close()
    if not found:
        raise OperatorError("it finds no network address, not even this machine's own")
    return f"UDP on {', '.join(found)}"


async def _port() -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError as taken:
            raise OperatorError(f"{PORT} is taken ({taken.strerror}): stop what has it, or use --port") from None
    return f"{PORT} is free"


async def _encoder(codec: Codec) -> str:
    import av

    from reactor_runtime.codec.encoders import open_with, settings

    chosen = settings(codec, SIZE, fps=FPS, bitrate_bps=RATE)[0]
    try:
        await asyncio.to_thread(open_with, chosen, SIZE, fps=FPS, bitrate_bps=RATE)
    except av.FFmpegError as refused:
        if codec == "h264":
            raise Absent(f"{chosen.library} needs a card that has it ({refused.strerror})") from None
        raise
    return chosen.library


async def _gpu() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        raise Absent("no NVIDIA driver; models run on the processor")
    query = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    process = await asyncio.create_subprocess_exec(
        tool, *query, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate()
    text = "; ".join(told.decode(errors="replace").strip().splitlines())
    if process.returncode:
        raise OperatorError(text)
    return text


async def _shared_memory() -> str:
    room = os.statvfs("/dev/shm")
    free = room.f_bavail * room.f_frsize
    if free < LEAST_SHARED:
        raise OperatorError(f"{free >> 20} MiB free, {LEAST_SHARED >> 20} are needed: in a container, --shm-size=1g")
    return f"{free >> 20} MiB free"


async def _ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        raise Absent("not installed; the runtime brings the libraries that it needs")
    return found
