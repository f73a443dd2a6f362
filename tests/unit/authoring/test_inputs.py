"""Input tracks: a read waits without holding anybody up, and ends when nothing more can come."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from reactor_runtime import (
    BufferClosed,
    ClientInfo,
    Input,
    InputBuffer,
    InputFrame,
    InputState,
    Output,
    ReactorModel,
    ReactorPipeline,
    ReadMode,
    Video,
    disconnected,
    event,
)
from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.worker.driver import Received
from reactor_runtime.worker.messages import InputFreed
from tests.running import eventually
from tests.unit.authoring.test_pipeline import driver, picture, shown

DEADLINE = 5.0


class Camera(Input):
    webcam: Video


class Mirror(Output):
    main_video: Video


class Steering(InputState):
    level: int = 0


class Reader(ReactorPipeline):
    state: Steering
    input: Camera
    seen: list[Any]
    left: list[str]

    def __init__(self) -> None:
        self.seen, self.left = [], []

    @disconnected
    def gone(self, client: ClientInfo) -> None:
        self.left.append(f"{client.id} {self.state.level}")

    async def inference(self) -> AsyncIterator[Any]:
        while True:
            (frame,) = await self.input.webcam.read(1, mode=ReadMode.FIFO)
            self.seen.append(frame)
            yield Mirror(main_video=255 - frame)


def test_what_a_read_returns_is_an_array_with_its_times() -> None:
    with driver(Reader) as model:
        model.begin(1)
        model.driver.deliver(Received("webcam", 1, InputFrame(picture(5), pts=0.5, capture_time_us=7)))
        model.outlet.wait("emit")
        frame = model.driver._model.seen[0]
        assert frame.shape == frame.data.shape == (4, 4, 3)
        assert type(frame.data) is np.ndarray
        assert (frame.pts, frame.capture_time_us, frame.metadata) == (0.5, 7, b"")
        assert (frame.astype(float) / 255).max() < 0.1
        assert shown(model) == [250]


def test_a_read_that_waits_holds_up_no_command() -> None:
    with driver(Reader) as model:
        model.begin(1)
        assert model.ask("set_level", level=4)[1].get("error_code") is None
        assert model.driver._model.state.level == 4


def test_a_read_that_waits_ends_when_its_client_leaves_and_nothing_leaks_into_the_next() -> None:
    with driver(Reader) as model:
        model.begin(1)
        model.ask("set_level", level=4)
        model.leave(1)
        model.join(2)
        assert model.ask("set_level", client=2)[1].get("error_code") is None
        author = model.driver._model
        assert author.left == ["1 4"]
        assert author.state.level == 0
        model.driver.deliver(Received("webcam", 2, InputFrame(picture(5))))
        model.outlet.wait("emit")
        model.end()
        assert author.left == ["1 4", "2 0"]


def test_a_pipeline_goes_on_when_the_sender_stops_and_another_one_sends() -> None:
    with driver(Reader) as model:
        model.begin(1, 2)
        model.driver.deliver(Received("webcam", 1, InputFrame(picture(5))))
        model.outlet.wait("emit")
        model.driver.deliver(InputFreed("webcam", 1))
        model.driver.deliver(Received("webcam", 2, InputFrame(picture(6))))
        model.outlet.until(lambda: shown(model) == [250, 249], "a picture of the second sender")


def test_a_handler_that_reads_holds_up_no_other_and_is_refused_when_input_ends() -> None:
    class Asking(ReactorModel):
        input: Camera

        @event(name="grab")
        async def grab(self) -> None:
            await self.input.webcam.read()

        @event(name="ping")
        async def ping(self) -> None:
            pass

    with driver(Asking) as model:
        model.begin(1)
        grabbing = model.send("grab")
        assert model.ask("ping")[1].get("error_code") is None
        model.end()
        refusal = next(rest for cid, _, rest in model.outlet.of("reply") if cid == grabbing)
        assert refusal["error_code"] == "input_closed"


def test_a_run_that_lets_a_closed_buffer_pass_is_begun_anew() -> None:
    class Echo(ReactorModel):
        input: Camera
        begun = 0

        async def run(self) -> None:
            Echo.begun += 1
            while True:
                (frame,) = await self.input.webcam.read()
                await self.emit(Mirror(main_video=frame))

    with driver(Echo) as model:
        model.begin(1)
        model.driver.deliver(Received("webcam", 1, InputFrame(picture(1))))
        model.outlet.wait("emit")
        model.end()
        model.begin(2)
        model.driver.deliver(Received("webcam", 2, InputFrame(picture(2))))
        model.outlet.wait("emit", 2)
        assert model.error is None
        assert Echo.begun == 2


async def test_a_sender_that_leaves_between_two_reads_ends_the_next_one_unless_another_sends() -> None:
    buffer = InputBuffer(TrackSpec("webcam", "video", "in"))
    buffer.interrupt()
    with pytest.raises(BufferClosed):
        await buffer.read()
    with pytest.raises(TimeoutError):
        await buffer.read(timeout=0)
    buffer.interrupt()
    buffer.put(InputFrame(picture(4)))
    assert len(await buffer.read()) == 1
    with pytest.raises(TimeoutError):
        await buffer.read(timeout=0)


def test_a_read_of_the_next_client_is_not_told_that_the_last_one_left() -> None:
    class Grabbing(ReactorModel):
        input: Camera

        @event(name="grab")
        async def grab(self) -> None:
            await self.input.webcam.read()

    with driver(Grabbing) as model:
        model.begin(1)
        model.leave(1)
        model.join(2)
        grabbing = model.send("grab", 2)
        eventually(lambda: bool(model.driver._buffers["webcam"]._waiting))
        model.driver.deliver(Received("webcam", 2, InputFrame(picture(4))))
        model.outlet.wait("reply")
        assert model.outlet.of("reply") == [(grabbing, None, {})]


def test_two_reads_at_once_lend_the_turn_and_give_it_back() -> None:
    class Both(Input):
        first: Video
        second: Video

    class World(ReactorPipeline):
        state: Steering
        input: Both

        async def inference(self) -> AsyncIterator[Any]:
            while True:
                a, b = await asyncio.gather(self.input.first.read(), self.input.second.read())
                yield Mirror(main_video=a[0] + b[0])

    with driver(World) as model:
        model.begin(1)
        model.driver.deliver(Received("first", 1, InputFrame(picture(3))))
        assert model.ask("set_level", level=4)[1].get("error_code") is None
        model.driver.deliver(Received("second", 1, InputFrame(picture(4))))
        model.outlet.until(lambda: 7 in shown(model), "both inputs together")
        model.leave(1)
        model.join(2)
        assert model.ask("set_level", client=2)[1].get("error_code") is None


def test_a_closed_buffer_says_so() -> None:
    async def scenario() -> None:
        buffer = InputBuffer(TrackSpec("webcam", "video", "in"))
        with pytest.raises(TimeoutError, match=r"Timed out waiting for 2 frame\(s\) after 0.01s"):
            await buffer.read(2, timeout=0.01)
        with pytest.raises(ValueError, match="Requested 129 frames but buffer capacity is 128"):
            buffer.try_read(129)
        for value in range(200):
            buffer.put(InputFrame(picture(value)))
        assert (buffer.available, buffer.total_received) == (128, 200)
        assert [int(f[0, 0, 0]) for f in await buffer.read(2, mode=ReadMode.FIFO)] == [72, 73]
        assert [int(f[0, 0, 0]) for f in await buffer.read(2)] == [198, 199]
        assert buffer.available == 0
        waiting = asyncio.create_task(buffer.read())
        await asyncio.sleep(0)
        buffer.close()
        with pytest.raises(BufferClosed):
            await waiting
        assert buffer.closed
        buffer.reset()
        buffer.put(InputFrame(picture(1)))
        assert buffer.try_read() is not None

    asyncio.run(asyncio.wait_for(scenario(), DEADLINE))
