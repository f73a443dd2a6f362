"""The peer of a client that plain HTTP alone reaches: messages as server-sent events, pictures as a row of JPEGs.

Its commands come as requests of their own. There is no sound.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.errors import ClientError
from reactor_runtime.fallback.drain import Drain
from reactor_runtime.fallback.outbox import Outbox
from reactor_runtime.fallback.socket_peer import hello
from reactor_runtime.media.frame import AccessUnit, AudioBlock
from reactor_runtime.runtime.clock import now
from reactor_runtime.webrtc.peer import PeerObserver

if TYPE_CHECKING:
    from reactor_runtime.codec.formats import Format

BOUNDARY = "picture"
COMMENT_SECONDS = 10.0
"""After so long without a message a comment is sent: proxies end what is silent for a minute."""


class HttpPeer:
    """One client; see `Peer` for what its methods promise. All methods run on the event loop.

    Attributes:
        lost: Pictures that a newer one displaced.
    """

    def __init__(self, on_closed: Callable[[], object]) -> None:
        """Make a peer that waits for `observed_by` and then for `open`."""
        self.lost = 0
        self._observer: PeerObserver
        self._on_closed = on_closed
        self._texts = Outbox()
        self._told = asyncio.Event()
        self._listener = 0
        self._pictures: dict[str, _Latest] = {}
        self._drain = Drain()
        self._is_closed = False
        self._bytes_sent = self._frames_sent = 0

    def observed_by(self, observer: PeerObserver) -> HttpPeer:
        """Report to this observer."""
        self._observer = observer
        return self

    def open(self, connection_id: int, tracks: Sequence[TrackSpec]) -> None:
        """Be a connection from here on, of these video tracks."""
        self._pictures = {track.name: _Latest() for track in tracks}
        self.send("data", hello(connection_id, tracks))
        self._observer.on_connected()
        self._observer.on_channel_open("data")

    def hear(self, frame: str | bytes) -> None:
        """Take one text frame of the client."""
        self._observer.on_message("data", frame)

    def leave(self) -> None:
        """The client ends the connection."""
        self._observer.on_disconnected("closed by the client")

    async def messages(self) -> AsyncIterator[str]:
        """Yield server-sent events, until the connection is closed or another request takes over."""
        self._listener += 1
        listener = self._listener
        self._told.set()  # the one before ends
        while True:
            self._told.clear()
            while listener == self._listener and (text := self._texts.take()) is not None:
                yield f"data: {text}\n\n"
            if self._is_closed or listener != self._listener:
                return
            try:
                await asyncio.wait_for(self._told.wait(), COMMENT_SECONDS)
            except TimeoutError:
                yield ":\n\n"

    def pictures(self, track: str) -> AsyncIterator[bytes]:
        """Return the parts of a multipart answer; the track is resumed for as long as it lasts.

        It ends when the connection is closed, or another request for the track takes over.

        Raises:
            ClientError: 404, the connection carries no such track.
        """
        if track not in self._pictures:
            text = f"no track {track!r}; this model shows {sorted(self._pictures)}"
            raise ClientError(text, code="unknown_track", http_status=404)
        return self._parts(track, self._pictures[track])

    async def _parts(self, track: str, line: _Latest) -> AsyncIterator[bytes]:
        line.stream += 1
        stream = line.stream
        line.arrived.set()  # the one before ends
        self._ask("resume_track", track)
        try:
            yield f"--{BOUNDARY}\r\n".encode()
            while not self._is_closed and stream == line.stream:
                line.arrived.clear()
                if (unit := line.take()) is None:
                    self._drain.idle(now())
                    await line.arrived.wait()
                    continue
                part = self._part(track, unit)
                self._drain.begin(len(part), now())
                yield part
                yield b""  # returns once the part is taken
                self._bytes_sent += len(part)
                self._drain.sent(now())
        finally:
            if stream == line.stream:
                self._ask("pause_track", track)

    def send(self, label: str, data: str | bytes) -> bool:
        """See `Peer.send`; both channels are one here."""
        if self._is_closed:
            return False
        fits = self._texts.put(data)
        self._told.set()
        if not fits:
            self._observer.on_disconnected("the client does not read its messages")
        return True

    @property
    def video_codec(self) -> Format:
        """See `Peer.video_codec`."""
        return "jpeg"

    def send_video(self, track: str, unit: AccessUnit) -> bool:
        """See `Peer.send_video`; the newest displaces one that still waits."""
        self.lost += self._pictures[track].put(unit)
        return True

    def send_audio(self, track: str, block: AudioBlock) -> None:
        """See `Peer.send_audio`; there is none."""

    async def estimate_bps(self) -> int | None:
        """See `Peer.estimate_bps`; known once pictures have had to wait."""
        return self._drain.estimate(now())

    async def stats(self) -> dict[str, float]:
        """See `Peer.stats`."""
        figures = {
            "bytes_sent": float(self._bytes_sent),
            "frames_sent": float(self._frames_sent),
            "units_lost": float(self.lost),
        }
        if (bps := self._drain.estimate(now())) is not None:
            figures["estimate_bps"] = float(bps)
        return figures

    def close(self) -> None:
        """See `Peer.close`; messages that wait are still told to who listens."""
        if not self._is_closed:
            self._is_closed = True
            self._told.set()
            for line in self._pictures.values():
                line.arrived.set()
            self._on_closed()

    def _ask(self, event: str, track: str) -> None:
        self.hear(msgspec.json.encode({"type": "notification", "event": event, "data": {"name": track}}))

    def _part(self, track: str, unit: AccessUnit) -> bytes:
        """Return a picture with the boundary behind it, without which browsers wait for the next one to show it."""
        timestamp = unit.pts & 0xFFFFFFFF
        self._frames_sent += 1
        if unit.answers:
            self._observer.on_answer_sent(track, unit, timestamp)
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(unit.data)}\r\nX-Timestamp: {timestamp}\r\n\r\n"
        return b"%s%s\r\n--%s\r\n" % (head.encode(), unit.data, BOUNDARY.encode())


class _Latest:
    """The newest picture of a track, and which request gets it."""

    def __init__(self) -> None:
        self.stream = 0
        self.arrived = asyncio.Event()
        self._unit: AccessUnit | None = None

    def put(self, unit: AccessUnit) -> bool:
        """Take a picture; return whether it displaced one, whose answers it gives then."""
        former, self._unit = self._unit, unit
        if former is not None and former.answers:
            self._unit = dataclasses.replace(unit, answers=former.answers + unit.answers)
        self.arrived.set()
        return former is not None

    def take(self) -> AccessUnit | None:
        unit, self._unit = self._unit, None
        return unit
