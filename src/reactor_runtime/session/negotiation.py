"""Offers on their way to becoming connections: one record per connection, of its newest offer only.

A reconnect is a second offer on the same id; the answer to the first is then worth nothing, however late it comes.
Candidates may come before, between and after the offers. The ICE user fragment says which offer they belong to, so a
candidate of the next offer waits for it and one of the former offer is never given to the new peer.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from reactor_runtime.errors import ClientError

FIRST_ID, LAST_ID = 1001, 9999  # what published clients accept
FIRST_MINTED = 5000  # 1001 is the implicit connection of clients that know no ids
MAX_SDP_CHARS = 262_144  # a browser's offer with 20 lines of media has 60,000
MAX_MEDIA_LINES = 64  # a model has a handful of tracks, and each line costs the engine a millisecond
MAX_CANDIDATES = 128  # a machine with 10 addresses offers 40
MAX_CANDIDATE_CHARS = 1024

_UFRAG_LINE = re.compile(r"^a=ice-ufrag:(\S+)", re.MULTILINE)
_UFRAG = re.compile(r" ufrag (\S+)")
_TCP_ACTIVE = re.compile(r" tcptype active\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One remote ICE candidate (RFC 8839 §5.1), and the media line it is for."""

    candidate: str
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None

    @property
    def usable(self) -> bool:
        """Whether it is worth giving to a peer; end-of-candidates and TCP-active (we never listen) are not."""
        return 0 < len(self.candidate.strip()) <= MAX_CANDIDATE_CHARS and not _TCP_ACTIVE.search(self.candidate)

    def belongs_to(self, ufrags: frozenset[str]) -> bool:
        """Tell whether it is for the offer with these user fragments; unknown ones count as yes."""
        found = _UFRAG.search(self.candidate)
        return not ufrags or found is None or found[1] in ufrags


@dataclass(slots=True)
class _Record:
    deadline: float | None
    number: int | None = None
    ufrags: frozenset[str] = frozenset()
    answer: str | None = None
    refusal: ClientError | None = None
    waiting: deque[Candidate] = field(default_factory=lambda: deque(maxlen=MAX_CANDIDATES))


class Negotiation:
    """All connections of one session, from their registration until they are forgotten."""

    def __init__(self, *, timeout: float, max_connections: int) -> None:
        """Begin without any connection.

        Args:
            timeout: Seconds from registration or offer to the answer.
            max_connections: How many connections may be registered at once.
        """
        self._timeout = timeout
        self._max_connections = max_connections
        self._records: dict[int, _Record] = {}
        self._next_id = FIRST_MINTED
        self._last_number = 0

    def register(self, now: float, connection_id: int | None = None) -> int:
        """Make room for a connection and return its id.

        Args:
            now: Monotonic seconds.
            connection_id: An id chosen by the caller, registered already or not; None mints one.

        Raises:
            ClientError: 503 when there is no room, 422 when the id is out of range.
        """
        if connection_id in self._records:
            return connection_id
        if connection_id is not None and not FIRST_ID <= connection_id <= LAST_ID:
            raise ClientError(f"a connection id is {FIRST_ID} to {LAST_ID}", code="invalid_connection", http_status=422)
        if len(self._records) >= self._max_connections:
            text = f"{self._max_connections} connections are open, there is no room for another"
            raise ClientError(text, code="too_many_connections", http_status=503)
        if connection_id is None:
            connection_id = self._mint()
        self._records[connection_id] = _Record(now + self._timeout)
        return connection_id

    def offer(self, connection_id: int, sdp: str, mids: Mapping[str, object], now: float) -> int:
        """Take an offer in place of any earlier one and return its number, which no other offer ever has.

        Args:
            connection_id: A registered connection.
            sdp: The client's offer.
            mids: SDP mid to what it carries.
            now: Monotonic seconds.

        Raises:
            ClientError: 404 when the id is not registered, 400 when the offer cannot be one.
        """
        record = self._record(connection_id)
        if not sdp.startswith("v=0"):
            raise ClientError("sdp_offer is not an SDP", code="invalid_sdp")
        if len(sdp) > MAX_SDP_CHARS:
            raise ClientError(f"sdp_offer is longer than {MAX_SDP_CHARS} characters", code="invalid_sdp")
        if sdp.count("\nm=") > MAX_MEDIA_LINES:
            raise ClientError(f"sdp_offer has more than {MAX_MEDIA_LINES} lines of media", code="invalid_sdp")
        if not mids:
            raise ClientError("track_mapping is empty", code="invalid_track_mapping")
        self._last_number += 1
        record.number = self._last_number
        record.ufrags = frozenset(_UFRAG_LINE.findall(sdp))
        record.answer = record.refusal = None
        record.deadline = now + self._timeout
        return self._last_number

    def answer(self, connection_id: int, number: int, sdp: str) -> bool:
        """Note an answer; False when its offer was superseded or forgotten, and the peer is of no use."""
        record = self._records.get(connection_id)
        if record is None or record.number != number:
            return False
        record.answer, record.deadline = sdp, None
        return True

    def settle(self, connection_id: int) -> None:
        """Note that a registered connection stands without an offer; the answer to one under way is worth nothing."""
        record = self._record(connection_id)
        self._last_number += 1
        record.number = self._last_number
        record.answer = record.refusal = record.deadline = None

    def refuse(self, connection_id: int, number: int, error: ClientError) -> bool:
        """Note that an offer cannot be answered; False when it was superseded or forgotten.

        The deadline stays: the connection is forgotten unless a better offer follows.
        """
        record = self._records.get(connection_id)
        if record is None or record.number != number:
            return False
        record.refusal = error
        return True

    def poll(self, connection_id: int) -> str | None:
        """Return the answer to the newest offer, as often as asked; None while there is none.

        Raises:
            ClientError: What the offer was refused with; 404 when the id is not registered.
        """
        record = self._record(connection_id)
        if record.refusal is not None:
            raise record.refusal.with_traceback(None)  # polled often; tracebacks would pile up
        return record.answer

    def add_candidates(self, connection_id: int, candidates: list[Candidate]) -> list[Candidate]:
        """Take candidates and return those to give to the answered offer's peer at once; others wait.

        Raises:
            ClientError: 404 when the id is not registered.
        """
        record = self._record(connection_id)
        record.waiting.extend(c for c in candidates if c.usable)
        return self._take(record)

    def is_of_offer(self, connection_id: int, ufrag: str) -> bool:
        """Tell whether a user fragment is the newest offer's; that of an ICE restart is not.

        Raises:
            ClientError: 404 when the id is not registered.
        """
        return ufrag in self._record(connection_id).ufrags

    def take_candidates(self, connection_id: int, number: int) -> list[Candidate]:
        """Return those that waited for this offer's answer, once; none when it was superseded or forgotten."""
        record = self._records.get(connection_id)
        return self._take(record) if record is not None and record.number == number else []

    def forget(self, connection_id: int) -> None:
        """Drop a connection. Its id is not minted again until all others had their turn.

        One whose newest offer was refused stays until its deadline, so that the reason can still be polled.
        """
        record = self._records.get(connection_id)
        if record is not None and record.refusal is None:
            del self._records[connection_id]

    def next_deadline(self) -> tuple[float, str] | None:
        """Return when `tick` is due, and why."""
        due = [(r.deadline, connection_id) for connection_id, r in self._records.items() if r.deadline is not None]
        if not due:
            return None
        at, connection_id = min(due)
        return at, f"connection {connection_id} was not negotiated in time"

    def tick(self, now: float) -> list[int]:
        """Forget the connections that made no offer, or whose offer was not answered, in time; return their ids."""
        late = [i for i, r in self._records.items() if r.deadline is not None and r.deadline <= now]
        for connection_id in late:
            del self._records[connection_id]
        return late

    def _record(self, connection_id: int) -> _Record:
        record = self._records.get(connection_id)
        if record is None:
            raise ClientError(f"unknown connection {connection_id}", code="unknown_connection", http_status=404)
        return record

    def _mint(self) -> int:
        """Rotate, so that late news of a forgotten connection does not meet a new one of the same id."""
        for _ in range(FIRST_MINTED, LAST_ID + 1):
            minted, self._next_id = self._next_id, self._next_id + 1 if self._next_id < LAST_ID else FIRST_MINTED
            if minted not in self._records:
                return minted
        raise ClientError("every connection id is taken", code="too_many_connections", http_status=503)

    @staticmethod
    def _take(record: _Record) -> list[Candidate]:
        if record.answer is None:
            return []
        taken = [c for c in record.waiting if c.belongs_to(record.ufrags)]
        rest = [c for c in record.waiting if not c.belongs_to(record.ufrags)]
        record.waiting = deque(rest, maxlen=MAX_CANDIDATES)
        return taken
