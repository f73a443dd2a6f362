"""What the model puts out: paced once, then fanned out to every reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.media.audio_clock import AudioClock
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE, AudioBlock, Picture
from reactor_runtime.media.pacer import Pacer
from reactor_runtime.media.pixels import black_i420
from reactor_runtime.runtime.clock import Alarm, now
from reactor_runtime.worker.messages import Slice, SlotRef

IDLE_GAP = 0.1
"""Seconds without a new picture after which a refresh shows the last one again; sooner, the next one serves."""


class PictureReader(Protocol):
    """One consumer of a video track."""

    def push(self, picture: Picture, done: Callable[[], None]) -> None:
        """Take a picture; call `done` on the loop once its pixels are not needed any more."""


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


class _VideoTrack:
    __slots__ = ("last", "lease", "readers", "shown_at")

    def __init__(self) -> None:
        self.readers: list[PictureReader] = []
        self.last: Picture | None = None
        self.lease: _Lease | None = None
        self.shown_at = 0.0


class _AudioTrack:
    __slots__ = ("clock", "readers")

    def __init__(self) -> None:
        self.readers: list[AudioReader] = []
        self.clock = AudioClock()


class Stream:
    """The output of one model instance.

    Slots go back to the model once no reader needs them; the last picture of each track stays, so that who joins
    late, or while the model restarts, sees it. All methods run on the event loop.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        pixels: Callable[[SlotRef], npt.NDArray[np.uint8]],
        release: Callable[[list[SlotRef]], None],
        played: Callable[[int], None],
    ) -> None:
        """Begin an empty stream.

        Args:
            contract: Its output tracks and rate.
            pixels: Gives the I420 bytes of a slot.
            release: Told which slots nobody needs any more.
            played: Told how many slices left the queue, shown or dropped: the model's credit.
        """
        self._pixels = pixels
        self._release = release
        self._played = played
        self._fps = contract.fps
        self._pacer: Pacer[Slice] = Pacer(contract.fps)
        self._video = {track.name: _VideoTrack() for track in contract.outputs("video")}
        self._audio = {track.name: _AudioTrack() for track in contract.outputs("audio")}
        self._alarm = Alarm(self._wake)
        self._began_at = now()
        self._last_pts = -1
        self._epoch = 0
        self._instance = 0
        self.shown = 0
        self.dropped = 0

    # ---- from the model -----------------------------------------------------------------------------------------

    def offer(self, item: Slice) -> None:
        """Queue one slice for its time; a slice that a flush overtook goes back at once."""
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
        self._give_back(self._pacer.flush())
        for audio in self._audio.values():
            audio.clock.flush()
        if not hold:
            for track in self._video.values():
                if track.last is not None:
                    width, height = track.last.width, track.last.height
                    self._show(track, Picture(black_i420(width, height), width, height, self._pts(now())), None)
        self._arm()

    def lose_model(self) -> None:
        """The model is gone: what it had queued is dropped, the last picture stays, a fresh model starts anew."""
        self._instance += 1
        self.dropped += self._pacer.queued
        self._pacer = Pacer(self._fps)
        self._epoch = 0
        for audio in self._audio.values():
            audio.clock.flush()
        self._arm()

    # ---- readers ------------------------------------------------------------------------------------------------

    def watch(self, track: str, reader: PictureReader) -> None:
        """Add a reader of a video track; it gets the last picture at once, if there is one."""
        self._video[track].readers.append(reader)
        self.refresh(track)

    def unwatch(self, track: str, reader: PictureReader) -> None:
        """Remove a reader of a video track."""
        if reader in self._video[track].readers:
            self._video[track].readers.remove(reader)

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
        if video.last is not None and now() - video.shown_at > IDLE_GAP:
            again = Picture(video.last.i420, video.last.width, video.last.height, self._pts(now()))
            self._fan_out(video, again)
            video.shown_at = now()

    @property
    def queued(self) -> int:
        """Slices generated but not yet shown."""
        return self._pacer.queued

    @property
    def rate(self) -> float:
        """Frames per second the pacer plays at."""
        return self._pacer.rate

    def close(self) -> None:
        """Stop the clock and let every slot go."""
        self._alarm.cancel()
        self._give_back(self._pacer.flush())
        for track in self._video.values():
            track.readers.clear()
            if track.lease is not None:
                track.lease.drop()
            track.last = track.lease = None
        for audio in self._audio.values():
            audio.readers.clear()

    # ---- inside -------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        at = now()
        while (due := self._pacer.poll(at)) is not None:
            self._play(due.item, due.at)
        for audio in self._audio.values():
            if audio.readers:
                for block in audio.clock.poll(at):
                    for reader in audio.readers:
                        reader.put(block)
        self._arm()

    def _play(self, item: Slice, at: float) -> None:
        self.shown += 1
        self._played(1)
        pts = self._pts(at)
        for name, ref in item.video.items():
            picture = Picture(self._pixels(ref), ref.width, ref.height, pts)
            self._show(self._video[name], picture, self._lease(ref))
        for name, (channels, samples) in item.audio.items():
            if self._audio[name].readers:
                self._audio[name].clock.offer(samples, channels, at)

    def _show(self, track: _VideoTrack, picture: Picture, lease: _Lease | None) -> None:
        former, track.last, track.lease, track.shown_at = track.lease, picture, lease, now()
        self._fan_out(track, picture)
        if former is not None:
            former.drop()

    def _fan_out(self, track: _VideoTrack, picture: Picture) -> None:
        for reader in track.readers:
            reader.push(picture, track.lease.share() if track.lease is not None else _nothing)

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
            self._played(len(items))
            self._release([ref for item in items for ref in item.video.values()])

    def _arm(self) -> None:
        deadlines = [self._pacer.next_deadline()]
        deadlines += [audio.clock.next_deadline() for audio in self._audio.values() if audio.readers]
        self._alarm.set(min((at for at, _ in filter(None, deadlines)), default=None))


def _nothing() -> None:
    """Nobody waits for the pixels of a picture that is in no ring."""
