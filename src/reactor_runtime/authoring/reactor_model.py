"""Generation 2: `ReactorModel`, a class whose `run` emits for as long as the model lives."""

from __future__ import annotations

import inspect
import numbers
import types
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, Union, get_args, get_origin

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.events import Connected, Disconnected, Event, FileUploaded, Handlers, handlers_of
from reactor_runtime.authoring.inputs import Input
from reactor_runtime.authoring.messages import ModelMessage, spec_of, spoken
from reactor_runtime.authoring.names import annotations_of, place, snake, visible
from reactor_runtime.authoring.tracks import Output, each_track_once, payloads_of
from reactor_runtime.errors import ContractError, OutputError
from reactor_runtime.media.pacer import FASTEST

if TYPE_CHECKING:
    import asyncio  # 40 ms; wanted once a model is constructed


class Stage(Protocol):
    """What a running model reaches the world through; its driver provides it."""

    async def emit(
        self, payloads: Mapping[str, object], *, fps: float | None, compute_time: float | None, drop: bool
    ) -> None:
        """Hand over one chunk; wait for room without blocking the loop."""

    def submit(self, payloads: Mapping[str, object], *, fps: float | None, drop: bool) -> int:
        """Hand over one chunk; wait for room in the calling thread."""

    def flush(self, *, hold: bool) -> None:
        """Drop everything not yet shown."""

    def say(self, data: object, *, name: str, client_id: int | None = None) -> None:
        """Send a message."""

    def events(self) -> AsyncIterator[Occurrence]:
        """Tell what happens from here on."""

    async def cycle(self) -> None:
        """Run a pipeline's generators, for the life of the model."""


Occurrence = Event | Connected | Disconnected | FileUploaded
"""What `events()` tells of."""


class OutputBuffer:
    """The stream between `emit` and the viewers, as the model sees it."""

    def __init__(self, model: ReactorModel) -> None:
        self._model = model
        self._fps: float | None = None

    @property
    def fps(self) -> float:
        """Frames per second the stream plays at, as far as the author said: `set_fps`, else the class's `fps`."""
        return self._fps or self._model.fps

    def set_fps(self, fps: float) -> None:
        """Play what is emitted from here on at this rate, whatever was measured or declared.

        Raises:
            ValueError: Not above zero, or more than 240.
        """
        if not fps > 0:
            raise ValueError(f"fps must be positive, got {fps}")
        if fps > FASTEST:
            raise ValueError(f"fps must be at most {FASTEST:g}, got {fps}")
        self._fps = fps

    def flush(self, *, hold: bool = False) -> None:
        """Drop everything not yet shown, for every viewer; then black, or the last picture with `hold`."""
        self._model._on_stage().flush(hold=hold)

    def clear(self) -> None:
        """Drop everything not yet shown, and keep the last picture."""
        self.flush(hold=True)

    def submit(self, output: Output, *, drop: bool = False) -> int:
        """Hand finished media to the stream from a thread that may wait; `ReactorModel.emit` is for the loop.

        Args:
            output: An instance of the model's `Output` subclass.
            drop: Throw away what finds no room instead of waiting.

        Returns:
            Frames handed over.

        Raises:
            OutputError: It is no `Output`, or a payload is no picture or sound.
        """
        return self._model._on_stage().submit(_payloads(output), fps=self.pinned(), drop=drop)

    def pinned(self) -> float | None:
        """Return the rate the author asked for, None when it is to be measured."""
        own: float | None = vars(self._model).get("fps")
        return self._fps or own or pinned_fps(type(self._model))


class ReactorModel:
    """Base of a model that drives its own loop. Override `load` and `run`; mark handlers with `@event`.

    Everything but `load` runs on one asyncio loop: handlers run one after another, and between the awaits of `run`.

    Attributes:
        fps: Declare it to pin the playout rate; undeclared, the rate is measured.
        buffer_size: Most frames generated ahead of what is shown; a steady model at a pinned rate is one ahead.
        max_lead_ms: Most milliseconds that these last; None leaves it to `buffer_size`.
        connected: Set while at least one client is there.
        output_buffer: `flush()`, `set_fps()`, and `submit()` for threads.
    """

    fps: float = 30
    buffer_size: int = 4
    max_lead_ms: float | None = None
    connected: asyncio.Event
    output_buffer: OutputBuffer

    _handlers: ClassVar[Handlers]
    _inputs: ClassVar[Mapping[str, type[Input]]]
    _stage: Stage | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        where = place(cls)
        numeric = (
            ("fps", numbers.Real, "a number"),
            ("buffer_size", numbers.Integral, "whole"),
            ("max_lead_ms", numbers.Real, "a number of milliseconds, or None"),
        )
        for attribute, kind, words in numeric:
            value = getattr(cls, attribute)
            if attribute == "max_lead_ms" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, kind):
                raise ContractError(f"{where}: {attribute} must be a class attribute and {words}, got {value!r}")
            if not float(value) > 0:
                raise ContractError(f"{where}: {attribute} must be positive, got {value!r}")
        if cls.fps > FASTEST:
            raise ContractError(f"{where}: fps is at most {FASTEST:g}, got {cls.fps!r}")
        if "connected" in vars(cls):
            raise ContractError(
                f"{where}: self.connected is the event that the runtime sets; give the method or attribute another "
                "name, as in `def on_connect(self)`"
            )
        if not inspect.iscoroutinefunction(cls.run):
            raise ContractError(f"{where}: run must be written `async def run(self)`")
        cls._handlers = handlers_of(cls)
        annotated = {name: never_none(annotation) for name, annotation in annotations_of(cls)}
        cls._inputs = {n: a for n, a in annotated.items() if isinstance(a, type) and issubclass(a, Input)}

    @classmethod
    def _check_definition(cls) -> None:
        """Raise ContractError where a model, unlike a base of models, cannot do without something."""

    def _check_loaded(self) -> None:
        """Raise AuthorError where a model lacks what `load` was the last to provide."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:  # noqa: D102 - so that an author's __init__ need not call ours
        import asyncio

        self = super().__new__(cls)
        self.connected = asyncio.Event()
        self.output_buffer = OutputBuffer(self)
        return self

    def load(self, *args: Any, **kwargs: Any) -> Any:
        """Load weights, once, before any client; sync or async. Override it as `load(self, config)`. Thread: main.

        It is given the parsed configuration, a dict which also works as the path of its file, or, where it takes no
        parameter, nothing.
        """

    async def run(self) -> None:
        """Emit for the life of the model. Returning, or raising, ends the model."""
        import asyncio

        await asyncio.Event().wait()

    async def emit(self, output: Output, *, compute_time: float | None = None, drop: bool = False) -> None:
        """Hand finished media to the stream; wait, without blocking the loop, while the stream is full.

        Args:
            output: An instance of the model's `Output` subclass.
            compute_time: Seconds it took to generate; the playout rate follows it unless the rate is pinned.
            drop: Throw away what finds no room instead of waiting.

        Raises:
            OutputError: It is no `Output`, or a payload is no picture or sound.
        """
        payloads, stage = _payloads(output), self._on_stage()
        await stage.emit(payloads, fps=self.output_buffer.pinned(), compute_time=compute_time, drop=drop)

    async def send(self, message: ModelMessage) -> None:
        """Send a message to every client.

        Raises:
            AuthorError: It is no `ModelMessage` or cannot be encoded.
        """
        content, name = spoken(message)
        self._on_stage().say(content, name=name)

    def events(self) -> AsyncIterator[Occurrence]:
        """Tell of every command, client and upload from here on, in order; handlers and hooks are called as ever."""
        return self._on_stage().events()

    def _on_stage(self) -> Stage:
        if self._stage is None:
            raise RuntimeError(f"{type(self).__name__} is not running: the runtime has not started it")
        return self._stage


def _payloads(output: Output) -> Mapping[str, Any]:
    if not isinstance(output, Output):
        raise OutputError(
            f"emit() takes an Output, got {type(output).__name__}; wrap it, as in MyOutput(main_video=frame)"
        )
    return payloads_of(output)


def load_with(model: ReactorModel, config: Mapping[str, Any]) -> Any:
    """Call `load` with the configuration, if it takes one."""
    parameters = list(inspect.signature(model.load).parameters.values())
    if not parameters:
        return model.load()
    if parameters[0].kind is parameters[0].KEYWORD_ONLY:
        return model.load(**{parameters[0].name: config})
    return model.load(config)


def never_none(annotation: Any) -> Any:
    """Return `T` of an attribute annotated `T | None`, for one that the runtime sees to."""
    some = [arg for arg in get_args(annotation) if arg is not type(None)]
    return some[0] if get_origin(annotation) in (Union, types.UnionType) and len(some) == 1 else annotation


def pinned_fps(cls: type[ReactorModel]) -> float | None:
    """Return the rate declared anywhere below `ReactorModel`, None when there is none."""
    return cls.fps if any("fps" in vars(base) for base in cls.__mro__ if base is not ReactorModel) else None


def contract_of(cls: type[ReactorModel], *, name: str | None, description: str, version: str) -> Contract:
    """Compile everything a model class offers.

    Raises:
        ContractError: Its tracks or messages contradict each other.
    """
    where = place(cls)
    takes = list(inspect.signature(cls.__init__).parameters.values())[1:]
    needed = [p.name for p in takes if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        raise ContractError(
            f"{where}: __init__ needs {', '.join(needed)}, but a model is constructed without arguments; its "
            "configuration is given to `load(self, config)`"
        )
    cls._check_definition()
    inputs = each_track_once({declared: declared.__tracks__.values() for declared in visible(Input, cls)}, where)
    outputs = each_track_once({declared: declared._tracks for declared in visible(Output, cls)}, where)
    for track in {t.name for t in inputs} & {t.name for t in outputs}:
        raise ContractError(f"{where}: track name {track!r} is declared as both input and output")
    return Contract(
        model_name=name or snake(cls.__name__),
        generation="reactor_model",
        tracks=(*inputs, *outputs),
        commands=tuple(command.spec for command in cls._handlers.commands.values()),
        messages=tuple(spec_of(message) for message in visible(ModelMessage, cls)),
        description=description or inspect.cleandoc(vars(cls).get("__doc__") or ""),
        version=version,
        fps=None if (fps := pinned_fps(cls)) is None else float(fps),
        buffer_size=int(cls.buffer_size),
        max_lead_ms=None if cls.max_lead_ms is None else float(cls.max_lead_ms),
    )
