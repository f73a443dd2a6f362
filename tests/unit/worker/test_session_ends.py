"""What the author's code cannot do to a session of generation 2: hold up its end, or leak into the next one."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from reactor_runtime import BufferClosed, InputFrame, ReactorModel, connected, disconnected, event
from reactor_runtime.worker import reactor_model_driver
from reactor_runtime.worker.driver import Received
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
