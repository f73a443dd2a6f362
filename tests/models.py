"""Small author models that misbehave on command, written to a folder as an author would."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

HEAD = dedent("""
    import asyncio
    import ctypes
    import os
    import time

    import numpy as np

    from reactor_runtime import InputField, Output, ReactorModel, Video, connected, event


    class Out(Output):
        main_video: Video


    def picture(colour, step):
        frame = np.zeros((180, 320, 3), np.uint8)
        frame[:] = colour
        frame[:, : step * 4 % 320] //= 2
        return frame
""")

PAINTER = dedent("""
    class Painter(ReactorModel):
        fps = 30

        def __init__(self):
            self.colour = (20, 160, 40)
            self.step = 0
            self.trouble = None

        @event(name="set_colour", description="Paint in another colour")
        def set_colour(self, red: int = InputField(default=0, ge=0, le=255),
                       green: int = InputField(default=0, ge=0, le=255),
                       blue: int = InputField(default=0, ge=0, le=255)):
            self.colour = (red, green, blue)

        @event(name="raise_in_handler", description="")
        def raise_in_handler(self):
            raise ValueError("the handler is broken")

        @event(name="make_trouble", description="")
        def make_trouble(self, kind: str):
            self.trouble = kind

        async def run(self):
            while True:
                await self.connected.wait()
                while self.connected.is_set():
                    if self.trouble == "raise":
                        raise RuntimeError("the model is broken")
                    if self.trouble == "exit":
                        os._exit(7)
                    if self.trouble == "segfault":
                        ctypes.string_at(0)
                    if self.trouble == "return":
                        return
                    self.step += 1
                    await self.emit(Out(main_video=picture(self.colour, self.step)))
""")


SHOWROOM = dedent("""
    from typing import Literal

    from reactor_runtime import Audio, Input, ModelMessage, UploadedFile


    class Devices(Input):
        webcam: Video
        microphone: Audio


    class Scene(Output):
        main_video: Video
        depth: Video
        main_audio: Audio


    class Turned(ModelMessage):
        angle: float


    class Showroom(ReactorModel):
        fps = 25

        def __init__(self):
            self.angle = 0.0
            self.step = 0

        @event(name="turn", description="Turn the piece on show")
        async def turn(self, angle: float = InputField(default=0, ge=-180, le=180)):
            self.angle = angle
            await self.send(Turned(angle=angle))

        @event(name="arrange", description="One of every kind")
        def arrange(self, count: int, title: str = InputField(default="", max_length=40, description="On the door"),
                    light: Literal["day", "dusk"] = "day", open: bool = True, seed: int | None = None,
                    path: list[float] = InputField(default=None)):
            if count > 9:
                raise ValueError("nine fit in the room")

        @event(name="hang", description="A picture for the wall")
        def hang(self, picture: UploadedFile):
            pass

        @event(name="reset", description="Begin anew")
        def reset(self):
            self.angle = 0.0

        async def run(self):
            while True:
                await self.connected.wait()
                while self.connected.is_set():
                    self.step += 1
                    await self.emit(Scene(main_video=picture((40, 90, 200), self.step),
                                          depth=picture((120, 120, 120), -self.step),
                                          main_audio=np.zeros(1920, np.int16)))
""")
"""A track of each kind, both ways, and a control for each kind of parameter."""


def write_model(folder: Path, source: str, name: str = "Painter", head: str = HEAD) -> Path:
    """Write a generation 2 project around `source` and return its folder."""
    (folder / "model.py").write_text(head + "\n\n" + source)
    (folder / "reactor.yaml").write_text(f"model: model:{name}\nname: {name.lower()}\n")
    return folder
