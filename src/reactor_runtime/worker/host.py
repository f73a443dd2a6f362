"""The model's side of the border: what a driver emits and says, turned into ring slots and pipe messages."""

from __future__ import annotations

import itertools
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring import profiling
from reactor_runtime.authoring.contract import Contract
from reactor_runtime.errors import AuthorError, OutputError
from reactor_runtime.media.audio import Resampler, audio_samples, interleave, split
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE
from reactor_runtime.media.pacer import FASTEST
from reactor_runtime.worker.chunk import Chunk, Line, Ticket
from reactor_runtime.worker.failure import Where, failure
from reactor_runtime.worker.gpu import Frames, frames_of, wait_for_gpus
from reactor_runtime.worker.lead import Lead
from reactor_runtime.worker.messages import (
    Flushed,
    FromModel,
    Invoke,
    Played,
    Progress,
    Released,
    Replied,
    Said,
    SessionBegan,
    SessionClosed,
    SessionEnded,
    SessionEnding,
    Slice,
    SlotRef,
    ToModel,
)
from reactor_runtime.worker.plain import legible, sendable
from reactor_runtime.worker.ring import Pixels, RingWriter

HELD_BY_SERVER = 3
"""Slots beyond the lead: the last picture of the track, the one in the encoder, and the one on its way to it."""
USUAL_FPS = 30.0
"""Frames per second assumed where nothing better is known."""
NOTHING = "there is nothing to emit: give a picture or sound for at least one output track"


def _samples(slices: list[dict[str, tuple[int, bytes]]], track: str) -> int:
    return sum(len(block[track][1]) // (2 * block[track][0]) for block in slices if track in block)


class Sender(Protocol):
    """The end of a pipe that a host sends through. Thread: any."""

    def send(self, message: FromModel, fd: int | None = None) -> bool:
        """Send one message, a descriptor beside it if given; False when nobody receives it."""


class Host:
    """The `Outlet` of one model instance. Thread: any."""

    def __init__(
        self,
        contract: Contract,
        pipe: Sender,
        *,
        first_ring: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._contract = contract
        self._pipe = pipe
        self._clock = clock
        numbers = itertools.count(first_ring)
        self._lines = {spec.name: Line(spec, RingWriter(spec.name, numbers, pipe.send)) for spec in contract.outputs()}
        self._changed = threading.Condition()  # reentrant
        # Guarded by `_changed`:
        self._lead = Lead(contract.buffer_size, None if contract.max_lead_ms is None else contract.max_lead_ms / 1000)
        self._session = 0
        self._open = False
        self._began_at = 0.0
        self._epoch = 0
        self._is_clean = True
        self._superseded_at = -math.inf
        self._ahead = 0
        self._unanswered: dict[int, str] = {}
        self._answered: deque[tuple[float, int]] = deque(maxlen=1024)

    def note(self, message: ToModel) -> None:
        """Take note of a message on its way to the driver. Thread: control."""
        with self._changed:
            match message:
                case SessionBegan():
                    self._session += 1
                    self._open = True
                    self._began_at = self._clock()
                    self._unanswered.clear()
                    self._answered.clear()
                    for line in self._lines.values():
                        line.emitted_at = None
                case SessionEnding():
                    self._open = False
                case Invoke():
                    self._unanswered[message.command_id] = message.name
                case Played():
                    self._ahead -= message.slices
                    if message.at:
                        self._lead.note_shown(message.at, message.interval)
                case Released():
                    for line in self._lines.values():
                        for slot in message.slots:
                            line.ring.release(message.ring, slot)
            self._changed.notify_all()

    # ---- pictures and sound -------------------------------------------------------------------------------------

    def emit(
        self,
        payloads: Mapping[str, object],
        *,
        fps: float | None = None,
        compute_time: float | None = None,
        drop: bool = False,
        called_at: float | None = None,
    ) -> int:
        """Normalise one chunk into ring slots and hand it over slice by slice; see `Outlet.emit`."""
        called = self._clock() if called_at is None else called_at
        on_a_gpu = wait_for_gpus(payloads)
        entered = self._clock()
        if on_a_gpu and compute_time is not None:
            compute_time += entered - called  # the author measured launching the work, not the work
        unknown = [name for name in payloads if name not in self._lines]
        if unknown or not payloads:
            known = ", ".join(self._lines) or "none"
            raise OutputError(f"{unknown[0]!r} is no output track; this model has: {known}" if unknown else NOTHING)
        if fps is not None and not 0 < fps <= FASTEST:
            raise OutputError(f"fps is more than 0 and at most {FASTEST:g}, got {fps!r}")
        with self._changed:
            if (ticket := self._ticket) is None:
                # A model may loop on emit while nobody watches: this is its pace then.
                self._changed.wait_for(lambda: self._open, 1 / (fps or self._contract.fps or USUAL_FPS))
                return 0
        with ExitStack() as held:
            for name in sorted(payloads):
                held.enter_context(self._lines[name].lock)
            chunk = self._normalise(payloads, ticket)
            asked_for = fps or self._contract.fps or self._rate_of_sound(chunk)
            chunk.fps, chunk.pinned = asked_for or self._measured(chunk, entered, compute_time), bool(asked_for)
            chunk.entered_at, chunk.normalised_at = entered, self._clock()
            chunk.began_at = chunk.resumed_at or self._began_at
            chunk.current_at = called
            if compute_time is not None and compute_time > 0:  # what a model knows better than we do
                chunk.current_at = chunk.began_at = max(chunk.began_at, entered - compute_time)
            sent = self._send_chunk(chunk, drop)
            if not drop:
                self._wait_to_begin(chunk)
            for line in chunk.lines:
                line.emitted_at = self._clock()
        return sent

    def resumed(self, tracks: Iterable[str]) -> None:
        """See `Outlet.resumed`."""
        for line in (self._lines[name] for name in tracks):
            if line.emitted_at is not None:
                line.emitted_at = self._clock()

    def flush(self, *, hold: bool = False) -> None:
        """Drop everything not yet shown; see `Outlet.flush`."""
        with self._changed:
            self._epoch += 1
            self._is_clean = True
            self._pipe.send(Flushed(self._epoch, hold))
            self._changed.notify_all()

    def supersede(self) -> None:
        """Drop everything not yet shown, and what is being made; see `Outlet.supersede`."""
        with self._changed:
            self._superseded_at = self._clock()
            if not self._is_clean:
                self.flush(hold=True)
            self._changed.notify_all()

    @property
    def _ticket(self) -> Ticket | None:
        return (self._session, self._epoch) if self._open else None

    def _is_wanted(self, chunk: Chunk) -> bool:
        return self._ticket == chunk.ticket and chunk.current_at >= self._superseded_at

    def _normalise(self, payloads: Mapping[str, object], ticket: Ticket) -> Chunk:
        lines = [self._lines[name] for name in payloads]
        video: dict[str, Frames] = {}
        for line in lines:
            if line.spec.kind == "video":
                name = line.spec.name
                frames = frames_of(payloads[name], track=name, float_range=line.spec.float_range)
                if frames.count == 0:
                    return Chunk(0, {}, [], lines, ticket)
                video[name] = frames
        batches = {name: frames.count for name, frames in video.items() if frames.count > 1}
        if len(set(batches.values())) > 1:
            found = ", ".join(f"{name!r} has {count}" for name, count in batches.items())
            raise OutputError(f"the tracks of one chunk must agree in their number of frames: {found}")
        count = max(batches.values(), default=1)
        audio: list[dict[str, tuple[int, bytes]]] = [{} for _ in range(count)]
        for line in lines:
            if line.spec.kind == "audio":
                samples = self._resampled(line, payloads[line.spec.name], ticket)
                for block, part in zip(audio, split(samples, count), strict=True):
                    if part.size:
                        block[line.spec.name] = (part.shape[0], interleave(part))
        return Chunk(count, video, audio, lines, ticket)

    def _resampled(self, line: Line, payload: object, ticket: Ticket) -> npt.NDArray[np.int16]:
        samples = audio_samples(payload, track=line.spec.name)
        channels = samples.shape[0]
        if line.resampler is None or line.resampler[:2] != (ticket, channels):
            line.resampler = (ticket, channels, Resampler(int(line.spec.rate), channels))
        return line.resampler[2].push(samples)

    def _rate_of_sound(self, chunk: Chunk) -> float | None:
        """Frames per second at which the slices of a chunk last as long as its sound; a mere click says nothing."""
        samples = max((_samples(chunk.audio, line.spec.name) for line in chunk.lines), default=0)
        rate = chunk.count * AUDIO_CLOCK_RATE / samples if samples else math.inf
        return rate if rate <= FASTEST else None

    def _measured(self, chunk: Chunk, entered: float, compute_time: float | None) -> float | None:
        """Frames per second that the model could make, if this chunk tells."""
        # How long a session's first chunk took to make cannot be told from waiting for the session's first command.
        seconds = compute_time or (0.0 if chunk.resumed_at is None else entered - chunk.resumed_at)
        return chunk.count / seconds if seconds > 0 else None

    def _send_chunk(self, chunk: Chunk, drop: bool) -> int:
        """Send slice after slice, each as soon as it has room; return how many went out, 0 when overtaken."""
        for index in range(chunk.count):
            slots: dict[str, SlotRef] = {}
            try:
                if not self._wait_for_room(chunk, drop):
                    return index if self._is_wanted(chunk) else 0
                chunk.converting_at = self._clock()
                for name, frames in chunk.video.items():
                    taken = self._take_slot(self._lines[name].ring, frames, chunk, drop)
                    if taken is None:
                        return index if self._is_wanted(chunk) else 0
                    slots[name], pixels = taken
                    frames.write_i420(index % frames.count, pixels)
                if not self._send_slice(chunk, index, slots):
                    return 0
                slots = {}
            finally:
                if slots:
                    self._give_back(slots)
        return chunk.count

    def _wait_to_begin(self, chunk: Chunk) -> None:
        """Wait until it is time to make the next chunk: begun now, it would only grow old in the queue."""
        if (interval := chunk.interval) is None:
            return
        with self._changed:
            span = self._lead.span(chunk.count, interval)
            while (
                self._is_wanted(chunk) and (left := self._lead.slot(self._ahead, interval) - span - self._clock()) > 0
            ):
                self._changed.wait(left)

    def _wait_for_room(self, chunk: Chunk, drop: bool) -> bool:
        """Wait until one more slice may be ahead of what is shown; False when it is not to be."""
        with self._changed:
            while self._is_wanted(chunk):
                if self._ahead < self._lead.ceiling(chunk.count, chunk.interval):
                    return True
                if drop:
                    return False
                self._changed.wait()
        return False

    def _take_slot(self, ring: RingWriter, frames: Frames, chunk: Chunk, drop: bool) -> tuple[SlotRef, Pixels] | None:
        """Wait for a slot whose pixels the server needs no more; None when there is to be none."""
        with self._changed:
            slots = self._lead.ceiling(chunk.count, chunk.interval) + HELD_BY_SERVER
            ring.fit(frames.i420_bytes, slots)
            while self._is_wanted(chunk):
                if ring.taken < slots:
                    return ring.take(frames.width, frames.height)
                if drop:
                    return None
                self._changed.wait()
        return None

    def _send_slice(self, chunk: Chunk, index: int, slots: dict[str, SlotRef]) -> bool:
        with self._changed:
            if not self._is_wanted(chunk):
                return False
            now = self._clock()
            if index == 0 and chunk.resumed_at is not None:
                self._lead.note_step(chunk.normalised_at - chunk.resumed_at + now - chunk.converting_at)
            answers: list[int] = []
            if index == 0 and (chunk.video or not self._contract.outputs("video")):
                while self._answered and self._answered[0][0] <= chunk.began_at:
                    answers.append(self._answered.popleft()[1])
            self._ahead += 1
            self._is_clean = False
            return self._pipe.send(
                Slice(
                    self._epoch,
                    index,
                    chunk.count,
                    slots,
                    chunk.audio[index],
                    chunk.fps,
                    chunk.pinned,
                    answers,
                    began_at=chunk.began_at,
                    entered_at=chunk.entered_at,
                    converting_at=chunk.converting_at,
                    emitted_at=now,
                )
            )

    def _give_back(self, slots: dict[str, SlotRef]) -> None:
        with self._changed:
            for name, ref in slots.items():
                self._lines[name].ring.release(ref.ring, ref.slot)

    # ---- words --------------------------------------------------------------------------------------------------

    def say(self, data: object, *, name: str | None = None, client_id: int | None = None) -> None:
        """Send a message to one client, or to all; see `Outlet.say`."""
        self._pipe.send(Said(sendable(data, name or "message"), name, client_id))

    def reply(
        self,
        command_id: int,
        data: object = None,
        *,
        name: str | None = None,
        error_code: str | None = None,
        error_message: str = "",
    ) -> None:
        """Answer one command; a second answer to it is dropped. See `Outlet.reply`."""
        with self._changed:
            if (command := self._unanswered.pop(command_id, None)) is None:
                return
            if error_code is None and self._lines:
                self._answered.append((self._clock(), command_id))
        try:
            content = sendable(data, f"{command}: reply")
            self._pipe.send(Replied(command_id, content, name, error_code, legible(error_message)))
        except AuthorError as error:
            self.failed("handler", error)
            message = "the reply could not be encoded"
            self._pipe.send(Replied(command_id, error_code="internal_error", error_message=message))

    def failed(self, where: Where, error: BaseException | str) -> None:
        """Report the author's failure to the server, which prints it; here only when the server is gone."""
        message = failure(where, error)
        if not self._pipe.send(message):
            print(message.traceback or message.error, file=sys.stderr, flush=True)

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Report what loading is busy with."""
        self._pipe.send(Progress(legible(text), fraction))

    def end_session(self, reason: str, *, crashed: bool = False) -> None:
        """Tell the server that the model itself ended the session."""
        self._pipe.send(SessionEnded(legible(reason), crashed))

    def session_closed(self) -> None:
        """Tell the server that the model let go of the session."""
        profiling.report()
        self._pipe.send(SessionClosed())
