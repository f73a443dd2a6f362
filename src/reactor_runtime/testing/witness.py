"""The server's side of a model under test, in memory: keeps what the model puts out until the test takes it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.errors import AuthorError
from reactor_runtime.worker.chunk import Chunk as Emitted
from reactor_runtime.worker.failure import Where
from reactor_runtime.worker.host import Host
from reactor_runtime.worker.messages import (
    Flushed,
    FromModel,
    Played,
    Progress,
    Released,
    Replied,
    Said,
    SessionClosed,
    SessionEnded,
    Slice,
    SlotRef,
)

Pixels = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one emit put out, as viewers get it; `chunk["main_video"]` is a payload.

    Attributes:
        payloads: Track name to (N, H, W, 3) uint8 RGB, or (channels, samples) int16 at 48 kHz.
        fps: Rate to play at, asked for or measured; None where nothing tells.
        pinned: Whether it is kept exactly: the author asked for it, or the sound lasts as long.
    """

    payloads: dict[str, npt.NDArray[Any]]
    fps: float | None
    pinned: bool

    def __getitem__(self, track: str) -> npt.NDArray[Any]:
        return self.payloads[track]


@dataclass(slots=True)
class _Shown:
    """One time slice, and what of it was not taken yet."""

    chunk: int
    fps: float | None
    pinned: bool
    video: dict[str, Pixels]
    audio: dict[str, Samples]
    played: bool = False


_WORDS = {
    "import": "while it was imported",
    "load": "while it loaded",
    "run": "in its own loop",
    "handler": "in a command handler; the client is told internal_error",
    "hook": "in a session hook",
}


@dataclass(slots=True)
class Failure:
    """What the author's code raised. `seen` once the test was told of it."""

    where: Where
    error: BaseException
    seen: bool = False


class Witness:
    """Takes a host's messages, as the control pipe does. Thread: any."""

    def __init__(self, contract: Contract, clock: Callable[[], float], stir: Callable[[], None]) -> None:
        """Make a witness and its host.

        Args:
            contract: Of the model.
            clock: Monotonic seconds for the host.
            stir: Called when a thread of the model begins to wait for room.
        """
        self.host = _WitnessedHost(contract, self, clock, stir)
        self.changed = threading.Condition()
        # Guarded by `changed`:
        self.news = 0
        self.taken = 0
        self.failures: list[Failure] = []
        self.said: list[Said] = []
        self.replies: dict[int, tuple[Replied, Failure | None]] = {}
        self.progress: list[Progress] = []
        self.flushes: list[bool] = []
        self.ended: SessionEnded | None = None
        self.closed_sessions = 0
        self._shown: deque[_Shown] = deque()
        self._chunks = self._whole_chunks = 0
        self.skips = 0
        self._failed_handlers: dict[int, Failure] = {}
        self._pictures: dict[SlotRef, Pixels] = {}

    def send(self, message: FromModel, fd: int | None = None) -> bool:
        """Take one message of the host."""
        played = 0
        with self.changed:
            match message:
                case Slice():
                    played = self._show(message)
                case Flushed():
                    self.flushes.append(message.hold)
                    played = sum(not shown.played for shown in self._shown)
                    self._shown = deque(shown for shown in self._shown if shown.played)
                case Said():
                    self.said.append(message)
                case Replied():
                    self.replies[message.command_id] = message, self._failed_handlers.pop(threading.get_ident(), None)
                case Progress():
                    self.progress.append(message)
                case SessionEnded():
                    self.ended = message
                case SessionClosed():
                    self.closed_sessions += 1
            self.tell()
        # Without the lock: the host has one of its own, and holds it while it sends.
        if isinstance(message, Slice):
            for ref in message.video.values():
                self.host.note(Released(ref.ring, [ref.slot]))
        if played:
            self.host.note(Played(played))
        return True

    def tell(self) -> None:
        """Say that something changed; with `changed` held."""
        self.news += 1
        self.changed.notify_all()

    def picture(self, ref: SlotRef, pixels: Pixels) -> None:
        """Take the exact pixels of a slot, whose slice follows."""
        with self.changed:
            self._pictures[ref] = pixels

    def failed(self, where: Where, error: BaseException | str) -> None:
        """Take what the author's code raised. A handler's failure belongs to the reply its thread gives next."""
        failure = Failure(where, AuthorError(error) if isinstance(error, str) else error)
        failure.error.add_note(f"raised in the model: {_WORDS[where]}")
        with self.changed:
            self.failures.append(failure)
            if where == "handler":
                self._failed_handlers[threading.get_ident()] = failure
            self.tell()

    # ---- what the test takes ------------------------------------------------------------------------------------

    def take_frames(self, track: str, most: int) -> list[Pixels]:
        """Return the next frames of a track, as many as are there."""
        frames: list[Pixels] = []

        def pick(shown: _Shown) -> bool:
            if len(frames) == most:
                return False
            if track in shown.video:
                frames.append(shown.video.pop(track))
            return True

        self._play(pick)
        return frames

    def take_samples(self, track: str, most: int) -> list[Samples]:
        """Return the next sound of a track, (channels, M) each, as much as is there."""
        blocks: list[Samples] = []

        def pick(shown: _Shown) -> bool:
            wanted: int = most - sum(taken.shape[1] for taken in blocks)
            if wanted and track in shown.audio:
                block = shown.audio.pop(track)
                blocks.append(block[:, :wanted])
                if block.shape[1] > wanted:
                    shown.audio[track] = block[:, wanted:]
            return wanted > 0

        self._play(pick)
        return blocks

    def take_chunk(self) -> Chunk | None:
        """Return what is left of the oldest chunk, None while it is not whole."""
        parts: list[_Shown] = []

        def pick(shown: _Shown) -> bool:
            if parts and shown.chunk != parts[0].chunk:
                return False
            parts.append(shown)
            return True

        self._play(pick)
        with self.changed:
            if not parts or parts[0].chunk > self._whole_chunks:
                return None
            self._shown = deque(shown for shown in self._shown if shown.chunk != parts[0].chunk)
        payloads: dict[str, npt.NDArray[Any]] = {}
        for name in dict.fromkeys(name for part in parts for name in part.video):
            payloads[name] = np.stack([part.video[name] for part in parts if name in part.video])
        for name in dict.fromkeys(name for part in parts for name in part.audio):
            payloads[name] = np.concatenate([part.audio[name] for part in parts if name in part.audio], axis=1)
        return Chunk(payloads, parts[0].fps, parts[0].pinned)

    def skip(self) -> None:
        """Drop what is there, and what the model has begun to make."""
        with self.changed:
            unplayed = sum(not shown.played for shown in self._shown)
            self._shown.clear()
            self.skips += 1
        self.host.note(Played(unplayed))

    def _show(self, part: Slice) -> int:
        if part.index == 0:
            self._whole_chunks, self._chunks = self._chunks, self._chunks + 1
        if part.index == part.chunk_frames - 1:
            self._whole_chunks = self._chunks
        video = {name: self._pictures.pop(ref) for name, ref in part.video.items()}
        audio = {
            name: np.frombuffer(samples, "<i2").reshape(-1, channels).T.astype(np.int16)
            for name, (channels, samples) in part.audio.items()
        }
        if self.host.made_since < self.skips:
            return 1
        self._shown.append(_Shown(self._chunks, part.fps, part.pinned, video, audio))
        return 0

    def _play(self, pick: Callable[[_Shown], bool]) -> None:
        """Show slices in order, as long as `pick` takes them."""
        played = 0
        with self.changed:
            for shown in self._shown:
                if not pick(shown):
                    break
                played += not shown.played
                shown.played = True
            self._shown = deque(shown for shown in self._shown if shown.video or shown.audio)
            self.taken += played
        if played:
            self.host.note(Played(played))


class _WitnessedHost(Host):
    """A real host that also tells its witness what does not cross a pipe: exact pixels, and exceptions.

    Attributes:
        made_since: How often the test had skipped when the making of the present chunk began.
    """

    def __init__(
        self, contract: Contract, witness: Witness, clock: Callable[[], float], stir: Callable[[], None]
    ) -> None:
        super().__init__(contract, witness, clock=clock)
        self._witness = witness
        self._changed = self.room = Room(stir)
        self.made_since = 0

    def emit(
        self,
        payloads: Mapping[str, object],
        *,
        fps: float | None = None,
        compute_time: float | None = None,
        drop: bool = False,
        called_at: float | None = None,
    ) -> int:
        try:
            return super().emit(payloads, fps=fps, compute_time=compute_time, drop=drop, called_at=called_at)
        finally:
            self.made_since = self._witness.skips

    def failed(self, where: Where, error: BaseException | str) -> None:
        self._witness.failed(where, error)

    def _send_slice(self, chunk: Emitted, index: int, slots: dict[str, SlotRef]) -> bool:
        for name, ref in slots.items():
            frames = chunk.video[name]
            self._witness.picture(ref, frames.rgb(index % frames.count))
        return super()._send_slice(chunk, index, slots)


class Room(threading.Condition):
    """The condition a host waits on while the stream is full; it knows how many wait."""

    def __init__(self, stir: Callable[[], None]) -> None:
        super().__init__()
        self._stir = stir
        self.blocked = 0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait to be notified."""
        self.blocked += 1
        self._stir()
        notified = super().wait(timeout)
        if not notified and self.blocked:  # a notice that came too late has set it to 0
            self.blocked -= 1
        return notified

    def notify_all(self) -> None:
        """Wake all: from here on none is blocked until it waits again."""
        self.blocked = 0
        super().notify_all()
