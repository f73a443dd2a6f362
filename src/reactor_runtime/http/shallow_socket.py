"""The server's WebSocket protocol, with little room behind it."""

from __future__ import annotations

import asyncio
import socket

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

ROOM = 16_384
"""Bytes that the system takes ahead of the network: what lies there cannot be dropped, and the megabytes that are
customary are seconds of a slow line."""


class ShallowSocket(WSProtocol):
    """Holds its sender up as soon as the network does, and for as long."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Leave no room in the process, and little in the system."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, ROOM)

    async def send(self, message: ASGISendEvent) -> None:
        """Return once the system has taken it, not when it would take the next."""
        await super().send(message)
        await self.writable.wait()
