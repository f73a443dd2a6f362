"""The commands of one session: which wait for their answer, and which a fresh model must be told again. Pure."""

from __future__ import annotations

from typing import Any

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.messages import Command

MAX_UNANSWERED = 256
"""Commands one client may have unanswered; a model that hangs must not fill the server's memory."""
REPLAY_TRIAL = 30.0
"""Seconds within which a second loss after a replay blames the replay: the next resume goes without it."""


class Commands:
    """Follows commands from their submission to their one answer."""

    def __init__(self) -> None:
        self._unanswered: dict[int, tuple[int, Command]] = {}
        self._next_id = 1
        # One per name, latest answered last: what brings a fresh model to where the lost one was.
        self._accepted: dict[str, dict[str, Any]] = {}
        self._replayed_at: float | None = None

    def submit(self, client_id: int, command: Command) -> int:
        """Note a command as unanswered and return its id, never used before.

        Raises:
            ClientError: The client has too many unanswered.
        """
        if sum(owner == client_id for owner, _ in self._unanswered.values()) >= MAX_UNANSWERED:
            raise ClientError("too many unanswered commands", code="too_many_commands", http_status=429)
        command_id, self._next_id = self._next_id, self._next_id + 1
        self._unanswered[command_id] = (client_id, command)
        return command_id

    def settle(self, command_id: int, *, accepted: bool) -> tuple[int, Command] | None:
        """Return who sent what to be answered, None if it was answered before or its client left."""
        entry = self._unanswered.pop(command_id, None)
        if entry is not None and accepted:
            command = entry[1]
            self._accepted.pop(command.name, None)
            self._accepted[command.name] = command.arguments
        return entry

    def forget(self, client_id: int) -> None:
        """A client left: nobody waits for its answers. What was accepted from it still holds."""
        self._unanswered = {i: entry for i, entry in self._unanswered.items() if entry[0] != client_id}

    def lose_model(self, now: float) -> list[tuple[int, Command]]:
        """The model is gone: return what it left unanswered. Such a command may be the culprit: it is not replayed."""
        lost, self._unanswered = list(self._unanswered.values()), {}
        if self._replayed_at is not None and now - self._replayed_at < REPLAY_TRIAL:
            self._accepted.clear()
        return lost

    def replay(self, now: float) -> list[tuple[str, dict[str, Any]]]:
        """Return what a fresh model is to be told, in order."""
        self._replayed_at = now
        return list(self._accepted.items())
