"""Takes what the model makes, as fast as it makes it, and has it written by a thread of its own.

A picture's ring slot is freed once the picture is written, so a slow disk slows the model, not memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.headless.output import Cut, open_output
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, AudioBlock, Picture
from reactor_runtime.media.pacer import FASTEST, FIRST_RATE
from reactor_runtime.runtime.clock import now
from reactor_runtime.worker.messages import Played, Released, Slice, SlotRef
from reactor_runtime.worker.supervisor import Supervisor


class Writer:
    """One session's media on its way to the disk. All methods run on the event loop.

    Attributes:
        frames: Slices taken.
        position: Stream time at the end of the last one, in seconds.
        moved_at: When it was taken, or the session began; monotonic seconds.
    """

    def __init__(
        self, path: Path, contract: Contract, supervisor: Supervisor, failed: Callable[[Exception], None]
    ) -> None:
        """Make a writer.

        Args:
            path: A file that ends in `.mp4`, or a folder.
            contract: Says which tracks there are, and the rate they play at.
            supervisor: Lends the pixels and gets them back.
            failed: Told of an error in writing, on the event loop.
        """
        self.frames = 0
        self.position = 0.0
        self.moved_at = now()
        self._contract = contract
        self._supervisor = supervisor
        self._failed = failed
        self._epoch = 0
        self._output = open_output(path, contract.outputs())
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headless-writer")

    def take(self, piece: Slice) -> None:
        """Have one slice written, unless a flush overtook it."""
        if piece.epoch < self._epoch:
            release(self._supervisor, piece)
            return
        seconds = self._seconds(piece)
        pts, sound_pts = round(self.position * VIDEO_CLOCK_RATE), round(self.position * AUDIO_CLOCK_RATE)
        video = {name: self._picture(ref, pts) for name, ref in piece.video.items()}
        audio = {name: AudioBlock(samples, channels, sound_pts) for name, (channels, samples) in piece.audio.items()}
        cut = Cut(pts, seconds, video, audio)
        written = asyncio.get_running_loop().run_in_executor(self._thread, self._output.write, cut)
        written.add_done_callback(lambda done: self._written(done, piece))
        self.frames += 1
        self.position += seconds
        self.moved_at = now()

    def flush(self, epoch: int) -> None:
        """Take no slice of an epoch before this one."""
        self._epoch = epoch

    async def close(self) -> None:
        """Write what was taken and complete the output.

        Raises:
            OperatorError: It cannot be written.
        """
        # Behind every write: there is one thread.
        await asyncio.get_running_loop().run_in_executor(self._thread, self._output.close)
        self._thread.shutdown()

    def _picture(self, ref: SlotRef, pts: int) -> Picture:
        return Picture(self._supervisor.pixels(ref), ref.width, ref.height, pts)

    def _written(self, done: asyncio.Future[None], piece: Slice) -> None:
        release(self._supervisor, piece)
        error = None if done.cancelled() else done.exception()
        if isinstance(error, Exception):
            self._failed(error)

    def _seconds(self, piece: Slice) -> float:
        """Return how long a slice plays."""
        fps = piece.fps or self._contract.fps
        if fps is None and piece.audio:
            longest = max(len(samples) // (2 * channels) for channels, samples in piece.audio.values())
            return longest / AUDIO_CLOCK_RATE
        declared = next((track.rate for track in self._contract.outputs("video") if track.rate), FIRST_RATE)
        return 1 / min(fps or declared, FASTEST)


def release(supervisor: Supervisor, piece: Slice) -> None:
    """Give a slice back to the model: its credit, and its ring slots."""
    supervisor.send(Played(1))
    for ref in piece.video.values():
        supervisor.send(Released(ref.ring, [ref.slot]))
