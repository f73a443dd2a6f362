"""A picture you upload, brought to life: a slow camera, and water where the lower half lies."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from reactor_runtime import (
    CommandError,
    InputField,
    InputState,
    ModelMessage,
    Output,
    ReactorPipeline,
    UploadedFile,
    Video,
    event,
    file_uploaded,
)

WIDTH, HEIGHT = 512, 288


class Moving(Output):
    main_video: Video


class ImageTaken(ModelMessage):
    """The picture that is shown from here on."""

    name: str
    width: int
    height: int


class Postcard(InputState):
    waves: float = InputField(0.5, ge=0, le=1, description="How rough the water is")
    _image: np.ndarray | None = None


class ImageToVideo(ReactorPipeline):
    fps = 24
    state: Postcard

    @event(name="set_image", description="Upload a picture and bring it to life")
    async def set_image(self, image: UploadedFile) -> ImageTaken:
        return self.take(image)

    @event(name="blend_images", description="Lay several pictures over each other")
    async def blend_images(self, images: list[UploadedFile] = InputField(min_length=2, max_length=4)) -> ImageTaken:
        taken = [self.take(image) for image in images]
        self.state._image = np.mean([fitted(decode(image)) for image in images], axis=0).astype(np.uint8)
        return taken[-1]

    @file_uploaded
    async def arrived(self, uploaded_file: UploadedFile) -> None:
        print(f"{uploaded_file.name}: {uploaded_file.size} bytes of {uploaded_file.mime_type}")

    def take(self, file: UploadedFile) -> ImageTaken:
        """Show an upload from here on."""
        image = decode(file)
        self.state._image = fitted(image)
        return ImageTaken(name=file.name, width=image.shape[1], height=image.shape[0])

    def inference(self) -> Iterator[Moving]:
        step = 0
        while True:
            image = self.state._image
            yield Moving(main_video=self.animate(blank() if image is None else image, step))
            step += 1

    def animate(self, image: np.ndarray, step: int) -> np.ndarray:
        """Return one picture, (H, W, 3) uint8 RGB: the camera moves, and the lower half as water does."""
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        zoom = 0.92 + 0.05 * np.sin(step / 120)
        depth = np.clip((rows - HEIGHT * 0.55) / HEIGHT, 0, 1) * self.state.waves * 30
        x = (columns - WIDTH / 2) * zoom + WIDTH / 2 + depth * np.sin(rows / 5 - step / 6)
        y = (rows - HEIGHT / 2) * zoom + HEIGHT / 2 + 0.4 * depth * np.sin(columns / 24 + step / 9)
        sources = x.astype(np.float32), y.astype(np.float32)
        return cv2.remap(image, *sources, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def decode(file: UploadedFile) -> np.ndarray:
    """Return an upload as a picture, (H, W, 3) uint8 RGB."""
    image = cv2.imdecode(np.frombuffer(file.data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise CommandError("not_an_image", f"{file.name} cannot be read as a picture")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def fitted(image: np.ndarray) -> np.ndarray:
    """Return the middle of a picture, as large as fits, at the size that is shown."""
    scale = max(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    grown = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (grown.shape[0] - HEIGHT) // 2, (grown.shape[1] - WIDTH) // 2
    return cv2.resize(grown[top : top + HEIGHT, left : left + WIDTH], (WIDTH, HEIGHT))


def blank() -> NDArray[np.uint8]:
    """Return what is shown before the first upload: a sea at dusk."""
    sky = np.linspace((36, 44, 84), (232, 160, 110), HEIGHT // 2)
    sea = np.linspace((150, 100, 90), (16, 24, 52), HEIGHT - HEIGHT // 2)
    return np.concatenate([sky, sea])[:, None].repeat(WIDTH, 1).astype(np.uint8)
