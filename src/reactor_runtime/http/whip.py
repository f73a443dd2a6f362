"""Routes of the standard protocols: WHEP to watch (draft-ietf-wish-whep), WHIP to send (RFC 9725).

Both are one request: an offer comes in, its answer goes out, with the address of the connection. Trickled candidates
and the end of it are sent to that address. A bearer token is taken from everybody and judged by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from reactor_runtime.authoring.contract import Direction
from reactor_runtime.errors import ClientError
from reactor_runtime.http.slots import Slot, slot_of
from reactor_runtime.runtime.pool import slot_for_start
from reactor_runtime.webrtc.acceptor import Acceptor
from reactor_runtime.webrtc.connection import Connection
from reactor_runtime.webrtc.standard import read_fragment

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
MAX_BODY = 256 * 1024
MAX_TRACKS = 64
READ_BY_PAGES = ("Location", "ETag", "Link", "Accept-Patch")
"""Headers that pages of other origins need."""

Protocol = Literal["whep", "whip"]
Names = Annotated[list[str], Query(max_length=MAX_TRACKS)]
_DIRECTIONS: dict[Protocol, Direction] = {"whep": "out", "whip": "in"}


def standard_routes(slots: Mapping[str, Slot]) -> APIRouter:
    """Build the routes over the slots."""
    router = APIRouter()
    for protocol in _DIRECTIONS:
        router.include_router(_endpoint(slots, protocol))
        router.include_router(_connection(slots, protocol), prefix=f"/{protocol}/{{key}}")
    return router


def _endpoint(slots: Mapping[str, Slot], protocol: Protocol) -> APIRouter:
    router = APIRouter()
    running, named = f"/{protocol}", f"/sessions/{{session_id}}/{protocol}"

    async def admit(slot: Slot, request: Request, names: Sequence[str]) -> Response:
        offer = await _text(request, SDP)
        if not _accepts(request.headers.get("accept", "*/*")):
            raise ClientError(f"the answer is {SDP}, which is not accepted", code="not_acceptable", http_status=406)
        connection, answer = await slot.acceptor.admit(offer, _DIRECTIONS[protocol], names)
        headers = {
            "Location": str(request.url_for(protocol, key=connection.key)),
            "ETag": _etag(connection),
            "Accept-Patch": FRAGMENT,
        }
        response = Response(answer, 201, headers, SDP)
        for link in links(slot.acceptor.ice_servers()):
            response.headers.append("Link", link)
        return response

    @router.post(running, status_code=201)
    async def offer(request: Request, track: Names = []) -> Response:  # noqa: B006 - only read
        """Answer an offer for the session that runs, or for a new one."""
        slot = next((slot for slot in slots.values() if slot.runtime.running), None)
        if slot is None:
            runtime = slot_for_start([slot.runtime for slot in slots.values()])
            slot = slots[runtime.session_id]
        return await admit(slot, request, track)

    @router.post(named, status_code=201)
    async def offer_to(session_id: str, request: Request, track: Names = []) -> Response:  # noqa: B006 - only read
        """Answer an offer for a session, which is started if it does not run."""
        return await admit(slot_of(slots, session_id), request, track)

    for path in (running, named):
        _reserve(router, path, ("POST",), {"Accept-Post": SDP})
    return router


def _connection(slots: Mapping[str, Slot], protocol: Protocol) -> APIRouter:
    router = APIRouter()

    def found(key: str) -> tuple[Acceptor, Connection]:
        for slot in slots.values():
            if (connection := slot.acceptor.find(key)) is not None:
                return slot.acceptor, connection
        raise ClientError("this connection is over, or never was", code="unknown_connection", http_status=404)

    @router.patch("", name=protocol, status_code=204)
    async def trickle(key: str, request: Request) -> Response:
        """Take candidates that the client found after its offer."""
        acceptor, connection = found(key)
        fragment = read_fragment(await _text(request, FRAGMENT))
        condition = request.headers.get("if-match")
        if condition is None and not fragment.ufrags:  # clients that name their ICE by its fragment alone are about
            raise ClientError("neither If-Match nor a user fragment names the ICE", code="no_ice", http_status=428)
        if condition not in (None, "*") and _etag(connection) not in [tag.strip() for tag in condition.split(",")]:
            raise ClientError("If-Match names other ICE than this", code="other_ice", http_status=412)
        acceptor.trickle(connection, fragment)
        return Response(status_code=204)

    @router.delete("", status_code=200)
    async def end(key: str) -> Response:
        """End the connection."""
        _, connection = found(key)
        connection.close("ended by its client")
        return Response()

    @router.api_route("", methods=["GET", "HEAD"], include_in_schema=False)
    async def get(key: str) -> Response:
        found(key)
        return Response(status_code=204)

    _reserve(router, "", ("PATCH", "DELETE"), {"Accept-Patch": FRAGMENT})
    return router


def _reserve(router: APIRouter, path: str, methods: Sequence[str], accepted: Mapping[str, str]) -> None:
    """Answer every other method: there is nothing to get (RFC 9725 §4.1), and the rest is kept for later."""
    headers = {"Allow": ", ".join(("OPTIONS", "GET", "HEAD", *methods)), **accepted}

    async def nothing(request: Request) -> Response:
        return Response(status_code=200 if request.method == "OPTIONS" else 204, headers=headers)

    async def refused() -> Response:
        return Response(status_code=405, headers=headers)

    others = sorted({"POST", "PUT", "PATCH", "DELETE"}.difference(methods))
    router.add_api_route(path, nothing, methods=["OPTIONS", "GET", "HEAD"], include_in_schema=False)
    router.add_api_route(path, refused, methods=others, include_in_schema=False)


async def _text(request: Request, media_type: str) -> str:
    sent = request.headers.get("content-type", "")
    if sent.partition(";")[0].strip().lower() != media_type:
        text = f"the body has to be {media_type}, not {sent or 'of no type'}"
        raise ClientError(text, code="unsupported_media_type", http_status=415)
    body = await request.body()
    if len(body) > MAX_BODY:
        raise ClientError(f"the body is larger than {MAX_BODY} bytes", code="too_large", http_status=413)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ClientError("the body is not UTF-8", code="invalid_sdp") from None


def _accepts(header: str) -> bool:
    ranges = (part.partition(";") for part in header.lower().split(","))
    wanted = {media.strip() for media, _, quality in ranges if quality.replace(" ", "") not in ("q=0", "q=0.0")}
    return not wanted.isdisjoint({"*/*", "application/*", SDP})


def _etag(connection: Connection) -> str:
    """Name the connection's ICE, which is never restarted."""
    return f'"{connection.id}"'


def links(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ICE servers as RFC 9725 §4.6 has them."""
    links = []
    for server in servers:
        told = 'rel="ice-server"'
        if (credentials := server.get("credentials")) is not None:
            told += f"; username={_quoted(credentials['username'])}; credential={_quoted(credentials['password'])}"
            told += '; credential-type="password"'
        links += [f"<{uri}>; {told}" for uri in server["uris"]]
    return links


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
