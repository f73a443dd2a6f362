"""Handlers, hooks and steps of generation 2: one at a time, in order, and never in silence."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from reactor_runtime import (
    ClientInfo,
    Idle,
    Input,
    InputFrame,
    InputState,
    ModelMessage,
    Output,
    ReactorModel,
    ReactorPipeline,
    ReadMode,
    Video,
    connected,
    disconnected,
    event,
)
from reactor_runtime.errors import AuthorError
from reactor_runtime.worker.driver import Received
from reactor_runtime.worker.turn import Turn
from tests.running import eventually
from tests.unit.authoring.recording import Running
from tests.unit.authoring.test_pipeline import driver, picture, shown


class Camera(Input):
    webcam: Video


class Frames(Output):
    main_video: Video


class Note(ModelMessage):
    text: str


class State(InputState):
    level: int = 1


class Pipeline(ReactorPipeline):
    state: State
    input: Camera

    def inference(self) -> Iterator[Any]:
        while True:
            yield picture(self.state.level)


def code_of(model: Running, command: int) -> str:
    replied: Callable[[], Any] = lambda: next(  # noqa: E731
        (rest for cid, _, rest in model.outlet.of("reply") if cid == command), None
    )
    return str(model.outlet.until(replied, "a reply")["error_code"])


# ---- turns -----------------------------------------------------------------------------------------------------


def test_commands_that_arrived_during_a_step_are_all_handled_before_the_next_one() -> None:
    at_step: list[int] = []

    class Busy(Pipeline):
        handled = 0
        gate = threading.Semaphore(0)

        @event(name="count")
        def count(self) -> None:
            self.handled += 1

        def inference(self) -> Iterator[Any]:
            while True:
                at_step.append(self.handled)
                assert self.gate.acquire(timeout=5)
                yield None

    with driver(Busy) as model:
        model.begin(1)
        eventually(lambda: len(at_step) == 1)
        for _ in range(50):
            model.send("count")
        Busy.gate.release()
        eventually(lambda: len(at_step) == 2)
        for _ in range(1000):
            Busy.gate.release()
        assert at_step[:2] == [0, 50]
        model.outlet.wait("reply", 50)


async def test_reads_of_one_step_that_end_in_each_others_way_take_the_turn_back_once() -> None:
    turn, first_ends, other_ends = Turn(), asyncio.Event(), asyncio.Event()

    async def read(until: asyncio.Event) -> None:
        async with turn.lent():
            await until.wait()

    async def other() -> None:
        async with turn.held():
            await other_ends.wait()

    async with turn.held():
        first = asyncio.create_task(read(first_ends))
        await asyncio.sleep(0)
        between = asyncio.create_task(other())
        await asyncio.sleep(0)
        first_ends.set()
        await asyncio.sleep(0)
        second = asyncio.create_task(read(first_ends))
        for _ in range(5):
            await asyncio.sleep(0)
        other_ends.set()
        async with asyncio.timeout(5):
            await asyncio.gather(first, second, between)
    async with asyncio.timeout(5), turn.held():
        pass


def test_a_read_that_timed_out_goes_on_in_its_turn() -> None:
    overlaps: list[str] = []

    class World(Pipeline):
        inside = ""

        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            while True:
                try:
                    await self.input.webcam.read(timeout=0.01)
                except TimeoutError:
                    await self.spend("step")
                yield None

        @event(name="slow")
        async def slow(self) -> None:
            await self.spend("slow")

        async def spend(self, who: str) -> None:
            if self.inside:
                overlaps.append(f"{who} in {self.inside}")
            self.inside = who
            await asyncio.sleep(0.03)
            self.inside = ""

    with driver(World) as model:
        model.begin(1)
        for _ in range(10):
            model.ask("slow")
        assert overlaps == []


def test_the_first_step_waits_for_a_hook_that_waits_for_input() -> None:
    class World(Pipeline):
        @connected
        async def greet(self) -> None:
            (frame,) = await self.input.webcam.read(mode=ReadMode.FIFO)
            self.state.level = int(frame.max())

    with driver(World) as model:
        model.begin(1)
        assert model.ask("set_level", level=3)[1].get("error_code") is None, "the hook holds up no command"
        assert model.outlet.of("emit") == []
        model.driver.deliver(Received("webcam", 1, InputFrame(picture(9))))
        model.outlet.wait("emit")
        assert shown(model)[0] == 9


def test_a_leaving_clients_hook_that_waits_for_input_holds_up_nobody() -> None:
    class World(Pipeline):
        @disconnected
        async def part(self) -> None:
            await self.input.webcam.read()

    with driver(World) as model:
        model.begin(1, 2)
        model.leave(1)
        assert model.ask("set_level", 2, level=3)[1].get("error_code") is None
        model.end()
        assert model.outlet.of("failed") == []


def test_input_that_ends_within_a_task_group_is_no_failure() -> None:
    class World(Pipeline):
        reading = 0

        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            World.reading += 1
            async with asyncio.TaskGroup() as group:
                group.create_task(self.input.webcam.read())
                group.create_task(self.input.webcam.read())
            yield None

        @event(name="grab")
        async def grab(self) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.input.webcam.read())

    with driver(World) as model:
        model.begin(1)
        grabbing = model.send("grab")
        eventually(lambda: World.reading == 1)
        model.ask("set_level", level=3)
        model.leave(1)
        assert code_of(model, grabbing) == "input_closed"
        model.join(2)
        eventually(lambda: World.reading == 2)
        model.end()
        assert model.error is None
        assert model.outlet.of("failed") == []


# ---- nothing is silent -----------------------------------------------------------------------------------------


def test_a_handler_that_awaits_a_cancelled_task_is_answered_and_told() -> None:
    class Jobs(ReactorModel):
        @event(name="restart")
        async def restart(self) -> None:
            job = asyncio.create_task(asyncio.sleep(600))
            job.cancel()
            await job

        @connected
        async def greet(self) -> None:
            await self.restart()

    with driver(Jobs) as model:
        model.begin(1)
        assert model.ask("restart")[1]["error_code"] == "internal_error"
        assert [(where, type(error)) for where, error in model.outlet.of("failed")] == [
            ("hook", asyncio.CancelledError),
            ("handler", asyncio.CancelledError),
        ]


def test_an_inference_that_awaits_a_cancelled_task_ends_the_model_with_its_name() -> None:
    class Jobs(Pipeline):
        async def inference(self) -> AsyncIterator[Any]:  # type: ignore[override]
            job = asyncio.create_task(asyncio.sleep(600))
            job.cancel()
            await job
            yield Idle

    with driver(Jobs) as model:
        model.begin(1)
        error = model.finished()
    assert isinstance(error, AuthorError)
    assert "Jobs.inference() awaited a task that was cancelled" in str(error)


def test_a_reply_without_one_of_its_fields_is_a_failure_and_answered() -> None:
    class Half(ModelMessage):
        text: str

        def __init__(self) -> None:
            pass

    class Asked(ReactorModel):
        @event(name="ask")
        def answer(self) -> Half:
            return Half()

    with driver(Asked) as model:
        model.begin(1)
        assert model.ask("ask")[1]["error_code"] == "internal_error"
        assert "Half" in str(model.outlet.of("failed")[0][1])


def test_a_model_that_overwrites_connected_still_serves_clients() -> None:
    class Sloppy(Pipeline):
        def __init__(self) -> None:
            self.connected = False  # type: ignore[assignment]

        @connected
        def greet(self) -> None:
            self.connected = True  # type: ignore[assignment]

    with driver(Sloppy) as model:
        model.begin(1)
        model.outlet.wait("emit")
        model.end()
        model.begin(2)
        model.end()
        assert model.outlet.of("failed") == []


def test_a_message_to_one_client_that_is_no_message_is_told() -> None:
    class Greeter(ReactorModel):
        @connected
        async def greet(self, client: ClientInfo) -> None:
            await client.send({"text": "hi"})  # type: ignore[arg-type]

    with driver(Greeter) as model:
        model.begin(1)
        [(_, error)] = model.outlet.wait("failed")
        assert str(error) == "send() takes a ModelMessage, got dict"


def test_a_pipeline_may_wrap_run_and_one_that_replaces_it_is_on_its_own() -> None:
    class Wrapped(Pipeline):
        async def run(self) -> None:
            await self.send(Note(text="before"))
            await super().run()

    class Own(Pipeline):
        async def run(self) -> None:
            while True:
                await self.connected.wait()
                await self.emit(Frames(main_video=picture(self.state.level + 100)))

    with driver(Wrapped) as model:
        model.begin(1)
        model.outlet.wait("emit")
        assert len(model.outlet.of("say")) == 1
    with driver(Own) as model:
        model.begin(1)
        model.outlet.wait("emit")
        assert set(shown(model)) == {101}


def test_every_command_of_a_storm_is_answered_and_others_are_not_left_behind() -> None:
    class Slider(Pipeline):
        handled: list[int] = []

        @event(name="slide", dedupe=True)
        async def slide(self, to: int) -> None:
            self.handled.append(to)

    with driver(Slider) as model:
        model.begin(1)
        storm = [model.send("slide", to=n) for n in range(1000)]
        assert model.ask("set_level", level=4)[1].get("error_code") is None
        assert {cid for cid, _, _ in model.outlet.of("reply")} >= set(storm)
        assert Slider.handled[-1] == 999
        assert len(Slider.handled) < 100
