"""Our peer with a ladder on one side, the engine's own connection as the viewer on the other, both in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import webrtc

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.codec.formats import Codec
from reactor_runtime.codec.ladder import Ladder
from reactor_runtime.codec.placement import Limits
from reactor_runtime.media.frame import AccessUnit, ClientPicture, Picture
from reactor_runtime.webrtc.peer import Ice
from reactor_runtime.webrtc.wrtc_peer import WrtcPeer

WAIT = 15.0
WIDTH, HEIGHT, BITS = 320, 240, 12
VIDEO, AUDIO = TrackSpec("main_video", "video"), TrackSpec("main_audio", "audio")
WEBCAM, MIC = TrackSpec("webcam", "video", "in"), TrackSpec("mic", "audio", "in", 48_000)


def painted(number: int) -> Picture:
    """A picture with a number in black and white blocks, which survive lossy coding."""
    pixels = np.full(WIDTH * HEIGHT * 3 // 2, 128, np.uint8)
    luma = pixels[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    luma[:] = 90
    side = WIDTH // BITS
    for bit in range(BITS):
        luma[:, bit * side : (bit + 1) * side] = 220 if number >> bit & 1 else 30
    return Picture(pixels, WIDTH, HEIGHT, number * 3000)


def read(luma: np.ndarray) -> int:
    side = luma.shape[1] // BITS
    middle = luma[luma.shape[0] // 2]
    return sum(1 << bit for bit in range(BITS) if middle[bit * side + side // 2] > 125)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not condition():  # noqa: ASYNC110 - the engine's threads report some of these to nobody
            await asyncio.sleep(0.005)


@dataclass
class Server:
    """Our side of one viewer: a peer that reads a ladder."""

    ladder: Ladder | None
    ice: Ice = field(default_factory=Ice)
    codecs: tuple[Codec, ...] = ("vp8",)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    disconnected: list[str] = field(default_factory=list)
    keyframe_requests: int = 0
    put_bytes: int = 0
    answers: list[tuple[tuple[int, ...], int]] = field(default_factory=list)
    pictures: list[tuple[str, np.ndarray, ClientPicture]] = field(default_factory=list)
    sounds: list[tuple[str, bytes, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.peer = WrtcPeer(self, self.ice, self.codecs)

    def put(self, unit: AccessUnit) -> bool:
        self.put_bytes += len(unit.data)
        return self.peer.send_video(VIDEO.name, unit)

    def __hash__(self) -> int:
        return id(self)

    def on_connected(self) -> None:
        self.connected.set()
        if self.ladder is not None:
            self.ladder.join(self, self.peer.video_codec)

    def on_disconnected(self, reason: str) -> None:
        self.disconnected.append(reason)

    def on_channel_open(self, label: str) -> None:
        assert self.peer.send(label, "hello")

    def on_message(self, label: str, data: str | bytes) -> None:
        self.peer.send(label, f"{label}:{data!r}")

    def on_keyframe_request(self, track: str) -> None:
        self.keyframe_requests += 1
        if self.ladder is not None:
            self.ladder.request_keyframe(self)

    def on_answer_sent(self, track: str, unit: AccessUnit, rtp_timestamp: int) -> None:
        self.answers.append((unit.answers, rtp_timestamp))

    def on_picture(self, track: str, picture: ClientPicture) -> None:
        packed = np.zeros(picture.width * picture.height * 3 // 2, np.uint8)
        picture.write_i420(packed)
        self.pictures.append((track, packed, picture))

    def on_sound(self, track: str, samples: bytes, capture_time_us: int) -> None:
        self.sounds.append((track, samples, capture_time_us))


class Viewer:
    """A client: offers, receives, reads the painted numbers."""

    def __init__(self, server: Server, configuration: webrtc.RTCConfiguration | None = None) -> None:
        self.server = server
        self.pc = webrtc.RTCPeerConnection(configuration)
        self.numbers: list[int] = []
        self.stamps: list[int] = []
        self.loudest = 0
        self.messages: list[Any] = []
        self.answer_sdp = ""
        self.transceivers: dict[str, webrtc.RTCRtpTransceiver] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.channel = self.pc.create_data_channel("data")
        self.channel.on("message", lambda e: self.messages.append(e.data))

    async def connect(
        self,
        *specs: TrackSpec,
        tamper: Callable[[str], str] = lambda sdp: sdp,
        answered: Callable[[str], str] = lambda sdp: sdp,
    ) -> Viewer:
        for spec in specs or (VIDEO,):
            direction = "recvonly" if spec.direction == "out" else "sendonly"
            init = webrtc.RTCRtpTransceiverInit(direction=direction)
            self.transceivers[spec.name] = self.pc.add_transceiver(spec.kind, init)
        await self.pc.set_local_description(await self.pc.create_offer())
        await until(lambda: self.pc.ice_gathering_state == webrtc.RTCIceGatheringState.complete)
        description = self.pc.local_description
        assert description is not None
        mids = {t.mid or "": (spec,) for t, spec in zip(self.transceivers.values(), specs or (VIDEO,), strict=True)}
        self.answer_sdp = await self.server.peer.answer(tamper(description.sdp), mids)
        answer = webrtc.RTCSessionDescriptionInit(webrtc.RTCSdpType.answer, answered(self.answer_sdp))
        await self.pc.set_remote_description(answer)
        for name, transceiver in self.transceivers.items():
            if name not in (WEBCAM.name, MIC.name):
                track = transceiver.receiver.track
                watch = self._watch if track.kind == "video" else self._listen
                self.tasks.append(asyncio.create_task(watch(track)))
        async with asyncio.timeout(WAIT):
            await self.server.connected.wait()
        await until(lambda: self.pc.connection_state == webrtc.RTCPeerConnectionState.connected)
        return self

    async def decoded(self) -> int:
        return await self._total("frames_decoded")

    async def received_bytes(self) -> int:
        return await self._total("bytes_received")

    async def _total(self, figure: str) -> int:
        inbound = [e for e in (await self.pc.get_stats()).values() if isinstance(e, webrtc.RTCInboundRtpStreamStats)]
        assert inbound
        return sum(getattr(entry, figure) or 0 for entry in inbound)

    async def _watch(self, track: webrtc.MediaStreamTrack) -> None:
        async for frame in webrtc.MediaStreamTrackProcessor(webrtc.MediaStreamTrackProcessorInit(track, 30)).readable:
            buffer = bytearray(frame.allocation_size())
            await frame.copy_to(buffer)
            width, height = frame.coded_width, frame.coded_height
            self.stamps.append(frame.timestamp)
            self.numbers.append(read(np.frombuffer(buffer, np.uint8)[: width * height].reshape(height, width)))
            frame.close()

    async def _listen(self, track: webrtc.MediaStreamTrack) -> None:
        async for data in webrtc.MediaStreamTrackProcessor(webrtc.MediaStreamTrackProcessorInit(track, 30)).readable:
            samples = bytearray(data.number_of_frames * data.number_of_channels * 2)
            data.copy_to(samples, webrtc.AudioDataCopyToOptions(plane_index=0, format="s16"))
            self.loudest = max(self.loudest, int(np.abs(np.frombuffer(samples, np.int16).astype(int)).max()))
            data.close()

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.channel.off()
        self.pc.close()


class Stage:
    """A ladder that is fed painted pictures at a steady rate, and its viewers."""

    def __init__(self) -> None:
        self.ladder = Ladder("main_video", limits=Limits(150_000, 2_000_000, 3), fps=30)
        self.pushed = 0
        self.viewers: list[Viewer] = []
        self._feeding: asyncio.Task[None] | None = None

    async def viewer(self, *specs: TrackSpec, codecs: tuple[Codec, ...] = ("vp8",), **options: Any) -> Viewer:
        viewer = Viewer(Server(self.ladder, codecs=codecs))
        self.viewers.append(viewer)
        return await viewer.connect(*specs, **options)

    def feed(self) -> None:
        self._feeding = asyncio.create_task(self._feed())

    async def stop_feeding(self) -> None:
        assert self._feeding is not None
        self._feeding.cancel()
        await asyncio.gather(self._feeding, return_exceptions=True)

    async def _feed(self) -> None:
        while True:
            self.ladder.push(painted(self.pushed), lambda: None)
            self.pushed += 1
            await asyncio.sleep(1 / 30)

    async def close(self) -> None:
        if self._feeding is not None:
            await self.stop_feeding()
        self.ladder.close()
        for viewer in self.viewers:
            viewer.close()
            viewer.server.peer.close()
