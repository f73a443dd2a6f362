"""The peer of a client that watches over a WebSocket: access units and Opus packets as they are, and text frames.

Binary frames, server to client, big endian: kind (u8; 0 picture, 1 sound), index of the track in `hello` (u8), codec
(u8; 0 VP8, 1 VP9, 2 AV1, 3 Opus), flags (u8; 1 key frame), timestamp (u32; 90 kHz of pictures, 48 kHz of sound), width
and height (u16), microseconds from when it was due to when it is sent (u32; 0 while unknown); then the unit. Text
frames are those of family "multi"; a frame with a scope is of channel `data`, one without is of `control`.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.fallback.backlog import Backlog
from reactor_runtime.fallback.drain import Drain
from reactor_runtime.fallback.outbox import Outbox
from reactor_runtime.media.frame import AccessUnit, AudioBlock
from reactor_runtime.runtime.clock import now
from reactor_runtime.webrtc.peer import PeerObserver

if TYPE_CHECKING:
    from reactor_runtime.codec.formats import Format
    from reactor_runtime.fallback.sound import Sound

HEADER = struct.Struct(">BBBBIHHI")
PICTURE, SOUND = 0, 1
CODECS = {"vp8": 0, "vp9": 1, "av1": 2}
OPUS = 3
KEY_FRAME = 1
MOST_SOUND = 250
"""Packets of sound that wait at most, 5 s; the oldest go first."""
FAREWELL_SECONDS = 1.0
"""What the last messages get to leave."""


def hello(connection_id: int, tracks: Sequence[TrackSpec]) -> str:
    """Return the first text frame of a connection that was not negotiated."""
    listed = [{"name": track.name, "kind": track.kind} for track in tracks]
    data = {"type": "hello", "data": {"connection_id": connection_id, "tracks": listed}}
    return msgspec.json.encode({"scope": "runtime", "data": data}).decode()


class SocketPeer:
    """One WebSocket; see `Peer` for what its methods promise. All methods run on the event loop."""

    def __init__(self, sound: Sound) -> None:
        """Make a peer that waits for `observed_by` and then for `run`; `sound` is that of its slot."""
        self._observer: PeerObserver
        self._sound = sound
        self._indices: dict[str, int] = {}
        self._texts = Outbox()
        self._packets: deque[bytes] = deque(maxlen=MOST_SOUND)
        self._pictures = Backlog()
        self._drain = Drain()
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._is_closed = False
        self._bytes_sent = self._frames_sent = 0

    def observed_by(self, observer: PeerObserver) -> SocketPeer:
        """Report to this observer."""
        self._observer = observer
        return self

    async def run(
        self,
        connection_id: int,
        tracks: Sequence[TrackSpec],
        send: Callable[[str | bytes], Awaitable[None]],
        receive: Callable[[], Awaitable[str | bytes | None]],
    ) -> None:
        """Be a connection until either side closes it.

        Args:
            connection_id: The id that the client is told.
            tracks: Those that the client may resume.
            send: Sends one frame and waits while the socket is full; ConnectionError when it is gone.
            receive: Returns the next frame of the client, None once it is gone.
        """
        self._indices = {track.name: index for index, track in enumerate(tracks)}
        self.send("data", hello(connection_id, tracks))
        self._observer.on_connected()
        self._observer.on_channel_open("data")
        self._sender = asyncio.create_task(self._send_all(send))
        hearing = asyncio.create_task(self._hear_all(receive))
        try:
            await asyncio.wait({self._sender, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not self._is_closed:
                self._observer.on_disconnected("closed by the client")
            for task in (self._sender, hearing):
                task.cancel()
            for ended in await asyncio.gather(self._sender, hearing, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, ConnectionError):
                    raise ended

    def send(self, label: str, data: str | bytes) -> bool:
        """See `Peer.send`; both channels are one here."""
        if self._is_closed:
            return False
        fits = self._texts.put(data)
        self._wake.set()
        if not fits:
            self._observer.on_disconnected("the client does not read its messages")
        return True

    @property
    def video_codec(self) -> Format:
        """See `Peer.video_codec`."""
        return "vp8"

    def send_video(self, track: str, unit: AccessUnit) -> bool:
        """See `Peer.send_video`. One that had to be dropped is not told here.

        A socket that is full takes no key frame either: it is asked for when there is room.
        """
        self._pictures.put(track, unit, now())
        self._wake.set()
        return True

    def send_audio(self, track: str, block: AudioBlock) -> None:
        """See `Peer.send_audio`."""
        header = HEADER.pack(SOUND, self._indices[track], OPUS, 0, block.pts & 0xFFFFFFFF, 0, 0, 0)
        self._packets.append(header + self._sound.packet(track, block))
        self._wake.set()

    async def estimate_bps(self) -> int | None:
        """See `Peer.estimate_bps`; known once the socket has fallen behind."""
        return self._drain.estimate(now())

    async def stats(self) -> dict[str, float]:
        """See `Peer.stats`."""
        figures = {
            "bytes_sent": float(self._bytes_sent),
            "frames_sent": float(self._frames_sent),
            "units_lost": float(self._pictures.lost),
        }
        if (bps := self._drain.estimate(now())) is not None:
            figures["estimate_bps"] = float(bps)
        return figures

    def close(self) -> None:
        """See `Peer.close`; messages that wait get a second to leave."""
        if self._is_closed:
            return
        self._is_closed = True
        self._pictures.clear()
        self._packets.clear()
        self._wake.set()
        if self._sender is not None:
            asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self._sender.cancel)

    async def _send_all(self, send: Callable[[str | bytes], Awaitable[None]]) -> None:
        while True:
            self._wake.clear()
            while (frame := self._next()) is not None:
                self._drain.begin(len(frame), now())
                await send(frame)
                self._bytes_sent += len(frame)
                self._drain.sent(now())
            self._drain.idle(now())
            if self._is_closed:
                return
            for track in self._pictures.keyframes_needed():
                self._observer.on_keyframe_request(track)
            await self._wake.wait()

    def _next(self) -> str | bytes | None:
        if (text := self._texts.take()) is not None:
            return text
        if self._packets:
            return self._packets.popleft()
        if (taken := self._pictures.take()) is None:
            return None
        return self._picture(*taken)

    def _picture(self, track: str, unit: AccessUnit) -> bytes:
        timestamp = unit.pts & 0xFFFFFFFF
        late_us = min(max(round((now() - unit.due_at) * 1e6), 1), 0xFFFFFFFF) if unit.due_at else 0
        self._frames_sent += 1
        if unit.answers:
            self._observer.on_answer_sent(track, unit, timestamp)
        header = HEADER.pack(
            PICTURE,
            self._indices[track],
            CODECS[self.video_codec],
            KEY_FRAME if unit.is_keyframe else 0,
            timestamp,
            unit.width,
            unit.height,
            late_us,
        )
        return header + unit.data

    async def _hear_all(self, receive: Callable[[], Awaitable[str | bytes | None]]) -> None:
        while (data := await receive()) is not None:
            if not self._is_closed:
                self._observer.on_message("data", data)
