"""Encode once or once per viewer? Push-to-seen delay in Chromium and in a second process, and the server's CPU.

A 1280x720 picture at 30 fps carries its number in black and white blocks. The server notes when it pushed each number,
the viewer when it saw it; both read the same machine's clock. Runs of the two ways are interleaved.

    python bench/engine_trial.py [--seconds 8] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import numpy as np
import psutil
import webrtc
import wrtc

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.codec.ladder import Ladder
from reactor_runtime.codec.placement import Limits
from reactor_runtime.media.frame import AccessUnit, Picture
from reactor_runtime.webrtc.offer import prepared
from reactor_runtime.webrtc.wrtc_peer import WrtcPeer, allow_loopback, prepare_engine

WIDTH, HEIGHT, FPS, BPS = 1280, 720, 30, 4_000_000
BITS, SIDE = 12, 64
WARM_UP = 2.0
VIDEO = TrackSpec("main_video", "video")
CHROMIUM = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGE = """
<video id=v autoplay muted playsinline width=1280 height=720></video><script>
const SIDE = 64, BITS = 12;
const pc = new RTCPeerConnection();
window.seen = [];
async function offer() {
  pc.addTransceiver("video", {direction: "recvonly"});
  pc.createDataChannel("data");
  pc.ontrack = e => {
    const canvas = Object.assign(document.createElement("canvas"), {width: SIDE * BITS, height: 1});
    const context = canvas.getContext("2d", {willReadFrequently: true});
    v.srcObject = new MediaStream([e.track]);
    const look = () => {
      const at = performance.timeOrigin + performance.now();
      context.drawImage(v, 0, SIDE / 2, SIDE * BITS, 1, 0, 0, SIDE * BITS, 1);
      const pixels = context.getImageData(0, 0, SIDE * BITS, 1).data;
      let number = 0;
      for (let bit = 0; bit < BITS; bit++)
        if (pixels[(bit * SIDE + SIDE / 2) * 4] > 125) number |= 1 << bit;
      seen.push([number, at / 1000]);
      v.requestVideoFrameCallback(look);
    };
    v.requestVideoFrameCallback(look);
  };
  await pc.setLocalDescription();
  while (pc.iceGatheringState != "complete") await new Promise(r => setTimeout(r, 20));
  return pc.localDescription.sdp;
}
const answer = sdp => pc.setRemoteDescription({type: "answer", sdp});
</script>
"""

Seen = list[tuple[int, float]]


class Way(Protocol):
    """One way to get pictures to one viewer."""

    async def answer(self, offer: str) -> str: ...

    def push(self, picture: Picture) -> None: ...

    def close(self) -> None: ...


class Once:
    """The product's path: a rung encodes, the engine carries."""

    def __init__(self) -> None:
        self._peer = WrtcPeer(self)
        self._ladder = Ladder("main_video", limits=Limits(BPS, BPS, 1), fps=FPS)

    async def answer(self, offer: str) -> str:
        return await self._peer.answer(offer, {"0": VIDEO})

    def push(self, picture: Picture) -> None:
        self._ladder.push(picture, lambda: None)

    def close(self) -> None:
        self._ladder.close()
        self._peer.close()

    def put(self, unit: AccessUnit) -> bool:
        return self._peer.send_video(VIDEO.name, unit)

    def on_connected(self) -> None:
        self._ladder.join(self)

    def on_disconnected(self, reason: str) -> None: ...

    def on_channel_open(self, label: str) -> None: ...

    def on_message(self, label: str, data: str | bytes) -> None: ...

    def on_picture(self, track: str, picture: object) -> None: ...

    def on_sound(self, track: str, samples: bytes, capture_time_us: int) -> None: ...

    def on_answer_sent(self, track: str, unit: AccessUnit, rtp_timestamp: int) -> None: ...

    def on_keyframe_request(self, track: str) -> None:
        self._ladder.request_keyframe(self)


class Own:
    """The engine's own encoder, with every setting that is known to help it."""

    def __init__(self) -> None:
        prepare_engine()
        allow_loopback()
        self._pc = webrtc.RTCPeerConnection()
        self._generator = wrtc.TrackGenerator("video")

    async def answer(self, offer: str) -> str:
        start = webrtc.RTCSessionDescriptionInit(webrtc.RTCSdpType.offer, prepared(offer))
        await self._pc.set_remote_description(start)
        transceiver = self._pc.get_transceivers()[0]
        transceiver.direction = webrtc.RTCRtpTransceiverDirection.sendonly
        self._track = webrtc.MediaStreamTrack._wrap(self._generator.track)
        self._track.content_hint = "detail"
        await transceiver.sender.replace_track(self._track)
        known = webrtc.RTCRtpSender.get_capabilities("video")
        assert known is not None
        transceiver.set_codec_preferences([c for c in known.codecs if c.mime_type in ("video/VP8", "video/rtx")])
        await self._pc.set_local_description(await self._pc.create_answer())
        parameters = transceiver.sender.get_parameters()
        parameters.encodings[0].max_bitrate = BPS
        await transceiver.sender.set_parameters(parameters)
        while self._pc.ice_gathering_state != webrtc.RTCIceGatheringState.complete:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        description = self._pc.local_description
        assert description is not None
        return description.sdp

    def push(self, picture: Picture) -> None:
        luma, width = WIDTH * HEIGHT, WIDTH
        planes = [(0, width), (luma, width // 2), (luma * 5 // 4, width // 2)]
        buffer = wrtc.VideoFrameBuffer.fromData("I420", WIDTH, HEIGHT, picture.i420, planes)
        self._generator.writeVideo(buffer, picture.pts * 100 // 9, 0)

    def close(self) -> None:
        self._generator.close()
        self._pc.close()


WAYS: dict[str, Callable[[], Way]] = {"engine's encoder per viewer": Own, "encode once": Once}
Answer = Callable[[str], Awaitable[str]]


@asynccontextmanager
async def in_chromium(answer: Answer) -> AsyncIterator[Callable[[], Awaitable[Seen]]]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = await browser.new_page()
        await page.set_content(PAGE)
        await page.evaluate("sdp => answer(sdp)", await answer(await page.evaluate("offer()")))

        async def seen() -> Seen:
            return [(number, at) for number, at in await page.evaluate("seen")]

        yield seen
        await browser.close()


@asynccontextmanager
async def in_python(answer: Answer) -> AsyncIterator[Callable[[], Awaitable[Seen]]]:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--receive", stdin=pipe, stdout=pipe, limit=2**24
    )
    assert child.stdin is not None
    assert child.stdout is not None
    offer = json.loads(await child.stdout.readline())
    child.stdin.write(json.dumps(await answer(offer)).encode() + b"\n")

    async def seen() -> Seen:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"\n")
        return [(number, at) for number, at in json.loads(await child.stdout.readline())]

    yield seen
    await child.wait()


VIEWERS: dict[str, Any] = {"Chromium": in_chromium, "Python": in_python}


async def receive() -> None:
    """The viewer in its own process: the offer goes out on stdout, the answer and then the end come in on stdin."""
    prepare_engine()
    allow_loopback()
    loop = asyncio.get_running_loop()
    pc = webrtc.RTCPeerConnection()
    transceiver = pc.add_transceiver("video", webrtc.RTCRtpTransceiverInit(direction="recvonly"))
    pc.create_data_channel("data")
    await pc.set_local_description(await pc.create_offer())
    while pc.ice_gathering_state != webrtc.RTCIceGatheringState.complete:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert pc.local_description is not None
    print(json.dumps(pc.local_description.sdp), flush=True)
    sdp = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    await pc.set_remote_description(webrtc.RTCSessionDescriptionInit(webrtc.RTCSdpType.answer, sdp))
    seen: Seen = []

    async def watch() -> None:
        track = webrtc.MediaStreamTrackProcessorInit(transceiver.receiver.track)
        async for frame in webrtc.MediaStreamTrackProcessor(track).readable:
            at = time.time()
            buffer = bytearray(frame.allocation_size())
            await frame.copy_to(buffer)
            row = np.frombuffer(buffer, np.uint8, WIDTH, WIDTH * SIDE // 2)
            seen.append((sum(1 << bit for bit in range(BITS) if row[bit * SIDE + SIDE // 2] > 125), at))
            frame.close()

    watching = asyncio.create_task(watch())
    await loop.run_in_executor(None, sys.stdin.readline)
    print(json.dumps(seen), flush=True)
    watching.cancel()
    pc.close()


def scenery() -> list[np.ndarray]:
    """Two seconds of a soft texture that drifts to and fro under a fine grain: neither still nor noise."""
    import cv2

    random = np.random.default_rng(1)
    coarse = random.integers(0, 255, (HEIGHT // 8, WIDTH // 8), np.uint8)
    texture = cv2.GaussianBlur(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), (0, 0), 3)
    pictures = []
    for number in range(60):
        step = min(number, 60 - number)
        grain = random.normal(0, 3, (HEIGHT, WIDTH))
        planes = np.full(WIDTH * HEIGHT * 3 // 2, 128, np.uint8)
        luma = np.clip(np.roll(texture, (step * 2, step * 3), (0, 1)) + grain, 16, 235).astype(np.uint8)
        planes[: WIDTH * HEIGHT] = luma.reshape(-1)
        pictures.append(planes)
    return pictures


async def run(way: Way, viewer: Any, seconds: float, pictures: list[np.ndarray]) -> tuple[list[float], float, float]:
    """Return the delays in ms, the pictures seen per second, and the server's CPU in ms per picture."""
    pushed: dict[int, float] = {}
    process = psutil.Process()
    async with viewer(way.answer) as seen:
        loop = asyncio.get_running_loop()
        began = loop.time()
        warm = int(WARM_UP * FPS)
        cpu = 0.0
        for number in range(warm + int(seconds * FPS)):
            await asyncio.sleep(max(0.0, began + number / FPS - loop.time()))
            if number == warm:
                cpu = sum(process.cpu_times()[:2])
            planes = pictures[number % len(pictures)]
            luma = planes[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
            for bit in range(BITS):
                luma[:SIDE, bit * SIDE : (bit + 1) * SIDE] = 220 if number >> bit & 1 else 30
            pushed[number] = time.time()
            way.push(Picture(planes, WIDTH, HEIGHT, number * 90_000 // FPS))
        cpu = (sum(process.cpu_times()[:2]) - cpu) / (seconds * FPS) * 1000
        await asyncio.sleep(0.3)
        first_seen: dict[int, float] = {}
        for number, at in await seen():
            first_seen.setdefault(number, at)
    way.close()
    delays = [(at - pushed[number]) * 1000 for number, at in first_seen.items() if number >= warm and number in pushed]
    return delays, len(delays) / seconds, cpu


async def trial(seconds: float, rounds: int) -> None:
    prepare_engine()
    allow_loopback()
    pictures = scenery()
    results: dict[tuple[str, str], list[tuple[list[float], float, float]]] = {}
    for _ in range(rounds):
        for viewer in VIEWERS:
            for way, make in WAYS.items():
                result = await run(make(), VIEWERS[viewer], seconds, pictures)
                results.setdefault((viewer, way), []).append(result)
    print(f"1280x720 at {FPS} fps, {BPS / 1e6:g} Mbit/s, one viewer, {rounds} x {seconds:g} s each\n")
    print("| viewer | encoding | p50, ms | p95, ms | p99, ms | seen per s | server CPU, ms per picture |")
    print("|---|---|---|---|---|---|---|")
    for (viewer, way), runs in sorted(results.items()):
        # The median of the runs' own figures: a burst of other work on the machine then spoils one run, not the table.
        p50, p95, p99 = (
            statistics.median(sorted(run[0])[int(len(run[0]) * share)] for run in runs) for share in (0.50, 0.95, 0.99)
        )
        rate, cpu = (statistics.median(run[index] for run in runs) for index in (1, 2))
        print(f"| {viewer} | {way} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {rate:.1f} | {cpu:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    asyncio.run(receive() if options.receive else trial(options.seconds, options.rounds))


if __name__ == "__main__":
    main()
