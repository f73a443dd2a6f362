"""Video to video, one picture per step, with the compute time of a real model: the newest camera picture, tinted."""

import time

import cv2
import numpy as np

from reactor_runtime import Input, InputField, Output, ReactorModel, Video, event


class Camera(Input):
    """What a client may send."""

    webcam: Video


class Picture(Output):
    """What comes back."""

    main_video: Video


class Mirror(ReactorModel):
    """Answers a command with the first step that begins after it."""

    camera: Camera

    def load(self, config):
        self.size = config["width"], config["height"]
        self.compute_s = config["compute_ms"] / 1000
        self.tint = 0
        self.seen = np.zeros((config["height"], config["width"], 3), np.uint8)

    @event(name="set_tint", description="Colour the picture")
    def set_tint(self, tint: int = InputField(default=0, ge=0, le=255)):
        self.tint = tint

    async def run(self):
        while True:
            await self.connected.wait()
            while self.connected.is_set():
                began = time.monotonic()
                if frames := self.camera.webcam.try_read():
                    self.seen = cv2.resize(np.ascontiguousarray(frames[-1].data), self.size)
                picture = self.seen.copy()
                picture[:, :, 0] = self.tint
                # A model blocks its loop for as long as the card computes, and needs no core for that.
                time.sleep(max(0.0, began + self.compute_s - time.monotonic()))  # noqa: ASYNC251
                await self.emit(Picture(main_video=picture))
