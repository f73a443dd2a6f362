"""One slot: a supervised model, at most one session on it, the session's clients and the model's stream.

It routes. Every rule lives in a pure machine (session, pacer, contract) or with the part that owns the matter
(supervisor, ladder, negotiation); here inputs go in and effects are carried out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.openapi import capabilities, openapi
from reactor_runtime.config import SessionConfig
from reactor_runtime.errors import ClientError, IllegalInput, LoadError
from reactor_runtime.log import get_logger
from reactor_runtime.runtime.clients import Client, Clients
from reactor_runtime.runtime.clock import Alarm, now
from reactor_runtime.runtime.facts import Facts
from reactor_runtime.runtime.inputs import Inputs
from reactor_runtime.runtime.intake import Intake
from reactor_runtime.runtime.latency import Latency
from reactor_runtime.runtime.stream import Stream
from reactor_runtime.session import machine
from reactor_runtime.session.journal import Journal
from reactor_runtime.session.machine import State
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown, ModelUp, Supervisor

log = get_logger("reactor.runtime")

RUNNING = frozenset({State.WAITING, State.STREAMING, State.ORPHANED, State.RECOVERING})


@dataclass(frozen=True, slots=True)
class Health:
    """What `/health` tells: `status` is loading, ready or unhealthy."""

    status: str
    state: State
    model: str | None
    detail: str | None
    progress: dict[str, Any] | None


class Runtime:
    """One slot. All methods run on the event loop.

    Attributes:
        development: Whether clients are shown the model's log lines and tracebacks.
        sessions: Those begun so far.
        restarts: How often the model was loaded again after it was lost.
    """

    def __init__(
        self,
        session_id: str,
        config: SessionConfig,
        make_supervisor: Callable[[Callable[[Any], None]], Supervisor],
        journal: Journal,
        *,
        development: bool = False,
    ) -> None:
        self.session_id = session_id
        self.development = development
        self.facts = Facts(journal)
        self.contract: Contract | None = None
        self.stream: Stream | None = None
        self.import_failed: asyncio.Future[LoadError] = asyncio.get_running_loop().create_future()
        self._config = config
        self._session = machine.Session(orphan_timeout=config.orphan_timeout, stop_grace=config.stop_grace)
        self._supervisor = make_supervisor(self._observe)
        self._supervision: asyncio.Task[None] | None = None
        self._clients = Clients()
        self.latency = Latency(self._clients, self._note)
        self.intake = Intake(config, self._clients, self._supervisor.send, self._note, self.latency)
        self.inputs = Inputs(self._supervisor.send, self._note)
        self.sessions = self.restarts = 0
        self._failure: str | None = None
        self._progress: dict[str, Any] | None = None
        self._alarm = Alarm(self._tick)

    # ---- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to start the model; returns at once."""
        self._note("initializing")
        self._supervision = asyncio.create_task(self._supervisor.run(), name=f"supervise {self.session_id}")

    async def stop(self) -> None:
        """End the session, tell its clients, and end the model."""
        self.facts.close()
        self._input(machine.Terminate("the server is shutting down"))
        await self._supervisor.stop(self._config.stop_grace)
        if self._supervision is not None:
            await self._supervision
        self._alarm.cancel()
        if self.stream is not None:
            self.stream.close()

    # ---- for HTTP -----------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The session's state."""
        return self._session.state

    @property
    def clients(self) -> int:
        """Clients whose wires are ready."""
        return len(self._clients)

    @property
    def transports(self) -> Counter[str]:
        """How many of these came over which transport."""
        return self._clients.by_transport

    @property
    def worker_pid(self) -> int | None:
        """The process of the model that runs, the server's own for one in it."""
        return self._supervisor.pid

    @property
    def running(self) -> bool:
        """Whether a session is open."""
        return self._session.state in RUNNING

    @property
    def schema(self) -> dict[str, Any]:
        """The OpenAPI document of the model.

        Raises:
            ClientError: 503 until the author's code is imported.
        """
        if self.contract is None:
            raise ClientError("the model is still loading", code="loading", http_status=503)
        document: dict[str, Any] = openapi(self.contract)
        return document

    @property
    def capabilities(self) -> dict[str, Any]:
        """What published clients call capabilities: tracks, commands and the pinned rate.

        Raises:
            ClientError: 503 until the author's code is imported.
        """
        if self.contract is None:
            raise ClientError("the model is still loading", code="loading", http_status=503)
        return capabilities(self.contract)

    def health(self) -> Health:
        """Tell how the slot is."""
        state, failure = self._session.state, self._failure
        if failure is not None or state is State.TERMINATED:
            status = "unhealthy"
        else:
            status = "loading" if state is State.CREATED else "ready"
        name = self.contract.model_name if self.contract else None
        return Health(status, state, name, failure, self._progress if status == "loading" else None)

    def start_session(self) -> None:
        """Open a session, or join the one that runs.

        Raises:
            ClientError: 503 while the model loads or is gone, 409 while a session closes.
        """
        state = self._session.state
        if state is State.CREATED:
            why = f"the model failed: {self._failure}" if self._failure else "the model is still loading"
            raise ClientError(f"cannot start a session: {why}", code="not_ready", http_status=503)
        try:
            self._input(machine.Start())
        except IllegalInput:
            text = f"cannot start session while {state.lower()}"
            raise ClientError(text, code="not_ready", http_status=409) from None

    def stop_session(self, reason: str = "", *, moderate: bool = False) -> None:
        """End the session, if one is open; with `moderate`, clients are told that something in it was unfit."""
        if self.running:
            if moderate:
                self._clients.broadcast(wire.Moderation("terminate", message=reason))
            self._input(machine.Stop(reason or "stopped by a client"))

    # ---- for connections ----------------------------------------------------------------------------------------

    def connected(self, client: Client) -> None:
        """A client's wire is ready in the session that runs, or replaces the one of the same id that was."""
        if self._clients.add(client):
            self._note("connection_opened", conn_id=client.id, transport=client.transport)
            self._input(machine.ClientConnected(client.id))
        else:
            self._note("connection_reopened", conn_id=client.id, transport=client.transport)
            self.latency.forget(client.id)  # the frames of its former wire had other timestamps
        client.send(wire.SessionStateChanged(self._session.state, self._session.reason))

    def gone(self, client: Client) -> None:
        """A client's wire is closed."""
        if self._clients.remove(client):
            self.intake.forget(client.id)
            self.inputs.leave(client.id)
            self._note("connection_closed", conn_id=client.id)
            self._input(machine.ClientGone(client.id))
        elif self.running and client.id not in self._clients:
            # It never was ready, and may have asked for a track or sent commands all the same.
            self.intake.forget(client.id)
            self.inputs.leave(client.id)

    def submit(self, client_id: int, command: wire.Command) -> None:
        """Check a command and hand it to the model; a refusal is answered here and journalled."""
        try:
            if self.contract is None or self._session.state is not State.STREAMING:
                restarting = self._session.state is State.RECOVERING
                why = "the model is restarting" if restarting else "no session is streaming"
                raise ClientError(why, code="not_ready")
            self.intake.submit(self.contract, client_id, command)
        except ClientError as error:
            known = self.contract is not None and any(spec.name == command.name for spec in self.contract.commands)
            self.intake.outcomes[command.name if known else "unknown", "refused"] += 1
            self._note("error", message=f"command {command.name!r} refused: {error}", conn_id=client_id)
            self._clients.answer(client_id, command, error_code=error.code, error_message=str(error))

    # ---- what the model and its supervisor report ---------------------------------------------------------------

    def _observe(self, item: pipe.FromModel | ModelUp | ModelDown) -> None:
        try:
            self._take(item)
        except IllegalInput as error:
            # Ours to mend, and no reason to stop listening to the model.
            log.exception(f"{type(item).__name__} from the model came out of turn: {error}", session=self.session_id)

    def _take(self, item: pipe.FromModel | ModelUp | ModelDown) -> None:
        match item:
            case pipe.Slice() if self.stream is not None:
                self.latency.made(item)
                self.stream.offer(item)
            case pipe.Replied():
                self.intake.settle(item)
            case pipe.Said():
                self._pass_on(item)
            case pipe.InputReleased():
                self.inputs.release(item)
            case pipe.Flushed() if self.stream is not None:
                self.stream.flush(item.epoch, hold=item.hold)
            case pipe.Described():
                self._describe(item.contract)
            case pipe.Progress():
                self._progress = {"text": item.text, "fraction": item.fraction}
                self._clients.broadcast(wire.LoadingProgress(item.text, item.fraction))
            case pipe.Failed():
                self._report(item)
            case pipe.Logged():
                self._quote(item)
            case pipe.SessionClosed():
                self._input(machine.Cleaned())
            case pipe.SessionEnded() if self.running:
                self._input(machine.ModelEnded(item.reason, item.crashed))
            case ModelUp():
                self._failure = self._progress = None
                self.restarts += item.restarted
                self._input(machine.ModelReady())
            case ModelDown():
                self._lose(item)
            case _:
                pass  # Loaded, Pong and RingOpened end with the supervisor and the port

    def _pass_on(self, said: pipe.Said) -> None:
        message = wire.ModelSaid(said.data, said.name)
        if said.client_id is None:
            self._clients.broadcast(message)
        else:
            self._clients.tell(said.client_id, message)

    def _describe(self, contract: Contract) -> None:
        if contract == self.contract:
            return
        if self.stream is not None:
            # The author's code changed under a running server: readers of the former tracks cannot go on.
            if self.running:
                self._input(machine.Stop("the model's code has changed"))
            self.stream.close()
        self.contract = contract
        self.stream = Stream(
            contract,
            pixels=self._supervisor.pixels,
            release=self._release,
            played=self._supervisor.send,
        )

    def _release(self, refs: list[pipe.SlotRef]) -> None:
        slots: dict[int, list[int]] = {}
        for ref in refs:
            slots.setdefault(ref.ring, []).append(ref.slot)
        for ring, freed in slots.items():
            self._supervisor.send(pipe.Released(ring, freed))

    def _report(self, failed: pipe.Failed) -> None:
        if failed.where == "import" and self.contract is None:
            # Nothing can be served: whoever runs us tells it and ends.
            self.import_failed.set_result(LoadError(f"{failed.traceback}\n{failed.error}".strip()))
        else:
            trace = f"\n{failed.traceback}" if failed.traceback else ""
            log.error(f"the model failed ({failed.where}): {failed.error}{trace}", session=self.session_id)
        if failed.where in ("import", "load"):
            self._failure = failed.summary
        self._note("error", message=f"{failed.where}: {failed.summary}")
        if self.development:
            trace = failed.traceback or failed.error
            self.facts.quote("traceback", trace, where=failed.where, error=failed.error)
        self._clients.broadcast(wire.ModelFailed(failed.where, failed.summary))

    def _quote(self, logged: pipe.Logged) -> None:
        if logged.traceback:
            self.facts.quote("traceback", logged.traceback, where=logged.logger, error=logged.text)
        else:
            self.facts.quote("log", logged.text, level=logged.level, logger=logged.logger)

    def _lose(self, down: ModelDown) -> None:
        if not self.import_failed.done():
            log.error(f"{down.reason}{'' if down.failed else '; starting it again'}", session=self.session_id)
        if self.stream is not None:
            self.stream.lose_model()
        self.intake.lose_model(down.reason)
        self.inputs.lose_model()
        if down.failed:
            self._failure = self._failure or down.reason
            self._input(machine.GiveUp(down.reason))
        else:
            self._input(machine.ModelLost(down.reason))

    # ---- effects ------------------------------------------------------------------------------------------------

    def _input(self, item: machine.Input) -> None:
        self._carry_out(self._session.handle(item, now()))

    def _tick(self) -> None:
        self._carry_out(self._session.tick(now()))

    def _carry_out(self, effects: list[machine.Effect]) -> None:
        for effect in effects:
            match effect:
                case machine.BeginSession():
                    self.sessions += 1
                    self.intake.open()
                    self._supervisor.send(pipe.SessionBegan(self.session_id))
                    self.inputs.open()
                case machine.AnnounceClient(client_id):
                    self._supervisor.send(pipe.ClientJoined(client_id, now()))
                case machine.AnnounceGone(client_id):
                    self._supervisor.send(pipe.ClientLeft(client_id))
                case machine.EndSession(reason):
                    self._supervisor.send(pipe.SessionEnding(reason))
                case machine.RestartModel(reason):
                    self._supervisor.restart(reason)
                case machine.ResumeSession(clients):
                    self._resume(clients)
                case machine.CloseConnections(reason):
                    self._clients.close(reason)
                case machine.Entered(state, reason):
                    self._entered(state, reason)
        deadline = self._session.next_deadline()
        self._alarm.set(deadline[0] if deadline else None)

    def _resume(self, clients: tuple[int, ...]) -> None:
        self._supervisor.send(pipe.SessionBegan(self.session_id))
        for client_id in clients:
            self._supervisor.send(pipe.ClientJoined(client_id, now()))
        self.intake.replay()
        self.inputs.open()

    def _entered(self, state: State, reason: str) -> None:
        log.info(f"session {state.lower()}{f': {reason}' if reason else ''}", session=self.session_id)
        self._note("state", reason=reason)
        if state not in RUNNING:
            self.intake.shut()
            self.inputs.shut()
            if state is not State.CLOSING:
                self.intake.delete_files()
        self._clients.broadcast(wire.SessionStateChanged(state, reason))

    def _note(self, fact: str, /, **detail: Any) -> None:
        self.facts.note(fact, self._session.state, **detail)
