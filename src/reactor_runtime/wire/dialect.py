"""Which family one connection speaks: the path of its offer narrows it down, its first frame decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from reactor_runtime.wire import flat, multi, native
from reactor_runtime.wire.messages import Inbound, Outbound
from reactor_runtime.wire.multi import Frame

Way = Literal["unnamed", "named", "v1", "numbered", "standard", "socket", "http"]
"""How a client came: over the shared path of the oldest clients, its media lines numbered or named after tracks; over
the un-numbered path; over that of a numbered connection; as WHEP and WHIP have it;
without an offer, over a WebSocket or plain HTTP."""

MOST_HELD = 64
"""Messages kept for a client that has not spoken; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Family:
    """How one family reads and writes.

    Attributes:
        pings: Whether its clients say regularly that they are alive.
    """

    name: str
    decode: Callable[[str, str | bytes], Inbound | None]
    encode: Callable[[Outbound], list[Frame]]
    pings: bool = True


FLAT = Family("flat", flat.decode, flat.encode, pings=False)
FLAT_OR_SCOPED = Family("flat or scoped", multi.decode, flat.encode_for_either, pings=False)
SCOPED = Family("scoped", multi.decode, flat.encode_scoped)
NAMED = Family("named", multi.decode, flat.encode_scoped)
V1 = Family("v1", multi.decode, multi.encode)
MULTI = Family("multi", multi.decode, multi.encode)
MULTI_ON_ONE_CHANNEL = Family("multi", multi.decode_either, multi.encode)
NATIVE = Family("native", native.decode, native.encode)
MULTI_OR_NATIVE = Family("multi or native", multi.decode, multi.encode)
SILENT = Family("silent", lambda channel, data: None, lambda message: [], pings=False)
"""Of clients that only watch or only send."""

_BEGINNING: dict[Way, Family] = {
    "unnamed": FLAT_OR_SCOPED,
    "named": NAMED,
    "v1": V1,
    "numbered": MULTI_OR_NATIVE,
    "standard": SILENT,
    "socket": MULTI_ON_ONE_CHANNEL,
    "http": MULTI_ON_ONE_CHANNEL,
}


class Dialect:
    """The wire of one connection, as frames on channels. A family is always found: at worst a frame is refused."""

    def __init__(self, way: Way) -> None:
        """Begin with what the way a client came tells."""
        self.family = _BEGINNING[way]
        self._held: deque[Outbound] = deque(maxlen=MOST_HELD)

    def hear(self, channel: str, data: str | bytes) -> Inbound | None:
        """Read one frame; the first may settle the family, after which `release` has what was held back.

        Raises:
            ClientError: Code `unreadable`.
        """
        if self.family is MULTI_OR_NATIVE:
            self.family = MULTI if _is_json(data) else NATIVE
        elif self.family is FLAT_OR_SCOPED:
            self.family = SCOPED if multi.has_scope(data) else FLAT
        return self.family.decode(channel, data)

    def say(self, message: Outbound) -> list[Frame]:
        """Return the frames that say this, none where the family has no word for it or is not known yet."""
        if self.family is MULTI_OR_NATIVE:
            self._held.append(message)
            return []
        return self.family.encode(message)

    def release(self) -> list[Frame]:
        """Return the frames of what was held back, once."""
        if self.family is MULTI_OR_NATIVE:
            return []
        held, self._held = self._held, deque(maxlen=MOST_HELD)
        return [frame for message in held for frame in self.family.encode(message)]


def _is_json(data: str | bytes) -> bool:
    return isinstance(data, str) or data.lstrip()[:1] in (b"{", b"[")
