"""What is changed in a client's offer before the engine sees it, and in the answer before the client does."""

from __future__ import annotations

import re

START_KBPS = 4_000
"""Where the engine's bandwidth estimate begins; its own 300 kbit/s would hold back the first second of pictures."""

_VP8 = re.compile(r"a=rtpmap:(\d+) VP8/90000\s*$", re.IGNORECASE | re.MULTILINE)
# These describe the dummy pictures that the engine encodes, not the access units that are sent in their place.
_DESCRIBES_LAYERS = re.compile(
    r"^a=extmap:\S+ \S*(?:dependency-descriptor|generic-frame-descriptor|video-layers-allocation)\S*.*\r?\n",
    re.MULTILINE,
)


def prepared(sdp: str) -> str:
    """Return a client's offer with what sending shared access units needs."""
    return with_start_rate(_DESCRIBES_LAYERS.sub("", sdp))


def with_start_rate(sdp: str) -> str:
    """Return a description whose receiver begins to send at `START_KBPS`.

    Every video line says so: lines that share one transport have to agree on what a payload type means (RFC 8843).
    """
    head, *sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    return head + "".join(_begun_faster(section) for section in sections)


def _begun_faster(section: str) -> str:
    rate = f"x-google-start-bitrate={START_KBPS}"
    for payload_type in _VP8.findall(section):
        fmtp = re.compile(rf"^(a=fmtp:{payload_type} [^\r\n]*)", re.MULTILINE)
        if fmtp.search(section):
            section = fmtp.sub(rf"\1;{rate}", section)
        else:
            section = section.rstrip("\r\n") + f"\r\na=fmtp:{payload_type} {rate}\r\n"
    return section
