"""The ways from here to a server's pictures, each tried by itself."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import webrtc
import wsproto
import wsproto.events as ws

from reactor_runtime.cli.doctor import Absent, Finding, Verdict, examined
from reactor_runtime.client import Client, NotConnected, Refused
from reactor_runtime.client.lines import Line, prepare_engine
from reactor_runtime.client.server import DEFAULT_URL, PATIENCE, Server, is_running
from reactor_runtime.fallback import socket_peer
from reactor_runtime.runtime.clock import now, wall_ms
from reactor_runtime.wire import messages as wire

__all__ = ["DEFAULT_URL", "ways"]

PICTURE = 6.0
"""Seconds to wait for a picture: a model may show none before it is asked to."""
MODEL = 5.0
SKEW = 30.0
"""Seconds that two clocks may differ: credentials of TURN servers are good for a time."""
_CODECS = {number: name.upper() for name, number in socket_peer.CODECS.items()}


async def ways(url: str) -> AsyncIterator[Finding]:
    """Yield what is found of each way to a server, the first that others need first."""
    server = Server(url, "local")
    http = await examined("HTTP", lambda: _reached(server))
    yield http
    if http.verdict is not Verdict.WORKS:
        return
    yield await examined("model", lambda: _model(server))
    yield await examined("clock", lambda: _clock(server))
    try:
        former = await server.session()
        session = await server.find_session()
    except (Refused, NotConnected) as refused:
        yield Finding("session", Verdict.FAILS, str(refused))
        return
    session_id = str(session["session_id"])
    try:
        yield await examined("WebRTC", lambda: _connected(url, session_id, relay_only=False), is_vital=True)
        yield await examined("WebRTC over TURN", lambda: _relayed(url, server, session_id), is_vital=True)
        yield await examined("WebSocket", lambda: _socket(server.url, session_id), is_vital=True)
        yield await examined("WHEP", lambda: _whep(server.url, session_id), is_vital=True)
    finally:
        if not (former["session_id"] == session_id and is_running(former)):
            await server.stop_session(session_id)


async def _reached(server: Server) -> str:
    began = now()
    await server.health()
    return f"{server.url} answers in {(now() - began) * 1000:.0f} ms"


async def _model(server: Server) -> str:
    until = now() + MODEL
    while True:
        health = await server.health()
        state, detail = str(health.get("status")), health.get("detail")
        if state in ("ready", "healthy"):
            return f"{health.get('model') or 'the model'} is {str(health.get('state') or state).lower()}"
        if state != "loading" or now() > until:
            progress = (health.get("progress") or {}).get("text")
            raise NotConnected(f"{state}: {detail or progress or 'no more is known'}")
        await asyncio.sleep(0.2)


async def _clock(server: Server) -> str:
    _, headers, _ = await _exchange("GET", f"{server.url}/health")
    if not (told := headers.get("date")):
        raise Absent("the server does not tell its time")
    skew = wall_ms() / 1000 - parsedate_to_datetime(told).timestamp()
    if abs(skew) > SKEW:
        raise NotConnected(f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the server's")
    return "as the server's"


async def _connected(url: str, session_id: str, *, relay_only: bool) -> str:
    began = now()
    async with Client(url, session_id=session_id, patience=MODEL, relay_only=relay_only) as client:
        opened = now() - began
        seen = f"connected in {opened:.2f} s"
        if any((track.kind, track.direction) == ("video", "out") for track in client.tracks):
            try:
                async with asyncio.timeout(PICTURE):
                    frame = await anext(client.frames())
                seen = f"a picture of {frame.data.shape[1]}x{frame.data.shape[0]} after {now() - began:.2f} s"
            except TimeoutError:
                seen += f", but no picture within {PICTURE:g} s"
        figures = await client.figures()
    return f"{seen}, {figures.path}, round trip {figures.round_trip * 1000:.0f} ms"


async def _relayed(url: str, server: Server, session_id: str) -> str:
    servers = await server.ice_servers(session_id)
    urls = [str(address) for one in servers for address in one.get("uris", [])]
    if not (relays := [address for address in urls if address.startswith(("turn:", "turns:"))]):
        raise Absent("the server names no TURN server")
    return f"{await _connected(url, session_id, relay_only=True)}, by {', '.join(relays)}"


async def _socket(url: str, session_id: str) -> str:
    """Open the WebSocket that carries pictures where WebRTC does not, and wait for the first key frame."""
    parts, began = urlsplit(url), now()
    is_secure = parts.scheme == "https"
    port = parts.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=is_secure or None)
    protocol = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)

    def send(event: ws.Event) -> None:
        writer.write(protocol.send(event))

    try:
        send(ws.Request(parts.netloc, f"{parts.path}/sessions/{session_id}/transport/socket"))
        text, greeted = "", 0.0
        while True:
            async with asyncio.timeout(PICTURE if greeted else PATIENCE):
                received = await reader.read(65_536)
            protocol.receive_data(received or None)
            for event in protocol.events():
                match event:
                    case ws.RejectConnection(status_code=status):
                        raise NotConnected(f"the server answers {status}: it has no such way, or something between")
                    case ws.CloseConnection(code=code, reason=reason):
                        raise NotConnected(f"closed with {code}: {reason or 'no reason'}")
                    case ws.Ping():
                        send(event.response())
                    case ws.TextMessage(data=data):
                        text = text + data
                        if event.message_finished:
                            hello, text = _greeting(text), ""
                            if hello == []:
                                return f"connected in {now() - began:.2f} s; the model has no pictures"
                            greeted = greeted or now()
                            for track in hello or ():
                                send(ws.Message(_resume(track)))
                    case ws.BytesMessage(data=data) if len(data) >= socket_peer.HEADER.size:
                        kind, _, codec, flags, _, width, height, _ = socket_peer.HEADER.unpack_from(bytes(data))
                        if kind == socket_peer.PICTURE and flags & socket_peer.KEY_FRAME:
                            named = _CODECS.get(codec, "?")
                            return f"a key frame of {width}x{height} {named} after {now() - began:.2f} s"
    except TimeoutError:
        if greeted:
            return f"connected in {greeted - began:.2f} s, but no picture within {PICTURE:g} s"
        raise
    finally:
        writer.close()


def _greeting(text: str) -> list[str] | None:
    """Return the video tracks that a `hello` names, None for anything else."""
    said = json.loads(text).get("data", {})
    if not isinstance(said, dict) or said.get("type") != "hello":
        return None
    return [track["name"] for track in said["data"]["tracks"] if track["kind"] == "video"]


def _resume(track: str) -> str:
    from reactor_runtime.client.wire import encode

    return encode(wire.ResumeTrack(track))[1]


async def _whep(url: str, session_id: str) -> str:
    """Watch as players do: one offer, one answer, no commands."""
    prepare_engine()
    began, location = now(), ""
    peer = webrtc.RTCPeerConnection()
    line = None
    try:
        receiver = peer.add_transceiver("video", webrtc.RTCRtpTransceiverInit(direction="recvonly")).receiver
        await peer.set_local_description(await peer.create_offer())
        async with asyncio.timeout(PICTURE):
            while peer.ice_gathering_state != webrtc.RTCIceGatheringState.complete:  # noqa: ASYNC110 - once, briefly
                await asyncio.sleep(0.01)
        offer = peer.local_description
        assert offer is not None, "set above"
        where = f"{url}/sessions/{session_id}/whep"
        status, headers, body = await _exchange("POST", where, offer.sdp.encode(), "application/sdp")
        if status != 201:
            raise NotConnected(f"{where} answers {status}: {body.decode(errors='replace')[:200]}")
        location = urljoin(where, headers.get("location", ""))
        answer = webrtc.RTCSessionDescriptionInit(webrtc.RTCSdpType.answer, body.decode())
        await peer.set_remote_description(answer)
        line = Line("", receiver.track, 1, 0.0)
        async with asyncio.timeout(PICTURE):
            frame = await line.next()
        if frame is None:
            raise NotConnected("the server closed it")
        return f"a picture of {frame.data.shape[1]}x{frame.data.shape[0]} after {now() - began:.2f} s"
    except TimeoutError:
        raise NotConnected(f"no picture within {PICTURE:g} s") from None
    finally:
        if line is not None:
            line.close()
        peer.close()
        if location:
            await _exchange("DELETE", location)


async def _exchange(
    method: str, url: str, body: bytes | None = None, kind: str = ""
) -> tuple[int, Mapping[str, str], bytes]:
    """Return the status, the headers by lower-case name and the body of an answer, whatever it says."""

    def fetch() -> tuple[int, Mapping[str, str], bytes]:
        headers = {"Content-Type": kind} if kind else {}
        asked: Any = urllib.request.Request(url, body, headers, method=method)
        try:
            answer = urllib.request.urlopen(asked, timeout=PATIENCE)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, found, answer.read()

    return await asyncio.to_thread(fetch)
