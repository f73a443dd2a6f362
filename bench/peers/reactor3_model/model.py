"""The stamped picture for reactor-runtime 3.x, written as its documentation says and served with its defaults."""

import json
import os
import sys
import time
from pathlib import Path

from reactor_runtime import Output, ReactorApp, Video

sys.path.append(str(Path(__file__).parents[2]))  # the stamp is shared by all

from stamp import MovingPicture, Stamp

WIDTH, HEIGHT, FPS, EAGER = json.loads(os.environ["STAMPED"])


class Picture(Output):
    """One video track."""

    main_video: Video


class Stamped(ReactorApp):
    """A known rate and a known size, whatever the clients do."""

    fps = FPS

    def load(self, config_path):
        self.picture = MovingPicture(WIDTH, HEIGHT)
        self.counter = 0
        self.due = time.monotonic()

    def generate(self, input):
        if not EAGER:
            now = time.monotonic()
            self.due = max(self.due + 1 / FPS, now)
            time.sleep(self.due - now)
        self.counter += 1
        return Picture(main_video=self.picture.at(Stamp(self.counter, time.monotonic_ns())))
