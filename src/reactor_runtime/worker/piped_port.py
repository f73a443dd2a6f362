"""What every port to a model shares: a control pipe, and the rings that arrive through it."""

from __future__ import annotations

import asyncio
import itertools
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from reactor_runtime.worker.messages import FromModel, RingOpened, Setup, Shutdown, SlotRef, ToModel
from reactor_runtime.worker.pipe import ServerEnd, socket_pair
from reactor_runtime.worker.ring import RingReader

# Ring numbers are never used twice in one server, so a slot of a former instance is never taken for a later one's.
_first_rings = itertools.count(step=1 << 20)


class PipedPort(ABC):
    """A `ModelPort` but for what starts and ends the instance. All methods run on the event loop."""

    def __init__(self) -> None:
        self._gone = asyncio.Event()
        self._asked_to_leave = False
        self._rings: dict[int, RingReader] = {}

    async def start(self, setup: Setup, observe: Callable[[FromModel], None], lost: Callable[[str], None]) -> None:
        """Start the instance; see `ModelPort.start`.

        Raises:
            OSError: The machine has no room for it.
        """
        self._loop = asyncio.get_running_loop()
        self._observe, self._lost = observe, lost
        server, model = socket_pair()
        self._pipe = ServerEnd(self._loop, server, self._receive, self._pipe_ended)
        try:
            self._launch(model, next(_first_rings))
        except OSError:
            self._pipe.close()
            self._gone.set()
            raise
        self._pipe.send(setup)

    def send(self, message: ToModel, fd: int | None = None) -> None:
        """Queue one message; see `ModelPort.send`."""
        self._pipe.send(message, fd)

    def pixels(self, ref: SlotRef) -> npt.NDArray[np.uint8]:
        """Return the packed I420 bytes of a slot; see `ModelPort.pixels`."""
        return self._rings[ref.ring].view(ref)

    async def stop(self, grace: float) -> None:
        """Ask the instance to leave, then end it; see `ModelPort.stop`."""
        self._asked_to_leave = True
        self.send(Shutdown())
        if not await self._gone_within(grace):
            await self._kill()
            await self._gone.wait()

    async def _gone_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)
        return self._gone.is_set()

    @abstractmethod
    def _launch(self, model: socket.socket, first_ring: int) -> None:
        """Start the instance at the model's end of the pipe, which it owns from here on."""

    @abstractmethod
    async def _kill(self) -> None:
        """Make `_ended` be called soon, whatever the author's code does."""

    @abstractmethod
    def _pipe_ended(self, why: str | None) -> None:
        """The instance hung up, with None as it does when it ends, or sent what is no message."""

    def _ended(self, how: str) -> None:
        """Say that the instance is gone: everything it sent before is received first."""
        if self._gone.is_set():
            return
        self._pipe.drain()
        self._pipe.close()
        self._rings.clear()
        self._gone.set()
        if not self._asked_to_leave:
            self._lost(how)

    def _receive(self, message: FromModel, fd: int | None) -> None:
        if isinstance(message, RingOpened):
            if fd is not None:
                self._rings = {n: ring for n, ring in self._rings.items() if ring.track != message.track}
                self._rings[message.ring] = RingReader(message, fd)
        else:
            self._observe(message)
