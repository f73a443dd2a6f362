"""What the author's code cannot do to a session of generation 2: hold up its end, or leak into the next one."""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from reactor_runtime import BufferClosed, ClientInfo, InputFrame, ReactorModel, connected, disconnected, event
from reactor_runtime.worker import reactor_model_driver
from reactor_runtime.worker.driver import Received
from reactor_runtime.worker.messages import InputFreed, SessionEnding
from tests.unit.authoring.test_pipeline import driver, picture, shown
from tests.unit.worker.test_turns import Camera, Pipeline, code_of


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactor_model_driver, "LAST_WORDS", 0.1)
    monkeypatch.setattr(reactor_model_driver, "PATIENCE", 0.1)


# ---- nothing holds up the end ----------------------------------------------------------------------------------


def test_a_session_ends_though_its_generator_sleeps_and_the_generator_cleans_up_with_its_state() -> None:
    class World(Pipeline):
        swept: list[int] = []

        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            try:
                yield picture()
                await asyncio.sleep(600)
            finally:
                self.swept.append(self.state.level)

    with driver(World) as model:
        model.begin(1)
        model.ask("set_level", level=8)
        model.outlet.wait("emit")
        model.end()
        assert World.swept == [8]
        model.begin(2)
        model.outlet.wait("emit", 2)


def test_the_next_client_gets_pictures_though_the_last_ones_step_never_came_back() -> None:
    class World(Pipeline):
        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            yield picture(self.state.level)
            await asyncio.sleep(600)

    with driver(World) as model:
        model.begin(1)
        model.outlet.wait("emit")
        model.leave(1)
        model.join(2)
        model.outlet.wait("emit", 2)


def test_a_handler_that_never_returns_is_cancelled_with_its_session_and_those_behind_it_are_answered() -> None:
    class Stuck(ReactorModel):
        @event(name="stick")
        async def stick(self) -> None:
            await asyncio.sleep(600)

    with driver(Stuck) as model:
        model.begin(1)
        stuck = [model.send("stick") for _ in range(3)]
        model.end()
        assert [code_of(model, command) for command in stuck] == ["no_session"] * 3
        assert "stick was still busy" in str(model.outlet.of("failed")[0][1])
        model.begin(2)
        model.end()


def test_hooks_that_never_return_do_not_keep_a_session_either() -> None:
    class Stuck(ReactorModel):
        @connected
        async def greet(self) -> None:
            await asyncio.sleep(600)

        @disconnected
        async def part(self) -> None:
            await asyncio.sleep(600)

    with driver(Stuck) as model:
        model.begin(1, 2)
        model.end()
        assert {where for where, _ in model.outlet.of("failed")} == {"hook"}


def test_a_task_that_ignores_its_cancellation_does_not_keep_a_model_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    class Stubborn(ReactorModel):
        async def run(self) -> None:
            self.task = asyncio.create_task(self.go_on())
            await asyncio.sleep(0)
            raise RuntimeError("out of memory")

        async def go_on(self) -> None:
            while not release.is_set():
                try:
                    await asyncio.sleep(600)
                except asyncio.CancelledError:
                    pass

    with driver(Stubborn) as model:
        assert str(model.finished()) == "out of memory"
        assert "goes on after it was cancelled" in str(model.outlet.of("failed")[0][1])
        release.set()
        with model.driver._runner:
            pass  # the test's own clean-up: the process would end here


def test_a_read_in_load_is_refused_rather_than_waiting_for_clients_that_cannot_come() -> None:
    class Eager(ReactorModel):
        input: Camera

        async def load(self, config: Any) -> None:
            await self.input.webcam.read()

    with pytest.raises(BufferClosed, match="nobody is connected"), driver(Eager):
        pass


# ---- nothing leaks ---------------------------------------------------------------------------------------------


def test_a_state_that_was_set_with_nobody_there_goes_with_its_session() -> None:
    with driver(Pipeline) as model:
        model.begin()
        model.ask("set_level", None, level=50)
        model.end()
        model.begin(1)
        model.outlet.wait("emit")
        assert shown(model)[0] == 1


def test_a_starting_command_is_there_for_the_first_client() -> None:
    with driver(Pipeline) as model:
        model.begin()
        model.ask("set_level", None, level=50)
        model.join(1)
        model.outlet.wait("emit")
        assert shown(model)[0] == 50


def test_what_load_writes_to_the_state_is_for_no_client_rather_than_for_the_first() -> None:
    class Warm(Pipeline):
        def load(self, config: Any) -> None:
            self.state.level = 77
            next(iter(self.inference()))

    with driver(Warm) as model:
        model.begin(1)
        model.outlet.wait("emit")
        assert shown(model)[0] == 1


def test_no_picture_of_the_last_client_goes_out_after_the_stream_was_flushed_for_the_next() -> None:
    class Slow(Pipeline):
        def inference(self) -> Iterator[Any]:
            while True:
                time.sleep(0.01)
                yield picture(self.state.level)

    with driver(Slow) as model:
        for client in range(1, 6):
            model.begin(client)
            model.ask("set_level", client, level=10 * client)
            model.outlet.until(lambda: shown(model)[-1:] == [10 * client], "a picture")  # noqa: B023
            model.leave(client)
            model.end()
            calls = [call[0] for call in model.outlet.calls]
            assert "emit" not in calls[len(calls) - calls[::-1].index("flush") :]


def test_a_buffer_that_the_author_closed_is_open_for_the_next_client() -> None:
    class World(Pipeline):
        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            (frame,) = await self.input.webcam.read()
            yield frame
            self.input.webcam.close()

    with driver(World) as model:
        for client in (1, 2):
            model.begin(client)
            model.ask("set_level", client, level=1)
            model.driver.deliver(Received("webcam", client, InputFrame(picture(client))))
            model.outlet.wait("emit", client)
            model.end()


def test_a_run_that_reads_a_buffer_it_closed_leaves_the_loop_alive() -> None:
    class Closing(ReactorModel):
        input: Camera

        async def run(self) -> None:
            await self.connected.wait()
            self.input.webcam.close()
            await self.input.webcam.read()

        @event(name="ping")
        def ping(self) -> None:
            pass

    with driver(Closing) as model:
        model.begin(1)
        assert model.ask("ping")[1].get("error_code") is None


# ---- whatever the order ----------------------------------------------------------------------------------------


def test_a_client_that_joins_behind_a_step_that_never_comes_back_keeps_no_session() -> None:
    class World(Pipeline):
        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            yield picture(self.state.level)
            await asyncio.sleep(600)

    with driver(World) as model:
        model.begin(1)
        model.outlet.wait("emit")
        time.sleep(0.01)
        model.join(2)
        model.send("set_level", level=2)
        model.end()
        model.begin(3)
        model.outlet.wait("emit", 2)


def test_a_hook_that_began_late_is_not_cut_short() -> None:
    class World(Pipeline):
        parted = False

        @disconnected
        async def part(self) -> None:
            await asyncio.sleep(0.05)
            self.parted = True

        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            yield picture()
            await asyncio.sleep(600)

    with driver(World) as model:
        model.begin(1)
        model.outlet.wait("emit")
        model.end()
        assert model.driver._model.parted


class Chaotic(Pipeline):
    """Reads, sleeps and fails to come back everywhere, by chance."""

    def __init__(self) -> None:
        self.chance = random.Random(0)
        self.seen: list[tuple[str, int]] = []

    async def dawdle(self) -> None:
        with suppress(TimeoutError):
            match self.chance.randrange(8):
                case 0:
                    await asyncio.sleep(0.002)
                case 1:
                    await self.input.webcam.read(timeout=0.002)
                case 2:
                    await self.input.webcam.read()
                case 3:
                    reads = (self.input.webcam.read(timeout=0.002) for _ in range(2))
                    await asyncio.gather(*reads, return_exceptions=True)

    @connected
    async def greet(self, client: ClientInfo) -> None:
        self.seen.append(("joined", client.id))
        await self.dawdle()

    @disconnected
    async def part(self, client: ClientInfo) -> None:
        self.seen.append(("left", client.id))
        await self.dawdle()

    @event(name="grab")
    async def grab(self) -> None:
        await self.dawdle()

    @event(name="stick")
    async def stick(self) -> None:
        await asyncio.sleep(600)

    async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
        while True:
            await self.dawdle()
            if self.chance.random() < 0.01:
                await asyncio.sleep(600)
            yield picture(self.state.level)


@pytest.mark.parametrize("seed", range(6))
def test_every_client_is_greeted_and_parted_from_and_every_command_answered(seed: int) -> None:
    chance = random.Random(seed)
    clients: list[int] = []
    joined, sent, sessions = set(), [], 0
    with driver(Chaotic) as model:
        for number in range(80):
            if number % 20 == 0:
                clients.clear()
                model.driver.deliver(SessionEnding("stopped"))
                model.begin()
                sessions += 1
            match chance.randrange(8):
                case 0 | 1:
                    clients.append(number)
                    joined.add(number)
                    model.join(number)
                case 2 if clients:
                    model.leave(clients.pop(chance.randrange(len(clients))))
                case 3:
                    model.driver.deliver(Received("webcam", 1, InputFrame(picture())))
                case 4:
                    model.driver.deliver(InputFreed("webcam", 1))
                case _:
                    name = chance.choice(["grab"] * 9 + ["set_level"] * 9 + ["stick"] * (seed % 2))
                    sent.append(model.send(name, chance.choice(clients) if clients else None))
            time.sleep(chance.choice([0, 0.002]))
            model.outlet.free()
        model.driver.deliver(SessionEnding("stopped"))
        model.outlet.wait("session_closed", sessions + 1)
        seen = model.driver._model.seen
        assert {client for what, client in seen if what == "joined"} == joined
        assert sorted(client for what, client in seen if what == "left") == sorted(joined)
        assert sorted(command for command, _, _ in model.outlet.of("reply")) == sent
        assert model.error is None
