"""The commands of one session: which wait for files or an answer, and which a fresh model must be told again. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.messages import Command

MAX_UNANSWERED = 256
"""Commands one client may have unanswered; a model that hangs must not fill the server's memory."""
HOLD = 10.0
"""Seconds a command waits for the files it refers to."""
REPLAY_TRIAL = 30.0
"""Seconds within which a second loss after a replay blames the replay: the next resume goes without it."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """One command of a client.

    Attributes:
        id: Never used before in its session.
        uploads: Ids of the files that its arguments refer to.
        at: When it came, monotonic seconds.
    """

    id: int
    client_id: int
    command: Command
    uploads: tuple[str, ...]
    at: float


class Commands:
    """Follows commands from their submission to their one answer."""

    def __init__(self) -> None:
        self._unanswered: dict[int, Submitted] = {}
        self._next_id = 1
        # What no model was told yet, a line per client: nothing overtakes what waits for its files.
        self._lines: dict[int, deque[Submitted]] = {}
        # One per name, latest answered last: what brings a fresh model to where the lost one was.
        self._accepted: dict[str, Submitted] = {}
        self._replayed_at: float | None = None

    def submit(self, client_id: int, command: Command, uploads: tuple[str, ...], now: float) -> Submitted:
        """Note a command as unanswered, and put it at the end of its client's line.

        Raises:
            ClientError: The client has too many unanswered.
        """
        if sum(entry.client_id == client_id for entry in self._unanswered.values()) >= MAX_UNANSWERED:
            raise ClientError("too many unanswered commands", code="too_many_commands", http_status=429)
        entry = Submitted(self._next_id, client_id, command, uploads, now)
        self._next_id += 1
        self._unanswered[entry.id] = entry
        self._lines.setdefault(client_id, deque()).append(entry)
        return entry

    def take(self, is_complete: Callable[[str], bool], now: float) -> tuple[list[Submitted], list[Submitted]]:
        """Take what no longer waits out of the lines.

        Returns:
            What the model is to be told, in order, and what waited for its files in vain: that is to be refused.
        """
        ready: list[Submitted] = []
        late: list[Submitted] = []
        for line in self._lines.values():
            while line:
                if all(is_complete(upload) for upload in line[0].uploads):
                    ready.append(line.popleft())
                elif line[0].at + HOLD <= now:
                    late.append(line.popleft())
                    del self._unanswered[late[-1].id]
                else:
                    break
        self._lines = {client_id: line for client_id, line in self._lines.items() if line}
        return ready, late

    def next_deadline(self) -> float | None:
        """Return when the next command will have waited in vain."""
        return min((line[0].at + HOLD for line in self._lines.values()), default=None)

    def settle(self, command_id: int, *, accepted: bool) -> Submitted | None:
        """Return what is to be answered, None if it was answered before or its client left."""
        entry = self._unanswered.pop(command_id, None)
        if entry is not None and accepted:
            self._accepted.pop(entry.command.name, None)
            self._accepted[entry.command.name] = entry
        return entry

    def forget(self, client_id: int) -> None:
        """A client left: nobody waits for its answers. What was accepted from it still holds."""
        self._lines.pop(client_id, None)
        self._unanswered = {i: entry for i, entry in self._unanswered.items() if entry.client_id != client_id}

    def drop_lines(self) -> None:
        """The session closes: the model is told nothing of what still waits."""
        self._lines.clear()

    def lose_model(self, now: float) -> list[Submitted]:
        """The model is gone: return what it left unanswered. Such a command may be the culprit: it is not replayed."""
        lost, self._unanswered = list(self._unanswered.values()), {}
        self._lines.clear()
        if self._replayed_at is not None and now - self._replayed_at < REPLAY_TRIAL:
            self._accepted.clear()
        return lost

    def replay(self, now: float) -> list[Submitted]:
        """Return what a fresh model is to be told, in order."""
        self._replayed_at = now
        return list(self._accepted.values())

    def uploads(self) -> set[str]:
        """Return the ids of the files that the model is still to read, now or after a restart."""
        return {
            upload for entry in chain(self._unanswered.values(), self._accepted.values()) for upload in entry.uploads
        }
