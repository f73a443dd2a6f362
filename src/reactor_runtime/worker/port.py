"""One model instance as the server sees it, whether it lives in its own process or in this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reactor_runtime.worker.messages import FromModel, Setup, SlotRef, ToModel


class ModelPort(Protocol):
    """The border to one model instance. All methods run on the event loop; so does the observer."""

    async def start(self, setup: Setup, observe: Callable[[FromModel], None], lost: Callable[[str], None]) -> None:
        """Start the instance and begin to import the author's code.

        Args:
            setup: What to run.
            observe: Called for each message, in order, `RingOpened` excepted (the port maps rings itself).
            lost: Called once if the instance ends without having been asked to, with how ("exited with status 3",
                "killed by SIGKILL").
        """

    def send(self, message: ToModel, fd: int | None = None) -> None:
        """Queue one message, a descriptor beside it if given; never blocks, never raises once the instance is gone.

        `fd` stays the caller's, who may close it at once.
        """

    def pixels(self, ref: SlotRef) -> npt.NDArray[np.uint8]:
        """Return the packed I420 bytes of a slot, flat, without a copy.

        To be asked while its `Slice` is observed: a later ring of the track takes the place of an earlier one. What it
        returns keeps its memory mapped; its pixels are valid until the slot is released.
        """

    async def stop(self, grace: float) -> None:
        """Ask the instance to leave, end it after `grace` seconds, and free its rings. Idempotent."""
