"""The peer on the `wrtc` engine (libwebrtc): access units go out as they are, sound is encoded by the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import cache

import webrtc
import wrtc

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.codec.formats import Codec
from reactor_runtime.errors import ClientError
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, AccessUnit, AudioBlock
from reactor_runtime.runtime.clock import now
from reactor_runtime.webrtc.candidates import advertising, is_reachable, on_every_line
from reactor_runtime.webrtc.capture_clock import CaptureClock
from reactor_runtime.webrtc.encoded_line import EncodedLine
from reactor_runtime.webrtc.engine_report import Report, report, selected_pair
from reactor_runtime.webrtc.incoming import IncomingLine, IncomingSound, IncomingVideo
from reactor_runtime.webrtc.offer import chosen_codec, prepared, putting_first, with_start_rate
from reactor_runtime.webrtc.peer import Ice, PeerObserver

log = logging.getLogger(__name__)

GATHERING_SECONDS = 2.0
"""Clients give up on an answer after six seconds; an unreachable STUN server must not cost it."""
LEAST_LEFT = 0.5
"""Share of the estimate that pictures get even while much is sent again."""

_DIRECTIONS = {
    frozenset[str](): webrtc.RTCRtpTransceiverDirection.inactive,
    frozenset({"in"}): webrtc.RTCRtpTransceiverDirection.recvonly,
    frozenset({"out"}): webrtc.RTCRtpTransceiverDirection.sendonly,
    frozenset({"in", "out"}): webrtc.RTCRtpTransceiverDirection.sendrecv,
}


@cache
def allow_loopback() -> None:
    """Let connections use loopback addresses too, before the first one: a person on the same machine needs no network.

    Not with TURN servers: the engine thinks loopback the cheapest of networks, so an allocation that was made over it
    is preferred to the direct way; and a client's relay that sends there reaches the TURN server's own machine.
    """
    webrtc.allow_loopback()


@cache
def prepare_engine() -> None:
    """Set what the engine takes only before its first connection. Further calls do nothing."""
    webrtc.field_trials.update(
        {
            # A receiver need not hold pictures back.
            "WebRTC-ForceSendPlayoutDelay": "min_ms:0,max_ms:0",
            # Nor need we: a model takes the newest picture, and pictures carry their time with them.
            "WebRTC-ForcePlayoutDelay": "min_ms:0,max_ms:0",
            # A picture leaves at little more than the estimate: what a slow network could not take would be lost, asked
            # for again, and be in the way of everything newer for seconds.
            "WebRTC-VideoRateControl": "pacing_factor:1.2,alr_probing:true",
            # It leaves no slower than 1.2 times this, though, whatever the estimate: after a collapse the pacer waits
            # until what it sent ahead at the former pace is made up for at the new one.
            "WebRTC-Video-MinVideoBitrate": "Enabled,br:500kbps",
            "WebRTC-Bwe-MinAllocAsLowerBound": "Disabled",
            # What is sent again keeps to the estimate, and leaves the rest of that pace to new pictures ("Disabled"
            # turns this limit on).
            "WebRTC-DisableRtxRateLimiter": "Disabled",
            # Half of what the engine takes by itself: a collapse is seen in full at once, not in three steps.
            "WebRTC-Bwe-RobustThroughputEstimatorSettings": "enabled:true,window_packets:10,window_duration:400ms",
            # Once packets are lost it doubles them as RED and ULPFEC, because the offer has those, answer or not, and
            # at a rate that fits the dummies.
            "WebRTC-DisableUlpFecExperiment": "Enabled",
            # What a network has regained is found by asking often, and for much, however full the line is.
            "WebRTC-Bwe-AlrProbing": "alr_interval:1s,alr_scale:3,loss_limited_scale:3",
            # Not once the estimate is near `offer.MOST_KBPS`: a third of all packets were such questions.
            "WebRTC-Bwe-ProbingConfiguration": "skip_if_est_larger_than_fraction_of_max:0.8",
            "WebRTC-AlrDetectorParameters": "bw_usage:2.0,start:0.1,stop:0.02",
            # After a collapse it believes no probe for seconds.
            "WebRTC-Bwe-LossBasedBweV2": "Enabled:false",
        }
    )


class WrtcPeer:
    """One connection; see `Peer` for what its methods promise."""

    def __init__(self, observer: PeerObserver, ice: Ice | None = None, codecs: Sequence[Codec] = ("vp8",)) -> None:
        self._ice = ice = ice or Ice()
        prepare_engine()
        if not ice.has_turn:
            allow_loopback()
        self._observer = observer
        self._codecs = codecs
        self._codec: Codec = "vp8"
        self._pc = webrtc.RTCPeerConnection(
            webrtc.RTCConfiguration(
                ice_servers=[webrtc.RTCIceServer(list(s.urls), s.username, s.credential) for s in ice.servers],
                ice_transport_policy="relay" if ice.relay_only else "all",
                port_range=ice.ports,
            )
        )
        self._pc.on("connectionstatechange", self._on_state)
        self._pc.on("icegatheringstatechange", self._on_gathering)
        self._pc.on("datachannel", self._on_channel)
        self._gathered = asyncio.Event()
        self._channels: dict[str, webrtc.RTCDataChannel] = {}
        self._video: dict[str, EncodedLine] = {}
        self._line_of_mid: dict[str, EncodedLine] = {}
        self._sending: list[webrtc.RTCRtpTransceiver] = []
        self._audio: dict[str, wrtc.TrackGenerator] = {}
        self._incoming: list[IncomingLine] = []
        self._capture_clock = CaptureClock()
        self._transport: webrtc.RTCDtlsTransport | None = None
        self._early: list[webrtc.RTCIceCandidateInit] = []
        self._has_offer = False
        self._connected = False
        self._closed = False
        self._has_estimate = False

    async def answer(self, offer_sdp: str, mids: Mapping[str, Sequence[TrackSpec]]) -> str:
        """See `Peer.answer`."""
        self._codec = chosen_codec(offer_sdp, self._codecs)
        offer = putting_first(prepared(offer_sdp), self._codec)
        try:
            await self._pc.set_remote_description(webrtc.RTCSessionDescriptionInit(webrtc.RTCSdpType.offer, offer))
            transceivers = self._pc.get_transceivers()
            for transceiver in transceivers:
                await self._use(transceiver, mids.get(transceiver.mid or "", ()))
            await self._pc.set_local_description(await self._pc.create_answer())
            for transceiver in self._sending:
                await self._line_of_mid[transceiver.mid or ""].configure(transceiver)
        except (webrtc.RTCException, ValueError, TypeError) as refused:
            raise ClientError(f"the offer cannot be used: {refused}", code="invalid_sdp") from refused
        self._has_offer = True
        self._watch_transport()
        for candidate in self._early:
            await self._add(candidate)
        self._early.clear()
        try:
            await asyncio.wait_for(self._gathered.wait(), GATHERING_SECONDS)
        except TimeoutError:
            log.info("answering with the candidates found in %g s", GATHERING_SECONDS)
        description = self._pc.local_description
        if description is None:
            raise ClientError("the connection was closed while it was negotiated", code="invalid_sdp")
        if not is_reachable(description.sdp):
            why = "no TURN server answered" if self._ice.relay_only else "every UDP port that it may use is taken"
            log.warning("a client is turned away: %s", why)
            raise ClientError(f"the server cannot be reached: {why}", code="unreachable", http_status=503)
        return on_every_line(advertising(with_start_rate(description.sdp), self._ice.advertised))

    async def add_candidate(self, candidate: str, sdp_mid: str | None, sdp_mline_index: int | None) -> None:
        """See `Peer.add_candidate`."""
        if not candidate or (sdp_mid is None and sdp_mline_index is None) or self._closed:
            return
        init = webrtc.RTCIceCandidateInit(candidate, sdp_mid, sdp_mline_index)
        if self._has_offer:
            await self._add(init)
        else:
            self._early.append(init)

    def send(self, label: str, data: str | bytes) -> bool:
        """See `Peer.send`."""
        channel = self._channels.get(label)
        if channel is None:
            return False
        try:
            channel.send(data)
        except webrtc.RTCException as refused:
            log.debug("channel %s did not take a message: %s", label, refused)
            return False
        except TypeError as refused:
            log.warning("a message of %d was not sent, beginning with %r: %s", len(data), data[:80], refused)
            return False
        return True

    @property
    def video_codec(self) -> Codec:
        """See `Peer.video_codec`."""
        return self._codec

    def send_video(self, track: str, unit: AccessUnit) -> bool:
        """See `Peer.send_video`."""
        line = self._video.get(track)
        return line is not None and self._connected and line.put(unit)

    def send_audio(self, track: str, block: AudioBlock) -> None:
        """See `Peer.send_audio`."""
        generator = self._audio.get(track)
        if generator is not None and self._connected:
            frames = len(block.samples) // (2 * block.channels)
            generator.writeAudio(block.samples, AUDIO_CLOCK_RATE, block.channels, frames)

    async def estimate_bps(self) -> int | None:
        """See `Peer.estimate_bps`."""
        bps, repeats = None, 0.0
        # A sender's own report takes two thirds of the time, but says nothing of the client's clock.
        for source in [self._pc] if self._incoming else [transceiver.sender for transceiver in self._sending]:
            found = await self._report(source)
            repeats += self._note_sent(found)
            if (pair := selected_pair(found)) is not None:
                bps = pair.available_outgoing_bitrate
                self._has_estimate = self._has_estimate or bps > 0
        if not self._has_estimate or bps is None:
            return None
        if repeats > bps > 0:
            # They were let in at an estimate that no longer holds, and new pictures wait behind them.
            for track in self._video:
                self._on_keyframe_request(track)
        # The engine puts what was lost before what is new: what it sends again is not there for pictures.
        # An estimate that was there and is not: two seconds' worth of packets wait, and the engine takes no more.
        return int(max(bps - repeats, bps * LEAST_LEFT))

    async def stats(self) -> dict[str, float]:
        """See `Peer.stats`."""
        figures = {"rtt_s": 0.0, "packets_lost": 0.0, "bytes_sent": 0.0, "frames_sent": 0.0}
        figures["units_lost"] = float(sum(line.lost for line in self._video.values()))
        found = await self._report(self._pc)
        if (pair := selected_pair(found)) is not None:
            figures["rtt_s"] = pair.current_round_trip_time
            figures["bytes_sent"] = float(pair.bytes_sent)
            figures["estimate_bps"] = pair.available_outgoing_bitrate
        for entry in found.values():
            if entry.type == "remote-inbound-rtp":
                figures["packets_lost"] += entry.packets_lost
            elif entry.type == "outbound-rtp" and entry.kind == "video":
                figures["frames_sent"] += entry.frames_sent
        return figures

    def close(self) -> None:
        """See `Peer.close`."""
        if self._closed:
            return
        self._closed = True
        self._connected = False
        self._leave_engine()
        for line in self._video.values():
            line.close()
        for generator in self._audio.values():
            generator.close()
        for incoming in self._incoming:
            incoming.close()
        self._incoming.clear()
        self._channels.clear()
        self._video.clear()
        self._line_of_mid.clear()
        self._sending.clear()
        self._audio.clear()
        self._pc.close()

    async def _use(self, transceiver: webrtc.RTCRtpTransceiver, specs: Sequence[TrackSpec]) -> None:
        kind = transceiver.receiver.track.kind
        for spec in specs:
            if spec.kind != kind:
                raise ClientError(
                    f"track {spec.name!r} is {spec.kind}, its line {transceiver.mid!r} is not", code="invalid_sdp"
                )
        ways = {spec.direction for spec in specs}
        transceiver.direction = _DIRECTIONS[frozenset(ways)]
        known = webrtc.RTCRtpSender.get_capabilities(kind)
        codecs = known.codecs if known is not None else []
        # The engine decodes every codec it knows, but a client's camera costs it least in VP8.
        videos = [self._codec] if "out" in ways else ["vp8", "vp9", "av1"]
        wanted = [*(f"video/{codec}" for codec in videos), "video/rtx", "audio/opus"]
        if specs:
            usable = [codec for codec in codecs if codec.mime_type.lower() in wanted]
            usable.sort(key=lambda codec: wanted.index(codec.mime_type.lower()))
            transceiver.set_codec_preferences(usable)
        for spec in specs:
            if spec.direction == "in":
                self._incoming.append(self._receive(spec, transceiver.receiver.track))
            else:
                await self._send_on(transceiver, spec)

    async def _send_on(self, transceiver: webrtc.RTCRtpTransceiver, spec: TrackSpec) -> None:
        if spec.kind == "video":
            line = EncodedLine(
                self._codec,
                lambda: self._on_keyframe_request(spec.name),
                lambda unit, stamp: self._observer.on_answer_sent(spec.name, unit, stamp),
            )
            self._video[spec.name] = self._line_of_mid[transceiver.mid or ""] = line
            self._sending.append(transceiver)
            await line.attach(transceiver)
        else:
            generator = self._audio[spec.name] = wrtc.TrackGenerator("audio")
            await transceiver.sender.replace_track(webrtc.MediaStreamTrack._wrap(generator.track))

    def _receive(self, spec: TrackSpec, track: webrtc.MediaStreamTrack) -> IncomingLine:
        if spec.kind == "video":
            return IncomingVideo(
                track, self._capture_clock, lambda picture: self._observer.on_picture(spec.name, picture)
            )
        return IncomingSound(
            track, self._capture_clock, lambda samples, us: self._observer.on_sound(spec.name, samples, us)
        )

    async def _add(self, candidate: webrtc.RTCIceCandidateInit) -> None:
        try:
            await self._pc.add_ice_candidate(candidate)
        except (webrtc.RTCException, ValueError, TypeError) as refused:
            # Browsers hide host addresses behind mDNS names; the path is then found from the other side.
            log.debug("ignored a candidate: %s", refused)

    async def _report(self, source: webrtc.RTCPeerConnection | webrtc.RTCRtpSender) -> Report:
        found = await report(source)
        if self._incoming:
            self._capture_clock.note(found, now())
        return found

    def _note_sent(self, report: Report) -> float:
        """Tell the lines what remotes asked for; return the bits per second that were sent again."""
        repeats = 0.0
        for entry in report.values():
            if entry.type == "outbound-rtp" and entry.mid in self._line_of_mid:
                line = self._line_of_mid[entry.mid]
                line.note_requests(entry.pli_count + entry.fir_count)
                repeats += line.note_repeats(entry.retransmitted_bytes_sent, now())
        return repeats

    def _on_state(self, _event: object) -> None:
        state = self._pc.connection_state
        if state == webrtc.RTCPeerConnectionState.connected and not self._connected:
            self._connected = True
            self._observer.on_connected()
        elif state == webrtc.RTCPeerConnectionState.failed:
            self._lost("the network path was lost")

    def _on_transport(self, _event: object) -> None:
        # A remote that closes says so; the connection's own state would follow only after ICE gave up on it.
        if self._transport is not None and self._transport.state == webrtc.RTCDtlsTransportState.closed:
            self._lost("closed by the remote")

    def _lost(self, reason: str) -> None:
        self._connected = False
        self._leave_engine()
        self._observer.on_disconnected(reason)

    def _leave_engine(self) -> None:
        """Take every handler back: one that stays keeps the connection, and the connection its threads."""
        self._pc.off()
        if self._transport is not None:
            self._transport.off()
        for channel in self._channels.values():
            channel.off()

    def _watch_transport(self) -> None:
        sctp = self._pc.sctp
        senders = self._pc.get_senders()
        self._transport = sctp.transport if sctp is not None else senders[0].transport if senders else None
        if self._transport is not None:
            self._transport.on("statechange", self._on_transport)

    def _on_gathering(self, _event: object) -> None:
        if self._pc.ice_gathering_state == webrtc.RTCIceGatheringState.complete:
            self._gathered.set()

    def _on_channel(self, event: webrtc.RTCDataChannelEvent) -> None:
        channel = event.channel
        label = channel.label
        self._channels[label] = channel

        def opened(_event: webrtc.Event) -> None:
            self._observer.on_channel_open(label)

        def received(message: webrtc.MessageEvent) -> None:
            data = message.data
            assert not isinstance(data, webrtc.Blob), "a channel delivers bytes unless told otherwise"
            self._observer.on_message(label, data)

        channel.on("open", opened)
        channel.on("message", received)

    def _on_keyframe_request(self, track: str) -> None:
        if self._connected:
            self._observer.on_keyframe_request(track)
