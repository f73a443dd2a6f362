"""What clients of the standards say in SDP: WHEP (watching), and WHIP (sending), RFC 9725."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reactor_runtime.authoring.contract import Direction, TrackSpec
from reactor_runtime.errors import ClientError
from reactor_runtime.session.negotiation import Candidate
from reactor_runtime.webrtc.offer import MediaLine

_LINE = re.compile(r"[a-z]=.*")


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a client tells of its ICE after its offer (RFC 8840 §9); an empty one says that there is no more."""

    ufrags: frozenset[str]
    candidates: list[Candidate]


def read_fragment(text: str) -> Fragment:
    """Read the body of a PATCH, `application/trickle-ice-sdpfrag`.

    Raises:
        ClientError: 400, it is none.
    """
    ufrags: set[str] = set()
    candidates: list[Candidate] = []
    mid, says_something = None, False
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if not _LINE.fullmatch(line):
            raise ClientError(f"no line of SDP: {line[:80]!r}", code="invalid_fragment")
        name, _, value = line.partition(":")
        says_something |= name in ("a=ice-ufrag", "a=candidate", "a=end-of-candidates")
        if name == "a=ice-ufrag":
            ufrags.add(value)
        elif name == "a=mid":
            mid = value
        elif name == "a=candidate":
            # All lines share one transport, that of the first.
            candidates.append(Candidate(line.removeprefix("a="), mid, None if mid else 0))
    if not says_something:
        raise ClientError("the fragment names neither candidates nor a user fragment", code="invalid_fragment")
    return Fragment(frozenset(ufrags), candidates)


def in_one_stream(answer: str) -> str:
    """Return an answer whose tracks are of one stream: players show a stream, and keep its sound with its picture."""
    return answer.replace("a=msid:- ", "a=msid:model ")


def one_way(
    lines: Sequence[MediaLine], tracks: Sequence[TrackSpec], direction: Direction, names: Sequence[str]
) -> dict[str, Sequence[TrackSpec]]:
    """Return which track each line of an offer is for: the first of its kind, or one of `names`, that is left.

    Raises:
        ClientError: 404, a name is of no track of this direction; 422, no line is for any, or one is without a codec
            that we have; 400, there are no lines.
    """
    left = [track for track in tracks if track.direction == direction]
    if unknown := sorted(set(names) - {track.name for track in left}):
        text = f"this model has no track {unknown} that goes {direction}; it has {[track.name for track in left]}"
        raise ClientError(text, code="unknown_track", http_status=404)
    left.sort(key=lambda track: track.name not in names)
    if not lines:
        raise ClientError("the offer has no line of media with a mid", code="invalid_sdp")
    found: dict[str, Sequence[TrackSpec]] = {}
    for line in lines:
        if line.receives if direction == "out" else line.sends:
            for track in [track for track in left if track.kind == line.kind][:1]:
                if not line.has_codec:
                    text = f"line {line.mid!r} has to offer " + ("VP8, VP9 or AV1" if line.kind == "video" else "Opus")
                    raise ClientError(text, code="no_codec", http_status=422)
                found[line.mid] = (track,)
                left.remove(track)
    if not found:
        kinds = {"out": "receives what this model shows", "in": "sends what this model takes"}[direction]
        raise ClientError(f"no line of the offer {kinds}", code="no_track", http_status=422)
    return found
