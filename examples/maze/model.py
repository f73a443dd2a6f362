"""A small world to walk in: keys and mouse steer a camera through walls that are cast ray by ray."""

from collections.abc import Iterator

import cv2
import numpy as np

from reactor_runtime import InputField, InputState, Output, ReactorPipeline, Video, event

WIDTH, HEIGHT, FOV = 480, 270, 1.1
MAP = np.array([[int(cell) for cell in row] for row in (
    "1111111111111111",
    "1000000200000001",
    "1033300200444001",
    "1030000000004001",
    "1030022222004001",
    "1000020002000001",
    "1055500000011101",
    "1005000600010001",
    "1005000600010401",
    "1000000600000001",
    "1111111111111111",
)])  # fmt: skip
COLOURS = np.array(
    [(0, 0, 0), (120, 126, 150), (190, 92, 70), (86, 150, 110), (84, 110, 190), (200, 160, 70), (150, 90, 170)]
)


class View(Output):
    main_video: Video


class Walker(InputState):
    fog: float = InputField(0.35, ge=0, le=2, description="How soon walls fade")
    _keys: frozenset[str] = frozenset()
    _turn: float = 0.0
    _at: tuple[float, float] = (1.5, 1.5)
    _heading: float = 0.4


class Maze(ReactorPipeline):
    fps = 30
    buffer_size = 1
    state: Walker

    @event(name="keyboard", description="Keys that are down")
    def keyboard(self, w: bool = False, a: bool = False, s: bool = False, d: bool = False, shift: bool = False) -> None:
        keys = {"w": w, "a": a, "s": s, "d": d, "shift": shift}
        self.state._keys = frozenset(key for key, down in keys.items() if down)

    @event(name="mouse", description="How far the mouse moved, in pixels")
    def mouse(
        self, dx: float = InputField(0.0, ge=-2000, le=2000), dy: float = InputField(0.0, ge=-2000, le=2000)
    ) -> None:
        self.state._turn += dx * 0.004

    def inference(self) -> Iterator[View]:
        while True:
            self.walk()
            yield View(main_video=self.look())

    def walk(self) -> None:
        """Turn and take one step, as mouse and keys say."""
        state = self.state
        state._heading += state._turn
        state._turn = 0.0
        ahead = np.array([np.cos(state._heading), np.sin(state._heading)])
        aside = np.array([-ahead[1], ahead[0]])
        step = ahead * (("w" in state._keys) - ("s" in state._keys)) + aside * (
            ("d" in state._keys) - ("a" in state._keys)
        )
        x, y = state._at
        dx, dy = step * (0.11 if "shift" in state._keys else 0.06)
        # Walls are slid along: each axis moves by itself.
        x = x + dx if MAP[int(y), int(x + 3 * dx)] == 0 else x
        y = y + dy if MAP[int(y + 3 * dy), int(x)] == 0 else y
        state._at = (x, y)

    def look(self) -> np.ndarray:
        """Return what is seen, (H, W, 3) uint8 RGB: one ray per column, marched until each meets a wall."""
        (x, y), heading = self.state._at, self.state._heading
        offsets = np.linspace(-FOV / 2, FOV / 2, WIDTH)
        rays = np.stack([np.cos(heading + offsets), np.sin(heading + offsets)])
        reach = np.arange(0.02, 18, 0.02)[:, None]
        cells_x = np.clip((x + reach * rays[0]).astype(int), 0, MAP.shape[1] - 1)
        cells_y = np.clip((y + reach * rays[1]).astype(int), 0, MAP.shape[0] - 1)
        met = (MAP[cells_y, cells_x] > 0).argmax(0)
        columns = np.arange(WIDTH)
        distance = reach[met, 0] * np.cos(offsets)
        wall = MAP[cells_y[met, columns], cells_x[met, columns]]
        half = np.minimum(HEIGHT / 2 / np.maximum(distance, 0.05), HEIGHT / 2 * 4)
        light = np.exp(-self.state.fog * distance / 2)
        rows = np.arange(HEIGHT)[:, None]
        is_wall = np.abs(rows - HEIGHT / 2) < half
        floor = np.abs(rows - HEIGHT / 2) / (HEIGHT / 2) * 70
        image = np.repeat(
            np.where(rows[..., None] > HEIGHT / 2, (60, 52, 46), (34, 40, 64)) * (0.3 + floor[..., None] / 100),
            WIDTH,
            1,
        )
        image = np.where(is_wall[..., None], (COLOURS[wall] * light[:, None])[None], image)
        return cv2.blur(image.astype(np.uint8), (2, 2))
