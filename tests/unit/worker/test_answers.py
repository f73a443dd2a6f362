"""Which chunk is the first to follow a command: the one whose making began after the command was handled."""

from __future__ import annotations

from typing import Any

import numpy as np

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.worker.host import Host
from reactor_runtime.worker.messages import Invoke, Played, SessionBegan, Slice

CONTRACT = Contract(model_name="m", generation="reactor_model", tracks=(TrackSpec("main", "video"),), buffer_size=8)
PICTURE = np.zeros((16, 16, 3), np.uint8)


class Pipe:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, message: Any, fd: int | None = None) -> bool:
        self.sent.append(message)
        return True


class Model:
    """A host in a session, and a clock that moves when told."""

    def __init__(self) -> None:
        self.now = 10.0
        self.pipe = Pipe()
        self.host = Host(CONTRACT, self.pipe, clock=lambda: self.now)
        self.host.note(SessionBegan("s"))
        self._commands = 0

    def handle(self) -> int:
        self._commands += 1
        self.host.note(Invoke(self._commands, "paint", {}))
        self.host.reply(self._commands)
        return self._commands

    def emit(self) -> list[int]:
        """Make a chunk for a while, emit it, and return what it answers."""
        self.now += 0.04
        self.host.emit({"main": PICTURE})
        self.host.note(Played(1))
        return [message for message in self.pipe.sent if isinstance(message, Slice)][-1].answers


def test_a_command_handled_while_a_chunk_is_made_is_followed_by_the_next_one() -> None:
    model = Model()
    model.emit()
    model.now += 0.01
    command = model.handle()
    assert model.emit() == []
    assert model.emit() == [command]
    assert model.emit() == []


def test_a_command_handled_after_an_emit_and_before_the_author_goes_on_is_followed_by_the_next_chunk() -> None:
    model = Model()
    model.emit()
    model.now += 0.002
    command = model.handle()
    model.now += 0.001
    model.host.resumed(["main"])
    assert model.emit() == [command]


def test_going_on_after_an_emit_that_nobody_saw_measures_nothing() -> None:
    model = Model()
    model.host.resumed(["main"])
    model.emit()
    assert [m.began_at for m in model.pipe.sent if isinstance(m, Slice)] == [10.0]
