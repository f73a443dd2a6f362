"""The server's WebSocket protocol, with little room behind it."""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

ROOM = 16_384
"""Bytes that the process, and then the system, take ahead of the network: what lies there cannot be dropped, and the
customary 64 KiB of the one and megabytes of the other are seconds of a slow line."""


class ShallowSocket(WSProtocol):
    """Holds its sender up as soon as the network does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Bound the buffers."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=ROOM)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, ROOM)
