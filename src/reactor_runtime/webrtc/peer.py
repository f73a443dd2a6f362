"""The border to what carries a client: what the runtime asks of any, and of a WebRTC engine besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.codec.formats import Format
from reactor_runtime.media.frame import AccessUnit, AudioBlock, ClientPicture


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server; TURN needs a username and a credential."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class Ice:
    """How a peer finds its way to a client.

    Attributes:
        servers: STUN and TURN servers to ask.
        ports: Lowest and highest UDP port to use, None for any.
        advertised: Addresses to tell instead of the machine's own.
        relay_only: Whether every packet has to go through a TURN server.
    """

    servers: Sequence[IceServer] = ()
    ports: tuple[int, int] | None = None
    advertised: Sequence[str] = ()
    relay_only: bool = False

    @property
    def has_turn(self) -> bool:
        """Whether there is a TURN server."""
        return any(url.startswith("turn") for server in self.servers for url in server.urls)


class PeerObserver(Protocol):
    """What a peer reports. Every call comes on the event loop."""

    def on_connected(self) -> None:
        """ICE and DTLS are up."""

    def on_disconnected(self, reason: str) -> None:
        """The transport failed or was closed by the remote. At most once; nothing follows it."""

    def on_channel_open(self, label: str) -> None:
        """A data channel that the client made is open."""

    def on_message(self, label: str, data: str | bytes) -> None:
        """One whole data-channel message."""

    def on_keyframe_request(self, track: str) -> None:
        """The remote's decoder lost its reference for this track (PLI or FIR)."""

    def on_answer_sent(self, track: str, unit: AccessUnit, rtp_timestamp: int) -> None:
        """A unit that answers commands was handed to the engine, which stamped its packets so."""

    def on_picture(self, track: str, picture: ClientPicture) -> None:
        """The client sent a picture on an input track. It is to be copied before this returns."""

    def on_sound(self, track: str, samples: bytes, capture_time_us: int) -> None:
        """10 ms of an input track: mono int16 at 48 kHz; silence where the client sends nothing.

        `capture_time_us` is when the client took it, by the client's clock; 0 while that is unknown.
        """


class Peer(Protocol):
    """The wire of one client; all methods are called on the event loop."""

    def send(self, label: str, data: str | bytes) -> bool:
        """Send text or bytes on a data channel; False when it is not open (counted by the caller as lost)."""

    @property
    def video_codec(self) -> Format:
        """What units have to be in. Known once the client is there, the same for all tracks."""

    def send_video(self, track: str, unit: AccessUnit) -> bool:
        """Send one encoded picture; False when it had to be dropped, after which a key frame is needed."""

    def send_audio(self, track: str, block: AudioBlock) -> None:
        """Send 10 ms multiples of audio."""

    async def estimate_bps(self) -> int | None:
        """Return the engine's estimate of what this peer's network carries, None while unknown."""

    async def stats(self) -> dict[str, float]:
        """Return a few figures of the connection; 0 and missing are unknown.

        rtt_s, packets_lost, bytes_sent, estimate_bps, frames_sent, units_lost.
        """

    def close(self) -> None:
        """Close everything and free what it holds. Idempotent."""


@runtime_checkable
class NegotiatedPeer(Peer, Protocol):
    """A peer connection of WebRTC: the client offers, the peer answers."""

    async def answer(self, offer_sdp: str, mids: Mapping[str, Sequence[TrackSpec]]) -> str:
        """Apply an offer and return the complete answer, own candidates inline.

        Args:
            offer_sdp: The client's offer.
            mids: SDP mid to its tracks, for every media line that is to be used; others are answered inactive. One line
                carries one track, or one each way.

        Raises:
            ClientError: The SDP cannot be used (code `invalid_sdp`), or no port is free (`unreachable`, status 503).
        """

    async def add_candidate(self, candidate: str, sdp_mid: str | None, sdp_mline_index: int | None) -> None:
        """Add one remote candidate; a malformed or end-of-candidates one is ignored."""
