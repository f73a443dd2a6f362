"""What clients send to a model of generation 2: a subclass of `Input` with one annotated field per track."""

from __future__ import annotations

import enum
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.authoring.names import place
from reactor_runtime.authoring.tracks import declared_tracks
from reactor_runtime.errors import ReactorError

if TYPE_CHECKING:
    import asyncio  # 40 ms; wanted once a model waits

    from reactor_runtime.authoring.input_frame import InputFrame

CAPACITY = 128
"""Frames an input track holds for a model that does not read; then the oldest goes."""
CAPACITY_BYTES = 256 * 1024 * 1024
"""Bytes of frames an input track holds at most, but never fewer frames than were asked for at once."""


class ReadMode(enum.Enum):
    """Which frames a read returns: the newest, everything older dropped, or the oldest, nothing skipped."""

    LATEST = "latest"
    FIFO = "fifo"


class BufferClosed(ReactorError):
    """Nothing more comes: the client that sent the track left, or the session ended.

    An `inference()` or `run()` that lets it pass is started anew with the next client.
    """


def is_only_closed(error: BaseException) -> bool:
    """Return whether an error says that input ended and nothing else, alone or out of a task group."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(BufferClosed)[1] is None
    return isinstance(error, BufferClosed)


Parked = Callable[[], AbstractAsyncContextManager[None]]
"""What a read waits in: while a handler or a generator waits for a frame, others may have their turn."""


class InputBuffer:
    """Frames of one input track that the model has not read yet. Thread: any; `read` on the model's loop."""

    def __init__(self, track: TrackSpec, parked: Parked = nullcontext) -> None:
        self.track = track
        self._parked = parked
        self._frames: deque[InputFrame] = deque()
        self._bytes = 0
        self._total = 0
        self._closed = False
        self._interrupts = 0
        self._is_untold = False
        self._most_wanted = 1
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._lock = threading.Lock()

    @property
    def available(self) -> int:
        """Frames that can be read without waiting."""
        return len(self._frames)

    @property
    def total_received(self) -> int:
        """Frames that ever arrived, read or not."""
        return self._total

    @property
    def closed(self) -> bool:
        """Whether `close` was called; reads then raise `BufferClosed`."""
        return self._closed

    async def read(
        self, n: int = 1, timeout: float | None = None, mode: ReadMode = ReadMode.LATEST
    ) -> list[InputFrame]:
        """Wait for `n` frames and return them, oldest first.

        Args:
            n: How many, 1 or more.
            timeout: Seconds to wait at most; None waits for as long as it takes.
            mode: The newest frames, or the oldest.

        Raises:
            ValueError: More than a buffer holds.
            TimeoutError: They did not arrive in time.
            BufferClosed: The client that sent them left, or the session ended.
        """
        import asyncio

        self._check(n)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if self._closed:
                        raise BufferClosed(f"input track {self.track.name!r} is closed")
                    if (frames := self.try_read(n, mode)) is not None:
                        return frames
                    async with self._parked():
                        await self._arrival(n)
        except TimeoutError:
            raise TimeoutError(
                f"Timed out waiting for {n} frame(s) after {timeout}s on input track {self.track.name!r}"
            ) from None

    def try_read(self, n: int = 1, mode: ReadMode = ReadMode.LATEST) -> list[InputFrame] | None:
        """Return `n` frames, oldest first, or None where fewer have arrived; see `read`."""
        self._check(n)
        with self._lock:
            if len(self._frames) < n:
                return None
            if mode is ReadMode.LATEST:
                frames = list(self._frames)[-n:]
                self._drop_all()
            else:
                frames = [self._frames.popleft() for _ in range(n)]
                self._bytes -= sum(frame.nbytes for frame in frames)
            return frames

    def clear(self) -> None:
        """Forget what was not read."""
        with self._lock:
            self._drop_all()

    def close(self) -> None:
        """Refuse reads until `reset`; those that wait raise `BufferClosed`."""
        self._closed = True
        self.interrupt()

    def reset(self) -> None:
        """Forget what was not read, and open again."""
        self.clear()
        self.reopen()

    def reopen(self) -> None:
        """Let reads wait for whoever comes next."""
        self._closed = self._is_untold = False

    def put(self, frame: InputFrame) -> None:
        """Add a frame, for the runtime and for tests; makes room by dropping the oldest."""
        with self._lock:
            self._total += 1
            self._is_untold = False
            self._frames.append(frame)
            self._bytes += frame.nbytes
            while len(self._frames) > (CAPACITY if self._bytes <= CAPACITY_BYTES else self._most_wanted):
                self._bytes -= self._frames.popleft().nbytes
            self._wake()

    def interrupt(self) -> None:
        """End every read that waits with `BufferClosed`, or else the next one, and forget what was not read."""
        with self._lock:
            self._interrupts += 1
            self._is_untold = not self._waiting
            self._drop_all()
            self._wake()

    async def _arrival(self, n: int) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        interrupts = self._interrupts
        while True:
            with self._lock:
                if self._interrupts != interrupts or self._is_untold:
                    self._is_untold = False
                    raise BufferClosed(f"nobody sends input track {self.track.name!r} any more")
                if len(self._frames) >= n:
                    return
                waiting = (loop, loop.create_future())
                self._waiting.append(waiting)
            try:
                await waiting[1]
            finally:
                with self._lock, suppress(ValueError):  # woken, it is off the list
                    self._waiting.remove(waiting)

    def _wake(self) -> None:
        for loop, arrived in self._waiting:
            with suppress(RuntimeError):  # the loop is closed: whoever waited is gone
                loop.call_soon_threadsafe(_settle, arrived)
        self._waiting.clear()

    def _drop_all(self) -> None:
        self._frames.clear()
        self._bytes = 0

    def _check(self, n: int) -> None:
        if not 1 <= n <= CAPACITY:
            raise ValueError(
                f"Requested {n} frames but buffer capacity is {CAPACITY}. Ask input track {self.track.name!r} for 1 to "
                f"{CAPACITY} at a time."
            )
        self._most_wanted = max(self._most_wanted, n)


def _settle(arrived: asyncio.Future[None]) -> None:
    if not arrived.done():
        arrived.set_result(None)


class Input:
    """The media that clients send. Fields annotated `Video` or `Audio` are its tracks, in order.

    Annotate one attribute of the model with the subclass: it then holds a live `InputBuffer` per track. Works with and
    without `@dataclass` on the subclass.
    """

    __tracks__: ClassVar[dict[str, TrackSpec]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__tracks__ = {spec.name: spec for spec in declared_tracks(cls, place(cls), direction="in")}


def live_input(cls: type[Input], buffers: Iterable[InputBuffer]) -> Input:
    """Return an instance whose tracks are these buffers; an author's `__init__` is not called."""
    self = cls.__new__(cls)
    for buffer in buffers:
        if buffer.track.name in cls.__tracks__:
            object.__setattr__(self, buffer.track.name, buffer)  # also where the author's dataclass is frozen
    return self
