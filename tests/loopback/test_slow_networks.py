"""A viewer behind a network that gets slow, goes dark or loses packets; `bench/network.py` measures what it notices."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from reactor_runtime.codec.ladder import Ladder
from reactor_runtime.codec.placement import Limits
from reactor_runtime.media.frame import Picture
from reactor_runtime.testing import UdpRelay, through, without_candidates
from tests.loopback.webrtc_pair import BITS, Server, Viewer, until

WIDTH, HEIGHT, FPS = 640, 360, 30
FAST, SLOW = 5_000_000, 500_000
LIMITS = Limits(150_000, 2_000_000, 3)


def grainy(number: int, grain: list[np.ndarray]) -> Picture:
    """A picture that needs its bits, with a number in the blocks of its middle."""
    pixels = np.full(WIDTH * HEIGHT * 3 // 2, 128, np.uint8)
    luma = pixels[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    luma[:] = grain[number % len(grain)]
    side = WIDTH // BITS
    for bit in range(BITS):
        luma[HEIGHT // 2 - 32 : HEIGHT // 2 + 32, bit * side : (bit + 1) * side] = 220 if number >> bit & 1 else 30
    return Picture(pixels, WIDTH, HEIGHT, number * 3000)


class Stage:
    """A ladder that is fed, one viewer behind a relay, and looks at its estimate as the server takes them."""

    def __init__(self, relay: UdpRelay) -> None:
        self.relay = relay
        self.ladder = Ladder("main_video", limits=LIMITS, fps=FPS)
        self.server = Server(self.ladder)
        self.viewer = Viewer(self.server)
        self._work: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.viewer.connect(tamper=without_candidates, answered=lambda sdp: through(sdp, self.relay))
        self._work = [asyncio.create_task(self._feed()), asyncio.create_task(self._estimate())]
        await self.shows(30)

    async def shows(self, more: int) -> None:
        """Wait until the viewer has shown so many more pictures."""
        goal = len(self.viewer.numbers) + more
        await until(lambda: len(self.viewer.numbers) >= goal)

    async def _feed(self) -> None:
        chance = np.random.default_rng(1)
        grain = [chance.integers(70, 130, (HEIGHT, WIDTH), np.uint8) for _ in range(8)]
        for number in itertools.count():
            self.ladder.push(grainy(number % 2**BITS, grain), lambda: None)
            await asyncio.sleep(1 / FPS)

    async def _estimate(self) -> None:
        while True:
            bps = await self.server.peer.estimate_bps()
            if bps is not None:
                self.ladder.note_estimate(self.server, bps, time.monotonic())
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self.ladder.close()
        self.viewer.close()
        self.server.peer.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    with UdpRelay(seed=1, rate_bps=FAST, delay=0.01) as relay:
        stage = Stage(relay)
        yield stage
        await stage.close()


async def test_a_drop_to_a_tenth_is_followed_down_and_up_again(stage: Stage) -> None:
    await stage.start()
    stage.relay.set(rate_bps=SLOW)
    await until(lambda: stage.ladder.rates[0] <= SLOW)
    await stage.shows(30)
    stage.relay.set(rate_bps=FAST)
    await until(lambda: stage.ladder.rates[0] > SLOW)
    await stage.shows(30)


async def test_pictures_come_back_after_a_blackout(stage: Stage) -> None:
    await stage.start()
    stage.relay.set(blackout=True)
    lost = stage.relay.to_client.lost
    await until(lambda: stage.relay.to_client.lost > lost + 30)
    stage.relay.set(blackout=False)
    await stage.shows(30)


@pytest.mark.parametrize("loss", [0.01, 0.05])
async def test_losses_are_made_good_by_sending_again_only_what_was_lost(stage: Stage, loss: float) -> None:
    await stage.start()
    stage.relay.set("client", loss=loss)
    await stage.shows(90)
    assert stage.relay.to_client.lost > 0
    # A twentieth is lost, and the engine asks what the network carries now and then; what else it could add is FEC.
    assert await stage.viewer.received_bytes() < 1.3 * stage.server.put_bytes
