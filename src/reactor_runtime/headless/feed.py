"""Feeds a model's input tracks without a network, the way clients do: pictures through a ring, sound in runs of 10 ms.

Rules:
- Everything comes once, in order, at the time it has in its source, and then the tracks end.
- Unless a rate was asked for, a picture also waits until the model has made something since the one before, and then
  for as long as the two lie apart: a slow model misses none, and one that looks only at the newest sees each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.headless.sources import RUNS_PER_SECOND, Cue, cues
from reactor_runtime.headless.writer import Writer
from reactor_runtime.log import get_logger
from reactor_runtime.media.pixels import Pixels, i420_bytes, write_i420
from reactor_runtime.runtime.clock import now
from reactor_runtime.runtime.inputs import SLOTS
from reactor_runtime.worker.messages import Heard, InputFreed, InputReleased, InputRingOpened, Saw, Slice
from reactor_runtime.worker.ring import RingWriter
from reactor_runtime.worker.supervisor import Supervisor

log = get_logger(__name__)

CLIENT_ID = 1
"""The one client of a headless session."""
PATIENCE = 2.0
"""Seconds without anything from the model after which it is not waited for; twice its slowest answer, if longer."""
SETTLING = 0.5
"""Seconds without anything after which a model that made something of the last picture makes no more of it."""
KEPT = 0.1
"""Seconds of sound that may stay behind in blocks not yet full."""


class Feed:
    """One session's input. All methods run on the event loop."""

    def __init__(
        self,
        lines: Mapping[TrackSpec, Path],
        fps: float | None,
        contract: Contract,
        supervisor: Supervisor,
        writer: Writer,
        numbers: Iterator[int],
    ) -> None:
        """Make a feed; `run` does the work.

        Args:
            lines: What each input track is fed with.
            fps: Pictures per second; None takes the source's own time.
            contract: Says whether the model makes anything that can be waited for.
            supervisor: Takes the media to the model.
            writer: Takes what the model makes of it.
            numbers: Of rings, never the same twice in a run.
        """
        self._cues = cues(lines, fps)
        self._waits = fps is None and bool(contract.outputs())
        self._supervisor = supervisor
        self._writer = writer
        self._rings = {track.name: RingWriter(track.name, numbers, supervisor.send, InputRingOpened) for track in lines}
        self._changed = asyncio.Event()
        self._pictures, self._heard_until = 0, 0.0
        self._shown_at = self._taken_at = self._answered_at = self._begun_at = 0.0
        self._slowest = 0.0
        self._hinted = False

    async def run(self) -> None:
        """Feed everything, and return once the model had its chance to make something of the last of it.

        Raises:
            OperatorError: A file cannot be decoded.
        """
        offset, shown = now(), 0.0  # a cue is due at its time plus the offset
        while (cue := await asyncio.to_thread(next, self._cues, None)) is not None:
            if isinstance(cue.media, bytes):
                await asyncio.sleep(cue.at + offset - now())
                self._supervisor.send(Heard(cue.track, CLIENT_ID, cue.media, cue.at))
                self._heard_until = cue.at + 1 / RUNS_PER_SECOND
                continue
            if self._waits and self._pictures:
                await self._answered()
                offset = self._answered_at - shown
            await asyncio.sleep(cue.at + offset - now())
            await self._show(cue, cue.media)
            if self._waits:
                offset, shown = now() - cue.at, cue.at
        await self._finished()
        for track in self._rings:
            self._supervisor.send(InputFreed(track, CLIENT_ID))

    def note(self, item: Slice | InputReleased) -> None:
        """Note that the model made something, or took pictures."""
        match item:
            case Slice() if item.emitted_at > self._shown_at:
                if self._answered_at < self._shown_at:
                    self._slowest = max(self._slowest, item.emitted_at - self._shown_at)
                self._answered_at, self._begun_at = now(), item.began_at
            case InputReleased():
                self._taken_at = now()
                for slot in item.slots:
                    for ring in self._rings.values():
                        ring.release(item.ring, slot)
        self._changed.set()

    async def _show(self, cue: Cue, rgb: Pixels) -> None:
        ring = self._rings[cue.track]
        while ring.taken >= SLOTS:
            await self._change()
        height, width = (side + side % 2 for side in rgb.shape[:2])
        ring.fit(i420_bytes(width, height), SLOTS)
        slot, pixels = ring.take(width, height)
        write_i420(rgb, pixels)
        self._shown_at = now()
        self._pictures += 1
        self._supervisor.send(Saw(cue.track, CLIENT_ID, slot, cue.at, rotation=cue.rotation))

    async def _answered(self) -> None:
        """Wait until the model has made something since the last picture, or will not."""
        while self._answered_at < self._shown_at:
            if not await self._change():
                if not self._hinted:
                    log.warning("the model makes nothing of single pictures; with --input-fps none waits for it")
                self._hinted = True
                self._answered_at = now()

    async def _finished(self) -> None:
        """Wait until as much came out as went in, and something of the last, or until nothing more comes."""
        while (
            self._answered_at < self._shown_at
            or self._writer.frames < self._pictures
            or self._writer.position < self._heard_until - KEPT
        ):
            if not await self._change():
                return
        # What came may have been begun before the model had the last; one that goes on by itself then makes another.
        while self._waits_for_more() and await self._change(SETTLING):
            pass

    def _waits_for_more(self) -> bool:
        return self._begun_at < self._taken_at or any(ring.taken for ring in self._rings.values())

    async def _change(self, patience: float = PATIENCE) -> bool:
        """Wait for news of the model; False when there are none for too long."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(patience, 2 * self._slowest)):
                return await self._changed.wait()
        return False
