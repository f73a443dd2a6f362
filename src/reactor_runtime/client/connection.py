"""One WebRTC connection, from the offer to its loss. It never heals itself: a lost one is replaced."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import webrtc

from reactor_runtime.client import wire as words
from reactor_runtime.client.figures import Meter
from reactor_runtime.client.lines import Line, Outgoing, prepare_engine
from reactor_runtime.client.server import Json, Server
from reactor_runtime.client.values import Figures, NotConnected, Refused, Track
from reactor_runtime.wire import messages as wire

GATHERING = 0.5
"""Seconds the offer waits for candidates; those that are found later follow it."""
ANSWERING = 12.0
OPENING = 10.0
REPLYING = 10.0
PING_INTERVAL = 5.0
"""The server gives a silent connection 20 s."""
NO_WAY = f"no way for the media was found in {OPENING:g} s; a firewall that stops UDP is the usual reason"
GRACE = 3.0
"""ICE often recovers by itself within two of its checks."""


class Connection:
    """Carries what both sides say, and their media. All methods run on the event loop.

    Attributes:
        id: What the server calls it.
        lost: Has the reason once the connection is gone for good.
    """

    def __init__(
        self,
        server: Server,
        ice_servers: Sequence[Json],
        on_message: Callable[[wire.Outbound], None],
        *,
        relay_only: bool,
    ) -> None:
        prepare_engine()
        self.id = 0
        self._server = server
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._on_message = on_message
        servers = [
            webrtc.RTCIceServer(
                server.get("uris", []),
                server.get("credentials", {}).get("username"),
                server.get("credentials", {}).get("password"),
            )
            for server in ice_servers
        ]
        policy = webrtc.RTCIceTransportPolicy.relay if relay_only else webrtc.RTCIceTransportPolicy.all
        self._pc = webrtc.RTCPeerConnection(webrtc.RTCConfiguration(servers, policy))
        # The server tells this family of clients by `control` being made first.
        self._channels = {label: self._pc.create_data_channel(label) for label in ("control", "data")}
        self._lines: set[Line] = set()
        self._transceivers: dict[str, webrtc.RTCRtpTransceiver] = {}
        self._answers: dict[str, asyncio.Future[wire.TrackAnswered]] = {}
        self._requests = itertools.count(1)
        self._candidates: list[webrtc.RTCIceCandidate] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._meter = Meter(self._loop.time())
        self._changed = asyncio.Event()
        for event in ("connectionstatechange", "icegatheringstatechange"):
            self._pc.on(event, self._on_change)
        for channel in self._channels.values():
            channel.on("open", self._on_change)
            channel.on("close", lambda _: self._lose("the server closed the connection"))
            channel.on("message", self._on_frame)

    @classmethod
    async def open(
        cls,
        server: Server,
        session_id: str,
        tracks: Sequence[Track],
        on_message: Callable[[wire.Outbound], None],
        *,
        former: int | None = None,
        relay_only: bool = False,
    ) -> Connection:
        """Negotiate, and return once both channels are open.

        Args:
            server: Answers the offer.
            session_id: The session to join.
            tracks: All of the session's, in its order.
            on_message: Told what the server says on either channel, but answers to requests.
            former: The id of a connection that was lost, which this one is to take the place of.
            relay_only: Use TURN servers alone.

        Raises:
            Refused: The server does not want it.
            NotConnected: The server cannot be reached, or no way for the media was found.
        """
        connection = cls(server, await server.ice_servers(session_id), on_message, relay_only=relay_only)
        try:
            await connection._negotiate(session_id, tracks, former)
            await connection._until(connection._is_open, OPENING, NO_WAY)
        except BaseException:
            connection.close()
            raise
        connection.spawn(connection._ping())
        return connection

    def say(self, message: wire.Inbound) -> None:
        """Send one message.

        Raises:
            NotConnected: The connection is gone.
            Refused: It is larger than a channel takes; code `too_large`.
        """
        label, text = words.encode(message)
        try:
            self._channels[label].send(text)
        except webrtc.RTCException:
            raise NotConnected("the connection is gone") from None
        except TypeError:
            raise Refused("too_large", f"a message of {len(text)} is larger than the connection takes") from None

    def read(self, track: str, depth: int, started_at: float) -> Line:
        """Return a reader of a received track; see `Line`. It is closed with the connection."""
        line = Line(track, self._transceivers[track].receiver.track, depth, started_at)
        self._lines = {other for other in self._lines if not other.closed} | {line}
        if self.lost.done():
            line.close()
        return line

    async def publish(self, track: str, outgoing: Outgoing) -> None:
        """Ask for an input track, and send on it.

        Raises:
            Refused: Another client sends it; or nobody answered, code `no_answer`.
            NotConnected: The connection is gone.
        """
        request_id = f"ctrl_{next(self._requests)}"
        answered = self._answers[request_id] = self._loop.create_future()
        try:
            self.say(wire.PublishTrack(track, request_id))
            await asyncio.wait((answered, self.lost), timeout=REPLYING, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._answers[request_id]
        if self.lost.done():
            raise NotConnected(self.lost.result())
        if not answered.done():
            raise Refused("no_answer", f"nobody answered within {REPLYING:g} s")
        answer = answered.result()
        if answer.error_code is not None:
            raise Refused(answer.error_code, answer.error_message)
        await self._transceivers[track].sender.replace_track(outgoing.track)

    async def unpublish(self, track: str) -> None:
        """Stop sending on an input track, and let others have it."""
        if not self.lost.done():
            await self._transceivers[track].sender.replace_track(None)
            self.say(wire.UnpublishTrack(track))

    async def figures(self) -> Figures:
        """Return what the engine counts, since the last time where it says so."""
        names = {transceiver.mid: name for name, transceiver in self._transceivers.items()}
        return self._meter.read(await self._pc.get_stats(), names, self._loop.time())

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do something for as long as the connection lasts; an error in it is its end."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def close(self) -> None:
        """Close the wire; the session on the server goes on. Idempotent."""
        self._lose("closed")
        for task in self._tasks:
            task.cancel()
        self._pc.close()

    # ---- inside -------------------------------------------------------------------------------------------------

    async def _negotiate(self, session_id: str, tracks: Sequence[Track], former: int | None) -> None:
        ways = {"out": "recvonly", "in": "sendonly"}
        for track in tracks:
            init = webrtc.RTCRtpTransceiverInit(direction=webrtc.RTCRtpTransceiverDirection(ways[track.direction]))
            self._transceivers[track.name] = self._pc.add_transceiver(track.kind, init)
        await self._pc.set_local_description(await self._pc.create_offer())
        try:
            await self._until(self._has_gathered, GATHERING, "no address was found")
        except NotConnected:
            if self.lost.done():
                raise
        self.id = await self._server.register(session_id) if former is None else former
        description = self._pc.local_description
        assert description is not None, "set above"
        mapping = [
            {"mid": transceiver.mid, "name": t.name, "kind": t.kind, "direction": ways[t.direction]}
            for t, transceiver in zip(tracks, self._transceivers.values(), strict=True)
        ]
        # What is not in the offer yet follows it.
        self._pc.on("icecandidate", lambda event: self.spawn(self._trickle(session_id, event.candidate)))
        await self._server.offer(session_id, self.id, description.sdp, mapping, again=former is not None)
        answer = await self._poll(session_id)
        try:
            await self._pc.set_remote_description(webrtc.RTCSessionDescriptionInit(webrtc.RTCSdpType.answer, answer))
        except (webrtc.RTCException, ValueError, TypeError) as wrong:
            raise Refused("invalid_sdp", f"the server's answer cannot be used: {wrong}") from wrong

    async def _poll(self, session_id: str) -> str:
        deadline, wait = self._loop.time() + ANSWERING, 0.01
        while (sdp := await self._server.answer(session_id, self.id)) is None:
            if self._loop.time() > deadline:
                raise NotConnected("the server did not answer the offer")
            await asyncio.sleep(wait)
            wait = min(wait * 2, 0.8)
        return sdp

    async def _trickle(self, session_id: str, found: webrtc.RTCIceCandidate | None) -> None:
        batch = [] if found is None else [_candidate(found)]
        with suppress(Refused, NotConnected):  # the server may reach us without it, by our own checks
            await self._server.add_candidates(session_id, self.id, batch, is_final=found is None)

    async def _until(self, holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    if self.lost.done():
                        raise NotConnected(self.lost.result())
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise NotConnected(otherwise) from None

    def _has_gathered(self) -> bool:
        return self._pc.ice_gathering_state == webrtc.RTCIceGatheringState.complete

    def _is_open(self) -> bool:
        opened = webrtc.RTCDataChannelState.open
        return all(channel.ready_state == opened for channel in self._channels.values())

    async def _ping(self) -> None:
        while not self.lost.done():
            await asyncio.sleep(PING_INTERVAL)
            self.say(wire.Ping())

    def _on_change(self, _event: object) -> None:
        self._changed.set()
        state = self._pc.connection_state
        if state in (webrtc.RTCPeerConnectionState.failed, webrtc.RTCPeerConnectionState.closed):
            self._lose("the network path was lost")
        elif state == webrtc.RTCPeerConnectionState.disconnected:
            self.spawn(self._wait_for_path())

    async def _wait_for_path(self) -> None:
        # A server that is gone is known sooner than a path that comes back: not to be reached ends the connection.
        with suppress(Refused):
            await self._server.health()
        await asyncio.sleep(GRACE)
        if self._pc.connection_state == webrtc.RTCPeerConnectionState.disconnected:
            self._lose("the server is out of reach")

    def _on_frame(self, event: Any) -> None:
        message = words.decode(event.data)
        if isinstance(message, wire.TrackAnswered):
            if (answered := self._answers.get(message.request_id or "")) is not None and not answered.done():
                answered.set_result(message)
        elif message is not None:
            self._on_message(message)

    def _lose(self, reason: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self._changed.set()
        # A handler that stays keeps the connection, and the connection its threads.
        self._pc.off()
        for channel in self._channels.values():
            channel.off()
        for line in self._lines:
            line.close()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._lose(str(error))


def _candidate(found: webrtc.RTCIceCandidate) -> Json:
    return {
        "candidate": found.candidate,
        "sdp_mid": found.sdp_mid,
        "sdp_mline_index": found.sdp_m_line_index,
    }
