"""A wave whose colour people change while they watch it."""

import numpy as np

from reactor_runtime import InputField, Output, ReactorModel, Video, connected, event


class WaveOutput(Output):
    main_video: Video


class Wave(ReactorModel):
    fps = 30

    def load(self, config):
        """Load weights here: once, before anybody watches."""
        self.height, self.width = config["height"], config["width"]

    @connected
    def on_connect(self):
        self.red, self.step = 60, 0

    @event(name="set_red", description="How red the wave is")
    def set_red(self, red: int = InputField(default=60, ge=0, le=255)):
        self.red = red

    async def run(self):
        while True:
            await self.connected.wait()
            while self.connected.is_set():
                await self.emit(WaveOutput(main_video=self.picture()))
                self.step += 1

    def picture(self):
        """Return the next picture, (height, width, 3) uint8 RGB. Your model's forward pass goes here."""
        picture = np.full((self.height, self.width, 3), (self.red, 0, 90), np.uint8)
        picture[..., 1] = np.sin(np.arange(self.width) / 40 + self.step / 10) * 100 + 128
        return picture
