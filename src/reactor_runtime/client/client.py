"""A client of one session of a server: watches and hears tracks, steers the model, and sends to it."""

from __future__ import annotations

import asyncio
import itertools
import mimetypes
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from reactor_runtime.client.publication import Publication
from reactor_runtime.client.server import DEFAULT_URL, Json
from reactor_runtime.client.sitting import Sitting
from reactor_runtime.client.values import (
    CommandRefused,
    CommandSpec,
    Figures,
    Frame,
    Kind,
    Message,
    NotConnected,
    Refused,
    Reply,
    Sound,
    Track,
    Upload,
    command_specs,
)
from reactor_runtime.log import get_logger
from reactor_runtime.wire import messages as wire

if TYPE_CHECKING:
    from reactor_runtime.client.connection import Connection
    from reactor_runtime.client.publication import Source

log = get_logger("reactor.client")

HELD_FRAMES = 120
"""Pictures that wait for a reader of every one; the engine's decoder has memory for 300."""
HELD_SOUNDS = 100
"""Runs of 10 ms, a second of sound."""
HELD_MESSAGES = 1000
MOST_ASKED, ASK_INTERVAL = 60, 0.5
"""Requests for an input track after a reconnect, and seconds between them: a server may take 20 s to miss a client."""


class Messages(AsyncIterator[Message]):
    """What the model says, in order, until the session ends; the oldest go where nobody reads."""

    def __init__(self, client: Client) -> None:
        self.held: deque[Message] = deque(maxlen=HELD_MESSAGES)
        self._client = client

    async def __anext__(self) -> Message:
        while not self.held:
            if self._client.is_over:
                raise StopAsyncIteration
            await self._client.news()
        return self.held.popleft()


class Client(Sitting):
    """One client of one session. All methods run on the event loop that connected it.

    Attributes:
        state: How the connection stands; see `State`.
        reason: Why it stands so, for people.
        session_id: The session that it is in.
        model: The model's name.
        tracks: The session's tracks.
        schema: The model's OpenAPI 3.1 document.
        commands: What the document says of commands.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        session_id: str | None = None,
        token: str = "local",
        patience: float = 60.0,
        reply_timeout: float = 10.0,
        relay_only: bool = False,
    ) -> None:
        """Make a client that is not connected yet.

        Args:
            url: The server's address.
            session_id: A running session to join; without it the server's own is joined, or started.
            token: Sent with each request.
            patience: Seconds to wait for a model that loads, or a session that closes.
            reply_timeout: Seconds to wait for the answer to a command.
            relay_only: Use TURN servers alone.

        Raises:
            ValueError: `url` is no address.
        """
        super().__init__(url, session_id, token, patience, relay_only)
        self.schema: Json = {}
        self.commands: dict[str, CommandSpec] = {}
        self._reply_timeout = reply_timeout
        self._schema_told = asyncio.Event()
        self._answers_commands = False
        self._ids = itertools.count(1)
        self._pending: dict[str, asyncio.Future[Reply]] = {}
        self._awaited: deque[tuple[str, asyncio.Future[Reply]]] = deque()
        self._last_said = Message(None, None)
        self._early: deque[Message] | None = deque(maxlen=HELD_MESSAGES)
        self._readers: WeakSet[Messages] = WeakSet()
        self._watched: Counter[str] = Counter()
        self._publications: dict[str, Publication] = {}

    # ---- steering -----------------------------------------------------------------------------------------------

    async def send(self, command: str, /, **arguments: Any) -> Reply:
        """Send a command, and wait for what becomes of it.

        A server of the published wire says nothing of commands. There, one that is not in the schema, or lacks an
        argument, is refused here; one that the schema gives a reply waits for the next message of that name; and any
        other returns at once, unconfirmed.

        Args:
            command: Its name.
            arguments: JSON values; an `Upload` stands for a file.

        Raises:
            CommandRefused: With the code of the runtime, or the author's own; `no_answer` after `reply_timeout`.
            NotConnected: There is no connection, or it was lost before the answer.
        """
        connection = self._live()
        values = {name: _plain(value) for name, value in arguments.items()}
        uploads = {name: value.reference() for name, value in arguments.items() if isinstance(value, Upload)}
        values = {name: value for name, value in values.items() if name not in uploads}
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self._answers_commands:
            request_id = f"c{next(self._ids)}"
            self._pending[request_id] = reply
        else:
            request_id = None
            awaited = self._published_reply(command, arguments)
            if awaited is None:
                connection.say(wire.Command(command, values, uploads=uploads))
                return Reply(confirmed=False)
            self._awaited.append((awaited, reply))
        try:
            connection.say(wire.Command(command, values, request_id, uploads))
            async with asyncio.timeout(self._reply_timeout):
                return await reply
        except TimeoutError:
            raise CommandRefused("no_answer", f"{command}: no answer within {self._reply_timeout:g} s") from None
        finally:
            self._pending.pop(request_id or "", None)
            self._awaited = deque(waiting for waiting in self._awaited if waiting[1] is not reply)

    async def close(self) -> None:
        """Leave; the session goes on without this client. Idempotent."""
        for publication in self._publications.values():
            publication.end()
        self._publications.clear()
        await super().close()

    async def upload(self, source: Path | str | bytes, *, name: str = "", mime_type: str = "") -> Upload:
        """Hand the server a file for this session, and return what stands for it in the arguments of commands.

        Args:
            source: A path, or the content.
            name: What the model calls it; the path's own by default.
            mime_type: Guessed from the name by default.

        Raises:
            OSError: The file cannot be read.
            Refused: The server does not take it.
            NotConnected: There is no connection.
        """
        connection = self._live()
        name = name or ("upload.bin" if isinstance(source, bytes) else Path(source).name)
        mime_type = mime_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        if isinstance(source, bytes):
            upload = await self._server.upload(self.session_id, source, name, mime_type, len(source))
        else:
            file = await asyncio.to_thread(Path(source).open, "rb")
            with file:
                size = file.seek(0, 2)
                file.seek(0)
                upload = await self._server.upload(self.session_id, file, name, mime_type, size)
        connection.say(wire.FileUploaded(upload.upload_id, name, mime_type, upload.size))
        return upload

    def messages(self) -> Messages:
        """Return what the model says from here on, replies included; the first call also what it said before."""
        reader = Messages(self)
        if self._early is not None:
            reader.held, self._early = self._early, None
        self._readers.add(reader)
        return reader

    # ---- media --------------------------------------------------------------------------------------------------

    def frames(self, track: str | None = None, *, every: bool = False) -> AsyncGenerator[Frame, None]:
        """Return the pictures of a track, until the session ends; a track is only sent while somebody reads it.

        Args:
            track: An output track; the first for video by default.
            every: Leave none out while the reader is at most 120 behind; else the newest wins.

        Raises:
            ValueError: The model has no such track.
        """
        return self._read(self._track(track, "video", "out").name, HELD_FRAMES if every else 1)

    def sound(self, track: str | None = None) -> AsyncGenerator[Sound, None]:
        """Return the sound of a track in runs of 10 ms, until the session ends; a reader may be 1 s late.

        Args:
            track: An output track; the first for audio by default.

        Raises:
            ValueError: The model has no such track.
        """
        return self._read(self._track(track, "audio", "out").name, HELD_SOUNDS)

    async def publish(
        self, track: str, source: Source | None = None, *, fps: float | None = 30.0, rate: int = 48_000
    ) -> Publication:
        """Send pictures or sound on an input track, also after a reconnect, until the publication is closed.

        Args:
            track: An input track.
            source: Yields arrays, see `Publication`; without one they are handed to `Publication.put`.
            fps: At most so many pictures a second; None leaves the pace to the source.
            rate: Samples per second of sound.

        Raises:
            Refused: Another client sends it (`publish_refused`).
            NotConnected: There is no connection.
            ValueError: The model has no such track.
        """
        connection = self._live()
        spec = self._track(track, None, "in")
        from reactor_runtime.client.lines import Outgoing  # with the engine, which is loaded to connect

        publication = Publication(spec, Outgoing(spec.kind), rate, self._unpublish)
        try:
            await connection.publish(track, publication.outgoing)
        except BaseException:
            publication.end()
            raise
        self._publications[track] = publication
        if source is not None:
            publication.feed(source, fps)
        return publication

    async def figures(self) -> Figures:
        """Return how the connection does.

        Raises:
            NotConnected: There is no connection.
        """
        return await self._live().figures()

    # ---- inside -------------------------------------------------------------------------------------------------

    async def _read(self, track: str, depth: int) -> AsyncGenerator[Any, None]:
        self._watched[track] += 1
        line = None
        try:
            while not self.is_over:
                connection = self._connection
                if connection is None or connection.lost.done():
                    await self.news()
                    continue
                line = connection.read(track, depth, self._started_at)
                self._tell(wire.ResumeTrack(track))
                while (item := await line.next()) is not None:
                    yield item
        finally:
            if line is not None:
                line.close()
            self._watched[track] -= 1
            if not self._watched[track]:
                self._tell(wire.PauseTrack(track))

    def _track(self, name: str | None, kind: Kind | None, direction: str) -> Track:
        fitting = [t for t in self.tracks if t.direction == direction and kind in (None, t.kind)]
        if (found := next((t for t in fitting if name in (None, t.name)), None)) is not None:
            return found
        what = f"{direction}put track" + (f" for {kind}" if kind else "") + (f" {name!r}" if name else "")
        known = ", ".join(track.name for track in fitting) or "none"
        raise ValueError(f"the model has no {what}; there is: {known}")

    def _published_reply(self, command: str, arguments: Mapping[str, Any]) -> str | None:
        """Return the name of the message that answers a command of a server that says nothing of commands."""
        spec = self.commands.get(command)
        if spec is None and self.commands:
            raise CommandRefused("invalid_command", f"the model has no command {command!r}")
        if spec is not None and (missing := sorted(spec.required - arguments.keys())):
            raise CommandRefused("invalid_command", f"{command}: {', '.join(missing)} is missing")
        return spec.reply if spec is not None else None

    async def _unpublish(self, publication: Publication) -> None:
        if self._publications.get(publication.track.name) is publication:
            del self._publications[publication.track.name]
            if self._connection is not None:
                await self._connection.unpublish(publication.track.name)

    async def _begin(self, connection: Connection) -> None:
        self._schema_told.clear()
        connection.say(wire.RequestSchema())
        try:
            async with asyncio.timeout(self._reply_timeout):
                # Behind it we know whether the server is one that says more than the published ones.
                await self._schema_told.wait()
        except TimeoutError:
            log.warning("the server does not say what commands there are")
        for track in +self._watched:
            connection.say(wire.ResumeTrack(track))
        for publication in self._publications.values():
            connection.spawn(self._publish_again(connection, publication))

    async def _publish_again(self, connection: Connection, publication: Publication) -> None:
        """Ask until the server has seen that the connection that held the track is gone."""
        name, asked = publication.track.name, 0
        while self._publications.get(name) is publication:
            try:
                # The server may hold it for this connection's former self.
                connection.say(wire.UnpublishTrack(name))
                await connection.publish(name, publication.outgoing)
                return
            except Refused as refused:
                asked += 1
                if asked == MOST_ASKED:
                    log.warning("an input track was lost with the connection", track=name, why=refused.message)
                    return
            await asyncio.sleep(ASK_INTERVAL)

    def _drop(self, reason: str) -> None:
        for reply in [*self._pending.values(), *(reply for _, reply in self._awaited)]:
            if not reply.done():
                reply.set_exception(NotConnected(f"the connection was lost before the answer: {reason}"))

    def _receive(self, message: wire.Outbound) -> None:
        super()._receive(message)
        match message:
            case wire.ModelSaid(data, name):
                self._hear(Message(name, data))
            case wire.CommandAnswered(request_id=str(request_id)) if request_id in self._pending:
                self._settle(self._pending[request_id], message)
            case wire.Schema(document):
                self.schema, self.commands = dict(document), command_specs(document)
                self._schema_told.set()
            case wire.SessionStateChanged():
                self._answers_commands = True
            case wire.ModelFailed(where, summary):
                log.warning("the model failed", where=where, summary=summary)
            case wire.Moderation(action=action, message=why):
                log.warning("moderated", action=action, message=why)
            case wire.Unreadable(reason):
                log.warning("the server could not read this client", reason=reason)

    def _hear(self, message: Message) -> None:
        self._last_said = message
        for reader in self._readers:
            reader.held.append(message)
        if self._early is not None:
            self._early.append(message)
        for name, reply in self._awaited:
            if name == message.name and not reply.done():
                reply.set_result(Reply(message.name, message.data))
                break
        self._tell_news()

    def _settle(self, reply: asyncio.Future[Reply], answer: wire.CommandAnswered) -> None:
        if reply.done():
            return
        if answer.error_code is not None:
            reply.set_exception(CommandRefused(answer.error_code, answer.error_message))
        else:
            said = self._last_said if answer.data else Message(None, None)
            reply.set_result(Reply(said.name, said.data))


def _plain(value: Any) -> Any:
    """Return a value with the files in it as commands carry them."""
    match value:
        case Upload():
            return value.reference()
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value
