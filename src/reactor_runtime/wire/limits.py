"""What every family reads at most: later steps recurse into values, and the control pipe carries 64 bit."""

from __future__ import annotations

from reactor_runtime.errors import ClientError

MAX_BYTES = 262_144  # what offers announce as a=max-message-size
MAX_DEPTH = 32  # objects in objects; no published command nests deeper than 5, and schema checks recurse
MAX_ID = 256  # characters a client calls a request by; they are kept until it is answered, and beyond
MIN_INT, MAX_INT = -(2**63), 2**64 - 1  # what the control pipe's msgpack carries


def unreadable(reason: str) -> ClientError:
    """Return the refusal of bytes that say nothing."""
    return ClientError(reason, code="unreadable")


def too_deep() -> ClientError:
    """Return the refusal of a frame that nests too deep."""
    return unreadable(f"the frame nests deeper than {MAX_DEPTH} levels")


def check_size(size: int) -> None:
    """Refuse a frame of too many bytes.

    Raises:
        ClientError: Code `unreadable`.
    """
    if size > MAX_BYTES:
        raise unreadable(f"the frame has {size} bytes, at most {MAX_BYTES} are read")


def check_values(frame: object) -> None:
    """Refuse nesting that is too deep and whole numbers that are too large.

    Raises:
        ClientError: Code `unreadable`.
    """
    level: list[object] = [frame]
    for _ in range(MAX_DEPTH):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
            elif isinstance(value, int) and not MIN_INT <= value <= MAX_INT:
                raise unreadable("a whole number does not fit 64 bit")
        if not inner:
            return
        level = inner
    raise too_deep()
