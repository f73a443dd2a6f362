"""`ModelHarness`: one model, run as a worker runs it, with a test in the place of its clients."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.openapi import openapi
from reactor_runtime.authoring.reactor_model import ReactorModel
from reactor_runtime.authoring.video_model import VideoModel
from reactor_runtime.loader import LoadedModel, define, load_definition
from reactor_runtime.media.frame import AUDIO_CLOCK_RATE
from reactor_runtime.testing.clock import ManualClock
from reactor_runtime.testing.conversation import Answer, Client, Conversation, Listener, track_of
from reactor_runtime.testing.letters import Letters
from reactor_runtime.testing.running import RunningModel
from reactor_runtime.testing.sent import UploadFolder
from reactor_runtime.testing.witness import Chunk, Pixels, Samples
from reactor_runtime.worker.messages import SessionBegan, SessionEnding, Setup

M = TypeVar("M", bound=VideoModel | ReactorModel)


class ModelHarness(Listener, Generic[M]):
    """Runs one model, of any style, for a test. A context manager: a session with a client is open inside.

    What is emitted is checked, resampled and held back as in the runtime; the test takes the place of the viewers, so
    the model is at most `buffer_size` frames, or one chunk, ahead of what was taken. Whatever the author's code raises
    is raised where the test waits, or when the block ends. It hears all messages, to whomever. Thread: one.
    """

    @overload
    def __init__(
        self: ModelHarness[M],
        model: type[M],
        config: Mapping[str, Any] | None = None,
        *,
        clients: int = 1,
        timeout: float = 5.0,
        load_timeout: float = 60.0,
        clock: ManualClock | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: ModelHarness[Any],
        model: str | PathLike[str],
        config: Mapping[str, Any] | None = None,
        *,
        clients: int = 1,
        timeout: float = 5.0,
        load_timeout: float = 60.0,
        clock: ManualClock | None = None,
    ) -> None: ...
    def __init__(
        self,
        model: Any,
        config: Mapping[str, Any] | None = None,
        *,
        clients: int = 1,
        timeout: float = 5.0,
        load_timeout: float = 60.0,
        clock: ManualClock | None = None,
    ) -> None:
        """Compile the model; it is constructed and loaded when the block begins.

        Args:
            model: The class, or a folder as `reactor run` takes it.
            config: On top of the configuration that the model declares.
            clients: How many are there when the block begins.
            timeout: Seconds that anything may take; each method that waits may be given its own.
            load_timeout: Seconds that loading may take.
            clock: Time of the test's making, for models of generation 2; then timeouts count its seconds.

        Raises:
            ContractError: The class is declared wrongly.
            ValueError: A model of generation 1 lives in real time, on threads.
        """
        definition = _defined(model, config)
        if clock is not None and issubclass(definition.cls, VideoModel):
            raise ValueError("a VideoModel works on threads, in real time; leave the clock out")
        self.contract: Contract = definition.contract
        self._clock = clock
        self._first_clients = clients
        self._running = RunningModel(definition, clock, timeout, load_timeout)
        self._uploads = UploadFolder()
        super().__init__(Conversation(definition.contract, self._running, Letters(definition.cls), self._uploads), None)
        self._session_ids = itertools.count(1)

    def __enter__(self) -> Self:
        try:
            self._running.start()
            self.start_session()
            for _ in range(self._first_clients):
                self.join()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._running.stop()
        except TimeoutError as error:
            if raised is None:
                raise
            raised.add_note(str(error))
        finally:
            self._uploads.close()
            unseen = self._running.unseen()
            if raised is not None:
                for other in unseen:
                    raised.add_note(f"the model had raised {other!r}")
        if raised is None and unseen:
            raise unseen[0] if len(unseen) == 1 else BaseExceptionGroup("raised in the model", unseen)

    # ---- the session --------------------------------------------------------------------------------------------

    def start_session(self) -> None:
        """Open a session; the block begins with one."""
        self._running.witness.ended = None
        self._running.deliver(SessionBegan(f"test-{next(self._session_ids)}"))

    def end_session(self, reason: str = "stopped") -> None:
        """Close the session. Returns once the model has let go of it; what was not taken is gone."""
        witness = self._running.witness
        before = witness.closed_sessions
        self._running.deliver(SessionEnding(reason))
        self._conversation.forget()
        self._running.wait(
            lambda: witness.closed_sessions > before or None, "the model to let go of the session", in_session=False
        )

    def join(self) -> Client:
        """Let a client join. Returns once `@connected` has run."""
        return self._conversation.join()

    @property
    def client(self) -> Client:
        """The client that has been there longest.

        Raises:
            IndexError: Nobody is there.
        """
        if not self._conversation.clients:
            raise IndexError("nobody is in the session; let a client join()")
        return self._conversation.clients[0]

    @property
    def clients(self) -> list[Client]:
        """Who is there, longest first."""
        return list(self._conversation.clients)

    @property
    def ended(self) -> str | None:
        """Why the model itself ended the session, None where it did not."""
        ended = self._running.witness.ended
        return None if ended is None else ended.reason

    def command(self, name: str, /, **arguments: Any) -> Any:
        """Send a command, as the first client, and wait for the answer.

        Args:
            name: Of the command.
            arguments: What JSON carries, or what becomes that; an `UploadedFile` or a `Path` is uploaded first.

        Returns:
            The reply: an instance of the author's message class, what a command of generation 1 returned, or None.

        Raises:
            CommandRefused: The client is told no, by the schema or by the handler.
            BaseException: What the handler raised.
        """
        return self.post(name, **arguments).wait()

    def post(self, name: str, /, **arguments: Any) -> Answer:
        """Send a command without waiting, as when its handler waits for what the test does next.

        Raises:
            CommandRefused: The schema does not take it.
        """
        clients = self._conversation.clients
        return self._conversation.post(clients[0].id if clients else None, name, arguments)

    def push(
        self,
        track: str,
        frame: Any,
        pts: float | None = None,
        metadata: bytes | None = None,
        capture_time_us: int | None = None,
    ) -> None:
        """Send media, as the first client.

        Args:
            track: An input track of the model.
            frame: (H, W, 3) uint8 RGB, or (1, samples) int16 at the track's rate; an `InputFrame` as it is.
            pts: Seconds since the track's first frame; without it, frames are 1/30 s apart and sound has its length.
            metadata: What the client sends along.
            capture_time_us: When the client took it.

        Raises:
            ValueError: The model has no such input track, or the frame is none of it.
        """
        self.client.push(track, frame, pts, metadata, capture_time_us)

    # ---- what comes out -----------------------------------------------------------------------------------------

    def frames(self, n: int, track: str | None = None, timeout: float | None = None) -> list[Pixels]:
        """Take the next frames of a video track, as viewers get them: no frame is lost, none comes twice.

        Args:
            n: How many to wait for.
            track: Its name; not needed where there is one.
            timeout: Seconds for all of them.

        Returns:
            (H, W, 3) uint8 RGB each, exact; odd sides are made even by repeating the last row or column.

        Raises:
            TimeoutError: They do not come in time; names where the model stands.
        """
        name = track_of(self.contract, track, "out", "video").name
        frames: list[Pixels] = []

        def found() -> list[Pixels] | None:
            frames.extend(self._running.witness.take_frames(name, n - len(frames)))
            return frames if len(frames) == n else None

        return self._running.wait(found, f"{n} frames of {name!r}", timeout)

    def audio(
        self, seconds: float = 0.0, *, samples: int = 0, track: str | None = None, timeout: float | None = None
    ) -> Samples:
        """Take the next sound of an audio track, as it is heard: (channels, samples) int16 at 48 kHz.

        Args:
            seconds: How much to wait for.
            samples: The same in samples at 48 kHz, beside `seconds`.
            track: Its name; not needed where there is one.
            timeout: Seconds to wait for all of it.

        Raises:
            TimeoutError: It does not come in time; names where the model stands.
        """
        name = track_of(self.contract, track, "out", "audio").name
        wanted = round(seconds * AUDIO_CLOCK_RATE) + samples
        blocks: list[Samples] = []

        def found() -> Samples | None:
            blocks.extend(self._running.witness.take_samples(name, wanted - sum(b.shape[1] for b in blocks)))
            return np.concatenate(blocks, axis=1) if sum(b.shape[1] for b in blocks) == wanted else None

        return self._running.wait(found, f"{wanted} samples of {name!r}", timeout)

    def chunks(self, n: int, timeout: float | None = None) -> list[Chunk]:
        """Take the next chunks, one per emit, with the rate that each asks for.

        Raises:
            TimeoutError: They do not come in time; names where the model stands.
        """
        chunks: list[Chunk] = []

        def found() -> list[Chunk] | None:
            while len(chunks) < n and (chunk := self._running.witness.take_chunk()):
                chunks.append(chunk)
            return chunks if len(chunks) == n else None

        return self._running.wait(found, f"{n} chunks", timeout)

    def skip(self) -> None:
        """Drop what was emitted and not taken, and what the model may have begun to make before now."""
        self._running.witness.skip()

    @property
    def flushes(self) -> list[bool]:
        """Every flush so far: whether it holds the last picture. What was not taken before it is gone."""
        return list(self._running.witness.flushes)

    # ---- the model ----------------------------------------------------------------------------------------------

    @property
    def model(self) -> M:
        """The author's instance. It works on threads of its own meanwhile."""
        model: M = self._running.instance
        return model

    @property
    def state(self) -> Any:
        """The state of a pipeline."""
        return self._running.instance.state

    @property
    def clock(self) -> ManualClock:
        """The manual clock that the model lives on.

        Raises:
            ValueError: It lives in real time.
        """
        if self._clock is None:
            raise ValueError("this model lives in real time; give the harness clock=ManualClock()")
        return self._clock

    @property
    def errors(self) -> list[BaseException]:
        """What the author's code raised so far. Once looked at, it is not raised at the end."""
        return self._running.see(self._running.witness.failures)

    @property
    def schema(self) -> dict[str, Any]:
        """The OpenAPI document of the model."""
        return openapi(self.contract)


def _defined(model: Any, config: Mapping[str, Any] | None) -> LoadedModel:
    if not isinstance(model, type):
        return load_definition(Setup(str(Path(model).resolve())), config)
    try:
        folder = Path(inspect.getfile(model)).resolve().parent
    except (TypeError, OSError):  # defined where there is no file, as in a notebook
        folder = Path.cwd()
    return define(model, Setup(str(folder)), config)
