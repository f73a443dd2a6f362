"""What an author sends, as plain data: the values a control pipe and JSON both carry."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any

import msgspec

from reactor_runtime.errors import AuthorError

MESSAGE_BYTES = 255 * 1024
"""JSON that one message may be: browsers announce 256 KiB (RFC 8841), which the envelope is part of."""

_MAX_DEPTH = 64
_INTEGERS = range(-(2**63), 2**64)


def plain(value: object, where: str = "message") -> Any:
    """Return `value` as None, bool, int, float, str, list and dict, sharing nothing mutable with it.

    Takes arrays, tensors and their scalars, enums, dataclasses, msgspec and pydantic objects, sets, paths, dates,
    UUIDs and bytes (as base64) too. A float that is not finite becomes None, as in JSON.

    Args:
        value: What the author gave.
        where: Name of the value in error texts.

    Raises:
        AuthorError: Something in it cannot be sent; names the field and its type.
    """
    return _plain(value, where, _MAX_DEPTH)


def sendable(value: object, where: str = "message") -> Any:
    """Return `value` as `plain` does, if it is small enough for every wire.

    Raises:
        AuthorError: It cannot be sent, or is larger than `MESSAGE_BYTES`.
    """
    content = plain(value, where)
    if (size := len(msgspec.json.encode(content))) > MESSAGE_BYTES:
        raise AuthorError(f"{where} is {size} bytes of JSON; at most {MESSAGE_BYTES} reach a client. Send it in parts")
    return content


def legible(text: str) -> str:
    """Return `text` with lone surrogates, which no wire carries, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: object, where: str, depth: int) -> Any:
    if depth == 0:
        raise AuthorError(f"{where} is nested more than {_MAX_DEPTH} deep")
    match value:
        case Enum():
            return _plain(value.value, where, depth - 1)
        case None | bool():
            return value
        case str():
            return legible(value)
        case int():
            if int(value) not in _INTEGERS:
                raise AuthorError(f"{where} is an integer of more than 64 bits")
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return _object(value, where, depth)
        case list() | tuple() | Set():
            return [_plain(item, f"{where}[{i}]", depth - 1) for i, item in enumerate(value)]
        case msgspec.Struct():
            return _plain(msgspec.structs.asdict(value), where, depth)
        case os.PathLike():
            return legible(os.fsdecode(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _plain(fields, where, depth)
    # Arrays and scalars of numpy and torch, and pydantic models, without importing any of them.
    for name in ("tolist", "model_dump"):
        to_python = getattr(value, name, None)
        if callable(to_python) and not isinstance(value, type):
            return _plain(to_python(), where, depth - 1)
    try:
        return msgspec.to_builtins(value)
    except TypeError:
        raise AuthorError(f"{where} is a {type(value).__qualname__}, which cannot be sent") from None


def _object(value: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
    plain_items: dict[str, Any] = {}
    for key, item in value.items():
        name = _key(key, where)
        if name in plain_items:
            raise AuthorError(f"{where} has two keys that are {name!r} as text")
        plain_items[name] = _plain(item, f"{where}.{name}", depth - 1)
    return plain_items


def _key(key: object, where: str) -> str:
    """Return a key as JSON writes it: `true` and `null`, not Python's `True` and `None`."""
    match _plain(key, f"a key of {where}", 2):
        case str() as text:
            return text
        case None | bool() | int() | float() as scalar:
            return json.dumps(scalar)
        case _:
            raise AuthorError(f"a key of {where} is a {type(key).__qualname__}; keys must be text")
