"""Computes for as long as a real model would, on the CPU, then emits a chunk of stamped pictures."""

import sys
import time
from pathlib import Path

import numpy as np

from reactor_runtime import InputState, Output, ReactorPipeline, Video

sys.path.append(str(Path(__file__).parents[1]))  # the stamp is shared with the receiver

from stamp import MovingPicture, Stamp


class Picture(Output):
    """One video track."""

    main_video: Video


class NoWish(InputState):
    """Nothing to steer."""


class Steps(ReactorPipeline):
    """Steps of a known length, every tenth of another."""

    state: NoWish

    def load(self, config):
        self.config = config
        self.output_buffer.set_fps(config["fps"])
        self.picture = MovingPicture(config["width"], config["height"])
        self.work = np.random.default_rng(0).random(20_000)

    def inference(self):
        made = steps = 0
        while True:
            steps += 1
            self.compute(self.config["step_ms" if steps % 10 else "slow_ms"] / 1000)
            numbers = range(made, made + self.config["chunk"])
            chunk = np.stack([self.picture.at(Stamp(number, time.monotonic_ns())) for number in numbers])
            made += len(chunk)
            yield Picture(main_video=chunk)

    def compute(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            np.sort(self.work)
