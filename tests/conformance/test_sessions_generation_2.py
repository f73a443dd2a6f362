"""`ReactorModel`: its loop, its handlers and hooks, and the clients they are for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reactor_runtime.interface import (
    Connected,
    Disconnected,
    Event,
    ModelMessage,
    Output,
    ReactorModel,
    Video,
    event,
)
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact
from tests.conformance.staging import levels, picture
from tests.running import eventually


@dataclass
class Frames(Output):
    main_video: Video


class Note(ModelMessage):
    text: str


class Told(ReactorModel):
    """Writes down what happens to it."""

    def load(self, config: Mapping[str, Any]) -> None:
        self.told: list[Any] = []


@fact("1.2", "2", "`fps` is 30 and `buffer_size` 4 where the class says nothing")
def test_the_defaults_of_a_model() -> None:
    assert (ReactorModel.fps, ReactorModel.buffer_size) == (30, 4)


@fact(
    "1.2",
    "2",
    "`connected` is an `asyncio.Event`, `output_buffer` an `OutputBuffer`, also without `super().__init__()`",
)
def test_what_an_instance_has() -> None:
    class Sim(ReactorModel):
        def __init__(self) -> None:
            self.mine = 1

    with ModelHarness(Sim) as m:
        assert isinstance(m.model.connected, asyncio.Event)
        assert m.model.output_buffer.fps == 30


@fact("1.2", "2", "`load(config)` is called once, before any client")
def test_load_is_called_once_before_any_client() -> None:
    class Sim(ReactorModel):
        loads = 0

        def load(self, config: Mapping[str, Any]) -> None:
            assert not self.connected.is_set()
            self.loads += 1

    with ModelHarness(Sim) as m:
        m.end_session()
        m.start_session()
        m.join()
        assert m.model.loads == 1


@fact("1.2", "2", "`run()` waits for ever where the author writes none")
def test_a_model_without_run_answers_commands() -> None:
    class Sim(Told):
        @event(name="ping")
        async def ping(self) -> None:
            self.told.append("ping")

    with ModelHarness(Sim) as m:
        m.command("ping")
        assert m.model.told == ["ping"]


@fact("3.1", "2", "`run()` is alive from load on, over all sessions")
def test_run_lives_from_load_on() -> None:
    class Sim(Told):
        async def run(self) -> None:
            self.told.append("run")
            await asyncio.Event().wait()

    with ModelHarness(Sim, clients=0) as m:
        m.end_session()
        m.start_session()
        m.join()
        assert m.model.told == ["run"]


@fact("3.3", "2", "between clients, `run()` waits on `self.connected`")
def test_run_waits_on_connected() -> None:
    class Sim(ReactorModel):
        level = 0

        async def run(self) -> None:
            while True:
                self.waits = True
                await self.connected.wait()
                self.waits = False
                self.level += 1
                while self.connected.is_set():
                    await self.emit(Frames(main_video=picture(self.level)))

    with ModelHarness(Sim) as m:
        assert levels(m.frames(2)) == [1, 1]
        m.client.leave()
        m.skip()
        eventually(lambda: m.model.waits)
        m.skip()
        m.join()
        assert levels(m.frames(1)) == [2]


@fact(
    "1.2",
    "2",
    "`emit` waits until its frames found room, without blocking the loop",
    better="at a pinned rate it also waits until it is time to make the next ones",
)
def test_emit_waits_for_room() -> None:
    class Sim(Told):
        async def run(self) -> None:
            await self.connected.wait()
            for level in range(20):
                self.told.append(level)
                await self.emit(Frames(main_video=picture(level)))

            await asyncio.Event().wait()

        @event(name="ping")
        def ping(self) -> None: ...

    with ModelHarness(Sim) as m:
        assert levels(m.frames(2)) == [0, 1]
        m.command("ping")
        assert len(m.model.told) < 12
        assert levels(m.frames(18)) == list(range(2, 20))


@fact("1.2", "2", "`emit(compute_time=...)` plays at frames over seconds")
def test_a_compute_time_tells_the_rate() -> None:
    class Sim(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            await self.emit(Frames(main_video=picture(1, count=6)), compute_time=0.5)
            await asyncio.Event().wait()

    with ModelHarness(Sim) as m:
        [chunk] = m.chunks(1)
        assert (chunk.fps, chunk.pinned) == (12, False)


@fact("1.2", "2", "`send(message)` reaches every client")
def test_send_reaches_every_client() -> None:
    class Sim(ReactorModel):
        @event(name="tell")
        async def tell(self, text: str) -> None:
            await self.send(Note(text=text))

    with ModelHarness(Sim, clients=0) as m:
        clients = [m.join(), m.join()]
        m.command("tell", text="x")
        assert [client.message(Note).text for client in clients] == ["x", "x"]


@fact("1.2", "2", "`events()` tells of commands and clients as they come, beside the handlers")
def test_events_tells_of_everything_in_order() -> None:
    class Sim(Told):
        async def run(self) -> None:
            async for occurrence in self.events():
                self.told.append(type(occurrence))

        @event(name="ping")
        def ping(self) -> None:
            self.told.append("handled")

    with ModelHarness(Sim) as m:
        m.command("ping")
        m.client.leave()
        expected = [Connected, Event, "handled", Disconnected]
        eventually(lambda: len(m.model.told) == 4)
        assert sorted(map(str, m.model.told)) == sorted(map(str, expected))
        assert [told for told in m.model.told if told != "handled"] == [Connected, Event, Disconnected]
