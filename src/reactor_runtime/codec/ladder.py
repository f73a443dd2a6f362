"""The rungs of one output track and who reads which: every picture is encoded once per rung, never per viewer."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from reactor_runtime.codec.formats import Format
from reactor_runtime.codec.jpeg import VIDEO_FPS_LIKE
from reactor_runtime.codec.placement import Appetite, Limits, pixels_for, rung_for, rungs
from reactor_runtime.codec.playout import Playout
from reactor_runtime.codec.rung import Rung, RungSpec
from reactor_runtime.media.frame import AccessUnit, Picture

KEYFRAME_SPACING = 0.3
"""Seconds between two key frames of a rung: requests that come closer together share one."""
TICK = 0.001
"""Seconds by which a timer may come early."""
START_BPS = 4_800_000
"""What a viewer's network is taken to carry until the first estimate; it begins near this (`offer.START_KBPS`)."""
MOST_OWED = 64
"""Pictures that answer commands and were not sent yet; a reader that gets nothing at all is owed no more."""


@dataclass(frozen=True, slots=True)
class RungFigures:
    """An open rung: what it makes of the pictures, for how many, and what that took since it was opened."""

    codec: Format
    bitrate_bps: int
    width: int
    height: int
    viewers: int
    encoded: int
    dropped: int
    encode_seconds: float


class VideoReader(Protocol):
    """One consumer of access units."""

    def put(self, unit: AccessUnit) -> bool:
        """Take a unit; False when it was lost for this reader, which then needs a key frame."""


class Ladder:
    """Fans one track out. A rung is open while somebody reads it: one for all, more while some networks need less.

    Thread: every method runs on the event loop, and so do the readers' `put` and every `done`.
    """

    def __init__(
        self,
        track: str,
        *,
        limits: Limits,
        fps: float,
        wants_picture: Callable[[], None] = lambda: None,
    ) -> None:
        """Make a ladder without rungs.

        Args:
            track: Names the rungs.
            limits: What rates the rungs may have, and how many there may be.
            fps: Expected frame rate.
            wants_picture: Called when a key frame falls due; unless a picture comes anyway, `wants_keyframe` stays
                true and the last picture should be pushed again.
        """
        self._loop = asyncio.get_running_loop()
        self._track = track
        self._limits = limits
        self._fps = fps
        self._wants_picture = wants_picture
        self._size: tuple[int, int] | None = None
        self._rungs: dict[tuple[Format, int, int], _LiveRung] = {}
        self._seats: dict[VideoReader, _Seat] = {}
        self._playout: Playout[_LiveRung] = Playout(self._fan_out)
        # What the rungs' threads have for the loop; one wake-up empties it.
        self._arrivals: deque[Callable[[], None]] = deque()
        self._waking = False
        self._newest_pts = self._stale_pts = -1

    def push(self, picture: Picture, done: Callable[[], None]) -> None:
        """Encode a picture on every open rung; its units go out when it is due.

        Args:
            picture: Its pixels must not change before `done`.
            done: Called when no rung needs the pixels; at once when nobody reads.
        """
        self._newest_pts = picture.pts
        if picture.answers:
            for seat in self._seats.values():
                seat.owed.append((picture.pts, picture.answers))
        if (picture.width, picture.height) != self._size:
            self._size = picture.width, picture.height
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

    def flush(self) -> None:
        """What was pushed is stale: none of it is shown that a reader has not been handed yet.

        A key frame follows where readers would miss what was discarded.
        """
        self._stale_pts = self._newest_pts
        for live in self._rungs.values():
            live.rung.flush()
        for live in self._playout.flush():
            self._break(live)

    def join(self, reader: VideoReader, codec: Format = "vp8") -> None:
        """Let a reader in on the top rung of its codec; it gets units from that rung's next key frame on."""
        appetite = Appetite(self._limits, START_BPS)
        appetite.rate = max([appetite.rate, *(seat.appetite.rate for seat in self._seats.values())])
        self._seats[reader] = _Seat(appetite, codec)
        self._balance()
        self._loop.call_later(TICK, self._due)

    def leave(self, reader: VideoReader) -> None:
        """Forget a reader; a rung that nobody reads any more is closed. Unknown readers are ignored."""
        if self._seats.pop(reader, None) is not None:
            self._balance()

    def request_keyframe(self, reader: VideoReader) -> None:
        """Ask for a key frame on the rung that this reader gets."""
        seat = self._seats.get(reader)
        if seat is not None and (live := seat.live or seat.wanted) is not None:
            self._want_keyframe(live)

    def note_estimate(self, reader: VideoReader, bps: int, now: float) -> bool:
        """Take what a reader's network is estimated to carry; it changes rungs at a key frame of the new one.

        One whose estimate collapsed gets nothing until then.

        Args:
            reader: One that joined.
            bps: Bits per second.
            now: Monotonic seconds.

        Returns:
            Whether the next estimate should come soon: this one does not fit what the reader gets.
        """
        seat = self._seats.get(reader)
        if seat is None:
            return False
        before = seat.appetite.rate
        has_collapsed = seat.appetite.note(bps, now)
        if seat.appetite.rate != before:
            seat.waits_for_keyframe = seat.waits_for_keyframe or has_collapsed
            self._balance()
        return bps < before

    @property
    def wants_keyframe(self) -> bool:
        """Whether a key frame is due but no picture came: the stream should push its last picture again."""
        now = self._loop.time()
        return any(live.due(now) for live in self._rungs.values()) or (self._size is None and bool(self._seats))

    @property
    def encoded(self) -> int:
        """Access units made by the rungs that are open."""
        return sum(live.rung.encoded for live in self._rungs.values())

    @property
    def dropped(self) -> int:
        """Pictures the open rungs had no time for."""
        return sum(live.rung.dropped for live in self._rungs.values())

    @property
    def rungs(self) -> list[RungFigures]:
        """The open rungs, the best first."""
        return self._figures(_best_first(self._rungs.values()))

    def rungs_for(self, reader: VideoReader) -> tuple[int, list[RungFigures]] | None:
        """Return the open rungs of a reader's codec, the best first, and the place of the one that it gets.

        None while it gets none.
        """
        seat = self._seats.get(reader)
        if seat is None or seat.live is None:
            return None
        rungs = _best_first(live for live in self._rungs.values() if live.rung.spec.codec == seat.codec)
        return rungs.index(seat.live), self._figures(rungs)

    @property
    def rates(self) -> list[int]:
        """Bits per second of the open rungs, the best first."""
        return sorted((live.rung.spec.bitrate_bps for live in self._rungs.values()), reverse=True)

    def close(self) -> None:
        """Let every reader go and end the threads. Idempotent."""
        self._seats.clear()
        self._playout.flush()
        self._balance()

    def _figures(self, rungs: Iterable[_LiveRung]) -> list[RungFigures]:
        return [live.figures(self._size, self._seats.values()) for live in rungs]

    def _balance(self) -> None:
        """Open the rungs that someone reads or is about to read, close the others."""
        if self._size is None:
            return  # which sizes they need is known with the first picture
        for seat, rate in self._rates():
            fps = VIDEO_FPS_LIKE if seat.codec == "jpeg" else self._fps
            key = seat.codec, rate, pixels_for(rate, *self._size, fps)
            if (wanted := self._rungs.get(key)) is None:
                wanted = self._rungs[key] = self._open(*key)
            if wanted is not seat.wanted:
                seat.wanted = wanted
                if wanted is not seat.live or seat.waits_for_keyframe:
                    self._want_keyframe(wanted)
        needed = {live for seat in self._seats.values() for live in (seat.live, seat.wanted)}
        for key, live in list(self._rungs.items()):
            if live not in needed:
                del self._rungs[key]
                live.rung.close()

    def _rates(self) -> Iterator[tuple[_Seat, int]]:
        """Yield every seat and the rate of the rung it needs; each codec has rungs of its own."""
        for codec in {seat.codec for seat in self._seats.values()}:
            seats = [seat for seat in self._seats.values() if seat.codec == codec]
            rates = rungs((seat.appetite.rate for seat in seats), self._limits.most_rungs)
            for seat in seats:
                yield seat, rung_for(seat.appetite.rate, rates)

    def _open(self, codec: Format, rate: int, pixels: int) -> _LiveRung:
        spec = RungSpec(f"{self._track}-{codec}-{rate // 1000}k", rate, pixels, self._fps, codec)
        live = _LiveRung(Rung(spec, lambda unit: self._arrive(lambda: self._take(live, unit))))
        return live

    def _want_keyframe(self, live: _LiveRung) -> None:
        live.keyframe_wanted = True
        self._loop.call_later(live.spacing_left(self._loop.time()) + TICK, self._due)

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

    def _take(self, live: _LiveRung, unit: AccessUnit) -> None:
        if unit.pts > self._stale_pts:
            self._playout.put(live, unit)
        else:
            self._break(live)

    def _break(self, live: _LiveRung) -> None:
        """A unit of this rung was discarded: who would have got it needs a key frame, and soon."""
        live.keyframe_lost()
        for seat in self._seats.values():
            seat.waits_for_keyframe = seat.waits_for_keyframe or seat.live is live
        self._want_keyframe(live)

    def _fan_out(self, live: _LiveRung, unit: AccessUnit) -> None:
        if unit.is_keyframe:
            live.keyframe_came(self._loop.time())
        moved = False
        for reader, seat in list(self._seats.items()):
            if unit.is_keyframe and seat.wanted is live:
                moved = moved or seat.live is not live
                seat.live, seat.waits_for_keyframe = live, False
            if seat.live is not live or seat.waits_for_keyframe:
                continue
            if not seat.send(reader, unit):
                seat.waits_for_keyframe = True
                self._want_keyframe(live)
        if moved:
            self._balance()


def _best_first(rungs: Iterable[_LiveRung]) -> list[_LiveRung]:
    return sorted(rungs, key=lambda live: live.rung.spec.bitrate_bps, reverse=True)


class _Seat:
    """A reader's place: the rung it gets, and the one it belongs on."""

    def __init__(self, appetite: Appetite, codec: Format) -> None:
        self.appetite = appetite
        self.codec = codec
        self.live: _LiveRung | None = None
        self.wanted: _LiveRung | None = None
        self.waits_for_keyframe = True
        # Time and answers of pictures that the reader was not sent yet.
        self.owed: deque[tuple[int, tuple[int, ...]]] = deque(maxlen=MOST_OWED)

    def send(self, reader: VideoReader, unit: AccessUnit) -> bool:
        """Send a unit; it also answers what the pictures before it did that were dropped on the way to this reader."""
        due = [answers for pts, answers in self.owed if pts <= unit.pts]
        answers = tuple(itertools.chain.from_iterable(due))
        if not reader.put(unit if answers == unit.answers else dataclasses.replace(unit, answers=answers)):
            return False
        for _ in due:
            self.owed.popleft()
        return True


class _LiveRung:
    """An open rung and its key-frame bookkeeping."""

    def __init__(self, rung: Rung) -> None:
        self.rung = rung
        self.keyframe_wanted = True
        self._asked = False
        self._last_keyframe_at = -KEYFRAME_SPACING

    def figures(self, size: tuple[int, int] | None, seats: Iterable[_Seat]) -> RungFigures:
        spec, rung = self.rung.spec, self.rung
        width, height = spec.size_for(*size) if size is not None else (0, 0)
        viewers = sum(seat.live is self for seat in seats)
        counts = rung.encoded, rung.dropped, rung.encode_seconds
        return RungFigures(spec.codec, spec.bitrate_bps, width, height, viewers, *counts)

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

    def keyframe_lost(self) -> None:
        self._last_keyframe_at = -KEYFRAME_SPACING
        self._asked = False
