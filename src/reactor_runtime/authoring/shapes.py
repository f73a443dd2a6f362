"""The types a parameter may have: each as JSON Schema, and as the step from a JSON value to what was annotated."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reactor_runtime.authoring.field_info import FieldInfo
from reactor_runtime.authoring.judge import refusal, same
from reactor_runtime.authoring.uploads import REFERENCE_SCHEMA, UploadedFile

SUPPORTED = "int, float, str, bool, Literal[...], T | None, list[T], dict[str, V], Enum, dataclass, UploadedFile"


@dataclass(frozen=True, slots=True)
class Shape:
    """One annotation, compiled.

    Attributes:
        schema: What the judge asks.
        convert: From a value the judge let pass to what the annotation promises; ValueError where the author's own
            dataclass or a missing upload says no.
    """

    schema: dict[str, Any]
    convert: Callable[[Any], Any]


def _itself(value: Any) -> Any:
    return value


ANYTHING = Shape({}, _itself)

PRIMITIVES: dict[Any, Shape] = {
    int: Shape({"type": "integer"}, int),
    float: Shape({"type": "number"}, float),
    str: Shape({"type": "string"}, _itself),
    bool: Shape({"type": "boolean"}, _itself),
}


def upload() -> Shape:
    """Return the shape of `UploadedFile`: a reference for clients, the file for the handler."""

    def convert(value: Any) -> UploadedFile:
        if isinstance(value, UploadedFile):
            return value
        raise ValueError(f"the upload {value['upload_id']} is not there")

    return Shape(REFERENCE_SCHEMA, convert)


def one_of(members: Sequence[tuple[Any, Any]]) -> Shape:
    """Return the shape of a `Literal` or an `Enum`, its members as (value clients send, value the handler gets)."""
    values = [value for value, _ in members]
    kinds = {type(value) for value in values}
    primitive = PRIMITIVES.get(kinds.pop()) if len(kinds) == 1 else None
    return Shape(
        {**(primitive.schema if primitive else {}), "enum": values},
        lambda sent: next(given for value, given in members if same(value, sent)),
    )


def optional(inner: Shape) -> Shape:
    """Return the shape of `T | None`."""
    return Shape(
        {"anyOf": [inner.schema, {"type": "null"}]}, lambda value: None if value is None else inner.convert(value)
    )


def list_of(item: Shape | None) -> Shape:
    """Return the shape of `list[T]`, None for a bare `list`."""
    if item is None:
        return Shape({"type": "array"}, list)
    return Shape({"type": "array", "items": item.schema}, lambda value: [item.convert(element) for element in value])


def dict_of(inner: Shape | None) -> Shape:
    """Return the shape of `dict[str, V]`, None for a bare `dict`."""
    if inner is None:
        return Shape({"type": "object"}, dict)
    return Shape(
        {"type": "object", "additionalProperties": inner.schema},
        lambda value: {key: inner.convert(item) for key, item in value.items()},
    )


def static(value: Any) -> Any:
    """Return a default, limit or choice from an author's code as the JSON value clients see.

    Raises:
        TypeError: JSON cannot carry it.
    """
    match value:
        case enum.Enum():
            return static(value.value)
        case FieldInfo():
            return static(value.default)
        case list() | tuple():
            return [static(item) for item in value]
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: static(item) for key, item in value.items()}
    if _is_scalar(value):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, UploadedFile)):
        return {field.name: static(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
    # A scalar of numpy or torch, without importing either.
    if getattr(value, "shape", None) == () and _is_scalar(scalar := value.item()):
        return scalar
    raise TypeError(f"{value!r} cannot be written as JSON")


def _is_scalar(value: Any) -> bool:
    """Tell whether JSON carries the value as it is; a float of numpy is a float, but not quite Python's."""
    return type(value) in (int, float, str, bool, type(None)) and refusal(ANYTHING.schema, value) is None
