"""What the engine counts of a connection, as people want to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import webrtc

from reactor_runtime.client.values import Figures, Kind, TrackFigures


@dataclass(frozen=True, slots=True)
class _Counted:
    bits: float = 0.0
    delay: float = 0.0
    frames: int = 0


class Meter:
    """Turns what the engine has counted so far into what happened since the last time."""

    def __init__(self, now: float) -> None:
        self._read_at = now
        self._counted: dict[str, _Counted] = {}

    def read(self, report: Mapping[str, webrtc.RTCStats], names: Mapping[str | None, str], now: float) -> Figures:
        """Return the figures as of `now`, by the names of tracks that their SDP lines have."""
        passed, before = now - self._read_at, self._counted
        self._read_at, self._counted = now, {}
        tracks = {}
        for entry in report.values():
            if not isinstance(entry, webrtc.RTCInboundRtpStreamStats) or not entry.bytes_received:
                continue
            if (name := names.get(entry.mid)) is None:
                continue
            last = before.get(name, _Counted())
            counted = _Counted(
                entry.bytes_received * 8.0, entry.total_processing_delay or 0.0, entry.frames_decoded or 0
            )
            self._counted[name] = counted
            frames = counted.frames - last.frames
            kind: Kind = "audio" if str(entry.kind) == "audio" else "video"
            tracks[name] = TrackFigures(
                kind=kind,
                codec=_codec(report, entry.codec_id),
                width=entry.frame_width or 0,
                height=entry.frame_height or 0,
                fps=entry.frames_per_second or 0.0,
                bps=(counted.bits - last.bits) / passed,
                delay=(counted.delay - last.delay) / frames if frames else 0.0,
                lost=entry.packets_lost or 0,
            )
        return _with_path(report, tracks)


def _codec(report: Mapping[str, webrtc.RTCStats], codec_id: str | None) -> str:
    codec = report.get(codec_id or "")
    return (codec.mime_type or "").rpartition("/")[2] if isinstance(codec, webrtc.RTCCodecStats) else ""


def _with_path(report: Mapping[str, webrtc.RTCStats], tracks: Mapping[str, TrackFigures]) -> Figures:
    transports = (entry for entry in report.values() if isinstance(entry, webrtc.RTCTransportStats))
    pair = next((report.get(entry.selected_candidate_pair_id or "") for entry in transports), None)
    if not isinstance(pair, webrtc.RTCIceCandidatePairStats):
        return Figures(tracks=tracks)
    ends = [report.get(pair.local_candidate_id or ""), report.get(pair.remote_candidate_id or "")]
    found = [end for end in ends if isinstance(end, webrtc.RTCIceCandidateStats)]
    is_relayed = any(end.candidate_type == webrtc.RTCIceCandidateType.relay for end in found)
    protocol = next((end.relay_protocol or end.protocol for end in found), None)
    path = f"{protocol or 'udp'} {'relay' if is_relayed else 'direct'}"
    return Figures(path, pair.current_round_trip_time or 0.0, tracks)
