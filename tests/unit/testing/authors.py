"""Models under test, as an author writes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from reactor_runtime import (
    Audio,
    CommandError,
    Input,
    InputField,
    InputState,
    ModelMessage,
    Output,
    ReactorModel,
    ReactorPipeline,
    Video,
    event,
)


def flat(value: int, height: int = 4, width: int = 6) -> np.ndarray[Any, Any]:
    return np.full((height, width, 3), value, np.uint8)


class Picture(Output):
    main_video: Video


class Note(ModelMessage):
    text: str
    where: list[int] | None = None


class Counter(ReactorModel):
    """Counts frames; clients set where it counts on."""

    buffer_size = 3

    def load(self, config: dict[str, Any]) -> None:
        self.step: int = config.get("start", 0)

    async def run(self) -> None:
        while True:
            await self.connected.wait()
            while self.connected.is_set():
                await self.emit(Picture(main_video=flat(self.step)))
                self.step += 1

    @event(name="jump")
    def jump(self, to: int = InputField(ge=0, le=200)) -> Note:
        self.step = to
        return Note(text="jumped", where=[to])

    @event(name="refuse")
    async def refuse(self) -> None:
        raise CommandError("too_late", "the show is over")

    @event(name="fail")
    def fail(self) -> None:
        raise ValueError("a secret path")


class State(InputState):
    level: int = InputField(default=10, ge=0, le=255)


class Levels(ReactorPipeline):
    """Shows the level that clients set."""

    state: State

    async def inference(self) -> AsyncIterator[Picture]:
        while True:
            yield Picture(main_video=flat(self.state.level))
            await asyncio.sleep(0)


class Camera(Input):
    webcam: Video
    mic: Audio
