"""Routes of WebRTC signalling: numbered connections, the un-numbered one of family v1, the pair of older clients."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from reactor_runtime.errors import ClientError
from reactor_runtime.http.slots import Slot, slot_of
from reactor_runtime.session.machine import State
from reactor_runtime.session.negotiation import Candidate
from reactor_runtime.webrtc.acceptor import IMPLICIT_CONNECTION

BASE = "/sessions/{session_id}/transport/webrtc"
MAX_SDP = 256 * 1024
MAX_CANDIDATES = 64
TURN_SECONDS = 2.0
"""How long an offer without a connection id waits for the one before it to be answered and its answer fetched."""


class MappedTrack(BaseModel):
    """Which SDP media line carries which track."""

    mid: str = Field(max_length=64)
    name: str = Field(max_length=256)


class Offer(BaseModel):
    """A client's offer."""

    sdp_offer: str = Field(max_length=MAX_SDP)
    track_mapping: list[MappedTrack] = Field(default_factory=list, max_length=64)

    @property
    def mids(self) -> dict[str, str]:
        """Mid to track name."""
        return {mapped.mid: mapped.name for mapped in self.track_mapping}


class Description(BaseModel):
    """The offer of a client older than sessions' own paths."""

    sdp: str = Field(max_length=MAX_SDP)
    type: Literal["offer"]


class OfferedCandidate(BaseModel):
    """One trickled candidate."""

    candidate: str = Field(max_length=1024)
    sdp_mid: str | None = Field(default=None, max_length=64)
    sdp_mline_index: int | None = None


class Candidates(BaseModel):
    """A batch of trickled candidates; an empty one says that there are no more."""

    candidates: list[OfferedCandidate] = Field(default_factory=list, max_length=MAX_CANDIDATES)


class _Turns:
    """Lets clients that know no connection ids negotiate one after the other: all of them poll one address."""

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._free.set()

    async def begin(self) -> None:
        """Wait for the others; a client that was never seen again is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TURN_SECONDS):
                while not self._free.is_set():
                    await self._free.wait()
        self._free.clear()

    def end(self) -> None:
        """Let the next one begin."""
        self._free.set()


def signalling_routes(slots: Mapping[str, Slot]) -> APIRouter:
    """Build the routes over the slots."""
    router = APIRouter()
    router.include_router(_of_sessions(slots), prefix=BASE)

    @router.get("/ice_servers")
    async def ice_servers() -> dict[str, Any]:
        """Return the STUN and TURN servers a client older than sessions' own paths should use."""
        return {"ice_servers": next(iter(slots.values())).acceptor.ice_servers()}

    @router.post("/sdp_params")
    async def describe(body: Description) -> dict[str, Any]:
        """Answer the offer of a client that knows no session: it is for the one that was started and waits."""
        waiting = (slot for slot in slots.values() if slot.runtime.state is State.WAITING)
        running = (slot for slot in slots.values() if slot.runtime.running)
        slot = next(itertools.chain(waiting, running, slots.values()))
        return {"sdp": await slot.acceptor.answer(body.sdp), "type": "answer"}

    return router


def _of_sessions(slots: Mapping[str, Slot]) -> APIRouter:
    router = APIRouter()
    turns = {session_id: _Turns() for session_id in slots}

    @router.get("/ice_servers")
    async def ice_servers(session_id: str) -> dict[str, Any]:
        """Return the STUN and TURN servers a client should use."""
        return {"ice_servers": slot_of(slots, session_id).acceptor.ice_servers()}

    @router.post("/connections", status_code=201)
    async def register(session_id: str) -> dict[str, Any]:
        """Mint a connection id."""
        slot = slot_of(slots, session_id)
        contract = slot.runtime.contract
        track_map = {
            track.name: {"kind": track.kind, "direction": track.direction, "rate": track.rate}
            for track in (contract.tracks if contract else ())
        }
        return {"connection_id": slot.acceptor.register(), "track_map": track_map}

    def give_answer(session_id: str, connection_id: int) -> Response:
        answer = slot_of(slots, session_id).acceptor.poll(connection_id)
        if answer is None:
            return JSONResponse({"connection_id": connection_id}, 202)
        return JSONResponse({"sdp_answer": answer, "connection_id": connection_id})

    def take_candidates(session_id: str, connection_id: int, batch: Candidates) -> JSONResponse:
        candidates = [Candidate(c.candidate, c.sdp_mid, c.sdp_mline_index) for c in batch.candidates]
        slot_of(slots, session_id).acceptor.add_candidates(connection_id, candidates)
        return JSONResponse({"connection_id": connection_id}, 202)

    @router.api_route("/connections/{connection_id}/sdp_params", methods=["POST", "PUT"], status_code=202)
    async def offer(session_id: str, connection_id: int, body: Offer) -> JSONResponse:
        """Take an offer (POST) or a reconnect (PUT) alike."""
        slot_of(slots, session_id).acceptor.offer(connection_id, body.sdp_offer, body.mids)
        return JSONResponse({"connection_id": connection_id}, 202)

    @router.get("/connections/{connection_id}/sdp_params")
    async def answer(session_id: str, connection_id: int) -> Response:
        """Return the answer: 202 while it is being made."""
        return give_answer(session_id, connection_id)

    @router.post("/connections/{connection_id}/ice_candidates", status_code=202)
    async def candidates(session_id: str, connection_id: int, body: Candidates) -> JSONResponse:
        """Take trickled candidates, before, between or after offer and answer."""
        return take_candidates(session_id, connection_id, body)

    @router.api_route("/sdp_params", methods=["POST", "PUT"], status_code=202)
    async def implicit_offer(session_id: str, body: Offer, request: Request) -> JSONResponse:
        """Take the offer (POST) or the reconnect (PUT) of a client that knows no connection ids."""
        acceptor = slot_of(slots, session_id).acceptor
        await turns[session_id].begin()
        try:
            acceptor.offer_unnumbered(body.sdp_offer, body.mids, is_reconnect=request.method == "PUT")
        except ClientError:
            turns[session_id].end()
            raise
        return JSONResponse({"connection_id": IMPLICIT_CONNECTION}, 202)

    @router.get("/sdp_params")
    async def implicit_answer(session_id: str) -> Response:
        """Return the answer for a client that knows no connection ids."""
        answer = give_answer(session_id, IMPLICIT_CONNECTION)
        if answer.status_code == 200:
            turns[session_id].end()
        return answer

    @router.post("/ice_candidates", status_code=202)
    async def implicit_candidates(session_id: str, body: Candidates) -> JSONResponse:
        """Take candidates of a client that knows no connection ids."""
        return take_candidates(session_id, IMPLICIT_CONNECTION, body)

    return router
