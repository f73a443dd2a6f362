"""A slow TCP line to a server: it carries so many bits a second and holds next to nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

PIECE = 2048


@asynccontextmanager
async def slow_line(url: str, bps: float) -> AsyncIterator[str]:
    """Give an address that leads to a server; what comes from there is held up."""
    loop = asyncio.get_running_loop()
    target = urlsplit(url)
    carrying: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * PIECE)
            server.setblocking(False)
            await loop.sock_connect(server, (target.hostname, target.port))
            ways = [asyncio.create_task(down(server, writer)), asyncio.create_task(up(reader, server))]
            carrying.update(ways)
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()

    async def down(server: socket.socket, writer: asyncio.StreamWriter) -> None:
        free_at = time.monotonic()
        while piece := await loop.sock_recv(server, PIECE):
            free_at = max(free_at, time.monotonic() - 0.02) + 8 * len(piece) / bps
            await asyncio.sleep(free_at - time.monotonic())
            writer.write(piece)
            await writer.drain()

    async def up(reader: asyncio.StreamReader, server: socket.socket) -> None:
        while piece := await reader.read(PIECE):
            await loop.sock_sendall(server, piece)

    listener = await asyncio.start_server(carry, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        listener.close()
        for way in carrying:
            way.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*carrying, return_exceptions=True)
