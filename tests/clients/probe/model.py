"""What published clients are tried against: a colour to steer, the camera's colour back, words, files and a beat."""

import hashlib

import numpy as np

from reactor_runtime import (
    Input,
    InputField,
    ModelMessage,
    Output,
    ReactorModel,
    UploadedFile,
    Video,
    event,
)

HEIGHT, WIDTH = 240, 320
BEATS_EVERY = 8  # pictures


class Camera(Input):
    webcam: Video


class Picture(Output):
    main_video: Video


class Said(ModelMessage):
    text: str
    n: int


class Got(ModelMessage):
    name: str
    sha256: str


class Tick(ModelMessage):
    n: int


class Probe(ReactorModel):
    """Left half of the picture: the colour that was set. Right half: the mean colour that the camera sends."""

    fps = 16
    input: Camera

    def __init__(self) -> None:
        self.colour = (16, 16, 16)
        self.seen = (0.0, 0.0, 0.0)
        self.words = 0

    @event(name="set_color", description="Fill the left half")
    def set_color(
        self,
        r: int = InputField(ge=0, le=255),
        g: int = InputField(ge=0, le=255),
        b: int = InputField(ge=0, le=255),
    ) -> None:
        self.colour = (r, g, b)

    @event(name="say", description="Be told the same, and how many words were said so far")
    def say(self, text: str) -> Said:
        self.words += 1
        return Said(text=text, n=self.words)

    @event(name="set_image", description="Be told what a file holds")
    def set_image(self, image: UploadedFile) -> Got:
        return Got(name=image.name, sha256=hashlib.sha256(image.data).hexdigest())

    async def run(self) -> None:
        while True:
            await self.connected.wait()
            beat = 0
            while self.connected.is_set():
                if (frames := self.input.webcam.try_read(1)) is not None:
                    self.seen = tuple(frames[0].data.mean(axis=(0, 1)))
                picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
                picture[:, : WIDTH // 2] = self.colour
                picture[:, WIDTH // 2 :] = self.seen
                await self.emit(Picture(main_video=picture))
                beat += 1
                if beat % BEATS_EVERY == 0:
                    await self.send(Tick(n=beat // BEATS_EVERY))
