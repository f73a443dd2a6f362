"""A headless run of a model's folder, steered by a script, and what it put into its files."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from tests.running import REACTOR

EXAMPLES = Path(__file__).parents[2] / "examples"
Rgb = npt.NDArray[np.uint8]
Shown = tuple[float, Rgb]
"""When a picture is shown, in seconds, and the picture."""


@dataclass
class Played:
    """A run that ended."""

    status: int
    said: str
    errors: str
    output: Path

    def told(self, tag: str) -> list[Any]:
        """Return what was said under a tag, as JSON where it is some."""
        lines = [line.removeprefix(f"[{tag}] ") for line in self.said.splitlines() if line.startswith(f"[{tag}] ")]
        return [json.loads(line) if line.startswith("{") else line for line in lines]

    def pngs(self) -> list[Rgb]:
        """Return the pictures of a folder, exactly as they were written."""
        read = [cv2.imread(str(path)) for path in sorted(self.output.glob("*.png"))]
        return [picture[..., ::-1].copy() for picture in read if picture is not None]

    def video(self, number: int = 0) -> list[Shown]:
        """Return the pictures of one of an MP4's video tracks."""
        with av.open(str(self.output)) as file:
            frames = list(file.decode(file.streams.video[number]))
        return [(frame.time or 0.0, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in frames]

    def sound(self) -> npt.NDArray[np.float64]:
        """Return an MP4's sound, the first channel at 48 kHz, -1..1."""
        with av.open(str(self.output)) as file:
            assert file.streams.audio[0].rate == 48_000
            return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)]).astype(float)


def play(
    model: Path, output: Path, *flags: str, steps: str = "", typed: str = "", env: dict[str, str] | None = None
) -> Played:
    """Run a model to the end of its steps, or of what is typed, or to the goal that a flag sets."""
    if steps:
        output.parent.mkdir(parents=True, exist_ok=True)
        script = output.parent / f"{output.name}.steps"
        script.write_text(steps)
        flags = (*flags, "--script", str(script))
    done = subprocess.run(
        [REACTOR, "run", "-p", str(model), "--runtime", "headless", "--output", str(output), *flags],
        capture_output=True,
        text=True,
        timeout=50,
        input=typed,
        env=os.environ | (env or {}),
    )
    return Played(done.returncode, done.stdout, done.stderr, output)


def pitch(sound: npt.NDArray[np.float64], rate: int = 48_000) -> float:
    """Return the loudest frequency in Hz."""
    padded = np.fft.rfft(sound * np.hanning(sound.size), 8 * sound.size)
    return float(np.argmax(np.abs(padded)) * rate / (8 * sound.size))


def difference(one: Rgb, other: Rgb) -> float:
    """Return the mean difference of two pictures in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())
