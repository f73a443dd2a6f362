"""One client's live wire: a peer of the engine, the client's wire family, and the tracks it watches."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.errors import ClientError
from reactor_runtime.log import get_logger
from reactor_runtime.media.frame import AccessUnit, AudioBlock, ClientPicture
from reactor_runtime.runtime.clock import Alarm, now
from reactor_runtime.runtime.runtime import Runtime
from reactor_runtime.webrtc.figures import figures
from reactor_runtime.webrtc.peer import NegotiatedPeer, Peer, PeerObserver
from reactor_runtime.wire import messages as wire
from reactor_runtime.wire.dialect import Dialect, Way
from reactor_runtime.wire.multi import Frame

if TYPE_CHECKING:
    from reactor_runtime.codec.ladder import Ladder

log = get_logger("reactor.connection")


class _VideoReader:
    """Takes one track's access units from its ladder to the peer."""

    def __init__(self, peer: Peer, track: str) -> None:
        self._peer = peer
        self._track = track

    def put(self, unit: AccessUnit) -> bool:
        return self._peer.send_video(self._track, unit)


class _AudioReader:
    """Takes one track's audio blocks from the stream to the peer."""

    def __init__(self, peer: Peer, track: str) -> None:
        self._peer = peer
        self._track = track

    def put(self, block: AudioBlock) -> None:
        self._peer.send_audio(self._track, block)


class Connection:
    """One client. It watches no track until the client resumes it.

    It is `Client` to the runtime and `PeerObserver` to the engine. All methods run on the event loop.

    Attributes:
        key: Names it to its client alone; it cannot be guessed.
    """

    def __init__(
        self,
        connection_id: int,
        runtime: Runtime,
        ladder: Callable[[str], Ladder],
        make_peer: Callable[[PeerObserver], Peer],
        *,
        way: Way,
        ping_timeout: float,
        spawn: Callable[[Coroutine[object, object, None]], None],
        on_ready: Callable[[], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        self.id = connection_id
        self.transport: str = way if way in ("socket", "http") else "webrtc"
        self.key = secrets.token_urlsafe(16)
        self.lost_messages = 0
        self._runtime = runtime
        self._session = runtime.sessions
        self._ladder = ladder
        self._ping_timeout = ping_timeout
        self._spawn = spawn
        self._on_ready = on_ready
        self._on_closed = on_closed
        self._videos: dict[str, _VideoReader] = {}
        self._audios: dict[str, _AudioReader] = {}
        self._tracks: dict[str, TrackSpec] = {}
        self._wire = Dialect(way)
        # Only clients of numbered connections have a word for it.
        self._starts_resumed = way not in ("numbered", "socket", "http")
        self._has_wire = way != "standard"
        self._is_transport_up = self._is_ready = self._is_closed = False
        self._is_data_open = not self._has_wire
        self._estimated_at = 0.0
        self._is_in_trouble = self._is_asked_figures = False
        self._heard_at = now()
        self._silence = Alarm(self._check_silence)
        self._peer = make_peer(self)
        self._check_silence()

    async def answer(self, offer_sdp: str, mids: Mapping[str, Sequence[TrackSpec]]) -> str:
        """Apply the client's offer and return the answer.

        Args:
            offer_sdp: What the client sent.
            mids: SDP mid to tracks.

        Raises:
            ClientError: The offer cannot be used; or it asks for an input track, having no other word for it, that is
                another client's (409).
        """
        self._tracks = {track.name: track for tracks in mids.values() for track in tracks}
        if not self._has_wire:
            for track in self._tracks.values():
                if track.direction == "in":
                    self._runtime.inputs.publish(track.name, self.id)
        assert isinstance(self._peer, NegotiatedPeer), "only WebRTC has offers"
        return await self._peer.answer(offer_sdp, mids)

    def open(self, tracks: Sequence[TrackSpec]) -> None:
        """Carry these tracks without an offer, once the peer says that it is up."""
        self._tracks = {track.name: track for track in tracks}

    @property
    def outputs(self) -> list[TrackSpec]:
        """The tracks that the client may resume, in the contract's order."""
        return [track for track in self._tracks.values() if track.direction == "out"]

    async def add_candidate(self, candidate: str, sdp_mid: str | None, sdp_mline_index: int | None) -> None:
        """Add one remote ICE candidate."""
        if not self._is_closed and isinstance(self._peer, NegotiatedPeer):
            await self._peer.add_candidate(candidate, sdp_mid, sdp_mline_index)

    def estimate_is_due(self, at: float, interval: float) -> bool:
        """Return whether to look at this client's network: `interval` seconds have passed, or it is in trouble."""
        return bool(self._tracks) and (self._is_in_trouble or at - self._estimated_at >= interval)

    async def note_estimate(self) -> None:
        """Tell the ladders what this client's network carries; the peer looks at its clock on the way."""
        self._estimated_at, self._is_in_trouble = now(), False
        bps = await self._peer.estimate_bps()
        if bps is not None:
            # One network carries all tracks together.
            share = bps // max(1, len(self._videos))
            for track, reader in self._videos.items():
                self._is_in_trouble |= self._ladder(track).note_estimate(reader, share, now())

    async def stats(self) -> dict[str, float]:
        """Return the engine's figures; see `Peer.stats`."""
        return {} if self._is_closed else await self._peer.stats()

    def send(self, message: wire.Outbound) -> None:
        """Send one message, once it is known how; counted as lost when its channel is not open."""
        self._send(self._wire.say(message))

    def close(self, reason: str) -> None:
        """Close the wire and tell the runtime. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        log.info(f"connection {self.id} closed: {reason}")
        self._silence.cancel()
        for track in [*self._videos, *self._audios]:
            self._pause(track)
        self._peer.close()
        self._runtime.gone(self)
        self._on_closed(self)

    # ---- from the engine ----------------------------------------------------------------------------------------

    def on_connected(self) -> None:
        """See `PeerObserver`."""
        self._is_transport_up = True
        self._become_ready()

    def on_disconnected(self, reason: str) -> None:
        """See `PeerObserver`."""
        self.close(reason)

    def on_channel_open(self, label: str) -> None:
        """See `PeerObserver`."""
        if label == "data":
            self._is_data_open = True
            self._become_ready()

    def on_message(self, label: str, data: str | bytes) -> None:
        """See `PeerObserver`."""
        self._heard_at = now()
        # The engine may deliver a message before it tells that the transport is up.
        self._is_transport_up = True
        self.on_channel_open(label)
        if self._is_closed:
            return
        family = self._wire.family
        try:
            message = self._wire.hear(label, data)
        except ClientError as error:
            message = None
            self.send(wire.Unreadable(str(error), error.request_id))
        if self._wire.family is not family:
            log.info(f"connection {self.id} speaks {self._wire.family.name}")
            self._send(self._wire.release())
        if message is not None:
            self._receive(message)

    def on_keyframe_request(self, track: str) -> None:
        """See `PeerObserver`."""
        if (reader := self._videos.get(track)) is not None:
            self._is_in_trouble = True
            self._ladder(track).request_keyframe(reader)

    def on_answer_sent(self, track: str, unit: AccessUnit, rtp_timestamp: int) -> None:
        """See `PeerObserver`."""
        self._runtime.latency.sent(self.id, track, unit, rtp_timestamp)

    def on_picture(self, track: str, picture: ClientPicture) -> None:
        """See `PeerObserver`."""
        if self._is_ready and not self._is_closed:
            self._runtime.inputs.see(track, self.id, picture)

    def on_sound(self, track: str, samples: bytes, capture_time_us: int) -> None:
        """See `PeerObserver`."""
        if self._is_ready and not self._is_closed:
            self._runtime.inputs.hear(track, self.id, samples, capture_time_us)

    # ---- inside -------------------------------------------------------------------------------------------------

    def _send(self, frames: Sequence[Frame]) -> None:
        for channel, data in frames:
            if not self._is_closed and not self._peer.send(channel, data):
                self.lost_messages += 1

    def _become_ready(self) -> None:
        if self._is_ready or self._is_closed or not (self._is_transport_up and self._is_data_open):
            return
        if not self._runtime.running or self._runtime.sessions != self._session:
            self.close("the session that it was negotiated for has ended")
            return
        self._is_ready = True
        self._runtime.connected(self)
        self._on_ready()
        if self._starts_resumed:
            for track in self._tracks:
                self._resume(track)

    def _receive(self, message: wire.Inbound) -> None:
        match message:
            case wire.Command():
                self._runtime.submit(self.id, message)
            case wire.ResumeTrack(track):
                self._resume(track)
            case wire.PauseTrack(track):
                self._pause(track)
            case wire.RequestSchema(request_id):
                self.send(wire.Schema(self._runtime.schema, request_id))
            case wire.RequestCapabilities():
                self.send(wire.Capabilities(self._runtime.capabilities))
            case wire.PublishTrack(track, request_id):
                self._publish(track, request_id)
            case wire.UnpublishTrack(track) if track in self._tracks:
                self._runtime.inputs.unpublish(track, self.id)
            case wire.RequestRecording(_, request_id):
                self.send(wire.RecordingRefused("recording is off", request_id))
            case wire.FileUploaded():
                self._runtime.intake.file_uploaded(self.id, message)
            case wire.ClockTold() | wire.FrameShown():
                self._runtime.latency.hear(self.id, message)
            case wire.RequestFigures(request_id) if not self._is_asked_figures:
                self._is_asked_figures = True
                self._spawn(self._tell_figures(request_id))
            case wire.Ping():
                pass

    async def _tell_figures(self, request_id: str | None) -> None:
        try:
            network = await self.stats()
        finally:
            self._is_asked_figures = False
        stream = self._runtime.stream
        if self._is_closed or stream is None:
            return
        rungs = {track: self._ladder(track).rungs_for(reader) for track, reader in self._videos.items()}
        self.send(figures(stream, {track: found for track, found in rungs.items() if found}, network, request_id))

    def _publish(self, name: str, request_id: str | None) -> None:
        track = self._tracks.get(name)
        try:
            if track is None or track.direction != "in":
                raise ClientError(f"this connection has no input track {name!r}", code="publish_refused")
            self._runtime.inputs.publish(name, self.id)
        except ClientError as error:
            self.send(wire.TrackAnswered(name, request_id, error.code, str(error)))
        else:
            self.send(wire.TrackAnswered(name, request_id))

    def _resume(self, name: str) -> None:
        track, stream = self._tracks.get(name), self._runtime.stream
        if track is None or track.direction != "out" or stream is None or name in self._videos or name in self._audios:
            return
        if track.kind == "video":
            self._videos[name] = _VideoReader(self._peer, name)
            self._ladder(name).join(self._videos[name], self._peer.video_codec)
        else:
            self._audios[name] = _AudioReader(self._peer, name)
            stream.listen(name, self._audios[name])

    def _pause(self, name: str) -> None:
        if (video := self._videos.pop(name, None)) is not None:
            self._ladder(name).leave(video)
        if (audio := self._audios.pop(name, None)) is not None and self._runtime.stream is not None:
            self._runtime.stream.unlisten(name, audio)

    def _check_silence(self) -> None:
        if self._ping_timeout <= 0:
            return
        if self._is_ready and not self._wire.family.pings:
            self._heard_at = now()
        deadline = self._heard_at + self._ping_timeout
        if now() >= deadline:
            self.close(f"nothing heard for {self._ping_timeout:g} s")
        else:
            self._silence.set(deadline)
