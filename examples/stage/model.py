"""Two pictures and a sound at once: a bouncing scene, its depth map, and a note for each bounce."""

import cv2
import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from reactor_runtime import AudioOut, VideoModel, VideoOut, command, get_ctx, model

FPS, RATE = 24, 48_000
SIZE = (288, 384)
NOTES = (262, 330, 392, 523)


@model(name="stage", version="1.0.0", description="A scene, its depth and its sound on three tracks")
class Stage(VideoModel):
    colour = VideoOut(rate=FPS, default=True)
    depth = VideoOut(rate=FPS)
    sound = AudioOut(rate=RATE)

    def __init__(self, config: DictConfig) -> None:
        self.gravity = 1.0

    @command("set_gravity", description="How heavy the balls are")
    def set_gravity(self, gravity: float = 1.0) -> dict[str, float]:
        self.gravity = min(max(gravity, 0.1), 4.0)
        return {"gravity": self.gravity}

    def start_session(self) -> None:
        height, width = SIZE
        random = np.random.default_rng(3)
        position = random.uniform((40, 20), (width - 40, height / 2), (4, 2))
        speed = random.uniform((-4, 0), (4, 2), (4, 2))
        ringing = np.zeros(4)
        step = 0
        while not get_ctx().should_stop():
            speed[:, 1] += 0.6 * self.gravity
            position += speed
            landed = (position[:, 1] > height - 30) & (speed[:, 1] > 0)
            speed[landed, 1] = -np.sqrt(2 * 0.6 * self.gravity * random.uniform(120, 200, landed.sum()))
            speed[(position[:, 0] < 24) | (position[:, 0] > width - 24), 0] *= -1
            ringing = np.where(landed, 1.0, ringing * 0.82)
            colour, depth = self.draw(position, ringing)
            get_ctx().get_track("colour").emit(colour)
            get_ctx().get_track("depth").emit(depth)
            get_ctx().get_track("sound").emit(self.ring(ringing, step))
            step += 1

    def draw(
        self, position: NDArray[np.float64], ringing: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the scene and its depth, nearer is lighter, each (H, W, 3) uint8 RGB."""
        colour = np.linspace((20, 24, 44), (52, 38, 66), SIZE[0])[:, None].repeat(SIZE[1], 1).astype(np.uint8)
        depth = np.zeros((*SIZE, 3), np.uint8)
        for index, (x, y) in enumerate(position):
            radius = 14 + 5 * index
            hue = np.array([[[index * 42, 170, 180 + int(70 * ringing[index])]]], np.uint8)
            shade = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
            cv2.circle(colour, (int(x), int(y)), radius, shade, -1, cv2.LINE_AA)
            cv2.circle(depth, (int(x), int(y)), radius, (110 + 45 * index,) * 3, -1, cv2.LINE_AA)
        return colour, depth

    def ring(self, ringing: NDArray[np.float64], step: int) -> NDArray[np.int16]:
        """Return the sound of one frame, (1, samples) int16."""
        t = (np.arange(RATE // FPS) + step * (RATE // FPS)) / RATE
        notes = [level * np.sin(2 * np.pi * note * t) for level, note in zip(ringing, NOTES, strict=True)]
        wave: NDArray[np.float64] = np.sum(notes, axis=0)
        return (5000 * wave).astype(np.int16)[None]
