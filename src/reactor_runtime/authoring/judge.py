"""Whether a JSON value fits a schema and, where it does not, why: one judge for the server and the model's process.

It knows the JSON Schema keywords that authors' declarations compile to, and what JSON itself cannot carry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from reactor_runtime.authoring.uploads import REFERENCE_FORMAT, UploadedFile

INTEGERS = range(-(2**63), 2**64)
"""The whole numbers that cross every wire unchanged."""

SIZES = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
"""The keywords that limit how long a value of a kind may be."""

_LONGEST = 80
_SCALARS = (bool, int, float, str)
_ANYTHING: dict[str, Any] = {}


def refusal(schema: Mapping[str, Any], value: Any, path: str = "") -> str | None:
    """Return why a value does not fit, as `scene.tags[0]: expected string, got null`; None when it fits.

    Args:
        schema: JSON Schema of the value.
        value: As decoded from JSON; references to uploads may be files already.
        path: Where the value stands, for the text.
    """
    if branches := schema.get("anyOf"):
        refusals = [refusal(branch, value, path) for branch in branches]
        return refusals[0] if all(refusals) else None
    if schema.get("format") == REFERENCE_FORMAT and isinstance(value, UploadedFile):
        return None
    if why := _misfit(schema, value):
        return f"{path}: {why}" if path else why
    if value is None or isinstance(value, _SCALARS):
        return None
    if isinstance(value, Mapping):
        return _in_object(schema, value, path)
    if isinstance(value, (list, tuple)):
        items = schema.get("items", _ANYTHING)
        return next((why for i, item in enumerate(value) if (why := refusal(items, item, f"{path}[{i}]"))), None)
    return None


def same(a: Any, b: Any) -> bool:
    """Tell whether two JSON values are equal: 2 is 2.0, but 1 is not true."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(item, b[key]) for key, item in a.items())
    return bool(a == b)


def _in_object(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> str | None:
    properties: Mapping[str, Any] = schema.get("properties", _ANYTHING)
    others = schema.get("additionalProperties", _ANYTHING)
    prefix = f"{path}." if path else ""
    for name, item in value.items():
        if name in properties:
            continue
        if why := _unsendable(name):
            return f"{prefix}{name!a}: {why}"
        if others is False:
            return f"{prefix}{_shown(str(name))}: unexpected argument"
        if why := refusal(others, item, f"{prefix}{name}"):
            return why
    for name, inner in properties.items():
        if name in value:
            if why := refusal(inner, value[name], f"{prefix}{name}"):
                return why
        elif name in schema.get("required", ()):
            return f"{prefix}{name}: missing required argument"
    return None


def _misfit(schema: Mapping[str, Any], value: Any) -> str | None:
    """Judge the value itself, not what it holds."""
    if why := _unsendable(value):
        return why
    kind = schema.get("type")
    if schema.get("format") == REFERENCE_FORMAT:
        if not isinstance(value, Mapping) or not isinstance(value.get("upload_id"), str):
            return "expected an upload reference with a string 'upload_id'"
    elif kind is not None and not _IS[kind](value):
        return f"expected {kind}, got {_kind(value)}"
    if "enum" in schema and not any(same(allowed, value) for allowed in schema["enum"]):
        return f"{_spelled(value)} not in choices {_spelled(schema['enum'], cut=False)}"
    if _is_number(value):
        return _out_of_bounds(schema, value)
    for kind, (fewest, most) in SIZES.items():
        if (fewest in schema or most in schema) and _IS[kind](value):
            return _out_of_size(len(value), schema.get(fewest, 0), schema.get(most, math.inf))
    return None


def _out_of_bounds(schema: Mapping[str, Any], value: float) -> str | None:
    if "minimum" in schema and value < schema["minimum"]:
        return f"{value} < ge({schema['minimum']})"
    if "maximum" in schema and value > schema["maximum"]:
        return f"{value} > le({schema['maximum']})"
    return None


def _out_of_size(length: int, fewest: int, most: float) -> str | None:
    if length < fewest:
        return f"length {length} < min_length({fewest})"
    if length > most:
        return f"length {length} > max_length({most})"
    return None


def _unsendable(value: Any) -> str | None:
    """Say what of a scalar JSON or the control pipe could not carry."""
    if isinstance(value, float):
        return None if math.isfinite(value) else f"expected a finite number, got {value}"
    if isinstance(value, int):
        return None if int(value) in INTEGERS else "the number does not fit 64 bits"
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "the text holds half a character (a lone surrogate)"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_IS: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    # JSON has one kind of number: 2.0 is an integer.
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, (list, tuple)),
    "object": lambda value: isinstance(value, Mapping),
}


def _kind(value: Any) -> str:
    """Name the kind of a value in JSON's words; a number speaks for itself."""
    if _is_number(value):
        return str(value)
    return next((kind for kind, holds in _IS.items() if holds(value)), type(value).__name__)


def _spelled(value: Any, *, cut: bool = True) -> str:
    match value:
        case None | True | False:
            text = {None: "null", True: "true", False: "false"}[value]
        case Mapping():
            text = "{" + ", ".join(f"{key!r}: {_spelled(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            text = f"[{', '.join(_spelled(item) for item in value)}]"
        case _:
            text = repr(value)
    return _shown(text) if cut else text


def _shown(text: str) -> str:
    """Cut what a client may have made long."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
