"""A small world model without a network: it paints a meadow from a prompt and a step number.

The landscape is painted once, in index colours; wind moves it by a remap; a scene is a palette, so a new prompt fades
over a second by mixing palettes. A frame of 640x360 takes a few milliseconds on one core.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

Look = dict[str, Any]  # what a scene is mixed by, see Scene
Weather = dict[str, float]

FADE = 0.12  # of the way to a new scene, per frame
HORIZON = 0.56
# Ranges of the index image, far to near; each is a ramp of the palette.
SKY, FAR, NEAR, GRASS = (0, 96), (96, 120), (120, 144), (144, 256)
FLOWERS = {"red": (226, 52, 48), "yellow": (250, 210, 60), "white": (250, 250, 244), "blue": (84, 110, 240),
           "purple": (168, 84, 214), "pink": (250, 140, 180), "orange": (250, 146, 40)}  # fmt: skip


def load_checkpoint(path: str) -> "Renderer":
    """Return the renderer described by a YAML file; a relative path is looked for beside this module."""
    return Renderer(**yaml.safe_load((Path(__file__).parent / path).read_text()))


class Renderer:
    def __init__(self, size: tuple[int, int], seed: int, scenes: dict[str, Any]) -> None:
        self.width, self.height = size
        self.random = np.random.default_rng(seed)
        self.scenes = {name: Scene(**scene) for name, scene in scenes.items()}
        self.horizon = int(self.height * HORIZON)
        self._paint_landscape()
        self._scatter()
        self.look: Look = {}

    def forward(self, *, prompt: str, step: int) -> np.ndarray:
        """Return one frame, (H, W, 3) uint8 RGB."""
        words = [word.strip(".,;:!?") for word in prompt.lower().split()]
        wanted = self._wanted(words)
        if not self.look or step == 0:
            self.look = wanted
        self.look = {key: value + FADE * (wanted[key] - value) for key, value in self.look.items()}
        weather = {name[1:]: float(value) for name, value in self.look.items() if name.startswith("~")}
        wind = 0.35 + weather["wind"]
        phase = step / 24 * (1.2 + wind)

        indices, bend = self._sway(phase, wind)
        frame = cv2.applyColorMap(indices, self.look["palette"].astype(np.uint8).reshape(256, 1, 3))
        self._light_sky(frame, step, weather)
        self._draw_flowers(frame, bend, words, weather)
        self._draw_weather(frame, step, weather)
        return frame

    def _wanted(self, words: list[str]) -> Look:
        """Mix the scenes that the prompt names; the plain meadow where it names none."""
        named = [s for name, s in self.scenes.items() if name != "meadow" and set(words) & set(s.words)]
        chosen = named or [self.scenes["meadow"]]
        look = {key: sum(scene.look[key] for scene in chosen) / len(chosen) for key in chosen[0].look}
        for effect in ("~snow", "~rain", "~stars", "~wind"):
            look[effect] = max(scene.look[effect] for scene in chosen)
        return look

    def _paint_landscape(self) -> None:
        """Paint sky, hills and every blade of grass once, in palette indices; note how far each pixel can bend."""
        width, height, horizon = self.width, self.height, self.horizon
        rows, columns = np.arange(height)[:, None], np.arange(width)
        sky = np.linspace(SKY[0], SKY[1] - 1, horizon)[:, None] + self.random.uniform(-0.5, 0.5, (horizon, width))
        image = np.full((height, width), float(GRASS[0]))
        image[:horizon] = np.clip(sky, *SKY)  # the noise hides the steps of the ramp
        for (low, high), base, swing in ((FAR, 0.80, 26), (NEAR, 0.93, 16)):
            a, b = self.random.uniform(0, 6.3, 2)
            crest = horizon * base - swing * (np.sin(columns / 97 + a) + 0.6 * np.sin(columns / 41 + b))
            depth = np.clip((rows - crest) / np.maximum(horizon - crest, 1), 0, 1)
            image = np.where((rows > crest) & (rows <= horizon), low + depth * (high - 1 - low), image)
        self.image, reach = image.astype(np.uint8), np.zeros((height, width), np.uint8)
        for y in np.geomspace(3, height - horizon + 34, 48):
            self._paint_row(reach, horizon + y, y / (height - horizon))
        far_bends_less = np.linspace(2.7, 14, height, dtype=np.float32)[:, None]
        self.reach = cv2.GaussianBlur(reach, (0, 0), 2) / np.float32(255) * far_bends_less

    def _paint_row(self, reach: NDArray[np.uint8], y: float, near: float) -> None:
        """Paint one row of blades, each four segments from a dark root to a light tip, in four tones."""
        count = int(320 - 190 * min(near, 1))
        root = self.random.uniform(-20, self.width + 20, count)
        length = (4 + 30 * near) * self.random.uniform(0.6, 1.15, count)
        lean = self.random.normal(0, 0.22, count) * length
        along = np.linspace(0, 1, 5)
        points = np.stack([root[:, None] + lean[:, None] * along**2, y - length[:, None] * along], 2)
        segments = (np.stack([points[:, :-1], points[:, 1:]], 2) * 16).astype(np.int32)
        for i in range(4):
            thickness = 2 if near > 0.55 and i < 2 else 1
            shade = GRASS[0] + 8 + 84 * (0.2 + 0.8 * along[i]) * (0.6 + 0.4 * min(near, 1))
            for tone in range(4):
                cv2.polylines(self.image, list(segments[tone::4, i]), False, int(shade + 6 * tone), thickness, shift=4)
            cv2.polylines(reach, list(segments[:, i]), False, int(255 * along[i + 1]), thickness, shift=4)

    def _scatter(self) -> None:
        """Place everything that is not landscape: clouds, stars, flowers, drops and flakes."""
        self.stars = self.random.uniform((0, 0), (self.width, self.horizon * 0.75), (170, 2))
        depth = np.sort(self.random.uniform(0.12, 0.97, 110) ** 1.3)
        self.flowers = np.stack([self.random.uniform(0, self.width, 110), depth, self.random.uniform(0, 1, 110)], 1)
        self.is_sky = (self.image[: self.horizon] < SKY[1]).astype(np.float32)
        self.drops = self.random.uniform(0, 1, (300, 3))
        octaves = [
            cv2.resize(_tileable(self.random, n), (2 * self.width, self.horizon), interpolation=cv2.INTER_CUBIC) / k
            for n, k in (((3, 8), 1), ((6, 16), 1.8), ((12, 32), 3.6), ((24, 64), 8))
        ]
        clouds = np.sum(octaves, 0)
        clouds = np.clip((clouds - clouds.mean()) / clouds.std() * 0.55 - 0.05, 0, 1)
        fade = np.clip(np.linspace(1.25, 0, self.horizon), 0, 1)[:, None]
        self.clouds = np.hstack([clouds * fade] * 2).astype(np.float32)
        y, x = np.mgrid[-256:256, -256:256].astype(np.float32)
        distance = np.hypot(x, y)
        self.glow = np.clip(1 - distance / 250, 0, 1) ** 3 * np.float32(0.75)
        self.disc = np.clip(20 - distance, 0, 1)

    def _sway(self, phase: float, wind: float) -> tuple[NDArray[np.uint8], np.ndarray]:
        """Bend the grass: gusts run over the field as slow waves, seen as bending and as a lighter green."""
        top = self.horizon - 8
        y, x = np.mgrid[0 : self.height - top : 12, 0 : self.width : 16].astype(np.float32)
        gust = np.sin(x * 0.013 + y * 0.02 - phase) + 0.5 * np.sin(x * 0.041 - y * 0.05 - phase * 1.7)
        bend = cv2.resize(gust * wind + wind * 0.5, (self.width, self.height - top), interpolation=cv2.INTER_LINEAR)
        rows, columns = np.mgrid[0 : self.height - top, 0 : self.width].astype(np.float32)
        source = self.image[top:]
        moved = cv2.remap(source, columns - bend * self.reach[top:], rows, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
        lit = cv2.add(moved, (np.clip(bend, 0, 2) * 9).astype(np.uint8), mask=(moved >= GRASS[0]).astype(np.uint8))
        indices = self.image.copy()
        indices[top:] = np.where(moved >= GRASS[0], lit, moved)
        return indices, bend

    def _light_sky(self, frame: np.ndarray, step: int, weather: Weather) -> None:
        sky = frame[: self.horizon]
        if weather["stars"] > 0.05:
            twinkle = 0.55 + 0.45 * np.sin(step / 9 + self.stars[:, 0])
            x, y = self.stars.astype(int).T
            bright = (255 * weather["stars"] * twinkle * (1 - y / self.horizon))[:, None]
            sky[y, x] = np.maximum(sky[y, x], bright)
        cx, cy = int(self.width * 0.72 + 24 * np.sin(step / 900)), int(self.height * weather["sun"])
        top, left = max(0, cy - 256), max(0, cx - 256)
        bottom, right = min(self.horizon, cy + 256), min(self.width, cx + 256)
        cut = np.s_[top - cy + 256 : bottom - cy + 256, left - cx + 256 : right - cx + 256]
        clear = 1 - 0.7 * max(weather["rain"], weather["snow"])
        disc = self.disc[cut] * self.is_sky[top:bottom, left:right]
        _blend(sky[top:bottom, left:right], self.look["light"], np.maximum(self.glow[cut], disc) * np.float32(clear))
        offset = int(step * (0.5 + weather["wind"])) % (2 * self.width)
        alpha = self.clouds[:, offset : offset + self.width] * (self.is_sky * np.float32(weather["clouds"]))
        _blend(sky, self.look["clouds"], alpha)
        if weather["rain"] > 0.5 and step % 96 in (0, 1, 5):  # lightning
            cv2.convertScaleAbs(sky, sky, 1.5, 40)

    def _draw_flowers(self, frame: np.ndarray, bend: np.ndarray, words: list[str], weather: Weather) -> None:
        colours = [FLOWERS[word] for word in words if word in FLOWERS] or list(FLOWERS.values())
        light = np.clip(self.look["palette"][GRASS[1] - 30] / 150, 0.2, 1.1)
        count = int(len(self.flowers) * min(1, weather["flowers"]))
        for i, (x, depth, pick) in enumerate(
            self.flowers[:: max(1, len(self.flowers) // max(count, 1))] if count else ()
        ):
            y = self.horizon + depth * (self.height - self.horizon)
            size = 1 + 3.2 * depth
            x = x + bend[int(y) - self.horizon + 8 - 1, int(x)] * size * 2.2
            colour = np.minimum(np.array(colours[int(pick * 997 + i) % len(colours)]) * light, 255)
            centre = (int(x * 16), int((y - 5 * size) * 16))
            cv2.circle(frame, centre, int(size * 16), colour.tolist(), -1, cv2.LINE_AA, 4)
            if size > 2:
                cv2.circle(frame, centre, int(size * 5), (colour * 0.4 + 90 * light).tolist(), -1, cv2.LINE_AA, 4)

    def _draw_weather(self, frame: np.ndarray, step: int, weather: Weather) -> None:
        x, y, depth = self.drops.T
        if weather["snow"] > 0.05:
            count = int(len(x) * weather["snow"])
            fx = (x + 0.02 * np.sin(step / 20 + 9 * depth)) * self.width % self.width
            fy = (y + step * (0.004 + 0.006 * depth)) % 1 * self.height
            for px, py, near in zip(fx[:count], fy[:count], depth[:count], strict=True):
                cv2.circle(
                    frame, (int(px * 16), int(py * 16)), int(12 + 38 * near), (255, 255, 255), -1, cv2.LINE_AA, 4
                )
        if weather["rain"] > 0.05:
            count = int(len(x) * weather["rain"])
            fall = (y + step * (0.045 + 0.03 * depth)) % 1 * (self.height + 40) - 20
            along = (x * 1.3 - 0.16 * fall / self.height) * self.width
            start = np.stack([along, fall], 1)[:count]
            streaks = np.stack([start, start + np.stack([-3 - 3 * depth, 12 + 14 * depth], 1)[:count]], 1)
            veil = frame.copy()
            cv2.polylines(veil, list((streaks * 16).astype(np.int32)), False, (190, 205, 220), 1, cv2.LINE_AA, 4)
            cv2.addWeighted(veil, 0.5, frame, 0.5, 0, frame)


class Scene:
    """One scene as the numbers that two scenes are mixed by: a palette, colours of light, and weather (`~name`)."""

    def __init__(
        self,
        words: list[str],
        sky: list[list[int]],
        hills: list[list[int]],
        grass: list[list[int]],
        clouds: list[int],
        light: list[int],
        weather: Weather,
    ) -> None:
        self.words = words
        haze = [hills[0], np.mean([hills[0], sky[-1]], axis=0)]
        ramps = ((SKY, sky), (FAR, haze), (NEAR, [hills[1], np.mean(hills, axis=0)]), (GRASS, grass))
        palette = np.concatenate([_ramp(high - low, colours) for (low, high), colours in ramps])
        self.look: Look = {"palette": palette, "clouds": np.array(clouds, float), "light": np.array(light, float)}
        for name in ("clouds", "sun", "stars", "snow", "rain", "wind", "flowers"):
            self.look[f"~{name}"] = np.float64(weather.get(name, 0))


def _ramp(length: int, colours: ArrayLike) -> NDArray[np.float64]:
    channels = np.transpose(colours)
    stops = np.linspace(0, 1, channels.shape[1])
    return np.stack([np.interp(np.linspace(0, 1, length), stops, channel) for channel in channels], 1)


def _tileable(random: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return smooth noise whose left and right edges meet."""
    noise = random.uniform(-1, 1, shape).astype(np.float32)
    noise[:, -1] = noise[:, 0]
    return noise


def _blend(canvas: np.ndarray, colour: NDArray[np.float64], alpha: np.ndarray) -> None:
    """Lay a colour over a part of the frame, in place."""
    layer = np.empty_like(canvas)
    cv2.rectangle(layer, (0, 0), layer.shape[1::-1], colour.tolist(), -1)
    canvas[:] = cv2.blendLinear(canvas, layer, 1 - alpha, alpha)
