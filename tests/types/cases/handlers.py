"""A `ReactorModel`: decorated methods keep their signatures, and what it inherits is typed."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, assert_type

from numpy.typing import NDArray

from reactor_runtime import (
    ClientInfo,
    CommandError,
    InputField,
    ModelMessage,
    Output,
    OutputBuffer,
    ReactorModel,
    UploadedFile,
    Video,
    connected,
    disconnected,
    event,
    file_uploaded,
)


class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


@dataclass
class Point:
    x: float
    y: float = 0.0


class Frames(Output):
    main_video: Video


class Turned(ModelMessage):
    angle: float


class Dial(ReactorModel):
    fps = 24
    buffer_size = 8

    async def load(self, config: dict[str, Any]) -> None:
        self.speed = float(config["speed"])

    @connected
    async def greet(self, client: ClientInfo) -> None:
        assert_type(client.id, int)
        assert_type(client.joined_at, float)
        await client.send(Turned(angle=0))

    @disconnected
    def rest(self) -> None:
        self.output_buffer.flush(hold=True)

    @file_uploaded
    def arrived(self, uploaded_file: UploadedFile) -> None:
        assert_type(uploaded_file.data, bytes)
        assert_type(uploaded_file.size, int)

    @event(name="turn", description="Turn the dial", dedupe=True)
    async def turn(self, angle: float = InputField(0, ge=-180, le=180)) -> Turned:
        if angle < -90:
            raise CommandError("too_far", "the dial stops there")
        return Turned(angle)

    @event(name="everything")
    def everything(
        self,
        seed: int = InputField(3, ge=0),
        prompt: str = InputField(default="a meadow", max_length=200, moderate=True),
        style: Literal["flat", "deep"] = InputField("flat"),
        mood: Mood = InputField(Mood.CALM),
        hint: str | None = InputField(None),
        limit: int | None = InputField(default=None, ge=1),
        points: list[Point] = InputField(min_length=1),
        weights: dict[str, float] = InputField(description="By name"),
        image: UploadedFile | None = None,
        strength: Annotated[float, InputField(ge=0, le=1)] = 0.5,
        anything: Any = None,
    ) -> None:
        assert_type(seed, int)
        assert_type(style, Literal["flat", "deep"])
        assert_type(hint, str | None)
        assert_type(points, list[Point])
        assert_type(strength, float)

    async def run(self) -> None:
        assert_type(self.connected, asyncio.Event)
        assert_type(self.output_buffer, OutputBuffer)
        while True:
            await self.connected.wait()
            await self.emit(Frames(self.picture()), compute_time=0.1)
            await self.send(Turned(angle=self.speed))
            self.output_buffer.set_fps(12.5)

    def picture(self) -> NDArray[Any]:
        raise NotImplementedError


class WithoutConfiguration(ReactorModel):
    def load(self) -> None:
        pass


class WithAPath(ReactorModel):
    def load(self, config_path: Any) -> None:
        pass


async def inferred(dial: Dial) -> None:
    assert_type(await dial.turn(1.0), Turned)
    assert_type(dial.speed, float)


async def wrong(dial: Dial) -> None:
    await dial.turn("left")  # refused
    await dial.turn(degrees=3)  # refused
    await dial.emit(dial.picture())  # refused
    await dial.send("hello")  # refused
    dial.everything(style="round")  # refused
    dial.output_buffer.nope()  # refused
    raise CommandError  # refused


if TYPE_CHECKING:  # the runtime refuses these too, at once

    class Refused(ReactorModel):
        @event(name="seed")
        def seed(self, value: int = InputField("3")) -> None:  # refused
            pass

        @event(name="style")
        def style(self, value: Literal["flat", "deep"] = InputField("round")) -> None:  # refused
            pass

        @event("unnamed")  # refused
        def unnamed(self) -> None:
            pass

        def run(self) -> None:  # refused
            pass
