"""`PipelineExecutor`: a pipeline taken step by step, without a server."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from reactor_runtime.authoring.pipeline import Idle, ReactorPipeline, output_of
from reactor_runtime.authoring.tracks import Output
from reactor_runtime.runtime import clock as real_clock
from reactor_runtime.testing.clock import ManualClock
from reactor_runtime.testing.conversation import CommandRefused
from reactor_runtime.testing.harness import ModelHarness

_END = object()


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step of `inference()` gave.

    Attributes:
        output: What it yielded; None for `Idle` and None.
        compute_time: Real seconds it took.
        messages: What the model said to clients meanwhile.
    """

    output: Output | None
    compute_time: float
    messages: list[Any]


class PipelineExecutor:
    """Runs one pipeline, a yield at a time: `next` takes a step, iterating takes them until the generator ends.

    Handlers run between steps. Thread: one.
    """

    def __init__(
        self, pipeline_cls: type[ReactorPipeline], config: Mapping[str, Any] | None = None, *, timeout: float = 5.0
    ) -> None:
        """Compile, construct and load the pipeline.

        Args:
            pipeline_cls: The author's class.
            config: What `load` is given.
            timeout: Seconds that a step, or anything else, may take.

        Raises:
            TypeError: It is no pipeline, or is declared wrongly.
        """
        given: object = pipeline_cls
        if not (isinstance(given, type) and issubclass(given, ReactorPipeline)):
            raise TypeError(f"PipelineExecutor takes a ReactorPipeline subclass, got {pipeline_cls!r}")
        self._harness: ModelHarness[ReactorPipeline] = ModelHarness(
            pipeline_cls, config, clients=0, clock=ManualClock(), timeout=timeout
        )
        self._running = self._harness._running
        self._gate = _Gate()
        self._told = 0
        self._is_open = True
        self._harness.__enter__()
        model: Any = self._harness.model
        # `load()` may have put a generator function of its own there.
        model.inference = self._gate.guarding(model.inference)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(kind, raised, trace)

    def close(self) -> None:
        """End the pipeline. Idempotent.

        Raises:
            BaseException: What the author's code raised and nobody was told yet.
        """
        self._close(None, None, None)

    @property
    def state(self) -> Any:
        """The live state."""
        return self._harness.state

    def connect(self) -> list[Any]:
        """Let a client join; returns what the model said meanwhile.

        Raises:
            RuntimeError: One is there.
        """
        if self._harness.clients:
            raise RuntimeError("connect() called on an already-connected executor. Call disconnect() first.")
        self._harness.join()
        return self._news()

    def disconnect(self) -> list[Any]:
        """Let the client leave: the generator is closed, and the state a fresh one.

        Raises:
            RuntimeError: Nobody is there.
        """
        self._check_connected("disconnect()")
        self._harness.client.leave()
        return self._news()

    def send_event(self, name: str, /, **arguments: Any) -> list[Any]:
        """Send a command, whose handler runs now; returns what the model said meanwhile.

        Raises:
            ValueError: No such event, or a value does not fit.
            TypeError: An argument is missing or unexpected.
            CommandRefused: The handler refused it.
            BaseException: What the handler raised.
        """
        commands = {command.name: command.schema for command in self._harness.contract.commands}
        if name not in commands:
            raise ValueError(f"Unknown event {name!r}. Available events: {sorted(commands)}")
        known, required = commands[name].get("properties", {}), commands[name].get("required", [])
        wrong = [f"unexpected {n!r}" for n in arguments if n not in known]
        wrong += [f"missing {n!r}" for n in required if n not in arguments]
        if wrong:
            raise TypeError(f"Invalid arguments for event {name!r}: {', '.join(wrong)}")
        self._check_connected("send_event()")
        try:
            self._harness.command(name, **arguments)
        except CommandRefused as refused:
            if refused.code != "invalid_command":
                raise
            raise ValueError(f"Validation failed for event {name!r}: {refused.message}") from None
        return self._news()

    def push_media(self, track: str, media: Any) -> list[Any]:
        """Send a frame, an array or `InputFrame`, on an input track.

        Raises:
            ValueError: The model has no such track, or the frame is none of it.
        """
        self._check_connected("push_media()")
        self._harness.push(track, media)
        return self._news()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StepResult:
        """Take one step; where the generator ends, the next call begins it anew.

        Raises:
            RuntimeError: Nobody is connected.
            TimeoutError: The step waits for input that nobody sent, or takes too long; names where it stands.
            BaseException: What `inference()` raised.
        """
        self._check_connected("next()")
        gate = self._gate
        gate.open()
        yielded, seconds = self._running.wait(gate.passed, "a step")
        if yielded is _END:
            raise StopIteration
        self._harness.clock.settle()
        while self._running.witness.take_chunk():
            pass
        if errors := self._running.unseen():
            raise errors[0]
        return StepResult(output_of(type(self._harness.model), yielded), seconds, self._news())

    def _news(self) -> list[Any]:
        messages = self._harness.messages
        news, self._told = messages[self._told :], len(messages)
        return news

    def _check_connected(self, call: str) -> None:
        if not self._harness.clients:
            raise RuntimeError(f"{call} called without an active session. Call connect() first.")

    def _close(self, *raised: Any) -> None:
        if self._is_open:
            self._is_open = False
            self._harness.__exit__(*raised)


class _Gate:
    """Lets a generator take one step at a time; while it is shut, the generator is idle. Thread: any."""

    def __init__(self) -> None:
        self._is_open = threading.Event()
        self._passed: list[tuple[Any, float]] = []

    def open(self) -> None:
        """Allow one step."""
        self._passed.clear()
        self._is_open.set()

    def passed(self) -> tuple[Any, float] | None:
        """Return what the step yielded and how long it took; None before it did."""
        return self._passed[0] if self._passed else None

    def guarding(self, inference: Callable[[], Any]) -> Callable[[], AsyncIterator[Any]]:
        """Return a generator function that begins and steps the author's at this gate."""

        async def guarded() -> AsyncIterator[Any]:
            while not self._is_open.is_set():
                yield Idle
            generator = inference()
            is_sync = inspect.isgenerator(generator)
            try:
                while True:
                    began = real_clock.now()
                    yielded = next(generator, _END) if is_sync else await anext(generator, _END)
                    self._is_open.clear()
                    self._passed.append((yielded, real_clock.now() - began))
                    if yielded is _END:
                        return
                    yield yielded
                    while not self._is_open.is_set():
                        yield Idle
            finally:
                if is_sync:
                    generator.close()
                else:
                    await generator.aclose()

        return guarded
