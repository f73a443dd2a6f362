"""What is changed in a client's offer before the engine sees it."""

from __future__ import annotations

import re
from collections.abc import Collection

START_KBPS = 4_000
"""Where the engine's bandwidth estimate begins; its own 300 kbit/s would hold back the first second of pictures."""

_VP8 = re.compile(r"a=rtpmap:(\d+) VP8/90000\s*$", re.IGNORECASE | re.MULTILINE)
_MID = re.compile(r"^a=mid:(\S+)\s*$", re.MULTILINE)
# These describe the dummy pictures that the engine encodes, not the access units that are sent in their place.
_DESCRIBES_LAYERS = re.compile(
    r"^a=extmap:\S+ \S*(?:dependency-descriptor|generic-frame-descriptor|video-layers-allocation)\S*.*\r?\n",
    re.MULTILINE,
)


def prepared(sdp: str, sent_mids: Collection[str]) -> str:
    """Return the offer with what sending shared access units needs.

    Args:
        sdp: The client's offer.
        sent_mids: The video lines that we send on.
    """
    head, *sections = re.split(r"^(?=m=)", _DESCRIBES_LAYERS.sub("", sdp), flags=re.MULTILINE)
    return head + "".join(_with_start_rate(s) if _mid(s) in sent_mids else s for s in sections)


def _mid(section: str) -> str:
    found = _MID.search(section)
    return found.group(1) if found else ""


def _with_start_rate(section: str) -> str:
    for payload_type in _VP8.findall(section):
        rate = f"x-google-start-bitrate={START_KBPS}"
        fmtp = re.compile(rf"^(a=fmtp:{payload_type} [^\r\n]*)", re.MULTILINE)
        if fmtp.search(section):
            section = fmtp.sub(rf"\1;{rate}", section)
        else:
            section = section.rstrip("\r\n") + f"\r\na=fmtp:{payload_type} {rate}\r\n"
    return section
