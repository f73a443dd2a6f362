"""The types that settings have beside Python's own, and what text stands for which value."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

LOWEST_PORT, HIGHEST_PORT = 1024, 65535
"""Ports that a server needs no rights for."""

_ICE_URL = re.compile(r"(stun|turn)s?:(\[[\da-fA-F:.]+\]|[\w.~-]+)(:\d{1,5})?(\?transport=(udp|tcp))?", re.ASCII)


class Secret(str):
    """Text that shows in no repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(...)"


class StunUrl(str):
    """`stun:host:port`, or `stuns:`."""

    __slots__ = ()


class IpAddress(str):
    """An IPv4 or IPv6 address, in its shortest spelling."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TurnServer:
    """One TURN server. The credential never shows in a repr; a server without one takes those of the shared secret."""

    url: str
    username: str = ""
    credential: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports from `low` to `high`, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}" if self.low < self.high else str(self.low)

    def __len__(self) -> int:
        return self.high - self.low + 1


def parsed(kind: Any, raw: object) -> Any:
    """Return the value of a type that `raw` (text, or what YAML made of it) stands for.

    Raises:
        ValueError: It is none; the text says what would be.
    """
    text = str(raw).strip()
    if get_origin(kind) is Literal:
        if text.lower() in get_args(kind):
            return text.lower()
        raise ValueError("must be one of " + ", ".join(get_args(kind)))
    if kind is bool:
        if text.lower() in ("true", "1", "yes", "on"):
            return True
        if text.lower() in ("false", "0", "no", "off"):
            return False
        raise ValueError("must be true or false")
    if kind in (int, float) and not isinstance(raw, bool):
        try:
            value = kind(text)
        except ValueError:
            raise ValueError("must be a whole number" if kind is int else "must be a number") from None
        if value in (float("inf"), float("-inf")) or value != value:
            raise ValueError("must be a finite number")
        return value
    if kind is Path and isinstance(raw, str | Path) and text:
        return Path(raw).expanduser()
    if kind in _READERS:
        return _READERS[kind](text)
    if kind is str and isinstance(raw, str):
        return raw
    raise ValueError(f"must be a {kind.__name__.lower()}")


def _turn_server(text: str) -> TurnServer:
    *account, url = text.split(";", 2)
    found = _ICE_URL.fullmatch(url)
    if found is None or found[1] != "turn" or len(account) not in (0, 2) or not all(account):
        raise ValueError('must be "user;credential;turn:host:port", or "turn:host:port" where a secret is shared')
    return TurnServer(url, *account)


def _stun_url(text: str) -> StunUrl:
    found = _ICE_URL.fullmatch(text)
    if found is None or found[1] != "stun" or found[4]:
        raise ValueError('must be "stun:host:port"')
    return StunUrl(text)


def _ip_address(text: str) -> IpAddress:
    try:
        return IpAddress(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IPv4 or IPv6 address, not a name") from None


def _port_range(text: str) -> PortRange:
    found = re.fullmatch(r"(\d*)([-:]?)(\d*)", text)
    if found is not None and (found[1] or found[3]):
        low = int(found[1] or LOWEST_PORT)
        high = int(found[3] or HIGHEST_PORT) if found[2] else low
        if LOWEST_PORT <= low <= high <= HIGHEST_PORT:
            return PortRange(low, high)
    raise ValueError(f'must be one port or a range like "50000-50100", from {LOWEST_PORT} to {HIGHEST_PORT}')


_READERS: dict[Any, Callable[[str], Any]] = {
    Secret: Secret,
    StunUrl: _stun_url,
    IpAddress: _ip_address,
    TurnServer: _turn_server,
    PortRange: _port_range,
}
