"""A voice of 16 000 samples per second: a tune that clients transpose, on a single audio track."""

import numpy as np
from omegaconf import DictConfig
from pydantic import Field

from reactor_runtime import AudioOut, VideoModel, command, get_ctx, model

RATE = 16_000
TUNE = (0, 4, 7, 12, 7, 4)
NOTE = 0.4


@model(name="tone", version="1.0.0", description="A tune at 16 kHz")
class Tone(VideoModel):
    voice = AudioOut(rate=RATE)

    def __init__(self, config: DictConfig) -> None:
        self.semitones = 0

    @command("transpose", description="Move the tune up or down")
    def transpose(self, semitones: int = Field(0, ge=-24, le=24)) -> dict[str, int]:
        self.semitones = semitones
        return {"semitones": semitones}

    def start_session(self) -> None:
        samples, phase = RATE // 50, 0.0
        step = 0
        while not get_ctx().should_stop():
            note = TUNE[int(step / 50 / NOTE) % len(TUNE)] + self.semitones
            turn = 2 * np.pi * 440 * 2 ** (note / 12) / RATE
            angles = phase + turn * np.arange(1, samples + 1)
            phase = float(angles[-1] % (2 * np.pi))
            get_ctx().get_track("voice").emit((8000 * np.sin(angles)).astype(np.int16)[None])
            step += 1
