"""Between an authoring style and the process it runs in: a driver runs one style, an outlet takes what it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.worker.messages import (
    ClientJoined,
    ClientLeft,
    FileArrived,
    InputFreed,
    Invoke,
    SessionBegan,
    SessionEnding,
)

if TYPE_CHECKING:
    from reactor_runtime.authoring.input_frame import InputFrame


@dataclass(frozen=True, slots=True)
class Received:
    """One picture or run of sound that a client sent, as the model reads it."""

    track: str
    client_id: int
    frame: InputFrame


Inbound = SessionBegan | ClientJoined | ClientLeft | Invoke | FileArrived | InputFreed | SessionEnding | Received
"""What reaches a model. Media is there to be read at once; everything else is handled in one order."""


class Outlet(Protocol):
    """Where a driver puts what the model makes. Thread: any."""

    def emit(
        self,
        payloads: Mapping[str, object],
        *,
        fps: float | None = None,
        compute_time: float | None = None,
        drop: bool = False,
        called_at: float | None = None,
    ) -> int:
        """Normalise one chunk into ring slots and hand it to the stream; wait while the stream is full.

        Where the rate is pinned, it also waits until it is time to make the next chunk, which is then ready shortly
        before its slot; not with `drop`.

        Args:
            payloads: Track name to what the author gave: see `media.normalise`.
            fps: Rate to play at; None measures it (from `compute_time`, else from the time between emits).
            compute_time: Seconds the chunk took to generate, until now.
            drop: Throw away what finds no room instead of waiting.
            called_at: When the author's code handed it over, where that was on another thread.

        Returns:
            Frames handed over. 0 when no session is open, after `stop_waiting`, or when a flush overtook the chunk.

        Raises:
            OutputError: A payload is no picture or sound, or names no output track.
        """

    def resumed(self, tracks: Iterable[str]) -> None:
        """The author's code goes on after an emit on these tracks, where it waited for it on another thread.

        What follows shows every command that was handled by now.
        """

    def flush(self, *, hold: bool = False) -> None:
        """Drop everything not yet shown, here and in the server; wakes an `emit` that waits."""

    def supersede(self) -> None:
        """Flush and keep the last picture, where anything was emitted since the last flush.

        A chunk that comes later is dropped too if its `compute_time` says that it was begun before.
        """

    def say(self, data: object, *, name: str | None = None, client_id: int | None = None) -> None:
        """Send a message to one client, or to all. It is encoded before this returns.

        Raises:
            AuthorError: `data` cannot be encoded; names the field and its type.
        """

    def reply(
        self,
        command_id: int,
        data: object = None,
        *,
        name: str | None = None,
        error_code: str | None = None,
        error_message: str = "",
    ) -> None:
        """Answer one command, exactly once. `data` that cannot be encoded becomes an `internal_error` reply."""

    def failed(self, where: Literal["load", "run", "handler", "hook"], error: BaseException | str) -> None:
        """Report the author's failure: logged with its traceback here, summarised for clients by the server."""

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Report what loading is busy with."""

    def end_session(self, reason: str, *, crashed: bool = False) -> None:
        """Tell the server that the model itself ended the session."""

    def session_closed(self) -> None:
        """Tell the server that the model let go of the session."""


class Driver(Protocol):
    """Runs one model of one authoring style. Made in the worker once the author's class is imported."""

    contract: Contract

    def load(self, outlet: Outlet) -> None:
        """Construct the model and load its weights. Thread: main. Raises whatever the author's code raises."""

    def run(self) -> None:
        """Serve sessions until `close`; returns when closed. Thread: main.

        Raises:
            BaseException: What the author's loop raised; the process reports it and ends.
        """

    def deliver(self, item: Inbound) -> None:
        """Queue one item for the model; never blocks. Thread: any."""

    def close(self) -> None:
        """Make `run` return soon: the current session ends first. Thread: any."""


MakeDriver = Callable[[type[Any], Contract, Any], Driver]
"""(author's class, its contract, parsed configuration) to driver."""
