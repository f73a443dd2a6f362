"""A field of light that a command dims: the @model style, with configuration, commands and a weights folder."""

import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from pydantic import Field

from reactor_runtime import VideoModel, command, get_ctx, model


@model(
    name="brightness",
    config="configs/default.yaml",
    weights=["palette"],
    version="1.0.0",
    description="A drifting field of colour whose brightness and mood clients set",
)
class Brightness(VideoModel):
    emission_fps = 24

    def __init__(self, config: DictConfig) -> None:
        self.width, self.height = config.size
        self.speed = config.speed
        self.brightness = config.brightness
        self.palettes = load_palettes(VideoModel.weights("palette"))
        self.mood = config.mood

    @command("set_brightness", description="How bright the field is, from black (0) to full (1)")
    def set_brightness(self, brightness: float = Field(ge=0, le=1)) -> dict[str, float]:
        self.brightness = brightness
        return {"brightness": brightness}

    @command(
        "set_prompt", description="Name a mood, as 'ocean', 'ember', 'forest' or 'orchid'; any other text picks one"
    )
    def set_prompt(self, prompt: str = Field("ocean", max_length=200)) -> dict[str, str]:
        named = [mood for mood in self.palettes if mood in prompt.lower()]
        self.mood = named[0] if named else sorted(self.palettes)[zlib.crc32(prompt.encode()) % len(self.palettes)]
        return {"mood": self.mood}

    def start_session(self) -> None:
        # Both ease towards what the commands ask for, so that a change is seen at once and ends softly.
        shown, light = self.palettes[self.mood], self.brightness
        step = 0
        while not get_ctx().should_stop():
            shown = shown + 0.15 * (self.palettes[self.mood] - shown)
            light = light + 0.25 * (self.brightness - light)
            get_ctx().emit_block(self.paint(step, shown * light))
            step += 1

    def paint(self, step: int, palette: NDArray[np.float64]) -> np.ndarray:
        """Return one frame, (H, W, 3) uint8 RGB: slow waves bent by slower waves, coloured by a palette."""
        t = step * self.speed / 24
        y, x = np.mgrid[0 : self.height : 6, 0 : self.width : 6].astype(np.float32) / self.height * 6.3
        bent_x = x + 0.9 * np.sin(0.6 * y + 0.7 * t) + 0.4 * np.sin(1.3 * x - 0.5 * t)
        bent_y = y + 0.9 * np.sin(0.7 * x - 0.6 * t) + 0.4 * np.sin(1.1 * y + 0.4 * t)
        field = np.sin(bent_x + 0.3 * t) + np.sin(bent_y * 1.2 - 0.4 * t) + np.sin(0.8 * (bent_x + bent_y) + 0.2 * t)
        field = cv2.resize(field, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        levels = np.clip(field * 42 + 128, 0, 255).astype(np.uint8)
        return cv2.applyColorMap(levels, palette.astype(np.uint8).reshape(256, 1, 3))


def load_palettes(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Return each `*.txt` of the folder as a ramp of 256 colours; a file has one `R G B` per line, dark to bright."""
    palettes = {}
    for path in folder.glob("*.txt"):
        stops = np.loadtxt(path)
        at = np.linspace(0, 1, len(stops))
        palettes[path.stem] = np.stack([np.interp(np.linspace(0, 1, 256), at, channel) for channel in stops.T], 1)
    return palettes
