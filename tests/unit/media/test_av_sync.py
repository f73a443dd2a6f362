"""Sound stays with its pictures: the pacer and the audio clock together, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from reactor_runtime.media.audio_clock import BLOCK, AudioClock
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE
from reactor_runtime.media.pacer import Pacer

START = 1000.0


def skews(
    step: Callable[[int], float], *, fps: float, chunk: int, seconds: float, drift: float = 0.0, late: float = 0.002
) -> list[float]:
    """Return by how many seconds the sound of each slice is heard after its picture is shown.

    Args:
        step: Seconds that a chunk takes to make.
        fps: Pinned.
        chunk: Slices in each.
        seconds: Of the run.
        drift: How much longer the sound of a slice is than the slice.
        late: Most seconds that a wake-up comes late.
    """
    chance = random.Random(5)
    pacer, clock = Pacer[int](fps), AudioClock(channels=1)
    found: list[float] = []
    now, made, ready, number, blocks, owed = START, 0, START + step(0), 1, 0, 0.0
    clock.start(START)
    while now < START + seconds:
        frame, block = pacer.next_deadline(), clock.next_deadline()
        assert block is not None
        wakes = [ready, block[0] + chance.random() * late]
        if frame is not None:
            wakes.append(max(frame[0], now) + chance.random() * late)
        now = max(now, min(wakes))
        if now >= ready and pacer.queued <= chunk:
            for index in range(chunk):
                pacer.offer(made + index, starts_chunk=index == 0, fps=None, now=now)
            made, ready, number = made + chunk, now + step(number), number + 1
        elif now >= ready:
            ready = now + 0.5 / fps  # no room yet
        while pacer.poll(now) is not None:
            owed += AUDIO_CLOCK_RATE / fps * (1 + drift)
            samples, owed = int(owed), owed % 1
            clock.offer(np.ones(samples, "<i2").tobytes(), 1, now)
            found.append(START + (blocks * BLOCK + clock.queued - samples) / AUDIO_CLOCK_RATE - now)
        blocks += len(clock.poll(now))
    assert clock.dropped == clock.skipped == 0
    return found


@pytest.mark.parametrize(
    ("fps", "chunk", "drift", "seconds"),
    [(25.0, 1, 0.001, 100), (25.0, 25, 0.0, 100), (16.0, 12, 0.001, 900), (60.0, 4, -0.001, 100)],
)
def test_sound_and_pictures_of_a_chunk_stay_within_40_ms(fps: float, chunk: int, drift: float, seconds: float) -> None:
    def step(n: int) -> float:
        return (1.6 if n % 10 == 9 else 0.7 + random.Random(n).random() * 0.2) * chunk / fps

    found = skews(step, fps=fps, chunk=chunk, seconds=seconds, drift=drift)
    assert max(found) < 0.040
    assert min(found) > -0.005
    assert len(found) > 0.9 * seconds * fps


def test_sound_that_is_a_little_too_long_or_short_is_brought_back_without_a_break() -> None:
    for drift in (0.004, -0.004):
        found = skews(lambda n: 0.02, fps=30, chunk=1, seconds=120, drift=drift)
        assert max(found) < 0.040
        assert min(found[1:]) > 0.010, "no less than a block: it would have a hole"
