"""What is changed in a client's offer before the engine sees it, and in the answer before the client does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reactor_runtime.codec.formats import Codec

START_KBPS = 4_000
"""Where the engine's bandwidth estimate begins; its own 300 kbit/s would hold back the first second of pictures."""

MOST_KBPS = 20_000
"""How much the engine's estimate may find; of its own accord it asks for no more than 5 Mbit/s. It is above our rates,
since a picture leaves at the pace of the estimate: a key frame of 80 kB in 30 ms."""

LEAST_KBPS = 100
"""How little it may find. The least rung takes more, and from nothing it would need many seconds to find a network that
has come back: it asks for three times what it believes."""

_MID = re.compile(r"^a=mid:(\S+)", re.MULTILINE)
_DIRECTION = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", re.MULTILINE)
_CODEC = re.compile(r"^a=rtpmap:(\d+) (VP8|VP9|AV1)/90000\s*$", re.IGNORECASE | re.MULTILINE)
_OPUS = re.compile(r"^a=rtpmap:\d+ opus/48000", re.IGNORECASE | re.MULTILINE)
# Ten bits or full colour, which the rungs do not make.
_OTHER_PROFILE = re.compile(r"^a=fmtp:(\d+) (?:[^\r\n]*;)?\s*profile(?:-id)?=[1-9]", re.MULTILINE)
_VIDEO_LINE = re.compile(r"^(m=video \S+ \S+ )([\d ]+)", re.MULTILINE)
_FMTP = re.compile(r"^a=fmtp:(\d+) [^\r\n]*", re.MULTILINE)
# These describe the dummy pictures that the engine encodes, not the access units that are sent in their place.
_DESCRIBES_LAYERS = re.compile(
    r"^a=extmap:.*(?:dependency-descriptor|generic-frame-descriptor|video-layers-allocation).*\n?", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One line of media in an offer, the data channels' left out.

    Attributes:
        sends: Whether the client may send on it; `receives` whether it wants to receive.
        has_codec: Whether it names a codec that we have: VP8, VP9, AV1 or Opus.
    """

    mid: str
    kind: str
    sends: bool
    receives: bool
    has_codec: bool


def media_lines(sdp: str) -> list[MediaLine]:
    """Return the lines of an offer that have a mid, in order."""
    found = []
    for section in re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)[1:]:
        kind, mid, direction = section[2:].split(" ", 1)[0], _MID.search(section), _DIRECTION.search(section)
        if kind in ("audio", "video") and mid is not None:
            way = direction[1] if direction is not None else "sendrecv"  # the default of RFC 8866 §6.7
            sends, receives = way in ("sendrecv", "sendonly"), way in ("sendrecv", "recvonly")
            has_codec = bool(_payload_types(section) if kind == "video" else _OPUS.search(section))
            found.append(MediaLine(mid[1], kind, sends, receives, has_codec))
    return found


def prepared(sdp: str) -> str:
    """Return a client's offer with what sending shared access units needs."""
    rates = {"min": LEAST_KBPS, "start": START_KBPS, "max": MOST_KBPS}
    return _with_rates(
        _DESCRIBES_LAYERS.sub("", sdp), ";".join(f"x-google-{name}-bitrate={kbps}" for name, kbps in rates.items())
    )


def chosen_codec(sdp: str, codecs: Sequence[Codec]) -> Codec:
    """Return the first of `codecs` that an offer has, whatever the client's own order; VP8 where it has none."""
    offered = {name.lower() for _, name in _payload_types(sdp)}
    return next((codec for codec in codecs if codec in offered), "vp8")


def putting_first(sdp: str, codec: Codec) -> str:
    """Return an offer whose video lines list a codec first: the engine sends what comes first, answer or not."""
    first = {number for number, name in _payload_types(sdp) if name.lower() == codec}

    def ordered(line: re.Match[str]) -> str:
        return line[1] + " ".join(sorted(line[2].split(), key=lambda number: number not in first))

    return _VIDEO_LINE.sub(ordered, sdp)


def _payload_types(sdp: str) -> list[tuple[str, str]]:
    others = set(_OTHER_PROFILE.findall(sdp))
    return [(number, name) for number, name in _CODEC.findall(sdp) if number not in others]


def with_start_rate(sdp: str) -> str:
    """Return a description whose receiver begins to send at `START_KBPS`.

    Every video line says so: lines that share one transport have to agree on what a payload type means (RFC 8843).
    """
    return _with_rates(sdp, f"x-google-start-bitrate={START_KBPS}")


def _with_rates(sdp: str, rates: str) -> str:
    head, *sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    return head + "".join(_with_parameters(section, rates) for section in sections)


def _with_parameters(section: str, added: str) -> str:
    missing = dict.fromkeys(number for number, _ in _CODEC.findall(section))
    wanted = set(missing)

    def extended(line: re.Match[str]) -> str:
        missing.pop(line[1], None)
        return f"{line[0]};{added}" if line[1] in wanted else line[0]

    section = _FMTP.sub(extended, section)
    if not missing:
        return section
    lines = "".join(f"\r\na=fmtp:{number} {added}" for number in missing)
    return section.rstrip("\r\n") + lines + "\r\n"
