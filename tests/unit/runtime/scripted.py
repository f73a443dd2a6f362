"""A slot whose model says what the test says."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from reactor_runtime.authoring.contract import CommandSpec, Contract, TrackSpec
from reactor_runtime.config import SessionConfig
from reactor_runtime.runtime.runtime import Runtime
from reactor_runtime.session.journal import Journal
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelUp

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "maximum": 3}},
    "required": ["n"],
    "additionalProperties": False,
}
CONTRACT = Contract(
    model_name="m",
    generation="reactor_model",
    tracks=(TrackSpec("main_video", "video"),),
    commands=(CommandSpec("set_n", schema=SCHEMA),),
)


class ScriptedSupervisor:
    """Stands where the supervisor stands: keeps what the model was told, and reports what the test says."""

    def __init__(self, observe: Callable[[Any], None]) -> None:
        self.pid = os.getpid()
        self.observe = observe
        self.told: list[Any] = []
        self.restarts: list[str] = []

    def send(self, message: Any, fd: int | None = None) -> None:
        self.told.append(message)

    def restart(self, reason: str) -> None:
        self.restarts.append(reason)

    def pixels(self, ref: pipe.SlotRef) -> Any:
        raise AssertionError("no pictures in these tests")

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.told if isinstance(message, kind)]


class Listener:
    """A client that keeps what it was sent."""

    transport = "webrtc"

    def __init__(self, number: int) -> None:
        self.id = number
        self.heard: list[Any] = []
        self.closed: list[str] = []

    def send(self, message: wire.Outbound) -> None:
        self.heard.append(message)

    def close(self, reason: str) -> None:
        self.closed.append(reason)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]


class Slot:
    def __init__(
        self, contract: Contract = CONTRACT, limits: SessionConfig | None = None, *, development: bool = False
    ) -> None:
        self.contract = contract
        self.journal = Journal()
        self.runtime = Runtime(
            "local", limits or SessionConfig(), self._supervise, self.journal, development=development
        )

    def _supervise(self, observe: Callable[[Any], None]) -> Any:
        self.model = ScriptedSupervisor(observe)
        return self.model

    def up(self, *, restarted: bool = False) -> None:
        self.model.observe(pipe.Described(1, self.contract))
        self.model.observe(ModelUp(self.contract, restarted))

    def streaming(self, *numbers: int) -> list[Listener]:
        self.up()
        self.runtime.start_session()
        clients = [Listener(number) for number in numbers]
        for client in clients:
            self.runtime.connected(client)
        return clients

    def submit(self, client: Listener, name: str = "set_n", request_id: str = "c1", **arguments: Any) -> None:
        self.runtime.submit(client.id, wire.Command(name, arguments, request_id, {}))
