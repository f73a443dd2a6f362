"""A wave whose colour people change while they watch it."""

import numpy as np

from reactor_runtime import InputField, InputState, Output, ReactorPipeline, Video


class WaveOutput(Output):
    main_video: Video


class WaveState(InputState):
    """What people set: each public field becomes a command, `red` becomes `set_red`. Made anew for each audience."""

    red: int = InputField(default=60, ge=0, le=255, description="How red the wave is")
    _step: int = 0


class Wave(ReactorPipeline):
    fps = 30
    state: WaveState

    def load(self, config):
        """Load weights here: once, before anybody watches."""
        self.height, self.width = config["height"], config["width"]

    def inference(self):
        while True:
            yield WaveOutput(main_video=self.picture())
            self.state._step += 1

    def picture(self):
        """Return the next picture, (height, width, 3) uint8 RGB. Your model's forward pass goes here."""
        picture = np.full((self.height, self.width, 3), (self.state.red, 0, 90), np.uint8)
        picture[..., 1] = np.sin(np.arange(self.width) / 40 + self.state._step / 10) * 100 + 128
        return picture
