"""The routes that a client of the "multi" wire needs, and no more, around a peer that answers one offer at a time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

Answer = Callable[[int, str], Awaitable[str]]


def build(answer: Answer, hang_up: Callable[[], Awaitable[None]]) -> FastAPI:
    """Return an application.

    Args:
        answer: Takes the number of a connection and its SDP offer, returns the SDP answer.
        hang_up: Closes all connections.
    """
    numbers = itertools.count(1001)
    answers: dict[int, str] = {}
    connections = "/sessions/{session}/transport/webrtc/connections"

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await hang_up()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/start_session")
    async def start_session() -> dict[str, Any]:
        tracks = [{"name": "main_video", "kind": "video", "direction": "recvonly"}]
        return {"session_id": "local", "capabilities": {"tracks": tracks}}

    @app.post("/stop_session")
    async def stop_session() -> None:
        await hang_up()

    @app.post(connections, status_code=201)
    async def connect() -> dict[str, int]:
        return {"connection_id": next(numbers)}

    @app.post(connections + "/{connection}/sdp_params", status_code=202)
    async def take_offer(connection: int, body: dict[str, Any]) -> None:
        answers[connection] = await answer(connection, body["sdp_offer"])

    @app.get(connections + "/{connection}/sdp_params")
    async def give_answer(connection: int) -> dict[str, str]:
        return {"sdp_answer": answers[connection]}

    return app


def serve(app: FastAPI, port: int) -> None:
    """Serve until interrupted."""
    asyncio.run(uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve())
