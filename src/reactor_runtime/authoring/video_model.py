"""Generation 1: `@model` on a `VideoModel`, whose `start_session` runs once per session on its own thread."""

from __future__ import annotations

import inspect
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from reactor_runtime.authoring.contract import CommandSpec, Contract, TrackSpec
from reactor_runtime.authoring.names import place, snake
from reactor_runtime.authoring.openapi import capabilities
from reactor_runtime.authoring.video_model_tracks import (
    MediaBundle,
    Track,
    TrackDirection,
    VideoIn,
    VideoOut,
    declared_on,
    frames_per_second,
)
from reactor_runtime.errors import ContractError, InvalidArgument
from reactor_runtime.weights.places import find

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Any])

running: ContextVar[type[VideoModel] | None] = ContextVar("running_video_model", default=None)
"""The class this thread of work belongs to, for `VideoModel.weights` called on the base."""

_NAME = re.compile(r"[a-z0-9-]+")
_DECLARATION = "__reactor_model__"
_MARK = "__reactor_command__"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `@model` was told."""

    name: str
    config: str | None
    weights: tuple[str, ...]
    metadata: Mapping[str, Any]


class VideoModel(ABC):
    """Base of a model that generates for as long as a session lasts. Decorate it with `@model`.

    One instance serves all sessions, one after another. It is constructed with the configuration, an omegaconf
    `DictConfig`, if its `__init__` takes one. Class attributes `VideoOut`, `AudioOut`, `VideoIn` and `AudioIn` are its
    tracks; without any there is one, `main_video`, and `video` from clients if it overrides `on_media` or `on_frame`.

    Threads: `start_session` has one of its own per session. Commands run on the main thread, one after another, in the
    order they came, and while `start_session` runs: what both change needs the author's lock. `on_media` and
    `on_frame` have a third thread.

    Attributes:
        emission_fps: Declare it above 0 to pin the playout rate. Undeclared it is the default video track's rate, and
            without that measured.
    """

    _tracks: ClassVar[dict[str, Track]] = {}
    _pinned_fps: ClassVar[float | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        tracks = declared_on(cls)
        if not tracks:
            tracks = {"main_video": VideoOut(default=True)}
            if cls.on_media is not VideoModel.on_media or cls.on_frame is not VideoModel.on_frame:
                tracks["video"] = VideoIn()
            for name, track in tracks.items():
                track.name = name
        cls._tracks = tracks
        cls._pinned_fps = _pinned_fps(cls)

    @abstractmethod
    def start_session(self) -> None:
        """Generate until `get_ctx().should_stop()`. Thread: `model-session`. Returning ends the session."""

    def on_media(self, bundle: MediaBundle) -> None:  # noqa: B027 - few models want it
        """Take what clients sent; overridden, it is called when something came. Thread: `model-media`.

        Calls do not overlap: what comes during one waits for the next, newest picture first and only.
        """

    def on_frame(self, frame: Any) -> None:  # noqa: B027 - few models want it
        """Take the newest picture that a client sent, `(H, W, 3)` uint8 RGB; the older form of `on_media`."""

    @classmethod
    def get_tracks(cls) -> dict[str, Track]:
        """Return the model's tracks by name."""
        return dict(cls._tracks)

    @classmethod
    def emission_fps_info(cls) -> float | None:
        """Return the pinned playout rate, None where it is measured."""
        return cls._pinned_fps

    @classmethod
    def capabilities(cls) -> dict[str, Any]:
        """Return tracks, commands and pinned rate as published clients are told them."""
        return capabilities(contract_of(cls, commands_of(cls)))

    @classmethod
    def commands(cls) -> list[dict[str, Any]]:
        """Return name, description and parameters of each command, as in `capabilities`."""
        found: list[dict[str, Any]] = cls.capabilities()["commands"]
        return found

    @classmethod
    def weights(cls, name: str) -> Path:
        """Return the folder of one set of weights that `@model(weights=[...])` lists; downloads a missing one.

        Raises:
            ValueError: The decorator does not list it.
            FileNotFoundError: It is in none of the places, which the message names.
            OperatorError: It could not be downloaded.
        """
        model_class = _declaring(cls, name)
        module = sys.modules[model_class.__module__]
        return find(name, Path(module.__file__ or ".").resolve().parent)


def model(
    name: str, config: str | None = None, weights: list[str] | None = None, **metadata: Any
) -> Callable[[type[C]], type[C]]:
    """Declare a `VideoModel` subclass as the project's model.

    Args:
        name: Lowercase letters, numbers and hyphens; clients know the model by it.
        config: YAML file with default configuration, relative to the model's folder.
        weights: Names of the weight folders the model needs.
        metadata: Anything else worth telling tools, as `author`, `version`, `description`.

    Raises:
        ContractError: The name breaks the rule, or the class is no `VideoModel`.
    """

    def declare(cls: type[C]) -> type[C]:
        target: object = cls
        if not isinstance(target, type) or not issubclass(target, VideoModel):
            raise ContractError(
                f"@model can only decorate VideoModel subclasses, got {getattr(target, '__name__', repr(target))}"
            )
        if not _NAME.fullmatch(str(name)):
            raise ContractError(
                f"{place(cls)}: @model(name={name!r}): a model name uses lowercase letters, numbers and hyphens only, "
                'as in @model(name="my-video-model")'
            )
        setattr(cls, _DECLARATION, Declaration(name, config, tuple(weights or ()), metadata))
        return cls

    return declare


def declaration_of(cls: type) -> Declaration | None:
    """Return what `@model` was told about this very class, None where it is not decorated."""
    declaration: Declaration | None = vars(cls).get(_DECLARATION)
    return declaration


def _declaring(cls: type[VideoModel], name: str) -> type[VideoModel]:
    """Return the decorated class that lists these weights: `cls`, the running one, or the only one there is."""
    if cls is VideoModel:
        current = running.get()
        pending, known = list(VideoModel.__subclasses__()), []
        while pending:
            child = pending.pop()
            pending += child.__subclasses__()
            if child.__module__ in sys.modules:  # else it belongs to a model that was dropped for another
                known.append(child)
        candidates = [current] if current else known
    else:
        candidates = [cls]
    declared = {c: d for c in candidates if (d := getattr(c, _DECLARATION, None))}
    if not declared:
        raise RuntimeError("No @model decorated class found. Ensure your VideoModel subclass has the @model decorator.")
    for candidate, declaration in declared.items():
        if name in declaration.weights:
            return candidate
    raise ValueError(
        f"Weight '{name}' not found in @model decorator. Please ensure all weights used by the model are listed in "
        "the @model decorator's weights parameter."
    )


def command(name: str, description: str = "") -> Callable[[F], F]:
    """Mark a method, sync or async, as the handler of a command that clients may send.

    Its signature becomes a pydantic model: values are coerced leniently, and `pydantic.Field` sets limits. A dict
    that it returns is sent to the client; `CommandError` refuses the command.

    Args:
        name: What clients call it.
        description: Shown to people.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, (name, description))
        return function

    return mark


class Command:
    """One compiled `@command` handler."""

    def __init__(self, name: str, description: str, method: str, function: Callable[..., Any]) -> None:
        self.method = method
        self._arguments, schema = _argument_model(name, function)
        self._parameters = tuple(inspect.signature(function).parameters)[1:]
        self.spec = CommandSpec(name, description, schema, checked_by="worker")

    def call(self, model: VideoModel, arguments: Mapping[str, Any]) -> Any:
        """Call the handler with coerced arguments; returns what it returns, perhaps a coroutine.

        Raises:
            InvalidArgument: Arguments do not fit, one line for each; the handler was not called.
        """
        from pydantic import ValidationError

        try:
            checked = self._arguments.model_validate(dict(arguments))
        except ValidationError as error:
            lines = [
                f"{self.spec.name}: {'.'.join(str(part) for part in e['loc'])}: {e['msg']}"
                + ("" if e["type"] == "missing" else f", got {e['input']!r}")
                for e in error.errors(include_url=False, include_context=False)
            ]
            raise InvalidArgument("\n".join(lines)) from error
        values = {name: getattr(checked, f"argument_{n}") for n, name in enumerate(self._parameters)}
        return getattr(model, self.method)(**values)


def commands_of(cls: type[VideoModel]) -> dict[str, Command]:
    """Compile the `@command` methods of a class, by command name.

    Raises:
        ContractError: Two share a name, or a signature cannot be filled by name.
    """
    marks: dict[str, tuple[str, str]] = {}
    for base in reversed(cls.__mro__):
        for attribute, value in vars(base).items():
            if mark := getattr(value, _MARK, None):
                marks[attribute] = mark
    commands: dict[str, Command] = {}
    for method, (name, description) in marks.items():
        function = getattr(cls, method)
        if not name:
            raise ContractError(f"{place(function)}: @command({name!r}): the name is a text that is not empty")
        if name in commands:
            raise ContractError(
                f"{place(function)}: duplicate command name {name!r}; {commands[name].method} has it already"
            )
        commands[name] = Command(name, description, method, function)
    return commands


def _argument_model(name: str, function: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
    """Return the pydantic model of a handler's arguments and its JSON Schema."""
    from pydantic import ConfigDict, Field, PydanticUserError, create_model

    where = place(function)
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        fields: dict[str, Any] = {}
        for n, parameter in enumerate(parameters):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                bare = parameter.replace(annotation=inspect.Parameter.empty)
                raise ContractError(f"{where}: {bare} cannot be filled by name; write one parameter per argument")
            empty = inspect.Parameter.empty
            hint: Any = Any if parameter.annotation is empty else parameter.annotation
            # By an alias, a parameter may be called `json`, `copy` or `_x`, which pydantic has its own use for.
            fields[f"argument_{n}"] = (
                Annotated[hint, Field(alias=parameter.name)],
                ... if parameter.default is empty else parameter.default,
            )
        arguments: Any = create_model(name, __config__=ConfigDict(protected_namespaces=()), **fields)
        return arguments, _untitled(arguments.model_json_schema())
    except (PydanticUserError, NameError) as error:
        raise ContractError(f"{where}: the parameters cannot be checked: {error}") from error


def _untitled(schema: Any) -> Any:
    """Drop the titles pydantic makes up from the names; a property may itself be called `title`."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: _untitled(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}


def _pinned_fps(cls: type[VideoModel]) -> float | None:
    declared = inspect.getattr_static(cls, "emission_fps", None)
    if (fps := frames_per_second(f"{place(cls)}: emission_fps = {declared!r}", declared)) is not None:
        return fps
    videos = [t for t in cls._tracks.values() if t.kind == "video" and t.direction is TrackDirection.OUT]
    default = min(videos, key=lambda track: not track.default, default=None)
    return default.rate if default is not None and default.rate > 0 else None


def construct(cls: type[VideoModel], config: Any) -> VideoModel:
    """Make the instance: with `config` by that name, else in first place, unless `__init__` does without.

    Raises:
        ContractError: `__init__` needs something else.
        BaseException: What the author's `__init__` raised.
    """
    make: Callable[..., VideoModel] = cls
    signature = inspect.signature(make)
    first = next(iter(signature.parameters.values()), None)
    in_first_place = first is not None and first.default in (first.empty, None)
    for arguments, named in (((), {"config": config}), ((config,) if in_first_place else (), {}), ((), {})):
        try:
            signature.bind(*arguments, **named)
        except TypeError:
            continue
        return make(*arguments, **named)
    raise ContractError(
        f"{place(cls)}: Failed constructing model '{cls.__name__}' with config {config}: its __init__ takes "
        f"({', '.join(signature.parameters)}); write `def __init__(self, config):`"
    )


def contract_of(
    cls: type[VideoModel],
    commands: Mapping[str, Command],
    *,
    name: str | None = None,
    description: str = "",
    version: str = "v0.0.0",
) -> Contract:
    """Compile everything a model class offers.

    Its name is `name`, else what `@model` was told, else a class attribute `name` (as early models have), else made
    from the class's own.
    """
    declared = declaration_of(cls)
    early = inspect.getattr_static(cls, "name", None)
    if not isinstance(early, str) or not _NAME.fullmatch(early):
        early = snake(cls.__name__).replace("_", "-")
    return Contract(
        model_name=name or (declared.name if declared else early),
        generation="video_model",
        tracks=tuple(TrackSpec(t.name, t.kind, t.direction.value, t.rate) for t in cls._tracks.values()),
        commands=tuple(command.spec for command in commands.values()),
        description=description or inspect.cleandoc(vars(cls).get("__doc__") or ""),
        version=version,
        fps=cls._pinned_fps,
    )
