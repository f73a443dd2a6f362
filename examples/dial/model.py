"""A slider whose handler is slow: of what piles up behind it only the newest is handled."""

import asyncio
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reactor_runtime import InputField, ModelMessage, Output, ReactorModel, Video, connected, event

SIZE = 320


class Face(Output):
    main_video: Video


class Applied(ModelMessage):
    """An angle that was prepared and is shown."""

    angle: float
    handled: int


class Dial(ReactorModel):
    fps = 30

    def load(self, config: dict[str, Any]) -> None:
        self.prepare_seconds = float(config.get("prepare_seconds", 0.15))
        self.angle = self.target = 0.0
        self.handled = 0

    @connected
    def begin(self) -> None:
        self.angle = self.target = 0.0
        self.handled = 0

    @event(name="set_angle", description="Turn the hand, in degrees", dedupe=True)
    async def set_angle(self, angle: float = InputField(0.0, ge=-180, le=180)) -> Applied:
        await asyncio.sleep(self.prepare_seconds)  # what encoding a prompt costs elsewhere
        self.target = angle
        self.handled += 1
        return Applied(angle=angle, handled=self.handled)

    async def run(self) -> None:
        while True:
            await self.connected.wait()
            self.angle += 0.3 * (self.target - self.angle)
            await self.emit(Face(main_video=self.draw()))

    def draw(self) -> NDArray[np.uint8]:
        """Return one picture, (H, W, 3) uint8 RGB: the hand and the marks around it."""
        image = np.full((SIZE, SIZE, 3), (22, 24, 34), np.uint8)
        middle = (SIZE // 2, SIZE // 2)
        cv2.circle(image, middle, 130, (58, 64, 92), 3, cv2.LINE_AA)
        for mark in np.deg2rad(np.arange(0, 360, 30)):
            inner, outer = ((middle + r * np.array([np.sin(mark), -np.cos(mark)])).astype(int) for r in (112, 124))
            cv2.line(image, tuple(map(int, inner)), tuple(map(int, outer)), (120, 130, 170), 2, cv2.LINE_AA)
        radians = np.deg2rad(self.angle)
        tip = (middle + 100 * np.array([np.sin(radians), -np.cos(radians)])).astype(int)
        cv2.line(image, middle, tuple(map(int, tip)), (250, 176, 84), 6, cv2.LINE_AA)
        return image
