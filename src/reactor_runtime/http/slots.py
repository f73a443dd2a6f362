"""What the routes work on: a slot's runtime with its WebRTC side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reactor_runtime.errors import ClientError
from reactor_runtime.runtime.runtime import Runtime
from reactor_runtime.webrtc.acceptor import Acceptor


@dataclass(frozen=True, slots=True)
class Slot:
    """One model, its session and its connections."""

    runtime: Runtime
    acceptor: Acceptor


def slot_of(slots: Mapping[str, Slot], session_id: str) -> Slot:
    """Return the slot of a session id.

    Raises:
        ClientError: 404 unknown session.
    """
    if (slot := slots.get(session_id)) is None:
        raise ClientError("Session not found", code="unknown_session", http_status=404)
    return slot
