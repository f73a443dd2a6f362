"""Routes of uploads: a file is announced to its session, then its bytes are sent to the address that was answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from reactor_runtime.errors import ClientError
from reactor_runtime.http.slots import Slot, slot_of

PREFIX = "/uploads/"
"""Bodies sent under this path are read as they come, and never held whole."""
SILENCE = 30.0
"""Seconds without a byte after which an upload is given up."""
LEFT_UNREAD = 1 << 20
"""Bytes of a refused body that are still read, or a client that only sends would never see the refusal."""


class Announced(BaseModel):
    """A file that will be uploaded."""

    name: str = Field(max_length=1024)
    size: int
    mime_type: str = Field(max_length=255)
    upload_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,128}$")


def upload_routes(slots: Mapping[str, Slot]) -> APIRouter:
    """Build the routes over the slots."""
    router = APIRouter()
    intakes = [slot.runtime.intake for slot in slots.values()]

    @router.post("/sessions/{session_id}/uploads", status_code=201)
    async def announce(session_id: str, body: Announced, request: Request) -> dict[str, Any]:
        """Reserve an upload and tell where its bytes go."""
        intake = slot_of(slots, session_id).runtime.intake
        if body.upload_id is not None and any(other.knows(body.upload_id) for other in intakes):
            raise ClientError("Upload id already reserved", code="upload_id_taken", http_status=409)
        upload = intake.reserve(body.name, body.size, body.mime_type, body.upload_id)
        return {
            "presigned_id": upload.id,
            # Absolute: the oldest clients use it as it stands, from a page of another origin.
            "presigned_url": str(request.url_for("take", upload_id=upload.id)),
            "path": f"sessions/{session_id}/uploads/{upload.id}/{upload.name}",
        }

    @router.put(PREFIX + "{upload_id}")
    async def take(upload_id: str, request: Request) -> dict[str, Any]:
        """Take the bytes of a reserved upload."""
        intake = next((intake for intake in intakes if intake.knows(upload_id)), None)
        chunks = _chunks(request)
        try:
            if intake is None:
                raise ClientError("Unknown upload", code="unknown_upload", http_status=404)
            declared = request.headers.get("content-length", "")
            await intake.receive(upload_id, int(declared) if declared.isdecimal() else None, chunks)
        except ClientError:
            await _read_on(chunks)
            raise
        return {}

    return router


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body as it comes; a client that stalls or leaves is a refusal."""
    stream = request.stream()
    while (chunk := await _next(stream)) is not None:
        yield chunk


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(SILENCE):
            return await anext(stream, None)
    except TimeoutError:
        text = f"nothing came for {SILENCE:g} s"
        raise ClientError(text, code="upload_stalled", http_status=408) from None
    except ClientDisconnect:
        raise ClientError("the client left before the end", code="upload_cut") from None


async def _read_on(chunks: AsyncIterator[bytes]) -> None:
    left = LEFT_UNREAD
    with suppress(ClientError):
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                return
