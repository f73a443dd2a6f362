"""From annotations as they are written, also as text, to types."""

from __future__ import annotations

import builtins
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from reactor_runtime.errors import ContractError

_UNRESOLVED = (NameError, AttributeError, SyntaxError, TypeError)


def resolve(annotation: Any, namespace: Mapping[str, Any], where: str) -> Any:
    """Return an annotation with its strings evaluated.

    Args:
        annotation: A type, or text that names one.
        namespace: Globals of the module it is written in; what the functions around it define is seen too, for as
            long as they run.
        where: File, line, class and method, for the error.

    Raises:
        ContractError: It names something that does not exist yet.
    """
    owner = type("_", (), {"__annotations__": {"value": annotation}})
    names = {**namespace, **_locals_around(namespace.get("__name__"))}
    try:
        return typing.get_type_hints(owner, names, include_extras=True)["value"]
    except _UNRESOLVED as error:
        raise ContractError(
            f"{where}: the annotation {annotation!r} cannot be resolved ({error}); define or import it above the class"
        ) from error


def written_in(cls: type) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield what a class and its bases annotate, base first: name, annotation as written, and the names it may use."""
    for owner in reversed(cls.__mro__):
        names = {**vars(sys.modules.get(owner.__module__, builtins)), **vars(owner)}
        for name, annotation in inspect.get_annotations(owner).items():
            yield name, annotation, names


def hints_of(cls: type, where: str) -> dict[str, Any]:
    """Return the annotations of a class and its bases, base first, class variables left out.

    Raises:
        ContractError: One of them cannot be resolved.
    """
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except _UNRESOLVED:
        names = {**_locals_around(cls.__module__), **vars(cls)}
        try:
            hints = typing.get_type_hints(cls, localns=names, include_extras=True)
        except _UNRESOLVED as error:
            raise ContractError(f"{where}: {error}; define or import every annotated type above the class") from error
    return {
        name: hint
        for name, hint in hints.items()
        if get_origin(hint) is not typing.ClassVar and hint is not typing.ClassVar
    }


def _locals_around(module: str | None) -> dict[str, Any]:
    """Return the variables of the module's functions that are running: a class there may be annotated with them."""
    found: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == module and frame.f_code.co_name != "<module>":
            found = {**frame.f_locals, **found}
        frame = frame.f_back
    return found
