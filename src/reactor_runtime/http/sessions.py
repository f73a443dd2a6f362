"""Routes of the session: health, start, stop, descriptor, schema and the journal as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

import reactor_runtime
from reactor_runtime.errors import ClientError
from reactor_runtime.http.slots import Slot, slot_of
from reactor_runtime.runtime.pool import slot_for_start
from reactor_runtime.runtime.runtime import Runtime


class StartBody(BaseModel):
    """What clients may say when they start a session; unknown keys are ignored."""

    extra_args: dict[str, Any] | None = None


class StopBody(BaseModel):
    """Why a session is stopped, shown to its other clients; `moderate` says that something in it was unfit."""

    reason: str = Field(default="", max_length=64)
    moderate: bool = False


def session_routes(slots: Mapping[str, Slot]) -> APIRouter:
    """Build the routes over the slots."""
    router = APIRouter()
    runtimes = [slot.runtime for slot in slots.values()]

    def chosen(session_id: str | None) -> Runtime:
        return slot_of(slots, session_id).runtime if session_id else runtimes[0]

    @router.get("/health")
    async def health(session_id: str | None = None) -> JSONResponse:
        """Tell whether a model is loading, ready or unhealthy; 200 only when ready. One ready worker is enough."""
        asked = [slot_of(slots, session_id)] if session_id else list(slots.values())
        slot = next((slot for slot in asked if slot.runtime.health().status == "ready"), asked[0])
        state = slot.runtime.health()
        body = {
            "status": state.status,
            "state": state.state.value,
            "model": state.model,
            "detail": state.detail,
            "progress": state.progress,
            "connections": slot.acceptor.connections,
            "development": slot.runtime.development,
        }
        return JSONResponse(body, 200 if state.status == "ready" else 503)

    @router.post("/start_session")
    async def start_session(_body: StartBody | None = None) -> dict[str, Any]:
        """Start a session, or join the one that runs, and describe it."""
        runtime = slot_for_start(runtimes)
        runtime.start_session()
        return descriptor(runtime)

    @router.post("/stop_session")
    async def stop_session(body: StopBody | None = None, session_id: str | None = None) -> dict[str, Any]:
        """Stop the session; nothing to stop is no error."""
        runtime = chosen(session_id)
        asked = body or StopBody()
        runtime.stop_session(asked.reason, moderate=asked.moderate)
        return {"state": runtime.state.value}

    @router.get("/session")
    async def session(session_id: str | None = None) -> dict[str, Any]:
        """Describe the session, running or not."""
        return descriptor(chosen(session_id))

    @router.get("/schema")
    async def schema() -> dict[str, Any]:
        """Return the model's OpenAPI 3.1 document."""
        return runtimes[0].schema

    @router.get("/events")
    async def events(
        since: int = 0, session_id: str | None = None, last_event_id: int | None = Header(default=None)
    ) -> StreamingResponse:
        """Replay the journal after `since`, then follow it."""
        facts = chosen(session_id).facts

        async def lines() -> AsyncIterator[str]:
            async for fact in facts.since(last_event_id if last_event_id is not None else since):
                yield fact.sse()

        return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router


def descriptor(runtime: Runtime) -> dict[str, Any]:
    """Describe a session as published clients parse it."""
    if runtime.contract is None:
        raise ClientError("the model is still loading", code="loading", http_status=503)
    webrtc = {"protocol": "webrtc", "version": "1.0"}
    return {
        "session_id": runtime.session_id,
        "state": runtime.state.value,
        "cluster": "local",
        "model": {"name": runtime.contract.model_name, "version": runtime.contract.version},
        "server_info": {"server_version": reactor_runtime.__version__},
        "selected_transport": webrtc,
        "transports": [webrtc],
        "capabilities": runtime.capabilities,
    }
