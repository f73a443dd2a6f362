"""Turns offers into connections: one negotiation record per offer, one ladder per video track for all of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reactor_runtime.authoring.contract import Direction, TrackSpec
from reactor_runtime.config import Config
from reactor_runtime.errors import ClientError
from reactor_runtime.log import get_logger
from reactor_runtime.runtime.clock import Alarm, now, wall_ms
from reactor_runtime.runtime.runtime import Runtime
from reactor_runtime.session.negotiation import Candidate, Negotiation
from reactor_runtime.webrtc.connection import Connection
from reactor_runtime.webrtc.offer import MediaLine, media_lines
from reactor_runtime.webrtc.peer import Peer, PeerObserver
from reactor_runtime.webrtc.standard import Fragment, in_one_stream, one_way
from reactor_runtime.webrtc.turn import ice_servers
from reactor_runtime.wire.dialect import Way

if TYPE_CHECKING:
    from reactor_runtime.codec.ladder import Ladder
    from reactor_runtime.runtime.stream import Stream

log = get_logger("reactor.webrtc")

IMPLICIT_CONNECTION = 1001
"""What clients that know no connection ids (wire family v1) negotiate under, one after the other."""
ESTIMATES_PER_SECOND = 10
"""Looks at viewers' bandwidth estimates, all viewers together: each takes the engine and us a millisecond."""
ESTIMATE_INTERVAL = 0.1
"""Seconds between two looks at one viewer's estimate at most often, as while it does not fit what is sent."""
REFRESH_AFTER = 0.04
"""Seconds to wait for the model's next picture before a wanted key frame is made of the last one."""


class Acceptor:
    """The WebRTC side of one slot. All methods run on the event loop."""

    def __init__(self, runtime: Runtime, config: Config, make_peer: Callable[[PeerObserver], Peer]) -> None:
        self._runtime = runtime
        self._config = config
        self._make_peer = make_peer
        self._negotiation = Negotiation(
            timeout=config.session.negotiation_timeout, max_connections=config.session.max_connections
        )
        self._connections: dict[int, Connection] = {}
        self._answering: dict[int, Connection] = {}
        self._left: dict[int, int] = {}
        """Id of each connection that is no more, and the number of the session that it was of."""
        self._unnumbered: list[int] = []
        """Ids of the connections of clients that know none, the newest last."""
        self._ladders: dict[str, Ladder] = {}
        self._stream: Stream | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm = Alarm(self._expire)

    def ice_servers(self) -> list[dict[str, Any]]:
        """Return the ICE servers as clients parse them; a shared secret's credentials are of this call's own."""
        found = ice_servers(self._config.webrtc, secrets.token_hex(4), wall_ms() // 1000)
        return [
            {"uris": list(server.urls)}
            | ({"credentials": {"username": server.username, "password": server.credential}} if server.username else {})
            for server in found
        ]

    def register(self) -> int:
        """Mint a connection id."""
        connection_id = self._negotiation.register(now())
        self._arm()
        return connection_id

    def offer(self, connection_id: int, sdp: str, mids: Mapping[str, str]) -> None:
        """Take an offer, a first one or a reconnect; the answer is polled for.

        Args:
            connection_id: A registered id.
            sdp: The client's offer.
            mids: SDP mid to track name.
        """
        tracks = self._mapped(mids)
        number = self._take(connection_id, sdp, mids)
        connection = self._begin(connection_id, "numbered")
        self._spawn(self._answer(connection, connection_id, number, sdp, tracks))

    def offer_unnumbered(self, sdp: str, mids: Mapping[str, str], *, is_reconnect: bool) -> None:
        """Take the offer of a client that knows no connection ids; the answer is polled for as `IMPLICIT_CONNECTION`.

        Each offer makes a connection of its own, but a reconnect takes the place of the only one there is. Where there
        are several, nobody can tell whose it is; the one that was left ends by itself.
        """
        tracks = self._mapped(mids)
        live = [i for i in self._unnumbered if i in self._connections or i in self._answering]
        number = self._take(IMPLICIT_CONNECTION, sdp, mids)
        connection_id = live.pop() if is_reconnect and len(live) == 1 else self.register()
        self._unnumbered = [*live, connection_id]
        connection = self._begin(connection_id, "v1")
        self._spawn(self._answer(connection, IMPLICIT_CONNECTION, number, sdp, tracks))

    async def answer(self, sdp: str) -> str:
        """Answer the offer of a client that tells no mapping: its lines are named after tracks, or numbered.

        A numbered line carries the first track that the model has of its kind, each way. Every such offer makes a
        connection of its own.

        Raises:
            ClientError: 400 without a session, or where no line is for a track of this model.
        """
        lines = media_lines(sdp)
        way: Way = "named" if any(not line.mid.isdecimal() for line in lines) else "unnamed"
        tracks = self._named(lines) if way == "named" else self._in_order(lines)
        _, answer = await self._admit(sdp, tracks, way)
        return answer

    async def admit(self, sdp: str, direction: Direction, names: Sequence[str] = ()) -> tuple[Connection, str]:
        """Answer the offer of a client that only watches (`out`) or only sends (`in`); see `one_way`.

        A session is started when none runs. The tracks that a client sends are its own from here on.

        Raises:
            ClientError: 400 or 422, the offer is of no use; 404, no such track; 409, a track is another client's, or
                the session is closing; 503, there is no room or no model yet.
        """
        if self._runtime.contract is None:
            raise ClientError("the model is still loading", code="loading", http_status=503)
        tracks = one_way(media_lines(sdp), self._runtime.contract.tracks, direction, names)
        if not self._runtime.running:
            self._runtime.start_session()
        connection, answer = await self._admit(sdp, tracks, "standard")
        return connection, in_one_stream(answer)

    def find(self, key: str) -> Connection | None:
        """Return the connection of a key, while it lives."""
        found = (c for c in [*self._connections.values(), *self._answering.values()] if c.key == key)
        return next(found, None)

    def trickle(self, connection: Connection, fragment: Fragment) -> None:
        """Take the candidates of a fragment.

        Raises:
            ClientError: 422, the fragment asks for an ICE restart.
        """
        if not all(self._negotiation.is_of_offer(connection.id, ufrag) for ufrag in fragment.ufrags):
            text = "ICE is not restarted; end this connection and offer anew"
            raise ClientError(text, code="no_ice_restart", http_status=422)
        self.add_candidates(connection.id, fragment.candidates)

    def open(self, way: Way, make_peer: Callable[[PeerObserver], Peer], connection_id: int | None = None) -> Connection:
        """Make a connection that needs no offer: it carries the outputs once its peer says that it is up.

        Args:
            way: How the client came.
            make_peer: Makes the peer.
            connection_id: The client's connection that this is to replace, None for a new one.

        Raises:
            ClientError: 400 without a session, 503 when there is no room, 422 when the id is out of range.
        """
        self._check_running()
        connection_id = self._negotiation.register(now(), connection_id)
        self._arm()
        connection = self._begin(connection_id, way, make_peer)
        connection.open([track for track in self._known.values() if track.direction == "out"])
        return connection

    def poll(self, connection_id: int) -> str | None:
        """Return the answer to the newest offer, None while it is being made."""
        return self._negotiation.poll(connection_id)

    def add_candidates(self, connection_id: int, candidates: list[Candidate]) -> None:
        """Take trickled candidates; those that precede the answer wait for it."""
        self._recall(connection_id)
        ready = self._negotiation.add_candidates(connection_id, candidates)
        if connection_id == IMPLICIT_CONNECTION and self._unnumbered:
            connection_id = self._unnumbered[-1]
        connection = self._answering.get(connection_id) or self._connections.get(connection_id)
        if connection is not None and ready:
            self._spawn(self._add(connection, ready))

    async def run(self) -> None:
        """Follow the viewers' bandwidth estimates until cancelled."""
        while True:
            await asyncio.sleep(ESTIMATE_INTERVAL)
            calm = max(ESTIMATE_INTERVAL, len(self._connections) / ESTIMATES_PER_SECOND)
            for connection in list(self._connections.values()):
                if connection.estimate_is_due(now(), calm):
                    self._spawn(connection.note_estimate())

    def close(self) -> None:
        """Close every connection and encoder."""
        self._alarm.cancel()
        for connection in [*self._connections.values(), *self._answering.values()]:
            connection.close("the server is shutting down")
        for task in self._tasks:
            task.cancel()
        self._close_ladders()

    @property
    def connections(self) -> int:
        """Live connections, negotiating ones included."""
        return len(self._connections) + len(self._answering)

    @property
    def ladders(self) -> Mapping[str, Ladder]:
        """Track to ladder, for each video track that somebody watched."""
        return self._ladders

    async def stats(self) -> dict[int, dict[str, float]]:
        """Return the figures of each live connection, taken one after the other: each costs the loop a millisecond."""
        return {connection.id: await connection.stats() for connection in list(self._connections.values())}

    # ---- inside -------------------------------------------------------------------------------------------------

    def _take(self, connection_id: int, sdp: str, mids: Mapping[str, object]) -> int:
        self._check_running()
        self._recall(connection_id)
        number = self._negotiation.offer(connection_id, sdp, mids, now())
        self._arm()
        return number

    def _recall(self, connection_id: int) -> None:
        """Register an id again if its connection was lost in this session: the client comes back on it."""
        if connection_id == IMPLICIT_CONNECTION or self._left.get(connection_id) == self._runtime.sessions:
            self._negotiation.register(now(), connection_id)
            self._arm()

    def _check_running(self) -> None:
        if not self._runtime.running:
            raise ClientError("No session running", code="no_session")

    @property
    def _known(self) -> dict[str, TrackSpec]:
        contract = self._runtime.contract
        return {track.name: track for track in contract.tracks} if contract else {}

    def _mapped(self, mids: Mapping[str, str]) -> dict[str, Sequence[TrackSpec]]:
        known = self._known
        if unknown := sorted(set(mids.values()) - known.keys()):
            raise ClientError(f"track_mapping names unknown tracks {unknown}; this model has {sorted(known)}")
        if len(set(mids.values())) < len(mids):
            raise ClientError("track_mapping names a track twice", code="invalid_track_mapping")
        return {mid: (known[name],) for mid, name in mids.items()}

    def _named(self, lines: Sequence[MediaLine]) -> dict[str, Sequence[TrackSpec]]:
        """Return the tracks after which lines are named; a client may declare some that this model has not."""
        known = self._known
        found: dict[str, Sequence[TrackSpec]] = {line.mid: (known[line.mid],) for line in lines if line.mid in known}
        if not found:
            names = [line.mid for line in lines]
            raise ClientError(f"the offer names tracks {names}; this model has {sorted(known)}")
        return found

    def _in_order(self, lines: Sequence[MediaLine]) -> dict[str, Sequence[TrackSpec]]:
        left = list(self._known.values())
        found: dict[str, Sequence[TrackSpec]] = {}
        for line in lines:
            ways = [way for way, is_wanted in (("out", line.receives), ("in", line.sends)) if is_wanted]
            firsts = (next((t for t in left if (t.kind, t.direction) == (line.kind, way)), None) for way in ways)
            found[line.mid] = [track for track in firsts if track is not None]
            left = [track for track in left if track not in found[line.mid]]
        if not any(found.values()):
            raise ClientError(f"no line of the offer is for a track of this model: {sorted(self._known)}")
        return found

    async def _answer(
        self, connection: Connection, record: int, number: int, sdp: str, mids: Mapping[str, Sequence[TrackSpec]]
    ) -> None:
        try:
            await self._negotiate(connection, record, number, sdp, mids)
        except ClientError as error:
            self._negotiation.refuse(record, number, error)
            connection.close(str(error))

    async def _admit(self, sdp: str, tracks: Mapping[str, Sequence[TrackSpec]], way: Way) -> tuple[Connection, str]:
        """Answer at once, on a new connection; nothing is left of one that is refused, since nobody polls for it."""
        connection_id = self.register()
        try:
            number = self._take(connection_id, sdp, tracks)
        except ClientError:
            self._negotiation.forget(connection_id)
            raise
        connection = self._begin(connection_id, way)
        try:
            return connection, await self._negotiate(connection, connection_id, number, sdp, tracks)
        except ClientError as error:
            connection.close(str(error))
            raise

    def _begin(
        self, connection_id: int, way: Way, make_peer: Callable[[PeerObserver], Peer] | None = None
    ) -> Connection:
        stale = self._answering.get(connection_id)
        connection = Connection(
            connection_id,
            self._runtime,
            self._ladder,
            make_peer or self._make_peer,
            way=way,
            ping_timeout=self._config.session.ping_timeout,
            spawn=self._spawn,
            on_ready=lambda: self._ready(connection),
            on_closed=self._closed,
        )
        self._answering[connection_id] = connection
        if stale is not None:
            stale.close("superseded by a newer offer")
        return connection

    async def _negotiate(
        self, connection: Connection, record: int, number: int, sdp: str, mids: Mapping[str, Sequence[TrackSpec]]
    ) -> str:
        answer = await connection.answer(sdp, mids)
        if not self._negotiation.answer(record, number, answer):
            text = "the connection was closed, or superseded by a newer offer, while it was negotiated"
            raise ClientError(text, code="superseded", http_status=409)
        await self._add(connection, self._negotiation.take_candidates(record, number))
        return answer

    async def _add(self, connection: Connection, candidates: list[Candidate]) -> None:
        for candidate in candidates:
            await connection.add_candidate(candidate.candidate, candidate.sdp_mid, candidate.sdp_mline_index)

    def _ready(self, connection: Connection) -> None:
        """A new wire is up and known to the runtime: an older one of the same id goes, unseen by the model."""
        if connection.transport != "webrtc" or connection.id in self._unnumbered:
            self._negotiation.settle(connection.id)
        if connection.id in self._unnumbered[-1:]:
            self._negotiation.forget(IMPLICIT_CONNECTION)
        self._answering.pop(connection.id, None)
        former = self._connections.get(connection.id)
        self._connections[connection.id] = connection
        if former is not None:
            former.close("replaced by a reconnect")

    def _closed(self, connection: Connection) -> None:
        for table in (self._answering, self._connections):
            if table.get(connection.id) is connection:
                del table[connection.id]
        if connection.id not in self._answering and connection.id not in self._connections:
            self._negotiation.forget(connection.id)
            self._left[connection.id] = self._runtime.sessions

    def _ladder(self, track: str) -> Ladder:
        stream = self._runtime.stream
        assert stream is not None, "a connection resumes tracks only once the contract is known"
        if stream is not self._stream:
            # A restarted model whose code has changed has other tracks, and so another stream.
            self._close_ladders()
            self._stream = stream
        if (ladder := self._ladders.get(track)) is None:
            # FFmpeg and OpenCV take a tenth of a second to import: not on the way to a ready server.
            from reactor_runtime.codec.ladder import Ladder
            from reactor_runtime.codec.placement import Limits

            webrtc = self._config.webrtc
            ladder = self._ladders[track] = Ladder(
                track,
                limits=Limits(min(webrtc.min_bps, webrtc.top_bps), webrtc.top_bps, webrtc.rungs),
                fps=stream.rate,
                wants_picture=lambda: self._spawn(self._refresh(track)),
            )
            stream.watch(track, ladder)
        return ladder

    def _close_ladders(self) -> None:
        for ladder in self._ladders.values():
            ladder.close()
        self._ladders.clear()

    async def _refresh(self, track: str) -> None:
        """An idle model gives no picture to make a key frame of: show its last one again."""
        await asyncio.sleep(REFRESH_AFTER)
        if self._stream is not None and track in self._ladders and self._ladders[track].wants_keyframe:
            self._stream.refresh(track)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection's work failed", exc_info=error)

    def _arm(self) -> None:
        deadline = self._negotiation.next_deadline()
        self._alarm.set(deadline[0] if deadline else None)

    def _expire(self) -> None:
        for connection_id in self._negotiation.tick(now()):
            if (connection := self._answering.get(connection_id)) is not None:
                connection.close("the offer was not followed by a connection in time")
        self._arm()
