"""The server's HTTP and WebSocket protocols, with little room behind them: what lies there cannot be dropped.

The 64 KiB that are customary in the process, and the megabytes in the system, are seconds of a slow line.
"""

from __future__ import annotations

import asyncio
import socket

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

ROOM = 16_384
"""Bytes that the system takes ahead of the network."""


def _bound(transport: asyncio.Transport) -> None:
    transport.set_write_buffer_limits(high=0)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, ROOM)


class ShallowHttp(H11Protocol):
    """Takes the next part of an answer once the system has taken the one before."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Leave no room in the process, and little in the system."""
        super().connection_made(transport)
        _bound(transport)


class ShallowSocket(WSProtocol):
    """Holds its sender up as soon as the network does, and for as long."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Leave no room in the process, and little in the system."""
        super().connection_made(transport)
        _bound(transport)

    async def send(self, message: ASGISendEvent) -> None:
        """Return once the system has taken it, not when it would take the next."""
        await super().send(message)
        await self.writable.wait()
