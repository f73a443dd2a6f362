"""What is declared in this process, by name: read-only views for code that looks there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.authoring.inputs import Input
from reactor_runtime.authoring.messages import ModelMessage, name_of
from reactor_runtime.authoring.names import descendants
from reactor_runtime.authoring.reactor_model import ReactorModel
from reactor_runtime.authoring.tracks import Output
from reactor_runtime.authoring.video_model import Declaration, VideoModel, declaration_of


class Registry(Mapping[str, Any]):
    """A live view. A model's own contract is made from what the model can see, never from here."""

    def __init__(self, entries: Callable[[], Iterator[tuple[str, Any]]]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        return dict(self._entries())[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._entries()))

    def __len__(self) -> int:
        return len(dict(self._entries()))


def _authored(kind: Any) -> Iterator[Any]:
    cls: Any
    for cls in descendants(kind):
        if not cls.__module__.startswith("reactor_runtime.") and cls.__module__ in sys.modules:
            yield cls


def _about(cls: type[VideoModel], declaration: Declaration) -> dict[str, Any]:
    return {
        **declaration.metadata,
        "class": cls,
        "name": declaration.name,
        "config": declaration.config,
        "weights": list(declaration.weights),
        "tracks": cls.get_tracks(),
        "emission_fps": cls.emission_fps_info(),
    }


MODEL_REGISTRY = Registry(
    lambda: ((d.name, _about(cls, d)) for cls in _authored(VideoModel) if (d := declaration_of(cls)))
)
"""Name given to `@model`, to a dict of what is known of the model."""
EVENT_REGISTRY = Registry(lambda: (item for cls in _authored(ReactorModel) for item in cls._handlers.commands.items()))
"""Command name to handler."""
MESSAGE_REGISTRY = Registry(lambda: ((name_of(cls), cls) for cls in _authored(ModelMessage)))
"""Wire name to message class."""
OUTPUT_REGISTRY = Registry(lambda: ((cls.__name__, cls) for cls in _authored(Output)))
"""Class name to output class."""
INPUT_REGISTRY = Registry(lambda: ((cls.__name__, cls) for cls in _authored(Input)))
"""Class name to input class."""


def all_output_tracks() -> list[TrackSpec]:
    """Return the tracks of every output class declared in this process."""
    return [track for cls in _authored(Output) for track in cls._tracks]


def all_input_tracks() -> list[TrackSpec]:
    """Return the tracks of every input class declared in this process."""
    return [track for cls in _authored(Input) for track in cls.__tracks__.values()]
