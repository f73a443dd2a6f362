"""A meadow that listens: the ReactorModel of the documentation, with a procedural renderer as its checkpoint."""

from dataclasses import dataclass
from typing import Any

from renderer import load_checkpoint

from reactor_runtime.interface import InputField, Output, ReactorModel, Video, connected, disconnected, event


@dataclass
class MeadowOutput(Output):
    main_video: Video


class Meadow(ReactorModel):
    fps = 24
    buffer_size = 2

    def load(self, config: dict[str, Any]) -> None:
        self.pipe = load_checkpoint(config["checkpoint"])

    @connected
    async def on_connect(self) -> None:
        self.prompt = "a sunny meadow"
        self._step = 0

    @disconnected
    async def on_disconnect(self) -> None:
        self.output_buffer.flush()

    @event(name="set_prompt", description="Change the scene prompt")
    def set_prompt(self, prompt: str = InputField(default="a sunny meadow", max_length=200)) -> None:
        self.prompt = prompt

    async def run(self) -> None:
        while True:
            await self.connected.wait()
            while self.connected.is_set():
                frame = self.pipe.forward(prompt=self.prompt, step=self._step)
                await self.emit(MeadowOutput(main_video=frame))
                self._step += 1
