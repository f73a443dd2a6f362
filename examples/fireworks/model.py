"""Every kind of parameter at once: a state with numbers, choices, an enum, a dataclass, lists and private caches."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from reactor_runtime import InputField, InputState, Output, ReactorPipeline, Video, event

WIDTH, HEIGHT = 512, 288


class Palette(Enum):
    EMBER = "ember"
    OCEAN = "ocean"
    CANDY = "candy"


HUES = {Palette.EMBER: (0, 25), Palette.OCEAN: (85, 125), Palette.CANDY: (140, 175)}


@dataclass
class Wind:
    x: float = 0.0
    y: float = 0.0


@dataclass
class Burst:
    x: float
    y: float
    sparks: int = 120


class Night(Output):
    main_video: Video


class Weather(InputState):
    gravity: float = InputField(0.06, ge=0, le=0.5, description="How fast sparks fall")
    wind: Wind = Wind()


@dataclass
class FireworkState(Weather):
    palette: Palette = Palette.EMBER
    shape: Literal["sphere", "ring"] = "sphere"
    every: int = InputField(24, ge=6, le=240, description="Frames between two rockets")
    trails: bool = True
    hues: list[int] | None = None
    _sparks: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 6)))
    _canvas: np.ndarray | None = None


class Fireworks(ReactorPipeline):
    fps = 30
    state: FireworkState

    @event(name="launch", description="Set off several at once")
    def launch(self, bursts: list[Burst] = InputField(min_length=1, max_length=8)) -> None:
        for burst in bursts:
            self.explode(burst.x * WIDTH, burst.y * HEIGHT, burst.sparks)

    def load(self, config: dict[str, Any]) -> None:
        self.random = np.random.default_rng(11)

    def explode(self, x: float, y: float, sparks: int) -> None:
        """Add sparks as rows of x, y, their speeds, hue, and light from 1 to 0."""
        angle = self.random.uniform(0, 2 * np.pi, sparks)
        speed = self.random.uniform(0.4, 3.4, sparks) if self.state.shape == "sphere" else np.full(sparks, 2.6)
        low, high = HUES[self.state.palette]
        hue = self.random.choice(self.state.hues, sparks) if self.state.hues else self.random.uniform(low, high, sparks)
        born = [
            np.full(sparks, x),
            np.full(sparks, y),
            np.cos(angle) * speed,
            np.sin(angle) * speed,
            hue,
            np.ones(sparks),
        ]
        self.state._sparks = np.concatenate([self.state._sparks, np.stack(born, 1)])

    def inference(self) -> Iterator[Night]:
        frame = 0
        while True:
            if frame % self.state.every == 0:
                x, y = self.random.uniform((60, 40), (WIDTH - 60, HEIGHT * 0.6))
                self.explode(x, y, 140)
            yield Night(main_video=self.draw())
            frame += 1

    def draw(self) -> np.ndarray:
        """Move the sparks on and return one picture, (H, W, 3) uint8 RGB."""
        state = self.state
        sparks = state._sparks
        sparks[:, 2] += (state.wind.x - sparks[:, 2]) * 0.02
        sparks[:, 3] += state.gravity + (state.wind.y - sparks[:, 3]) * 0.02
        sparks[:, :2] += sparks[:, 2:4]
        sparks[:, 5] -= 0.012
        state._sparks = sparks = sparks[sparks[:, 5] > 0]
        if state._canvas is None or not state.trails:
            state._canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        canvas = cv2.convertScaleAbs(state._canvas, alpha=0.9)
        colours = np.stack([sparks[:, 4], np.full(len(sparks), 190), 255 * sparks[:, 5]], 1).astype(np.uint8)
        rgb = cv2.cvtColor(colours[None], cv2.COLOR_HSV2RGB)[0] if len(colours) else []
        for (x, y), colour in zip(sparks[:, :2], rgb, strict=True):
            cv2.circle(canvas, (int(x * 16), int(y * 16)), 22, colour.tolist(), -1, cv2.LINE_AA, 4)
        state._canvas = canvas
        return cv2.add(canvas, np.array((10, 12, 26, 0), np.float64))
