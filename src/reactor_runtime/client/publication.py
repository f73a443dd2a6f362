"""What a client sends on an input track: its source, its pace, and the line that outlives each connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from reactor_runtime.client.values import Track
from reactor_runtime.log import get_logger

if TYPE_CHECKING:
    import numpy.typing as npt

    from reactor_runtime.client.lines import Outgoing

    Media = npt.NDArray[Any]
    Source = Iterable[Media] | AsyncIterable[Media]

log = get_logger("reactor.client")

_END: Any = object()


class Publication:
    """One input track that is this client's until it is closed, through reconnects. All methods run on the event loop.

    Pictures are (h, w, 3) uint8 RGB arrays; gray, RGBA and floats in 0..1 do too. Sound is (channels, samples) int16,
    or floats in -1..1, of any length.
    """

    def __init__(
        self, track: Track, outgoing: Outgoing, rate: int, leave: Callable[[Publication], Coroutine[Any, Any, None]]
    ) -> None:
        self.track = track
        self.outgoing = outgoing
        self._rate = rate
        self._leave = leave
        self._sending: asyncio.Task[None] | None = None
        self._is_closed = False

    def put(self, media: Media) -> float:
        """Send one picture, or a run of sound, now.

        Returns:
            Seconds that it lasts: 0 for a picture.

        Raises:
            ValueError: It is no picture, or no sound.
        """
        if self.track.kind == "audio":
            return self.outgoing.play(media, self._rate)
        self.outgoing.show(media)
        return 0.0

    def feed(self, source: Source, fps: float | None) -> None:
        """Send what a source yields, at most `fps` pictures a second; sound at the pace it is heard."""
        self._sending = asyncio.create_task(self._send_all(source, 1 / fps if fps else 0.0))
        self._sending.add_done_callback(self._finished)

    async def done(self) -> None:
        """Return once the source is exhausted, or the track was closed.

        Raises:
            Exception: What the source raised, or `ValueError` for what is no picture or sound.
        """
        if self._sending is not None:
            await asyncio.wait((self._sending,))
            if not self._sending.cancelled():
                self._sending.result()

    async def close(self) -> None:
        """Stop sending, and let others have the track. Idempotent."""
        if not self._is_closed:
            self.end()
            await self._leave(self)

    def end(self) -> None:
        """Stop the source, and send nothing more."""
        self._is_closed = True
        if self._sending is not None:
            self._sending.cancel()
        self.outgoing.close()

    async def _send_all(self, source: Source, interval: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with aclosing(_each(source)) as items:
            async for media in items:
                await asyncio.sleep(due - loop.time())
                # A source that was late is not hurried after.
                due = max(due, loop.time() - interval) + max(self.put(media), interval)

    def _finished(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a published source failed", track=self.track.name, error=str(error))


async def _each(source: Source) -> AsyncGenerator[Media, None]:
    if isinstance(source, AsyncIterable):
        async for media in source:
            yield media
        return
    handed: asyncio.Queue[tuple[Any, Exception | None]] = asyncio.Queue(1)
    wanted = threading.Event()
    wanted.set()
    # A source may wait, as a camera does: not on the loop, nor in a thread that the end of the program waits for.
    pump = (iter(source), handed, wanted, asyncio.get_running_loop())
    threading.Thread(target=_pump, args=pump, name="reactor-source", daemon=True).start()
    try:
        while True:
            media, error = await handed.get()
            if error is not None:
                raise error
            if media is _END:
                return
            yield media
    finally:
        wanted.clear()
        if not handed.empty():
            handed.get_nowait()


def _pump(
    source: Iterator[Media],
    handed: asyncio.Queue[tuple[Any, Exception | None]],
    wanted: threading.Event,
    loop: asyncio.AbstractEventLoop,
) -> None:
    def hand(media: Any, error: Exception | None = None) -> bool:
        try:
            asyncio.run_coroutine_threadsafe(handed.put((media, error)), loop).result()
        except (CancelledError, RuntimeError):
            return False  # the loop has ended, and with it all interest
        return wanted.is_set()

    try:
        for media in source:
            if not hand(media):
                return
        hand(_END)
    except Exception as error:  # noqa: BLE001 - whatever the source raises is for who published it
        hand(None, error)
