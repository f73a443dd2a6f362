"""A model with a word for everything that a client does, and a server that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from tests.running import RunningServer, serving

MODEL = dedent("""
    import asyncio

    import numpy as np

    from reactor_runtime import (
        Audio, BufferClosed, ClientInfo, CommandError, Input, InputField, ModelMessage, Output, ReactorModel,
        UploadedFile, Video, connected, event,
    )


    class Media(Input):
        webcam: Video
        mic: Audio


    class Out(Output):
        main_video: Video
        main_audio: Audio


    class Said(ModelMessage):
        text: str
        n: int


    class Welcome(ModelMessage):
        name: str


    class Heard(ModelMessage):
        hertz: float


    class Everything(ReactorModel):
        fps = 30
        media: Media

        def load(self, config):
            self.colour = (0, 0, 0)
            self.step = 0

        @connected
        async def welcome(self, client: ClientInfo):
            await client.send(Welcome(name="everything"))

        @event(name="set_colour", description="Fill the picture")
        def set_colour(
            self,
            red: int = InputField(0, ge=0, le=255),
            green: int = InputField(0, ge=0, le=255),
            blue: int = InputField(0, ge=0, le=255),
        ):
            self.colour = (red, green, blue)

        @event(name="say", description="Say it back")
        async def say(self, text: str = InputField(min_length=1)) -> Said:
            self.step += 1
            return Said(text=text, n=self.step)

        @event(name="refuse")
        async def refuse(self):
            raise CommandError("too_tired", "ask me tomorrow")

        @event(name="weigh")
        async def weigh(self, files: list[UploadedFile]) -> Said:
            return Said(text=" ".join(file.name for file in files), n=sum(file.size for file in files))

        @event(name="weigh_one")
        async def weigh_one(self, file: UploadedFile, loud: bool = False) -> Said:
            return Said(text=file.name.upper() if loud else file.name, n=file.size)

        async def run(self):
            await asyncio.gather(self.show(), self.look(), self.listen())

        async def show(self):
            at = 0
            while True:
                frame = np.empty((96, 160, 3), np.uint8)
                frame[:] = self.colour
                moments = (np.arange(1600) + at) / 48_000
                at += 1600
                tone = (np.sin(moments * 2 * np.pi * 600) * 9000).astype(np.int16)
                await self.emit(Out(main_video=frame, main_audio=tone[None]))

        async def look(self):
            while True:
                try:
                    (frame,) = await self.media.webcam.read()
                    self.colour = tuple(int(value) for value in frame.data.mean(axis=(0, 1)))
                except BufferClosed:
                    await asyncio.sleep(0.02)

        async def listen(self):
            while True:
                try:
                    blocks = await self.media.mic.read(25)
                except BufferClosed:
                    await asyncio.sleep(0.02)
                    continue
                sound = np.concatenate([block[0] for block in blocks]).astype(float)
                hertz = float(np.argmax(np.abs(np.fft.rfft(sound))) * 48_000 / sound.size)
                await self.send(Heard(hertz=hertz))
""")


@contextmanager
def everything(folder: Path, *flags: str) -> Iterator[RunningServer]:
    """Serve the model for the length of the block."""
    (folder / "model.py").write_text(MODEL)
    (folder / "reactor.yaml").write_text("model: model:Everything\nname: everything\n")
    with serving(folder, *flags) as server:
        server.wait_ready()
        yield server
