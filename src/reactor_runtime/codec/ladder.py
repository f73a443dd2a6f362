"""The rungs of one output track and who reads which: every picture is encoded once per rung, never per viewer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Protocol

from reactor_runtime.codec.placement import Level, Placement
from reactor_runtime.codec.rung import Rung, RungSpec
from reactor_runtime.media.frame import AccessUnit, Picture

KEYFRAME_SPACING = 0.3
"""Seconds between two key frames of a rung: requests that come closer together share one."""
SMALL_MAX_PIXELS = 640 * 360


class VideoReader(Protocol):
    """One consumer of access units."""

    def put(self, unit: AccessUnit) -> bool:
        """Take a unit; False when it was lost for this reader, which then needs a key frame."""


class Ladder:
    """Fans one track out. The top rung is open while anyone reads, the small one while someone's network needs it.

    Thread: every method runs on the event loop, and so do the readers' `put` and every `done`.
    """

    def __init__(
        self,
        track: str,
        *,
        top_bps: int,
        small_bps: int,
        fps: float,
        wants_picture: Callable[[], None] = lambda: None,
    ) -> None:
        """Make a ladder without rungs.

        Args:
            track: Names the rungs.
            top_bps: Rate of the top rung.
            small_bps: Rate of the small rung.
            fps: Expected frame rate.
            wants_picture: Called when a key frame falls due; unless a picture comes anyway, `wants_keyframe` stays
                true and the last picture should be pushed again.
        """
        self._loop = asyncio.get_running_loop()
        self._wants_picture = wants_picture
        self._specs: dict[Level, RungSpec] = {
            "top": RungSpec(f"{track}-top", top_bps, None, fps),
            "small": RungSpec(f"{track}-small", small_bps, SMALL_MAX_PIXELS, fps),
        }
        self._rungs: dict[Level, _LiveRung] = {}
        self._seats: dict[VideoReader, _Seat] = {}
        # What the rungs' threads have for the loop; one wake-up empties it.
        self._arrivals: deque[Callable[[], None]] = deque()
        self._waking = False

    def push(self, picture: Picture, done: Callable[[], None]) -> None:
        """Encode a picture on every open rung.

        Args:
            picture: Its pixels must not change before `done`.
            done: Called when no rung needs the pixels; at once when nobody reads.
        """
        self._balance()
        if not self._rungs:
            done()
            return
        left = len(self._rungs)

        def one_done() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                done()

        now = self._loop.time()
        for live in self._rungs.values():
            live.ask_if_due(now)
            live.rung.push(picture, lambda: self._arrive(one_done))

    def join(self, reader: VideoReader) -> None:
        """Let a reader in on the top rung; it gets units from that rung's next key frame on."""
        top, small = self._specs["top"].bitrate_bps, self._specs["small"].bitrate_bps
        self._seats[reader] = _Seat(Placement(top_bps=top, small_bps=small))
        self._balance()
        self._want_keyframe(self._rungs["top"])

    def leave(self, reader: VideoReader) -> None:
        """Forget a reader; a rung that nobody reads any more is closed. Unknown readers are ignored."""
        if self._seats.pop(reader, None) is not None:
            self._balance()

    def request_keyframe(self, reader: VideoReader) -> None:
        """Ask for a key frame on the rung that this reader gets."""
        seat = self._seats.get(reader)
        if seat is not None and (live := self._rungs.get(seat.level)) is not None:
            self._want_keyframe(live)

    def note_estimate(self, reader: VideoReader, bps: int, now: float) -> None:
        """Take what a reader's network is estimated to carry; it changes rungs at a key frame of the new one.

        Args:
            reader: One that joined.
            bps: Bits per second.
            now: Monotonic seconds.
        """
        seat = self._seats.get(reader)
        if seat is None:
            return
        before = seat.placement.level
        level = seat.placement.note(bps, now)
        if level != before:
            self._balance()
            if level != seat.level:
                self._want_keyframe(self._rungs[level])

    @property
    def wants_keyframe(self) -> bool:
        """Whether a key frame is due but no picture came: the stream should push its last picture again."""
        now = self._loop.time()
        return any(live.due(now) for live in self._rungs.values())

    @property
    def encoded(self) -> int:
        """Access units made by the rungs that are open."""
        return sum(live.rung.encoded for live in self._rungs.values())

    @property
    def dropped(self) -> int:
        """Pictures the open rungs had no time for."""
        return sum(live.rung.dropped for live in self._rungs.values())

    def close(self) -> None:
        """Let every reader go and end the threads. Idempotent."""
        self._seats.clear()
        self._balance()

    def _balance(self) -> None:
        """Open the rungs that someone reads or is about to read, close the others."""
        needed = {level for seat in self._seats.values() for level in (seat.level, seat.placement.level)}
        for level in self._rungs.keys() - needed:
            self._rungs.pop(level).rung.close()
        for level in needed - self._rungs.keys():
            self._rungs[level] = self._open(level)

    def _open(self, level: Level) -> _LiveRung:
        live = _LiveRung(Rung(self._specs[level], lambda unit: self._arrive(lambda: self._fan_out(level, live, unit))))
        return live

    def _want_keyframe(self, live: _LiveRung) -> None:
        live.keyframe_wanted = True
        # A timer may fire a tick of the clock early, when nothing is due yet.
        self._loop.call_later(live.spacing_left(self._loop.time()) + 0.001, self._due)

    def _due(self) -> None:
        if self.wants_keyframe:
            self._wants_picture()

    def _arrive(self, call: Callable[[], None]) -> None:
        """Run a call on the loop. Thread: any."""
        self._arrivals.append(call)
        # The drain clears the flag before it looks: a call that finds it set is seen by the drain to come.
        if not self._waking:
            self._waking = True
            # A closed loop means that the process is on its way out, and nobody waits for the pixels.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._waking = False
        while self._arrivals:
            self._arrivals.popleft()()

    def _fan_out(self, level: Level, live: _LiveRung, unit: AccessUnit) -> None:
        if self._rungs.get(level) is not live:
            return
        if unit.is_keyframe:
            live.keyframe_came(self._loop.time())
        moved = False
        for reader, seat in list(self._seats.items()):
            if unit.is_keyframe and seat.placement.level == level:
                moved = moved or seat.level != level
                seat.level, seat.waits_for_keyframe = level, False
            if seat.level != level or seat.waits_for_keyframe:
                continue
            if not reader.put(unit):
                seat.waits_for_keyframe = True
                self._want_keyframe(live)
        if moved:
            self._balance()


class _Seat:
    """A reader's place: the rung it gets, and the one it belongs on."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.level: Level = placement.level
        self.waits_for_keyframe = True


class _LiveRung:
    """An open rung and its key-frame bookkeeping."""

    def __init__(self, rung: Rung) -> None:
        self.rung = rung
        self.keyframe_wanted = True
        self._asked = False
        self._last_keyframe_at = -KEYFRAME_SPACING

    def due(self, now: float) -> bool:
        return self.keyframe_wanted and not self._asked and self.spacing_left(now) <= 0

    def spacing_left(self, now: float) -> float:
        """Return how many seconds the next key frame has to wait, 0 when none."""
        return max(0.0, self._last_keyframe_at + KEYFRAME_SPACING - now)

    def ask_if_due(self, now: float) -> None:
        if self.due(now):
            self._asked = True
            self.rung.request_keyframe()

    def keyframe_came(self, now: float) -> None:
        self._last_keyframe_at = now
        self.keyframe_wanted = self._asked = False
