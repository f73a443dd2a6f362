"""A `ReactorPipeline`: state and inputs have the types they are annotated with; `inference` may have several shapes."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, assert_type

import numpy as np
from numpy.typing import NDArray

from reactor_runtime import (
    Audio,
    BufferClosed,
    Idle,
    IdleType,
    Input,
    InputBuffer,
    InputField,
    InputFrame,
    InputState,
    Output,
    ReactorPipeline,
    ReadMode,
    UploadedFile,
    Video,
    event,
)


class Palette(Enum):
    EMBER = "ember"
    OCEAN = "ocean"


class Camera(Input):
    webcam: Video
    microphone: Audio


@dataclass
class DecoratedCamera(Input):
    webcam: Video
    microphone: Audio


class Mirror(Output):
    main_video: Video


class Base(InputState):
    prompt: str = InputField("a meadow", max_length=300)


class State(Base):
    seed: int
    palette: Palette = Palette.EMBER
    image: UploadedFile | None = None
    guidance: float = InputField(1, ge=0, le=10)
    hues: list[int] | None = InputField(default=None, min_length=1)
    _frame: NDArray[np.uint8] | None = None


@dataclass
class DecoratedState(Base):
    speed: float = InputField(0.5, ge=0, le=1)
    trails: bool = True
    _sparks: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 6)))


class Watching(ReactorPipeline):
    state: State
    input: Camera

    @event(name="again")
    def again(self) -> None:
        self.state.seed += 1
        self.state._frame = None

    async def inference(self) -> AsyncIterator[Mirror | IdleType]:
        while True:
            assert_type(self.state.prompt, str)
            assert_type(self.state.seed, int)
            assert_type(self.state.palette, Palette)
            assert_type(self.state.image, UploadedFile | None)
            assert_type(self.state.guidance, float)
            assert_type(self.state.hues, list[int] | None)
            assert_type(self.input.webcam, InputBuffer)
            assert_type(self.input.webcam.try_read(), list[InputFrame] | None)
            assert_type(self.input.microphone.available, int)
            try:
                frames = await self.input.webcam.read(2, timeout=0.5, mode=ReadMode.FIFO)
            except (TimeoutError, BufferClosed):
                yield Idle
                continue
            assert_type(frames, list[InputFrame])
            assert_type(frames[0].pts, float)
            assert_type(frames[0].metadata, bytes)
            assert_type(frames[0].capture_time_us, int)
            assert_type(frames[0].data, NDArray[Any])
            yield Mirror(main_video=frames[0][:, ::-1])
            yield Mirror(main_video=np.stack([frame.data for frame in frames]))


class WatchingDecorated(ReactorPipeline):
    state: DecoratedState
    input: DecoratedCamera

    async def inference(self) -> AsyncIterator[Mirror]:
        assert_type(self.state.prompt, str)
        assert_type(self.state.speed, float)
        assert_type(self.input.webcam.try_read(1, ReadMode.LATEST), list[InputFrame] | None)
        assert_type(await self.input.microphone.read(), list[InputFrame])
        self.input.webcam.clear()
        yield Mirror(self.input.webcam.total_received)


class Sync(ReactorPipeline):
    state: State

    def inference(self) -> Iterator[Mirror | IdleType | None]:
        assert_type(self.connected, asyncio.Event)
        yield Mirror(main_video=np.zeros((4, 4, 3), np.uint8))
        yield Idle
        yield None


class Bare(ReactorPipeline):
    state: State

    def inference(self) -> Generator[NDArray[np.uint8]]:
        yield np.zeros((4, 4, 3), np.uint8)


assert_type(State(prompt="snow").seed, int)
assert_type(DecoratedState(speed=1.0)._sparks, NDArray[np.float64])


async def wrong(model: Watching, decorated: WatchingDecorated) -> None:
    print(model.state.nope)  # refused
    model.state.seed = "3"  # refused
    print(decorated.state.nope)  # refused
    print(model.input.screen)  # refused
    print(model.input.webcam.nope)  # refused
    print(decorated.input.webcam.nope)  # refused
    await model.input.webcam.read("1")  # refused
    await model.input.webcam.read(mode="latest")  # refused
    DecoratedState(nope=3)  # refused


if TYPE_CHECKING:  # the runtime refuses these too, at once

    class Refused(ReactorPipeline):
        state: State

        async def inference(self) -> Mirror:  # refused
            return Mirror(main_video=None)
