"""Keeps one model alive: starts it, listens for its heartbeat, and starts it again when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.worker.messages import (
    Described,
    Failed,
    FromModel,
    Loaded,
    Ping,
    Pong,
    Released,
    SessionClosed,
    SessionEnded,
    Setup,
    Slice,
    SlotRef,
    ToModel,
)
from reactor_runtime.worker.port import ModelPort

PING_EVERY = 1.0
"""Seconds between heartbeats, fewer where the timeout is short."""
HEALTHY_AFTER = 60.0
"""Seconds after which a model that runs is forgiven its earlier failures."""
FIRST_BACK_OFF, LONGEST_BACK_OFF = 0.5, 30.0
"""Seconds to wait before the second start in a row, doubled for each further one, and at most."""
GIVE_UP_AFTER = 5
"""Failures in a row after which nobody should wait for the model any longer."""


@dataclass(frozen=True, slots=True)
class ModelUp:
    """The model is loaded; sessions may begin. `restarted` tells a recovery from the first start."""

    contract: Contract
    restarted: bool


@dataclass(frozen=True, slots=True)
class ModelDown:
    """The model is lost.

    Attributes:
        reason: One line, safe for clients: "the model process was killed by SIGKILL".
        failed: Nobody should wait for it: its first load failed, or `GIVE_UP_AFTER` starts in a row did. In the second
            case it is still tried, and `ModelUp` may follow.
    """

    reason: str
    failed: bool


class Liveness:
    """Tells a hung model from a living one by its answers to pings."""

    def __init__(self, timeout: float, now: float) -> None:
        """Begin with a model that was heard just now.

        Args:
            timeout: Seconds of silence that mean it hangs.
            now: Monotonic seconds.
        """
        self.every = min(PING_EVERY, timeout / 4)
        self._timeout = timeout
        self._heard_at = self._checked_at = now

    def heard(self, now: float) -> None:
        """Note an answer."""
        self._heard_at = now

    def hung(self, now: float) -> bool:
        """Tell whether the model has been silent for too long. To be asked, and a ping sent, each `every` seconds."""
        late = now - self._checked_at - self.every
        if late > self.every:
            self._heard_at += late  # this process stood still, so it could not have heard anything
        self._checked_at = now
        return now - self._heard_at > self._timeout


class BackOff:
    """How long to wait before the next start: 0, 0.5, 1, 2 .. 30 seconds while one failure follows another."""

    def __init__(self) -> None:
        self.failures = 0

    def failed(self, healthy_for: float) -> float:
        """Count a failure of a model that had been loaded for `healthy_for` seconds; return the wait in seconds."""
        self.failures = 1 if healthy_for >= HEALTHY_AFTER else self.failures + 1
        return 0.0 if self.failures == 1 else min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** (self.failures - 2))

    @property
    def given_up(self) -> bool:
        """Whether so many failures came in a row that nobody should wait any longer."""
        return self.failures >= GIVE_UP_AFTER


class Supervisor:
    """One model and its successors. All methods run on the event loop; so does the observer.

    Attributes:
        contract: What the model offers, once it is known; that of the former instance while a new one starts.
        pid: Process of the instance that runs, if one is known.
    """

    def __init__(
        self,
        make_port: Callable[[], ModelPort],
        setup: Setup,
        observe: Callable[[FromModel | ModelUp | ModelDown], None],
        *,
        heartbeat_timeout: float,
    ) -> None:
        """Make a supervisor; `run` does the work.

        Args:
            make_port: Makes a fresh port for each instance.
            setup: What to run.
            observe: Called with each message of the instance that runs, and with what becomes of it. Never called
                with a message of an instance whose `ModelDown` it has seen.
            heartbeat_timeout: Seconds without an answer after which a loaded model hangs. Importing and loading have
                no deadline.
        """
        self.contract: Contract | None = None
        self.pid: int | None = None
        self._make_port = make_port
        self._setup = setup
        self._observe = observe
        self._timeout = heartbeat_timeout
        self._back_off = BackOff()
        self._port: ModelPort | None = None
        self._over: asyncio.Future[str] | None = None
        self._last_words: str | None = None
        self._liveness: Liveness | None = None
        self._heartbeat: asyncio.TimerHandle | None = None
        self._up_at: float | None = None
        self._was_up = False
        self._views: dict[tuple[int, int], npt.NDArray[np.uint8]] = {}
        self._stopping = False
        self._grace = 0.0
        self._hurry = asyncio.Event()
        self._finished = asyncio.Event()
        self._finished.set()

    async def run(self) -> None:
        """Keep the model alive until `stop`."""
        self._finished.clear()
        try:
            while not self._stopping:
                reason = await self._live()
                if not self._stopping:
                    await self._recover(reason)
        finally:
            if self._port is not None:
                await self._port.stop(self._grace)
            self._end_heartbeat()
            self._port = self.pid = None
            self._views.clear()
            self._finished.set()

    def send(self, message: ToModel, fd: int | None = None) -> None:
        """Send to the instance that runs; while there is none the message is dropped. See `ModelPort.send`."""
        if isinstance(message, Released):
            for slot in message.slots:
                self._views.pop((message.ring, slot), None)
        if self._port is not None:
            self._port.send(message, fd)

    def pixels(self, ref: SlotRef) -> npt.NDArray[np.uint8]:
        """Return the packed I420 bytes of a slot that was observed in a `Slice` and not released, without a copy.

        What it returns keeps its memory; after `ModelDown` was observed, no slot of the lost instance can be asked for.
        """
        return self._views[ref.ring, ref.slot]

    def restart(self, reason: str) -> None:
        """End the instance that runs, which is no longer trusted, and start another."""
        self._hurry.set()
        self._end_life(reason)

    async def stop(self, grace: float = 5.0) -> None:
        """Ask the model to leave, end it after `grace` seconds, and return when it is gone. Idempotent."""
        self._grace = grace
        self._stopping = True
        self._hurry.set()
        self._end_life("stopped")
        await self._finished.wait()

    # ---- one life -----------------------------------------------------------------------------------------------

    async def _live(self) -> str:
        """Start an instance and return when it is lost, with the reason."""
        self._over = asyncio.get_running_loop().create_future()
        self._last_words = self._up_at = None
        self._port = port = self._make_port()
        try:
            await port.start(self._setup, partial(self._receive, port), partial(self._lost, port))
        except OSError as error:
            return f"the model process could not be started: {error.strerror}"
        return await self._over

    async def _recover(self, reason: str) -> None:
        """Say that the instance is lost, end what is left of it, and wait until the next may start."""
        self._hurry.clear()
        self._end_heartbeat()
        healthy_for = 0.0 if self._up_at is None else asyncio.get_running_loop().time() - self._up_at
        pause = self._back_off.failed(healthy_for)
        # A model that has never loaded is the author's mistake, and trying again would repeat it.
        hopeless = not self._was_up
        port, self._port, self.pid = self._port, None, None
        self._observe(ModelDown(reason, failed=hopeless or self._back_off.given_up))
        self._views.clear()
        if port is not None:
            await port.stop(0)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), None if hopeless else pause)

    def _receive(self, port: ModelPort, message: FromModel) -> None:
        if port is not self._port:
            return
        match message:
            case Described():
                self.contract, self.pid = message.contract, message.pid
            case Slice():
                for ref in message.video.values():
                    self._views[ref.ring, ref.slot] = port.pixels(ref)
            case Pong() if self._liveness is not None:
                self._liveness.heard(asyncio.get_running_loop().time())
            case Failed(where="import" | "load" | "run"):
                self._last_words = message.summary
            case SessionEnded() | SessionClosed():
                self._last_words = None  # it cost the session only; the instance serves on
        self._observe(message)
        if isinstance(message, Loaded):
            self._up()

    def _up(self) -> None:
        now = asyncio.get_running_loop().time()
        restarted, self._was_up, self._up_at = self._was_up, True, now
        self._liveness = Liveness(self._timeout, now)
        self._beat(self._liveness)
        if self.contract is not None:
            self._observe(ModelUp(self.contract, restarted))

    def _beat(self, liveness: Liveness) -> None:
        loop = asyncio.get_running_loop()
        if liveness.hung(loop.time()):
            self._end_life(f"the model stopped responding for {self._timeout:g} s")
            return
        self.send(Ping(loop.time()))
        self._heartbeat = loop.call_later(liveness.every, self._beat, liveness)

    def _end_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()

    def _lost(self, port: ModelPort, how: str) -> None:
        if port is self._port:
            self._end_life(self._last_words or f"the model process {how}")

    def _end_life(self, reason: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(reason)
