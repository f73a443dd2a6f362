"""What clients and a model say to each other: commands and answers, messages, uploads, media."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from reactor_runtime.authoring.contract import Contract, Direction, Kind, TrackSpec
from reactor_runtime.authoring.messages import ModelMessage
from reactor_runtime.authoring.uploads import UploadedFile
from reactor_runtime.errors import ClientError, ReactorError
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE
from reactor_runtime.testing.letters import Inbox, Letters
from reactor_runtime.testing.running import RunningModel
from reactor_runtime.testing.sent import UploadFolder, input_frame
from reactor_runtime.testing.witness import Failure
from reactor_runtime.worker.driver import Received
from reactor_runtime.worker.messages import ClientJoined, ClientLeft, FileArrived, InputFreed, Invoke, Replied

Msg = TypeVar("Msg", bound=ModelMessage)
AFTER_ALL = "reactor-testing-after-all"
"""A command that no model has: its refusal tells that everything sent before was handled."""
USUAL_FPS = 30.0
"""Frames per second of pictures that are pushed without saying when they were taken."""


class CommandRefused(ReactorError):
    """The client was told no; nothing in the model failed.

    Attributes:
        code: Stable machine-readable word, as `invalid_command`.
        message: What the client is told.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Answer:
    """The answer to a command that was posted."""

    def __init__(self, conversation: Conversation, command_id: int, name: str) -> None:
        self._conversation = conversation
        self._command_id = command_id
        self._name = name

    def wait(self) -> Any:
        """Wait for it; returns and raises as `ModelHarness.command` does."""
        return self._conversation.answer(self._command_id, self._name)


class Listener:
    """Who hears what the model says."""

    def __init__(self, conversation: Conversation, client_id: int | None) -> None:
        self._conversation = conversation
        self._inbox = conversation.inbox(client_id)

    @property
    def messages(self) -> list[Any]:
        """Everything heard so far: instances of the author's message classes, or plain data."""
        return self._inbox.all

    @overload
    def message(self, kind: type[Msg], timeout: float | None = None) -> Msg: ...
    @overload
    def message(self, kind: str | None = None, timeout: float | None = None) -> Any: ...
    def message(self, kind: type[ModelMessage] | str | None = None, timeout: float | None = None) -> Any:
        """Wait for the next message of a kind, and take it: each comes once.

        Args:
            kind: A message class, its wire name, or None for any.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: It does not come in time; names where the model stands.
        """
        return self._conversation.take(self._inbox, kind, timeout)


class Client(Listener):
    """One client of the session; hears what is said to all, or to it alone. Made by `ModelHarness.join`."""

    def __init__(self, conversation: Conversation, client_id: int) -> None:
        super().__init__(conversation, client_id)
        self.id = client_id

    def command(self, name: str, /, **arguments: Any) -> Any:
        """Send a command as this client; see `ModelHarness.command`."""
        return self._conversation.post(self.id, name, arguments).wait()

    def post(self, name: str, /, **arguments: Any) -> Answer:
        """Send a command as this client without waiting; see `ModelHarness.post`."""
        return self._conversation.post(self.id, name, arguments)

    def push(
        self,
        track: str,
        frame: Any,
        pts: float | None = None,
        metadata: bytes | None = None,
        capture_time_us: int | None = None,
    ) -> None:
        """Send media as this client; see `ModelHarness.push`."""
        self._conversation.push(self.id, track, frame, pts, metadata, capture_time_us)

    def stop_sending(self, track: str) -> None:
        """Send an input track no more."""
        self._conversation.stop_sending(self.id, track)

    def upload(self, file: UploadedFile | Path) -> None:
        """Upload a file and say so, for `@file_uploaded`. Returns once it was handled."""
        self._conversation.upload(self.id, file)

    def leave(self) -> None:
        """Go. Returns once `@disconnected` has run."""
        self._conversation.leave(self)


class Conversation:
    """Everything that passes between the clients of a session and a running model."""

    def __init__(self, contract: Contract, running: RunningModel, letters: Letters, uploads: UploadFolder) -> None:
        self.clients: list[Client] = []
        self._contract = contract
        self._running = running
        self._letters = letters
        self._uploads = uploads
        self._command_ids = itertools.count(1)
        self._client_ids = itertools.count(1)
        self._due: dict[str, float] = {}
        self._read: list[Any] = []

    def join(self) -> Client:
        """Let a client join, and wait for `@connected`."""
        client = Client(self, next(self._client_ids))
        self.clients.append(client)
        self._running.deliver(ClientJoined(client.id, self._running.now()))
        self._settle("@connected to return")
        return client

    def leave(self, client: Client) -> None:
        """Let a client go, and wait for `@disconnected`."""
        self.clients.remove(client)
        self._running.deliver(ClientLeft(client.id))
        self._settle("@disconnected to return")

    def forget(self) -> None:
        """The session is over: nobody is there, and media begins anew."""
        self.clients.clear()
        self._due.clear()

    def post(self, client_id: int | None, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Send a command; None is the runtime itself. See `ModelHarness.post`."""
        sent, uploads = self._uploads.arguments(arguments)
        try:
            self._contract.check(name, sent)
        except ClientError as error:
            raise CommandRefused(error.code, str(error)) from None
        invoke = Invoke(next(self._command_ids), name, sent, client_id, self._running.now(), uploads)
        self._running.deliver(invoke)
        return Answer(self, invoke.command_id, name)

    def answer(self, command_id: int, name: str) -> Any:
        """Wait for the answer to a command; see `ModelHarness.command`."""
        reply, failure = self._reply(command_id, f"an answer to {name!r}")
        if failure is not None:
            raise self._running.see([failure])[0]
        if reply.error_code is not None:
            raise CommandRefused(reply.error_code, reply.error_message)
        return self._letters.read(reply.data, reply.name)

    def push(
        self,
        client_id: int,
        track: str,
        frame: Any,
        pts: float | None,
        metadata: bytes | None,
        capture_time_us: int | None,
    ) -> None:
        """Send media; see `ModelHarness.push`."""
        spec = track_of(self._contract, track, "in")
        if pts is None and not hasattr(frame, "pts"):
            pts = self._due.get(track, 0.0)
        made = input_frame(spec, frame, pts, metadata, capture_time_us)
        seconds = made.shape[1] / (spec.rate or AUDIO_CLOCK_RATE) if spec.kind == "audio" else 1 / USUAL_FPS
        self._due[track] = made.pts + seconds
        self._running.deliver(Received(track, client_id, made))

    def stop_sending(self, client_id: int, track: str) -> None:
        """Say that a client sends an input track no more."""
        self._running.deliver(InputFreed(track_of(self._contract, track, "in").name, client_id))

    def upload(self, client_id: int, file: UploadedFile | Path) -> None:
        """Say that a client's upload is complete, and wait for `@file_uploaded`."""
        self._running.deliver(FileArrived(client_id, self._uploads.keep(file)))
        self._settle("@file_uploaded to return")

    def inbox(self, client_id: int | None) -> Inbox:
        """Return what is said from here on to a client, or to whomever."""
        since = len(self._running.witness.said)

        def read() -> list[tuple[str | None, Any]]:
            said = self._running.witness.said
            for letter in said[len(self._read) :]:
                self._read.append(self._letters.read(letter.data, letter.name))
            pairs = list(zip(said, self._read, strict=False))[since:]
            return [(s.name, letter) for s, letter in pairs if client_id is None or s.client_id in (None, client_id)]

        return Inbox(read)

    def take(self, inbox: Inbox, kind: type[ModelMessage] | str | None, timeout: float | None) -> Any:
        """Wait for the next message of a kind."""
        what = "a message" if kind is None else f"message {kind if isinstance(kind, str) else kind.__name__}"
        return self._running.wait(lambda: inbox.take(kind), what, timeout)[0]

    def _settle(self, what: str) -> None:
        """Wait until everything sent so far was handled."""
        command_id = next(self._command_ids)
        self._running.deliver(Invoke(command_id, AFTER_ALL, {}))
        self._reply(command_id, what)

    def _reply(self, command_id: int, what: str) -> tuple[Replied, Failure | None]:
        replies = self._running.witness.replies
        return self._running.wait(lambda: replies.get(command_id), what, in_session=False)


def track_of(contract: Contract, name: str | None, direction: Direction, kind: Kind | None = None) -> TrackSpec:
    """Return the named track, or the only one of its kind.

    Raises:
        ValueError: There is none, or more than one; lists those there are.
    """
    tracks = [t for t in contract.tracks if t.direction == direction and kind in (None, t.kind)]
    found = [t for t in tracks if name in (None, t.name)]
    if len(found) != 1:
        what = f"{kind or ''} {direction}put track".strip()
        known = ", ".join(repr(t.name) for t in tracks) or "none"
        asked = f"no {what} {name!r}" if name else f"more than one {what}; name one" if tracks else f"no {what}"
        raise ValueError(f"{contract.model_name} has {asked}; there is: {known}")
    return found[0]
