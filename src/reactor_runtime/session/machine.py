"""The session machine: one slot's life, from the loading model to the end of the process.

Rules:
1. `EDGES` says all: what is not in it is illegal, raises `IllegalInput` and changes nothing.
2. Of an input's edges in a state the first whose guard holds is taken.
3. `Entered` comes before the other effects of its edge, so clients hear of it while their wires are open.
4. A deadline belongs to the state that armed it and falls with it. An input that keeps the state keeps the deadline.
5. News that crossed with one of our effects (a client that left while the session closed, an answer from a model that
   was given up) is legal and does nothing. A request that cannot be met is illegal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple

from reactor_runtime.errors import IllegalInput


class State(StrEnum):
    """Where a slot stands."""

    CREATED = "CREATED"
    READY = "READY"
    WAITING = "WAITING"
    STREAMING = "STREAMING"
    ORPHANED = "ORPHANED"
    CLOSING = "CLOSING"
    RECOVERING = "RECOVERING"
    TERMINATED = "TERMINATED"


MEANING = {
    State.CREATED: "the model is loading; no session",
    State.READY: "the model is loaded; no session",
    State.WAITING: "a session is open, nobody has connected yet; armed with the orphan timeout",
    State.STREAMING: "a session is open and somebody is connected",
    State.ORPHANED: "everybody left; armed with the orphan timeout",
    State.CLOSING: "clients are sent away, the model was asked to let go; armed with the stop grace",
    State.RECOVERING: "the model is gone and starts again; clients keep their connections, may come and go",
    State.TERMINATED: "the process ends",
}

# ---- inputs ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelReady:
    """A model is loaded and free."""


@dataclass(frozen=True, slots=True)
class ModelLost:
    """The model's process is gone, or hangs, and is being started again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Start:
    """A client wants a session. Clients share one, so this may come again while it runs."""


@dataclass(frozen=True, slots=True)
class ClientConnected:
    """A client's connection is ready, or was remade before the loss of the old one was noticed."""

    client_id: int


@dataclass(frozen=True, slots=True)
class ClientGone:
    """A client's connection is lost or closed."""

    client_id: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody wants the session to end."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelEnded:
    """The model itself ended the session. `crashed`: it raised, rather than returned."""

    reason: str
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The answer to `EndSession`: the model holds nothing of the session."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The model is gone or will not load, and nobody tries to start it any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """The process ends."""

    reason: str


@dataclass(frozen=True, slots=True)
class _DeadlinePassed:
    reason: str


Input = ModelReady | ModelLost | Start | ClientConnected | ClientGone | Stop | ModelEnded | Cleaned | GiveUp | Terminate

# ---- effects --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BeginSession:
    """Tell the model that a session opened."""


@dataclass(frozen=True, slots=True)
class AnnounceClient:
    """Tell the model that a client joined."""

    client_id: int


@dataclass(frozen=True, slots=True)
class AnnounceGone:
    """Tell the model that a client left. Not sent for clients still there when the session ends."""

    client_id: int


@dataclass(frozen=True, slots=True)
class EndSession:
    """Ask the model to let go of the session and of all its clients. Answered by `Cleaned`."""

    reason: str


@dataclass(frozen=True, slots=True)
class RestartModel:
    """The model did not let go within its grace: end it by force, and start it again."""

    reason: str


@dataclass(frozen=True, slots=True)
class ResumeSession:
    """A fresh model takes over the session in progress: begin it, announce these clients, replay the commands."""

    clients: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CloseConnections:
    """Tell every client that the session is over, and close its wire, one under negotiation once it is up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Entered:
    """The state changed. For the journal and the clients."""

    state: State
    reason: str


Effect = (
    BeginSession
    | AnnounceClient
    | AnnounceGone
    | EndSession
    | RestartModel
    | ResumeSession
    | CloseConnections
    | Entered
)

# ---- the table ------------------------------------------------------------------------------------------------

_Item = Input | _DeadlinePassed
_Guard = Callable[[frozenset[int], Any], bool]


class Edge(NamedTuple):
    """Where an input leads, and what it brings about; the first edge whose guard holds is taken."""

    to: State
    effects: tuple[Callable[..., Effect], ...] = ()
    guard: _Guard | None = None


def _is_known(clients: frozenset[int], item: ClientConnected | ClientGone) -> bool:
    return item.client_id in clients


def _is_last(clients: frozenset[int], item: ClientGone) -> bool:
    return clients == {item.client_id}


def _has_clients(clients: frozenset[int], item: ModelReady) -> bool:
    return bool(clients)


def _ignored(state: State, *inputs: type[_Item]) -> dict[type[_Item], list[Edge]]:
    return {kind: [Edge(state)] for kind in inputs}


_S = State
_CLOSE = (EndSession, CloseConnections)
_IN_SESSION: dict[type[_Item], list[Edge]] = {
    Stop: [Edge(_S.CLOSING, _CLOSE)],
    ModelEnded: [Edge(_S.CLOSING, _CLOSE)],
    ModelLost: [Edge(_S.RECOVERING)],
    GiveUp: [Edge(_S.CREATED, (CloseConnections,))],
    Terminate: [Edge(_S.TERMINATED, _CLOSE)],
}
_NOBODY_THERE: dict[type[_Item], list[Edge]] = {
    ClientConnected: [Edge(_S.STREAMING, (AnnounceClient,))],
    _DeadlinePassed: [Edge(_S.CLOSING, _CLOSE)],
}

EDGES: dict[State, dict[type[_Item], list[Edge]]] = {
    _S.CREATED: {
        ModelReady: [Edge(_S.READY)],
        Terminate: [Edge(_S.TERMINATED, (CloseConnections,))],
        **_ignored(_S.CREATED, ModelLost, GiveUp, ClientGone, ModelEnded, Cleaned),
    },
    _S.READY: {
        Start: [Edge(_S.WAITING, (BeginSession,))],
        ModelLost: [Edge(_S.CREATED)],
        GiveUp: [Edge(_S.CREATED)],
        Terminate: [Edge(_S.TERMINATED, (CloseConnections,))],
        **_ignored(_S.READY, ClientGone),
    },
    _S.WAITING: {**_NOBODY_THERE, **_IN_SESSION, **_ignored(_S.WAITING, Start, ClientGone)},
    _S.STREAMING: {
        ClientConnected: [Edge(_S.STREAMING, guard=_is_known), Edge(_S.STREAMING, (AnnounceClient,))],
        ClientGone: [
            Edge(_S.ORPHANED, (AnnounceGone,), guard=_is_last),
            Edge(_S.STREAMING, (AnnounceGone,), guard=_is_known),
            Edge(_S.STREAMING),
        ],
        **_IN_SESSION,
        **_ignored(_S.STREAMING, Start),
    },
    _S.ORPHANED: {**_NOBODY_THERE, **_IN_SESSION, **_ignored(_S.ORPHANED, Start, ClientGone)},
    _S.CLOSING: {
        Cleaned: [Edge(_S.READY)],
        _DeadlinePassed: [Edge(_S.CREATED, (RestartModel,))],
        ModelLost: [Edge(_S.CREATED)],
        GiveUp: [Edge(_S.CREATED)],
        Terminate: [Edge(_S.TERMINATED, (CloseConnections,))],
        **_ignored(_S.CLOSING, ClientGone, Stop, ModelEnded),
    },
    _S.RECOVERING: {
        # Nobody there is ORPHANED even if nobody ever connected: the session had its chance in WAITING.
        ModelReady: [Edge(_S.STREAMING, (ResumeSession,), guard=_has_clients), Edge(_S.ORPHANED, (ResumeSession,))],
        Stop: [Edge(_S.CREATED, (CloseConnections,))],
        GiveUp: [Edge(_S.CREATED, (CloseConnections,))],
        Terminate: [Edge(_S.TERMINATED, (CloseConnections,))],
        **_ignored(_S.RECOVERING, Start, ClientConnected, ClientGone, ModelLost, ModelEnded),
    },
    _S.TERMINATED: _ignored(_S.TERMINATED, ModelReady, ModelLost, ClientGone, ModelEnded, Cleaned, GiveUp, Terminate),
}

_KEEPS_CLIENTS = frozenset({_S.WAITING, _S.STREAMING, _S.ORPHANED, _S.RECOVERING})


class Session:
    """One slot's session. Call `tick` when the time of `next_deadline` has come, and ask for it after each call.

    Attributes:
        state: Where the slot stands.
        clients: Ids of the connected clients; empty where no session is open.
        reason: Why the state was entered, or the newest bad news of a model that will not load; "" where the
            ordinary course led here.
    """

    def __init__(self, *, orphan_timeout: float, stop_grace: float) -> None:
        """Create a slot whose model is loading.

        Args:
            orphan_timeout: Seconds a session without clients stays open; 0 or less for ever.
            stop_grace: Seconds the model has to let go of a session.
        """
        self.state = State.CREATED
        self.clients: frozenset[int] = frozenset()
        self.reason = ""
        self._orphan_timeout = orphan_timeout
        self._stop_grace = stop_grace
        self._deadline: tuple[float, str] | None = None

    def handle(self, item: Input, now: float) -> list[Effect]:
        """Take one input and return what is to be done, in order.

        Raises:
            IllegalInput: The state does not take it; nothing was changed.
        """
        return self._follow(item, now)

    def next_deadline(self) -> tuple[float, str] | None:
        """Return when `tick` is due, and what will be the reason then."""
        return self._deadline

    def tick(self, now: float) -> list[Effect]:
        """Return what a passed deadline brings; nothing before its time."""
        if self._deadline is None or now < self._deadline[0]:
            return []
        return self._follow(_DeadlinePassed(self._deadline[1]), now)

    def _follow(self, item: _Item, now: float) -> list[Effect]:
        edges = EDGES[self.state].get(type(item))
        if edges is None:
            raise IllegalInput(f"{type(item).__name__} is illegal while {self.state.lower()}")
        edge = next(e for e in edges if e.guard is None or e.guard(self.clients, item))
        self._count(item, edge.to)
        self._note_reason(item, edge.to)
        effects = [self._effect(make, item) for make in edge.effects]
        if edge.to is self.state:
            return effects
        self.state = edge.to
        self._arm(now)
        return [Entered(self.state, self.reason), *effects]

    def _count(self, item: _Item, to: State) -> None:
        if to not in _KEEPS_CLIENTS:
            self.clients = frozenset()
        elif isinstance(item, ClientConnected):
            self.clients |= {item.client_id}
        elif isinstance(item, ClientGone):
            self.clients -= {item.client_id}

    def _note_reason(self, item: _Item, to: State) -> None:
        if to is not self.state:
            self.reason = getattr(item, "reason", "")
        elif isinstance(item, ModelLost | GiveUp) and to is not State.TERMINATED:
            self.reason = item.reason

    def _effect(self, make: Callable[..., Effect], item: _Item) -> Effect:
        known: dict[str, Any] = {
            "reason": self.reason,
            "client_id": getattr(item, "client_id", None),
            "clients": tuple(sorted(self.clients)),
        }
        return make(**{field.name: known[field.name] for field in fields(make)})  # type: ignore[arg-type]

    def _arm(self, now: float) -> None:
        match self.state:
            case State.WAITING | State.ORPHANED if self._orphan_timeout > 0:
                why = "nobody connected" if self.state is State.WAITING else "everybody left"
                self._deadline = (now + self._orphan_timeout, why)
            case State.CLOSING:
                why = f"the model did not let go of the session within {self._stop_grace:g} s"
                self._deadline = (now + self._stop_grace, why)
            case _:
                self._deadline = None
