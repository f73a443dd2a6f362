"""A stand-in for a video diffusion model: it thinks for a while, then has twelve frames at once."""

import time
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reactor_runtime import InputField, InputState, Output, ReactorPipeline, Video

CHUNK, SIZE = 12, (288, 512)


class Clip(Output):
    main_video: Video


class Prompt(InputState):
    prompt: str = InputField("aurora over a still lake", max_length=300, moderate=True, description="What to dream of")
    guidance: float = InputField(0.6, ge=0, le=1, description="How strictly to follow the prompt")


class Dream(ReactorPipeline):
    state: Prompt

    def load(self, config: dict[str, Any]) -> None:
        self.seconds = float(config.get("seconds_per_chunk", 0.3))

    def inference(self) -> Iterator[Clip]:
        latent, frame = embed(self.state.prompt), 0
        while True:
            began = time.monotonic()
            target, chunk = embed(self.state.prompt), []
            for _ in range(CHUNK):
                latent = latent + 0.12 * self.state.guidance * (target - latent)
                chunk.append(decode(latent, frame))
                frame += 1
            # What a network would be busy with; the rate of playing follows it.
            time.sleep(max(0.0, self.seconds - (time.monotonic() - began)))
            yield Clip(main_video=np.stack(chunk))


def embed(prompt: str) -> NDArray[np.float64]:
    """Return 24 numbers that stand for a text."""
    return np.random.default_rng(zlib.crc32(prompt.lower().encode())).uniform(-1, 1, 24)


def decode(latent: NDArray[np.float64], frame: int) -> np.ndarray:
    """Return one picture, (H, W, 3) uint8 RGB: waves whose shape and colours are the latent's."""
    y, x = np.mgrid[0 : SIZE[0] : 4, 0 : SIZE[1] : 4].astype(np.float32) / SIZE[0]
    t, shape, tint = frame / 24, latent[:12], latent[12:].reshape(4, 3)
    layers = [np.sin(9 * (shape[i] * x + shape[i + 4] * y) + (1 + i / 2) * t + 3 * shape[i + 8]) for i in range(4)]
    tinted = [layer[..., None] * colour for layer, colour in zip(layers, tint, strict=True)]
    image: NDArray[np.float64] = 118 + 46 * np.sum(tinted, axis=0)
    return cv2.resize(np.clip(image, 0, 255).astype(np.uint8), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
