"""What a picture may be encoded as. Apart from the encoders, which take a tenth of a second to import."""

from __future__ import annotations

import os
from typing import Literal

Codec = Literal["vp8", "vp9", "av1", "h264"]
Format = Literal["vp8", "vp9", "av1", "h264", "jpeg"]
"""What a rung makes: a codec's stream, or pictures each by itself."""


def may_make(made: Format) -> bool:
    """Return whether this process may make a format.

    AV1 only where threads may have real-time priority, which its encoder takes as root: without, SVT-AV1 4.1 waits for
    itself, for good, as soon as the machine is busy (ADR 7).
    """
    if made != "av1":
        return True
    rank, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, rank, priority)
    return os.geteuid() == 0
