"""A model that takes its time to load, and says what it is busy with meanwhile."""

import time

import cv2
import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from reactor_runtime import VideoModel, command, get_ctx, model, report_progress

STAGES = ("Reading the text encoder", "Reading the transformer", "Compiling kernels", "Warming up")


@model(name="slow-start", config="config.yaml", version="1.0.0", description="Loads slowly and says how far it is")
class SlowStart(VideoModel):
    emission_fps = 24

    def __init__(self, config: DictConfig) -> None:
        for stage, text in enumerate(STAGES):
            for part in range(10):
                report_progress(text, (stage + part / 10) / len(STAGES))
                time.sleep(config.seconds / len(STAGES) / 10)
        self.rings = 5

    @command("set_rings", description="How many rings to draw")
    def set_rings(self, rings: int = 5) -> dict[str, int]:
        self.rings = max(1, min(rings, 24))
        return {"rings": self.rings}

    def start_session(self) -> None:
        step = 0
        while not get_ctx().should_stop():
            get_ctx().get_track().emit(self.draw(step))
            step += 1

    def draw(self, step: int) -> NDArray[np.uint8]:
        """Return one picture, (H, W, 3) uint8 RGB: rings that grow."""
        image = np.full((288, 512, 3), (16, 18, 30), np.uint8)
        for ring in range(self.rings):
            radius = (step * 2 + ring * 240 // self.rings) % 240
            hue = np.array([[[(radius + step) % 180, 150, 255 - radius]]], np.uint8)
            colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
            cv2.circle(image, (256, 144), radius, colour, 4, cv2.LINE_AA)
        return image
