"""The slots of one server: as many models as workers, each with at most one session."""

from __future__ import annotations

from collections.abc import Sequence

from reactor_runtime.errors import ClientError
from reactor_runtime.runtime.runtime import Runtime
from reactor_runtime.session.machine import State


def session_ids(workers: int) -> list[str]:
    """Return a session id per slot; a lone slot is `local`, the id published clients of a local server expect."""
    return ["local"] if workers == 1 else [f"local-{number}" for number in range(1, workers + 1)]


def slot_for_start(slots: Sequence[Runtime]) -> Runtime:
    """Return the slot a new client's session belongs to.

    With one worker every client shares its session. With several, each start gets a free slot of its own.

    Raises:
        ClientError: 503, every slot is taken or not ready.
    """
    if len(slots) == 1:
        return slots[0]
    for slot in slots:
        if slot.state is State.READY:
            return slot
    busy = sum(slot.running for slot in slots)
    raise ClientError(f"all slots are taken: {busy} of {len(slots)} in use", code="busy", http_status=503)
