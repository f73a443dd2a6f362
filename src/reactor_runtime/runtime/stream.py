"""What the model puts out: paced once, then fanned out to every reader.

Rules:
- Readers get a picture up to `ENCODE_AHEAD` before its slot, with the slot as `due_at`: it is encoded by then. Sound,
  the model's credit and what a late reader is shown follow the slot itself.
- A flush reaches all readers, so that nothing of what they were given and have not passed on is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.media.audio_clock import AudioClock
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE, AudioBlock, Picture
from reactor_runtime.media.pacer import Due, Pacer
from reactor_runtime.media.pixels import black_i420
from reactor_runtime.runtime.clock import Alarm, now
from reactor_runtime.worker.messages import Played, Slice, SlotRef

IDLE_GAP = 0.1
"""Seconds without a new picture after which a refresh shows the last one again; sooner, the next one serves."""
ENCODE_AHEAD = 0.02
"""Seconds before its slot that a picture goes to its readers: what encoding one takes, 1920x1080 on one thread."""
_TICK = 0.0005
"""Seconds added to a deadline: a timer counts whole milliseconds, and one that rings early rings again and again."""
_LEAD_MEMORY = 16
"""Pictures over which the lead is smoothed."""


class PictureReader(Protocol):
    """One consumer of a video track."""

    def push(self, picture: Picture, done: Callable[[], None]) -> None:
        """Take a picture, to be shown when it is due; call `done` on the loop once its pixels are needed no more."""

    def flush(self) -> None:
        """Forget every picture not shown yet."""


class AudioReader(Protocol):
    """One consumer of an audio track."""

    def put(self, block: AudioBlock) -> None:
        """Take one block of audio."""


class _Lease:
    """A ring slot in use: given back when the last user is done with its pixels."""

    __slots__ = ("_give_back", "_users")

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._users = 1

    def share(self) -> Callable[[], None]:
        self._users += 1
        return self.drop

    def drop(self) -> None:
        self._users -= 1
        if self._users == 0:
            self._give_back()


@dataclass(slots=True)
class _Coming:
    """A slice whose pictures the readers have, and whose slot is still to come."""

    item: Slice
    at: float
    pictures: dict[str, tuple[Picture, _Lease]]


class _VideoTrack:
    __slots__ = ("last", "lease", "pushed_at", "readers")

    def __init__(self) -> None:
        self.readers: list[PictureReader] = []
        self.last: Picture | None = None
        self.lease: _Lease | None = None
        self.pushed_at = 0.0

    def keep(self, picture: Picture | None, lease: _Lease | None) -> None:
        """Keep a picture as the last one shown, in place of the former."""
        former, self.last, self.lease = self.lease, picture, lease
        if former is not None:
            former.drop()


class _AudioTrack:
    __slots__ = ("clock", "readers")

    def __init__(self) -> None:
        self.readers: list[AudioReader] = []
        self.clock = AudioClock()


class Stream:
    """The output of one model instance.

    Slots go back to the model once no reader needs them; the last picture of each track stays, so that who joins
    late, or while the model restarts, sees it. All methods run on the event loop.

    Attributes:
        generated: Slices that came.
        shown: Those that were shown at their time; `dropped` those that never were.
        lead: Seconds from when a slice was made to its slot, of late.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        pixels: Callable[[SlotRef], npt.NDArray[np.uint8]],
        release: Callable[[list[SlotRef]], None],
        played: Callable[[Played], None],
    ) -> None:
        """Begin an empty stream.

        Args:
            contract: Its output tracks and rate.
            pixels: Gives the I420 bytes of a slot.
            release: Told which slots nobody needs any more.
            played: Told which slices left the queue, shown or dropped: the model's credit.
        """
        self._pixels = pixels
        self._release = release
        self._played = played
        self._fps = contract.fps
        self._pacer: Pacer[Slice] = Pacer(contract.fps, ahead=ENCODE_AHEAD)
        self._coming: _Coming | None = None
        self._video = {track.name: _VideoTrack() for track in contract.outputs("video")}
        self._audio = {track.name: _AudioTrack() for track in contract.outputs("audio")}
        self._alarm = Alarm(self._wake)
        self._began_at = now()
        self._last_pts = -1
        self._epoch = 0
        self._instance = 0
        self.generated = 0
        self.shown = 0
        self.dropped = 0
        self.lead = 0.0

    # ---- from the model -----------------------------------------------------------------------------------------

    def offer(self, item: Slice) -> None:
        """Queue one slice for its time; a slice that a flush overtook goes back at once."""
        self.generated += 1
        if item.epoch < self._epoch:
            self._give_back([item])
            return
        if item.pinned and item.fps:
            if item.fps != self._pacer.rate:
                self._pacer.pin(item.fps)
        elif self._fps is None:
            self._pacer.unpin()
        self._pacer.offer(item, starts_chunk=item.index == 0, fps=item.fps, now=now())
        self._wake()

    def flush(self, epoch: int, *, hold: bool) -> None:
        """Drop everything not yet shown; unless `hold`, show one black picture on each track."""
        self._epoch = epoch
        self._give_back(self._pacer.flush(now()))
        self._drop_coming()
        for track in self._video.values():
            for reader in track.readers:
                reader.flush()
        for audio in self._audio.values():
            audio.clock.flush()
        if not hold:
            for track in self._video.values():
                if track.last is not None:
                    width, height = track.last.width, track.last.height
                    black = Picture(black_i420(width, height), width, height, self._pts(now()))
                    self._fan_out(track, black, None)
                    track.keep(black, None)
        self._arm()

    def lose_model(self) -> None:
        """The model is gone: what it had queued is dropped, the last picture stays, a fresh model starts anew."""
        self._settle()  # the readers have it, and will show it
        self._instance += 1
        self.dropped += self._pacer.queued
        self._pacer = Pacer(self._fps, ahead=ENCODE_AHEAD)
        self._epoch = 0
        for audio in self._audio.values():
            audio.clock.flush()
        self._arm()

    # ---- readers ------------------------------------------------------------------------------------------------

    def watch(self, track: str, reader: PictureReader) -> None:
        """Add a reader of a video track; it gets the last picture at once, if there is one."""
        self._video[track].readers.append(reader)
        self.refresh(track)

    def listen(self, track: str, reader: AudioReader) -> None:
        """Add a reader of an audio track; blocks follow every 20 ms, silence included."""
        audio = self._audio[track]
        if not audio.readers:
            audio.clock.start(now())
        audio.readers.append(reader)
        self._arm()

    def unlisten(self, track: str, reader: AudioReader) -> None:
        """Remove a reader of an audio track."""
        audio = self._audio[track]
        if reader in audio.readers:
            audio.readers.remove(reader)
        self._arm()

    def refresh(self, track: str) -> None:
        """Show the last picture again if the model is idle, so that a key frame can be made of it."""
        video = self._video[track]
        if video.last is not None and now() - video.pushed_at > IDLE_GAP:
            again = Picture(video.last.i420, video.last.width, video.last.height, self._pts(now()))
            self._fan_out(video, again, video.lease)

    @property
    def queued(self) -> int:
        """Slices generated but not yet shown."""
        return self._pacer.queued + (self._coming is not None)

    @property
    def rate(self) -> float:
        """Frames per second the pacer plays at."""
        return self._pacer.rate

    def close(self) -> None:
        """Stop the clock and let every slot go."""
        self._alarm.cancel()
        self._give_back(self._pacer.flush(now()))
        self._drop_coming()
        for track in self._video.values():
            track.readers.clear()
            track.keep(None, None)
        for audio in self._audio.values():
            audio.readers.clear()

    # ---- inside -------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        at = now()
        while True:
            if self._coming is not None:
                if at < self._coming.at:
                    break
                self._play(self._coming, at)
            if (due := self._pacer.poll(at)) is None:
                break
            self._push(due, at)
        for audio in self._audio.values():
            if audio.readers:
                for block in audio.clock.poll(at):
                    for reader in audio.readers:
                        reader.put(block)
        self._arm()

    def _push(self, due: Due[Slice], at: float) -> None:
        """Give a slice's pictures to their readers; it is played at its slot."""
        item, answers = due.item, tuple(due.item.answers)
        self.lead += (max(due.at, at) - item.emitted_at - self.lead) / min(self.shown + 1, _LEAD_MEMORY)
        self._coming = _Coming(item, due.at, {})
        pts = self._pts(due.at)
        for name, ref in item.video.items():
            picture = Picture(self._pixels(ref), ref.width, ref.height, pts, due.at, answers)
            lease = self._lease(ref)
            self._coming.pictures[name] = picture, lease
            self._fan_out(self._video[name], picture, lease)

    def _play(self, coming: _Coming, at: float) -> None:
        self._settle()
        self._played(Played(1, coming.at, 1 / self._pacer.rate))
        for name, (channels, samples) in coming.item.audio.items():
            if self._audio[name].readers:
                self._audio[name].clock.offer(samples, channels, at)

    def _settle(self) -> None:
        """The slice that was coming is there: its pictures are the last ones."""
        if self._coming is not None:
            self.shown += 1
            for name, (picture, lease) in self._coming.pictures.items():
                self._video[name].keep(picture, lease)
            self._coming = None

    def _drop_coming(self) -> None:
        if self._coming is not None:
            self.dropped += 1
            self._played(Played(1))
            for _, lease in self._coming.pictures.values():
                lease.drop()
            self._coming = None

    def _fan_out(self, track: _VideoTrack, picture: Picture, lease: _Lease | None) -> None:
        track.pushed_at = now()
        for reader in track.readers:
            reader.push(picture, lease.share() if lease is not None else _nothing)

    def _pts(self, at: float) -> int:
        """Ticks since the stream began, strictly increasing."""
        self._last_pts = max(self._last_pts + 1, round((at - self._began_at) * VIDEO_CLOCK_RATE))
        return self._last_pts

    def _lease(self, ref: SlotRef) -> _Lease:
        instance = self._instance
        return _Lease(lambda: self._release([ref]) if instance == self._instance else None)

    def _give_back(self, items: list[Slice]) -> None:
        if items:
            self.dropped += len(items)
            self._played(Played(len(items)))
            self._release([ref for item in items for ref in item.video.values()])

    def _arm(self) -> None:
        deadlines = [self._pacer.next_deadline()]
        deadlines += [audio.clock.next_deadline() for audio in self._audio.values() if audio.readers]
        times = [at for at, _ in filter(None, deadlines)]
        first = min(times if self._coming is None else [*times, self._coming.at], default=None)
        self._alarm.set(None if first is None else first + _TICK)


def _nothing() -> None:
    """Nobody waits for the pixels of a picture that is in no ring."""
