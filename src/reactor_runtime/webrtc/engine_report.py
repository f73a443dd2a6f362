"""What the engine counts, read from its own JSON, for every client several times a second.

The engine's public report makes an object of each part with all its fields, which costs the event loop much more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import msgspec
import webrtc
from webrtc.utils.loops import call_native


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """One part of a report, by the names of the W3C's statistics; what a part has not, or is not known yet, is 0.

    Attributes:
        timestamp: Microseconds of the engine's clock; `remote_timestamp` is milliseconds of the client's.
        track_identifier: The engine's own id of a track; see `engine_id`.
    """

    id: str
    type: str
    timestamp: float
    kind: str = ""
    mid: str = ""
    track_identifier: str = ""
    selected_candidate_pair_id: str = ""
    available_outgoing_bitrate: float = 0
    current_round_trip_time: float = 0
    remote_timestamp: float = 0
    total_processing_delay: float = 0
    jitter_buffer_delay: float = 0
    jitter_buffer_emitted_count: int = 0
    frames_decoded: int = 0
    frames_sent: int = 0
    bytes_sent: int = 0
    retransmitted_bytes_sent: int = 0
    packets_lost: int = 0
    pli_count: int = 0
    fir_count: int = 0


Report = Mapping[str, Entry]
"""Parts by id."""

_NO_NUMBER = re.compile(r"(?<=:)-?(?:nan|inf)\b")
_decode = msgspec.json.Decoder(list[Entry]).decode


def decoded(json: str) -> Report:
    """Return the parts of the engine's JSON, in which a mean of nothing may stand as `nan`, which is no JSON."""
    try:
        entries = _decode(json or "[]")
    except msgspec.DecodeError:
        entries = _decode(_NO_NUMBER.sub("0", json))
    return {entry.id: entry for entry in entries}


async def report(source: webrtc.RTCPeerConnection | webrtc.RTCRtpSender) -> Report:
    """Return what the engine counts for a connection, or for one sender and what it uses.

    Once it is closed there is next to nothing in it.
    """
    try:
        return decoded(cast(str, await call_native(source._native_obj.getStats)))
    except webrtc.InvalidStateError:
        return {}


def selected_pair(report: Report) -> Entry | None:
    """Return the candidate pair that carries the media."""
    used = (entry.selected_candidate_pair_id for entry in report.values() if entry.selected_candidate_pair_id)
    return report.get(next(used, ""))


def engine_id(track: webrtc.MediaStreamTrack) -> str:
    """Return what reports call a received track."""
    name: str = track._native_obj._nativeId
    return name
