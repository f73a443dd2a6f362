"""Clients of one slot without an engine: what they send is what the test says, what they are sent is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.runtime.scripted import Slot

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.config import Config, SessionConfig
from reactor_runtime.media.frame import AccessUnit, AudioBlock
from reactor_runtime.webrtc.acceptor import Acceptor
from reactor_runtime.webrtc.peer import PeerObserver

CONTRACT = Contract(
    model_name="probe",
    generation="reactor_model",
    tracks=(TrackSpec("webcam", "video", "in"), TrackSpec("main_video", "video")),
)
MIDS = {"0": "webcam", "1": "main_video"}


def offer_of(ufrag: str, *mids: str, way: str = "sendrecv") -> str:
    """Return an offer with these video lines and one for channels."""
    lines = "".join(
        f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na={way}\r\na=ice-ufrag:{ufrag}\r\na=rtpmap:96 VP8/90000\r\n"
        for mid in mids or ("0", "1")
    )
    return f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n{lines}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n"


class ScriptedPeer:
    """Stands where the engine stands."""

    video_codec = "vp8"

    def __init__(self, observer: PeerObserver, number: int) -> None:
        self.observer = observer
        self.number = number
        self.sent: list[tuple[str, Any]] = []
        self.candidates: list[str] = []
        self.closed = False

    async def answer(self, offer_sdp: str, mids: Mapping[str, Sequence[TrackSpec]]) -> str:
        return f"v=0 answer {self.number}"

    async def add_candidate(self, candidate: str, sdp_mid: str | None, sdp_mline_index: int | None) -> None:
        self.candidates.append(candidate)

    async def estimate_bps(self) -> int | None:
        return None

    async def stats(self) -> dict[str, float]:
        return {}

    def send(self, label: str, data: str | bytes) -> bool:
        self.sent.append((label, data))
        return True

    def send_video(self, track: str, unit: AccessUnit) -> bool:
        return True

    def send_audio(self, track: str, block: AudioBlock) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    # ---- the client's side --------------------------------------------------------------------------------------

    def come_up(self) -> None:
        """The transport and the channels are there."""
        self.observer.on_connected()
        for label in ("control", "data"):
            self.observer.on_channel_open(label)

    def say(self, frame: Any, channel: str = "data") -> None:
        """Send a frame: bytes as they are, anything else as JSON."""
        self.observer.on_message(channel, frame if isinstance(frame, bytes) else json.dumps(frame))

    def heard(self, kind: str) -> list[Any]:
        """Return the content of the runtime's JSON messages of one kind."""
        said = [json.loads(data) for channel, data in self.sent if channel == "data"]
        return [m["data"]["data"] for m in said if m.get("scope") == "runtime" and m["data"]["type"] == kind]

    def answers(self) -> list[Any]:
        """Return what came on `control`."""
        return [json.loads(data) for channel, data in self.sent if channel == "control"]


class House:
    """A slot with a session, and an acceptor whose peers the test plays."""

    def __init__(self) -> None:
        limits = SessionConfig(ping_timeout=20.0, orphan_timeout=0, max_connections=4)
        self.slot = Slot(CONTRACT, limits)
        self.slot.up()
        self.peers: list[ScriptedPeer] = []
        self.acceptor = Acceptor(self.slot.runtime, Config(session=limits), self._make)
        self.slot.runtime.start_session()

    def _make(self, observer: PeerObserver) -> ScriptedPeer:
        self.peers.append(ScriptedPeer(observer, len(self.peers)))
        return self.peers[-1]
