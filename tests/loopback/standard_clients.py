"""Clients of WHEP and WHIP that nobody here wrote: aiortc behind a few lines of HTTP, and FFmpeg's WHIP muxer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiortc
import av
import httpx
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.loopback.published_client import WAIT, until
from tests.running import RunningServer, serving

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = "application/trickle-ice-sdpfrag"

STUDIO = dedent("""
    import asyncio

    import numpy as np

    from reactor_runtime import Audio, BufferClosed, Input, ModelMessage, Output, ReactorModel, ReadMode, Video, event

    FPS, RATE, HERTZ = 30, 48_000, 450  # whole waves in each picture


    class Tone(Audio):
        sample_rate = RATE


    class Voice(Audio):
        sample_rate = 16_000


    class Out(Output):
        main_video: Video
        main_audio: Tone
        depth: Video


    class Media(Input):
        webcam: Video
        desk: Video
        voice: Voice


    class Seen(ModelMessage):
        track: str
        rgb: list[int]


    class Heard(ModelMessage):
        hertz: float


    class Studio(ReactorModel):
        fps = FPS
        media: Media

        @event(name="set_colour")
        def set_colour(self, red: int, green: int, blue: int):
            self.colour = (red, green, blue)

        async def run(self):
            await asyncio.gather(self.show(), self.watch("webcam"), self.watch("desk"), self.listen())

        async def show(self):
            moments = np.arange(RATE // FPS) / RATE
            tone = (np.sin(2 * np.pi * HERTZ * moments) * 12_000).astype(np.int16)[None]
            grey = np.full((90, 160, 3), 128, np.uint8)
            while True:
                await self.connected.wait()
                self.colour = (20, 160, 40)
                while self.connected.is_set():
                    picture = np.full((180, 320, 3), self.colour, np.uint8)
                    await self.emit(Out(main_video=picture, main_audio=tone, depth=grey))

        async def watch(self, track):
            while True:
                try:
                    (frame,) = await getattr(self.media, track).read()
                except BufferClosed:
                    await asyncio.sleep(0.02)
                    continue
                await self.send(Seen(track=track, rgb=[int(value) for value in frame.data.mean(axis=(0, 1))]))

        async def listen(self):
            while True:
                try:
                    blocks = await self.media.voice.read(25, mode=ReadMode.FIFO)
                except BufferClosed:
                    await asyncio.sleep(0.02)
                    continue
                sound = np.concatenate([block[0] for block in blocks]).astype(float)
                await self.send(Heard(hertz=np.argmax(np.abs(np.fft.rfft(sound))) * 16_000 / sound.size))
""")


@contextmanager
def serving_studio(folder: Path, *flags: str) -> Iterator[RunningServer]:
    """Run a server over `STUDIO` for the length of the block."""
    (folder / "model.py").write_text(STUDIO)
    (folder / "reactor.yaml").write_text("model: model:Studio\nname: studio\n")
    with serving(folder, *flags) as server:
        yield server.wait_ready()


class StandardClient:
    """One client of either protocol. `colours` and `sound` are what it is shown and hears, newest last."""

    def __init__(self, url: str) -> None:
        self.peer = aiortc.RTCPeerConnection()
        self.http = httpx.AsyncClient(base_url=url, timeout=WAIT)
        self.colours: list[np.ndarray] = []
        self.sound: list[np.ndarray] = []
        self.reply = httpx.Response(0)
        self._taking: list[asyncio.Task[None]] = []
        self.peer.on("track", self._on_track)

    async def offer(self) -> str:
        """Return an offer for what was added to the peer."""
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def post(self, endpoint: str) -> httpx.Response:
        """Make the offer, and take the answer if there is one."""
        self.reply = await self.http.post(endpoint, content=await self.offer(), headers=SDP)
        if self.reply.status_code == 201:
            await self.take_answer(self.reply.text)
        return self.reply

    async def take_answer(self, sdp: str) -> None:
        await self.peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp, "answer"))

    async def connected(self) -> None:
        await until(lambda: self.peer.connectionState == "connected", "a connection")

    async def sees(self, colour: tuple[int, int, int]) -> None:
        """Wait until the newest picture is of this colour."""

        def is_it() -> bool:
            return bool(self.colours) and float(np.abs(self.colours[-1] - colour).max()) < 12

        await until(is_it, f"{colour}")

    async def hears(self, hertz: float) -> None:
        """Wait for a fifth of a second of this tone."""

        def is_it() -> bool:
            newest = np.concatenate(self.sound[-10:] or [np.zeros(1)])
            pitch = np.argmax(np.abs(np.fft.rfft(newest))) * 48_000 / newest.size
            return newest.size == 9600 and abs(pitch - hertz) < 10

        await until(is_it, f"{hertz} Hz")

    async def delete(self) -> httpx.Response:
        return await self.http.delete(self.reply.headers["location"])

    async def close(self) -> None:
        for task in self._taking:
            task.cancel()
        await asyncio.gather(*self._taking, return_exceptions=True)
        await self.peer.close()
        await self.http.aclose()

    def _on_track(self, track: Any) -> None:
        self._taking.append(asyncio.create_task(self._take(track)))

    async def _take(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except aiortc.mediastreams.MediaStreamError:
                return
            if track.kind == "video":
                self.colours.append(frame.to_ndarray(format="rgb24").mean(axis=(0, 1)))
            else:
                self.sound.append(frame.to_ndarray().reshape(-1, 2)[:, 0].astype(float))


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[StandardClient]:
    """Be a client for the length of the block."""
    client = StandardClient(url)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def watching_over_whep(url: str, endpoint: str = "/whep", *kinds: str) -> AsyncIterator[StandardClient]:
    """Watch for the length of the block."""
    async with client_of(url) as client:
        for kind in kinds or ("video", "audio"):
            client.peer.addTransceiver(kind, "recvonly")
        reply = await client.post(endpoint)
        assert reply.status_code == 201, reply.text
        await client.connected()
        yield client


class Paint(aiortc.VideoStreamTrack):
    """A camera in front of a wall."""

    def __init__(self, colour: tuple[int, int, int]) -> None:
        super().__init__()
        self.colour = colour

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), self.colour, np.uint8), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


def write_certificate(folder: Path) -> dict[str, str]:
    """Return FFmpeg's options for a certificate of its own: what it makes itself with GnuTLS, the engine refuses."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begins = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"cert_file": str(folder / "certificate.pem"), "key_file": str(folder / "key.pem")}


def play_with_ffmpeg(endpoint: str, hertz: float, seconds: float, options: dict[str, str]) -> None:
    """Send a tone with FFmpeg's WHIP muxer, and end its connection. To be called on a thread."""
    with av.open(endpoint, "w", format="whip", options={"handshake_timeout": "20000", **options}) as output:
        stream = output.add_stream("libopus", rate=48_000, layout="stereo")
        began = time.monotonic()
        for position in range(0, int(seconds * 48_000), 960):
            moments = (np.arange(960) + position) / 48_000
            mono = (np.sin(moments * 2 * np.pi * hertz) * 12_000).astype("<i2")
            frame = av.AudioFrame.from_ndarray(np.repeat(mono, 2)[None], format="s16", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, position
            output.mux(stream.encode(frame))
            time.sleep(max(0.0, began + position / 48_000 - time.monotonic()))
