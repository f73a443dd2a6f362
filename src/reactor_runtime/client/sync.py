"""The client for programs without an event loop: `Client` on a loop in a thread of its own, method for method."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from reactor_runtime.client.client import Client
from reactor_runtime.client.server import DEFAULT_URL, Json
from reactor_runtime.client.values import CommandSpec, Figures, Frame, Message, Reply, Sound, State, Track, Upload

if TYPE_CHECKING:
    from reactor_runtime.client.publication import Media, Publication, Source

T = TypeVar("T")

_END: Any = object()


class _Loop:
    """An event loop in a daemon thread, for as long as a client needs it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reactor-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end of the work, and return or raise what it does."""
        if not self._thread.is_alive():
            work.close()
            raise RuntimeError("the client is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C comes here while the work goes on there
            raise

    def each(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Yield what an asynchronous iterator does."""
        try:
            while (item := self.run(_next(items))) is not _END:
                yield item
        finally:
            close = getattr(items, "aclose", None)
            if close is not None and self._thread.is_alive():
                self.run(close())

    def close(self) -> None:
        """End the loop and its thread. Idempotent."""
        if self._thread.is_alive():
            self.run(_finish())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _finish() -> None:
    """Let what still goes on come to its end."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items, _END)


class SyncPublication:
    """`Publication` from any thread."""

    def __init__(self, loop: _Loop, publication: Publication) -> None:
        self._loop = loop
        self._publication = publication

    def put(self, media: Media) -> float:
        """See `Publication.put`."""

        async def put() -> float:
            return self._publication.put(media)

        return self._loop.run(put())

    def done(self) -> None:
        """See `Publication.done`."""
        self._loop.run(self._publication.done())

    def close(self) -> None:
        """See `Publication.close`."""
        self._loop.run(self._publication.close())


class SyncClient:
    """`Client` from any thread; what it promises is told there. Connects on `with`, or at `connect()`."""

    def __init__(self, url: str = DEFAULT_URL, **options: Any) -> None:
        """Make a client that is not connected yet; `options` are those of `Client`."""
        self._client = Client(url, **options)
        self._loop = _Loop()

    def __enter__(self) -> Self:
        """Connect."""
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self.close()

    @property
    def state(self) -> State:
        """How the connection stands."""
        return self._client.state

    @property
    def reason(self) -> str:
        """Why it stands so."""
        return self._client.reason

    @property
    def model(self) -> str:
        """The model's name."""
        return self._client.model

    @property
    def session_id(self) -> str:
        """The session that it is in."""
        return self._client.session_id

    @property
    def tracks(self) -> list[Track]:
        """The session's tracks."""
        return self._client.tracks

    @property
    def schema(self) -> Json:
        """The model's OpenAPI 3.1 document."""
        return self._client.schema

    @property
    def commands(self) -> dict[str, CommandSpec]:
        """What the document says of commands."""
        return self._client.commands

    def connect(self) -> None:
        """See `Client.connect`; a client that could not connect is closed."""
        try:
            self._loop.run(self._client.connect())
        except BaseException:
            self._loop.close()
            raise

    def close(self) -> None:
        """See `Client.close`."""
        if self._client.state != "closed":
            self._loop.run(self._client.close())
        self._loop.close()

    def stop(self) -> None:
        """See `Client.stop`."""
        self._loop.run(self._client.stop())
        self._loop.close()

    def send(self, command: str, /, **arguments: Any) -> Reply:
        """See `Client.send`."""
        return self._loop.run(self._client.send(command, **arguments))

    def upload(self, source: Path | str | bytes, *, name: str = "", mime_type: str = "") -> Upload:
        """See `Client.upload`."""
        return self._loop.run(self._client.upload(source, name=name, mime_type=mime_type))

    def messages(self) -> Iterator[Message]:
        """See `Client.messages`."""

        async def begin() -> AsyncIterator[Message]:
            return self._client.messages()

        return self._loop.each(self._loop.run(begin()))

    def frames(self, track: str | None = None, *, every: bool = False) -> Iterator[Frame]:
        """See `Client.frames`."""
        return self._loop.each(self._client.frames(track, every=every))

    def sound(self, track: str | None = None) -> Iterator[Sound]:
        """See `Client.sound`."""
        return self._loop.each(self._client.sound(track))

    def publish(
        self, track: str, source: Source | None = None, *, fps: float | None = 30.0, rate: int = 48_000
    ) -> SyncPublication:
        """See `Client.publish`."""
        publication = self._loop.run(self._client.publish(track, source, fps=fps, rate=rate))
        return SyncPublication(self._loop, publication)

    def figures(self) -> Figures:
        """See `Client.figures`."""
        return self._loop.run(self._client.figures())


def connect(url: str = DEFAULT_URL, **options: Any) -> SyncClient:
    """Return a connected client; `options` are those of `Client`, and so is what it raises."""
    client = SyncClient(url, **options)
    client.connect()
    return client
