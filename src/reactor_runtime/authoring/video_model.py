"""Generation 1: `@model` on a `VideoModel`, whose `start_session` runs once per session on its own thread."""

from __future__ import annotations

import inspect
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.names import descendants, place, snake
from reactor_runtime.authoring.openapi import capabilities
from reactor_runtime.authoring.video_model_commands import Command, commands_of
from reactor_runtime.authoring.video_model_tracks import (
    MediaBundle,
    Track,
    TrackDirection,
    VideoIn,
    VideoOut,
    declared_on,
    frames_per_second,
    is_number,
)
from reactor_runtime.errors import ContractError
from reactor_runtime.weights.places import find

C = TypeVar("C")

running: ContextVar[type[VideoModel] | None] = ContextVar("running_video_model", default=None)
"""The class this thread of work belongs to, for `VideoModel.weights` called on the base."""

_NAME = re.compile(r"[a-z0-9-]+")
_DECLARATION = "__reactor_model__"


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
        max_lead_ms: Declare it to bound how many milliseconds the frames that wait to be shown may last.
    """

    max_lead_ms: ClassVar[float | None] = None

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
        if (lead := inspect.getattr_static(cls, "max_lead_ms")) is not None and not (is_number(lead) and lead > 0):
            raise ContractError(
                f"{place(cls)}: max_lead_ms = {lead!r}: write a number of milliseconds above 0, or None"
            )

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
        ContractError: The name breaks the rule, `config` or `weights` is of a wrong type, or the class is no
            `VideoModel`.
    """
    given: object = name
    if isinstance(given, type):
        raise ContractError(f'{place(given)}: @model needs a name: write @model(name="{_name_of(given)}")')

    def declare(cls: type[C]) -> type[C]:
        target: object = cls
        if not isinstance(target, type) or not issubclass(target, VideoModel):
            where = f"{place(target)}: " if isinstance(target, type) or inspect.isfunction(target) else ""
            got = getattr(target, "__name__", repr(target))
            raise ContractError(f"{where}@model can only decorate VideoModel subclasses, got {got}")
        where = place(cls)
        if not _NAME.fullmatch(str(name)):
            raise ContractError(
                f"{where}: @model(name={name!r}): a model name uses lowercase letters, numbers and hyphens only, "
                'as in @model(name="my-video-model")'
            )
        if config is not None and not isinstance(config, str | PathLike):
            raise ContractError(
                f"{where}: @model(config={config!r}): write the path of a YAML file, as in 'config.yml'"
            )
        named: Any = weights or ()
        if isinstance(named, str) or not all(isinstance(item, str) for item in named):
            raise ContractError(f"{where}: @model(weights={weights!r}): write a list of names, as in ['my-weights']")
        setattr(cls, _DECLARATION, Declaration(name, str(config) if config else None, tuple(named), metadata))
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
        # One whose module is gone belongs to a model that was dropped for another.
        everyone = descendants(VideoModel)  # type: ignore[type-abstract]  # it is not constructed there
        known = [child for child in everyone if child.__module__ in sys.modules]
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
        ContractError: `__init__` needs something else, or `start_session` is missing.
        BaseException: What the author's `__init__` raised.
    """
    if cls.start_session is VideoModel.start_session:
        like = get_close_matches("start_session", set(dir(cls)) - set(dir(VideoModel)), 1)
        raise ContractError(
            f"{place(cls)}: {cls.__name__} has no start_session{f', but {like[0]}' if like else ''}: "
            "write def start_session(self), which generates until get_ctx().should_stop()"
        )
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
    _check_methods(cls)
    return Contract(
        model_name=name or (declared.name if declared else _name_of(cls)),
        generation="video_model",
        tracks=tuple(track.spec for track in cls._tracks.values()),
        commands=tuple(command.spec for command in commands.values()),
        description=description or inspect.cleandoc(vars(cls).get("__doc__") or ""),
        version=version,
        fps=cls._pinned_fps,
        max_lead_ms=None if cls.max_lead_ms is None else float(cls.max_lead_ms),
    )


def _name_of(cls: type) -> str:
    """Return the name of a class that is not decorated."""
    early = inspect.getattr_static(cls, "name", None)
    is_name = isinstance(early, str) and _NAME.fullmatch(early)
    return str(early) if is_name else snake(cls.__name__).replace("_", "-")


def _check_methods(cls: type[VideoModel]) -> None:
    """Refuse what would be called and do nothing.

    Raises:
        ContractError: One of the methods that the runtime calls is no plain method of these parameters.
    """
    for method, arguments in (("start_session", "self"), ("on_media", "self, bundle"), ("on_frame", "self, frame")):
        function = getattr(cls, method)
        if not callable(function):
            raise ContractError(f"{place(cls)}: {method} = {function!r}: write def {method}({arguments})")
        wrong = (
            "async"
            if inspect.iscoroutinefunction(function)
            else "a generator"
            if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
            else ""
        )
        if wrong:
            raise ContractError(f"{place(function)}: {method} is {wrong}, and is called on a thread: write a plain def")
        is_static = isinstance(inspect.getattr_static(cls, method), staticmethod | classmethod)
        given = arguments.split(", ")[1 if is_static else 0 :]
        try:
            inspect.signature(function).bind(*given)
        except TypeError:
            raise ContractError(
                f"{place(function)}: {method}{inspect.signature(function)} is called with {arguments}: "
                f"write def {method}({arguments})"
            ) from None
