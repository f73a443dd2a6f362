"""A wave whose colour people change while they watch it."""

import numpy as np
from pydantic import Field

from reactor_runtime import VideoModel, VideoOut, command, get_ctx, model


@model(name="my-model", config="config.yaml")
class Wave(VideoModel):
    main_video = VideoOut(rate=30, default=True)

    def __init__(self, config):
        """Load weights here: once, before anybody watches."""
        self.height, self.width = config.height, config.width
        self.red = 60

    @command("set_red", "How red the wave is")
    def set_red(self, red: int = Field(default=60, ge=0, le=255)):
        self.red = red

    def start_session(self):
        step = 0
        while not get_ctx().should_stop():
            get_ctx().get_track("main_video").emit(self.picture(step))
            step += 1

    def picture(self, step):
        """Return one picture, (height, width, 3) uint8 RGB. Your model's forward pass goes here."""
        picture = np.full((self.height, self.width, 3), (self.red, 0, 90), np.uint8)
        picture[..., 1] = np.sin(np.arange(self.width) / 40 + step / 10) * 100 + 128
        return picture
