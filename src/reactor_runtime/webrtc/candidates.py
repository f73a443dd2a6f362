"""What an answer says of where the server can be reached."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

_CANDIDATE = re.compile(r"^(a=candidate:\S+ \d+ \S+ \d+ )(\S+)( \d+ typ )(host|srflx|prflx|relay)(.*\n)", re.MULTILINE)
_REACHABLE = re.compile(r"^a=candidate:\S+ \d+ udp ", re.MULTILINE | re.IGNORECASE)
_LINES = re.compile(r"^a=candidate:.*\n", re.MULTILINE)
_ADDRESS = re.compile(r"^(c=IN IP[46] |a=candidate:.* raddr )(\S+)", re.MULTILINE)


def is_reachable(sdp: str) -> bool:
    """Tell whether a description has a candidate that a client may send to, its own or a TURN server's."""
    return _REACHABLE.search(sdp) is not None


def on_every_line(sdp: str) -> str:
    """Return a description whose every line of media has the first one's candidates: they share its transport.

    Browsers need them once. aiortc, in which the clients 0.x of Python are written, believes the last line it reads.
    """
    head, *sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    candidates = "".join(_LINES.findall(sections[0])) if sections else ""
    is_bundled = "a=group:BUNDLE" in head
    return head + "".join(
        section if not is_bundled or _LINES.search(section) else _with_candidates(section, candidates)
        for section in sections
    )


def _with_candidates(section: str, candidates: str) -> str:
    end = section.find("a=end-of-candidates")
    at = len(section) if end < 0 else end
    return section[:at] + candidates + section[at:]


def advertising(sdp: str, addresses: Sequence[str]) -> str:
    """Return a description that tells these addresses instead of the server's own, each for those of its family.

    Ports stay: a NAT before the server has to map them one to one. What only this machine can reach is left alone.
    """

    def public(own: str) -> list[str]:
        address = ipaddress.ip_address(own)
        if address.is_loopback or address.is_unspecified:
            return [own]
        same = [a for a in addresses if ipaddress.ip_address(a).version == address.version]
        return same or [own]

    def told(line: re.Match[str]) -> str:
        before, own, port, kind, after = line.groups()
        return "".join(before + a + port + kind + after for a in (public(own) if kind == "host" else [own]))

    return _ADDRESS.sub(lambda line: line[1] + public(line[2])[0], _CANDIDATE.sub(told, sdp))
