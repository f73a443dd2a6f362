"""Command-to-photon latency of one slot: follows commands at the clock's time, with the clients that take part."""

from __future__ import annotations

from collections.abc import Callable

from reactor_runtime.media.frame import AccessUnit
from reactor_runtime.runtime.client_clock import ClientClock
from reactor_runtime.runtime.clients import Clients
from reactor_runtime.runtime.clock import now
from reactor_runtime.runtime.commands import Submitted
from reactor_runtime.runtime.traces import Traces
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker.messages import Replied, Slice

JOURNAL_SPACING = 0.2
"""Seconds between two journal entries about commands on screens: a dragged slider must not push all else out."""


class Latency:
    """All methods run on the event loop.

    Attributes:
        traces: What was measured so far, since the server began.
    """

    def __init__(self, clients: Clients, note: Callable[..., None]) -> None:
        self.traces = Traces()
        self._clients = clients
        self._note = note
        self._noted_at = -JOURNAL_SPACING
        self._clocks: dict[int, ClientClock] = {}

    def received(self, entry: Submitted) -> None:
        """A command was accepted into the line of its client."""
        command = entry.command
        self.traces.received(entry.id, entry.client_id, command.name, command.request_id, command.sent_at, entry.at)
        if command.sent_at is not None:
            self._ask(entry.client_id)

    def replied(self, reply: Replied) -> None:
        """The model answered a command."""
        self.traces.replied(reply.command_id, accepted=reply.error_code is None, now=now())

    def made(self, item: Slice) -> None:
        """The model emitted a slice."""
        self.traces.made(item)

    def sent(self, client_id: int, track: str, unit: AccessUnit, rtp_timestamp: int) -> None:
        """An access unit that answers commands was handed to the engine for a client."""
        if told := self.traces.sent(client_id, unit, now()):
            self._clients.tell(client_id, wire.FrameAnswers(track, rtp_timestamp, told))

    def hear(self, client_id: int, said: wire.ClockTold | wire.FrameShown) -> None:
        """Take what a client tells of its clock or its screen."""
        clock = self._clocks.get(client_id)
        if clock is None:
            return
        match said:
            case wire.ClockTold():
                clock.told(said.asked_at, said.client_at, now())
                self._ask(client_id)
            case wire.FrameShown():
                for traced in self.traces.shown(client_id, said, clock.behind, now()):
                    self._clients.tell(client_id, traced)
                    self._journal(client_id, traced)

    def forget(self, client_id: int) -> None:
        """A client left."""
        self.traces.forget(client_id)
        self._clocks.pop(client_id, None)

    def clear(self) -> None:
        """The session is over, or its model is gone."""
        self.traces.clear()

    def _ask(self, client_id: int) -> None:
        clock = self._clocks.setdefault(client_id, ClientClock())
        asked_at = now()
        if clock.ask(asked_at):
            self._clients.tell(client_id, wire.AskClock(asked_at))

    def _journal(self, client_id: int, traced: wire.CommandTraced) -> None:
        if now() - self._noted_at >= JOURNAL_SPACING:
            self._noted_at = now()
            stages_ms = {stage: round(seconds * 1000, 1) for stage, seconds in traced.stages.items()}
            self._note("command_shown", name=traced.command, conn_id=client_id, stages_ms=stages_ms)
