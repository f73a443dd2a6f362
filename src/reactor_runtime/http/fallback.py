"""Routes of connections without WebRTC: one WebSocket, or server-sent events, requests and rows of JPEGs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from reactor_runtime.errors import ClientError
from reactor_runtime.fallback.http_peer import BOUNDARY, HttpPeer
from reactor_runtime.fallback.socket_peer import FAREWELL_SECONDS, SocketPeer
from reactor_runtime.http.slots import Slot, slot_of

if TYPE_CHECKING:
    from reactor_runtime.fallback.sound import Sound

BASE = "/sessions/{session_id}/transport"
REFUSED = 4000
"""Added to an HTTP status, the code that a refused WebSocket is closed with: browsers show a page nothing else."""
MOST_REASON = 123
"""Bytes of a close frame's reason (RFC 6455 §5.5)."""
UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Opening(BaseModel):
    """Which of its connections a client goes on with; none is a new one."""

    connection_id: int | None = None


def fallback_routes(slots: Mapping[str, Slot]) -> APIRouter:
    """Build the routes over the slots."""
    router = APIRouter(prefix=BASE)
    sounds: dict[str, Sound] = {}

    @router.websocket("/socket")
    async def socket(websocket: WebSocket, session_id: str, connection_id: int | None = None) -> None:
        # FFmpeg, a tenth of a second that nobody pays on the way to a ready server.
        from reactor_runtime.fallback.sound import Sound

        await websocket.accept()
        try:
            slot = slot_of(slots, session_id)
            if session_id not in sounds:
                sounds[session_id] = Sound()
            peer = SocketPeer(sounds[session_id])
            connection = slot.acceptor.open("socket", peer.observed_by, connection_id)
        except ClientError as error:
            reason = str(error).encode()[:MOST_REASON].decode(errors="ignore")
            await websocket.close(REFUSED + error.http_status, reason)
            return

        async def send(frame: str | bytes) -> None:
            try:
                await (websocket.send_text(frame) if isinstance(frame, str) else websocket.send_bytes(frame))
            except WebSocketDisconnect:
                raise ConnectionError from None

        async def receive() -> str | bytes | None:
            message = await websocket.receive()
            text: str | None = message.get("text")
            data: bytes | None = message.get("bytes")
            return data if text is None else text

        await peer.run(connection.id, connection.outputs, send, receive)
        # A client that was quicker, or that takes nothing any more, hears no farewell.
        with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            await asyncio.wait_for(websocket.close(), FAREWELL_SECONDS)

    router.include_router(_http_routes(slots), prefix="/http/connections")
    return router


def _http_routes(slots: Mapping[str, Slot]) -> APIRouter:
    router = APIRouter()
    peers: dict[str, tuple[str, int, HttpPeer]] = {}

    def peer_of(session_id: str, connection_id: int, token: str) -> HttpPeer:
        found = peers.get(token)
        if found is None or found[:2] != (session_id, connection_id):
            text = f"no connection {connection_id} of this token"
            raise ClientError(text, code="unknown_connection", http_status=404)
        return found[2]

    @router.post("", status_code=201)
    async def connect(session_id: str, body: Opening | None = None) -> dict[str, Any]:
        """Open a connection; its token is asked for with everything else."""
        slot = slot_of(slots, session_id)
        peer = HttpPeer(lambda: peers.pop(connection.key, None))
        connection = slot.acceptor.open("http", peer.observed_by, body.connection_id if body else None)
        peers[connection.key] = session_id, connection.id, peer
        peer.open(connection.id, [track for track in connection.outputs if track.kind == "video"])
        return {"connection_id": connection.id, "token": connection.key}

    @router.get("/{connection_id}/messages")
    async def messages(session_id: str, connection_id: int, token: str) -> StreamingResponse:
        """Tell what is said to the client, each frame one server-sent event; a later request takes over."""
        told = peer_of(session_id, connection_id, token).messages()
        return StreamingResponse(told, media_type="text/event-stream", headers=UNBUFFERED)

    @router.post("/{connection_id}/messages", status_code=202)
    async def say(session_id: str, connection_id: int, token: str, request: Request) -> None:
        """Take one frame; whether it could be read is told among the messages."""
        frame = await request.body()
        peer_of(session_id, connection_id, token).hear(frame)

    @router.get("/{connection_id}/tracks/{name}.mjpeg")
    async def pictures(session_id: str, connection_id: int, name: str, token: str) -> StreamingResponse:
        """Show a track for as long as the request lasts; a later request for it takes over."""
        shown = peer_of(session_id, connection_id, token).pictures(name)
        media_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return StreamingResponse(shown, media_type=media_type, headers=UNBUFFERED)

    @router.delete("/{connection_id}", status_code=204)
    async def leave(session_id: str, connection_id: int, token: str) -> Response:
        """Close the connection."""
        peer_of(session_id, connection_id, token).leave()
        return Response(status_code=204)

    return router
