"""A client's place in a session: joined, held through lost connections, and left."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from reactor_runtime.client.server import Server
from reactor_runtime.client.values import NotConnected, Refused, State, Track
from reactor_runtime.log import get_logger
from reactor_runtime.wire import messages as wire

if TYPE_CHECKING:
    from reactor_runtime.client.connection import Connection

log = get_logger("reactor.client")

BUSY = 0.3
"""Seconds between two looks at a server that loads, or whose former session still closes."""
STEADY = 5.0
"""A connection that held this long starts the back-off anew."""
BACKOFF_FIRST, BACKOFF_MOST = 0.25, 4.0


class Sitting(ABC):
    """Keeps one connection to one session. All methods run on the event loop that connected it.

    Attributes:
        state: How the connection stands; see `State`.
        reason: Why it stands so, for people.
        session_id: The session that it is in.
        model: The model's name.
        tracks: The session's tracks.
    """

    def __init__(self, url: str, session_id: str | None, token: str, patience: float, relay_only: bool) -> None:
        self.state: State = "connecting"
        self.reason = ""
        self.session_id = session_id or ""
        self.model = ""
        self.tracks: list[Track] = []
        self._server = Server(url, token)
        self._is_bound = session_id is not None
        self._patience = patience
        self._relay_only = relay_only
        self._connection: Connection | None = None
        self._connection_id: int | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._started_at = 0.0
        self._is_recovering = False
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect; see `connect`."""
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave."""
        await self.close()

    async def connect(self) -> None:
        """Join the session, starting one where none runs; from then on a lost connection is replaced. Once.

        Raises:
            Refused: The server does not want it, or the model is not there within the client's patience.
            NotConnected: The server cannot be reached, or no way for the media was found.
        """
        if self._keeping is not None:
            return
        self._started_at = asyncio.get_running_loop().time()
        self._connection = await self._open()
        self._keeping = asyncio.create_task(self._keep(self._connection))
        self._keeping.add_done_callback(self._kept)

    async def close(self) -> None:
        """Leave; the session goes on without this client. Idempotent."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait((self._keeping,))
        self._hang_up("closed")
        self._enter("closed", self.reason)

    async def stop(self) -> None:
        """End the session for everybody, and leave.

        Raises:
            Refused: The server does not want it.
            NotConnected: The server cannot be reached.
        """
        if self.session_id:
            await self._server.stop_session(self.session_id)
        await self.close()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("ended", "closed")

    async def news(self) -> None:
        """Return once the state has changed, or the model has said something."""
        await self._news.wait()

    # ---- for the client ----------------------------------------------------------------------------------------

    def _receive(self, message: wire.Outbound) -> None:
        """Take what the server says."""
        match message:
            case wire.SessionStateChanged(state, reason):
                self._is_recovering = state == "RECOVERING"
                if self.state in ("connected", "recovering"):
                    self._enter("recovering" if self._is_recovering else "connected", reason)
            case wire.SessionEnded(reason):
                self._enter("ended", reason)

    @abstractmethod
    async def _begin(self, connection: Connection) -> None:
        """Say what each new connection is to be told."""

    @abstractmethod
    def _drop(self, reason: str) -> None:
        """Give up what waits for an answer on a connection that is gone."""

    def _live(self) -> Connection:
        if self._connection is None or self._connection.lost.done():
            raise NotConnected(self.reason or "not connected")
        return self._connection

    def _tell(self, message: wire.Inbound) -> None:
        """Say something that every new connection is told anyway."""
        try:
            self._live().say(message)
        except NotConnected:
            pass

    def _tell_news(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # ---- inside ------------------------------------------------------------------------------------------------

    async def _open(self) -> Connection:
        from reactor_runtime.client.connection import Connection  # the engine takes 0.4 s to load

        self._is_recovering = False
        await self._join()
        server, session, tracks = self._server, self.session_id, self.tracks
        former, self._connection_id = self._connection_id, None
        try:
            connection = await Connection.open(
                server, session, tracks, self._receive, former=former, relay_only=self._relay_only
            )
        except Refused:
            if former is None:
                raise
            # The server has forgotten it.
            connection = await Connection.open(server, session, tracks, self._receive, relay_only=self._relay_only)
        self._connection_id = connection.id
        try:
            await self._begin(connection)
        except BaseException:
            connection.close()
            raise
        self._enter("recovering" if self._is_recovering else "connected")
        return connection

    async def _join(self) -> None:
        """Find or start the session, as soon as the server can."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                session = await self._server.find_session(self.session_id, is_bound=self._is_bound)
                break
            except Refused as refused:
                if refused.http_status not in (409, 503) or loop.time() > deadline:
                    raise
                self.reason = refused.message
                await asyncio.sleep(min(refused.retry_after or BUSY, BUSY))
        self.session_id = str(session["session_id"])
        self.model = str(session.get("model", {}).get("name", ""))
        ways = {"recvonly": "out", "sendonly": "in"}
        tracks = session.get("capabilities", {}).get("tracks", [])
        self.tracks = [Track(t["name"], t["kind"], "out" if ways[t["direction"]] == "out" else "in") for t in tracks]

    async def _keep(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        attempt, opened_at = 0, loop.time()
        while True:
            await asyncio.wait((connection.lost,))
            reason = connection.lost.result()
            self._hang_up(reason)
            attempt = 0 if loop.time() - opened_at > STEADY else attempt
            while not self.is_over:
                self._enter("lost", reason)
                await asyncio.sleep(backoff(attempt, random.random()))
                attempt, opened_at = attempt + 1, loop.time()
                try:
                    connection = self._connection = await self._open()
                    break
                except (Refused, NotConnected) as failed:
                    reason = str(failed)
            if self.is_over:
                return

    def _kept(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the client gives up", exc_info=error)
            self._hang_up(str(error))
            self._enter("ended", str(error))

    def _hang_up(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._drop(reason)

    def _enter(self, state: State, reason: str = "") -> None:
        if self.state not in ("ended", "closed") or state == "closed":
            self.state, self.reason = state, reason
        self._tell_news()


def backoff(attempt: int, chance: float) -> float:
    """Return seconds before attempt number `attempt`: none before the first, then doubling from 0.25 to 4.

    Args:
        attempt: Counts from 0.
        chance: 0..1; a tenth more or less, so that viewers do not return all at once.
    """
    if attempt == 0:
        return 0.0
    return min(BACKOFF_FIRST * 2.0 ** (attempt - 1), BACKOFF_MOST) * (0.9 + 0.2 * chance)
