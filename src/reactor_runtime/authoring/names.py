"""How a class is spelled on the wire, where it was written, and which declarations a model can see."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from reactor_runtime.authoring.annotations import resolve, written_in
from reactor_runtime.errors import ContractError

T = TypeVar("T")

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake(name: str) -> str:
    """Return `StateUpdate` as `state_update`."""
    return _BOUNDARY.sub("_", name).lower()


def place(owner: Any) -> str:
    """Return `model.py:12: MyModel.set_prompt` for a function, `model.py: MyModel` for a class."""
    if isinstance(owner, type):
        module = sys.modules.get(owner.__module__)
        return f"{Path(getattr(module, '__file__', None) or owner.__module__).name}: {owner.__qualname__}"
    function = inspect.unwrap(owner)
    return f"{Path(function.__code__.co_filename).name}:{function.__code__.co_firstlineno}: {function.__qualname__}"


def visible(kind: type[T], model: type) -> list[type[T]]:
    """Return the subclasses of `kind` that belong to a model, in the order they were defined.

    A declaration belongs to a model that can see it: in the function or class that defines the model, in its module
    or that of a base class, or in a module of the same folder that those use. So two models in one process do not
    mix, without any registration.
    """
    modules = _reachable_modules(model)
    scope = model.__qualname__.rpartition(".")[0]
    seen_values = {id(value) for module in modules for value in vars(module).values()}
    found: dict[tuple[str, str], type[T]] = {}
    for declared in descendants(kind):
        outer = declared.__qualname__.rpartition(".")[0]
        beside = declared.__module__ == model.__module__ and (scope == outer or scope.startswith(f"{outer}."))
        if id(declared) in seen_values or (beside and outer):
            # A function that ran twice defined its classes twice; the later ones count.
            found[declared.__module__, declared.__qualname__] = declared
    return list(found.values())


def annotations_of(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that a class and its bases annotate, as far as they can be resolved; the nearest one counts.

    Call it while the class is being defined: what is defined in the function around it counts too.
    """
    nearest = {name: (annotation, names) for name, annotation, names in written_in(cls)}
    for name, (annotation, names) in nearest.items():
        try:
            yield name, resolve(annotation, names, name)
        except ContractError:
            continue  # any text may stand there; who needs it says that it is missing


def descendants(kind: type[T]) -> Iterator[type[T]]:
    """Yield every subclass that lives, however far down."""
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def _reachable_modules(model: type) -> list[ModuleType]:
    """Return the model's modules and what they use from the same folder tree, each once."""
    start = [sys.modules[base.__module__] for base in model.__mro__ if base.__module__ in sys.modules]
    home = _folder(start[0]) if start else None
    found: dict[str, ModuleType] = {}
    pending = [module for module in start if not module.__name__.startswith(("reactor_runtime", "builtins"))]
    looked_at: set[str] = set()
    while pending:
        module = pending.pop()
        if module.__name__ in found:
            continue
        found[module.__name__] = module
        for value in list(vars(module).values()):
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if not isinstance(name, str) or name in looked_at:
                continue
            looked_at.add(name)
            used = sys.modules.get(name)
            if used is None or home is None or (folder := _folder(used)) is None:
                continue
            if folder.is_relative_to(home) and "site-packages" not in folder.parts:
                pending.append(used)
    return list(found.values())


def _folder(module: ModuleType) -> Path | None:
    """Return the folder that holds a module, or the top package it is part of."""
    file = getattr(module, "__file__", None)
    if not file:
        return None
    return Path(file).parents[module.__name__.count(".") + (Path(file).stem == "__init__")]
