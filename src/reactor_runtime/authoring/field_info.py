"""What authors write beside an annotation: defaults, limits and texts of a parameter or a message field."""
# ruff: noqa: N802 - published names

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

T = TypeVar("T")

MISSING: Any = dataclasses.MISSING
"""Stands for a default that was not given."""


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """What `InputField` and `MessageField` remember until their owner is compiled."""

    default: Any = MISSING
    description: str = ""
    ge: float | None = None
    le: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    choices: tuple[Any, ...] | None = None
    moderate: bool = False
    default_factory: Any = None


def suit_dataclass(cls: type, name: str, default: Any, *, after_default: bool) -> None:
    """Leave in a class what a later `@dataclass` understands: a plain default, or none.

    Args:
        cls: The class that declares the field.
        name: The field.
        default: `MISSING` where it has none.
        after_default: A field before it has one; `@dataclass` takes a field without one there by name only.
    """
    if default is not MISSING:
        setattr(cls, name, default)
    elif after_default:
        setattr(cls, name, dataclasses.field(kw_only=True))
    elif name in vars(cls):
        delattr(cls, name)


@overload
def InputField(
    default: T,
    *,
    description: str = "",
    ge: float | None = None,
    le: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    choices: Iterable[Any] | None = None,
    moderate: bool = False,
) -> T: ...
@overload
def InputField(
    *,
    description: str = "",
    ge: float | None = None,
    le: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    choices: Iterable[Any] | None = None,
    moderate: bool = False,
) -> Any: ...
def InputField(
    default: Any = MISSING,
    *,
    default_factory: Any = None,
    description: str = "",
    ge: float | None = None,
    le: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    choices: Iterable[Any] | None = None,
    moderate: bool = False,
) -> Any:
    """Declare one parameter of an event: its default, limits and text.

    Args:
        default: Static value used when a client leaves the argument out; without one the argument is required.
        default_factory: Refused when the class is defined; defaults must be static.
        description: Shown to people beside the control.
        ge: Smallest number allowed; null stays allowed where the type is `T | None`, as with every limit.
        le: Largest number allowed.
        min_length: Fewest characters of a text, items of a list or keys of a dict.
        max_length: Most characters of a text, items of a list or keys of a dict.
        choices: The only values allowed.
        moderate: Marks free text that a platform should look at.
    """
    allowed = None if choices is None else tuple(choices)
    return FieldInfo(default, description, ge, le, min_length, max_length, allowed, moderate, default_factory)


@overload
def MessageField(default: T, *, description: str = "") -> T: ...
@overload
def MessageField(*, description: str = "") -> Any: ...
def MessageField(default: Any = MISSING, *, description: str = "", default_factory: Any = None) -> Any:
    """Declare one field of a `ModelMessage`: its static default and description.

    Write `default=` by name: so type checkers see that the field may be left out.
    """
    return FieldInfo(default, description, default_factory=default_factory)
