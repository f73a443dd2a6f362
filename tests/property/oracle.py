"""What a handler must get for what a client sent.

The oracle reads annotations and limits alone. It shares no code with the runtime, and knows no schema.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import math
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

import msgspec

from reactor_runtime import UploadedFile

UPLOADS = {name: UploadedFile(name, "image/png", name.encode()) for name in ("cat", "dog")}

NOTHING: Any = object()
"""Stands for a default that was not written."""


class Refused(Exception):
    """What the oracle says of a value that does not fit."""


@dataclasses.dataclass(frozen=True)
class Declared:
    """One parameter: its annotation, what limits it, and its default where it has one."""

    annotation: Any
    limits: dict[str, Any]
    default: Any = NOTHING


def expected(declared: Declared, sent: Any) -> Any:
    """Return what the handler gets for a value; UploadedFile for a reference to a file that is there.

    Raises:
        Refused: It does not fit.
    """
    return _limited(bare(declared.annotation), declared.limits, sent, _typed(declared.annotation, sent))


def _typed(annotation: Any, sent: Any) -> Any:
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, NewType):
        return _typed(str, sent)
    if annotation in (Any, object, inspect.Parameter.empty):
        return with_files(sent)
    if origin is Annotated:
        return _limited(bare(args[0]), _written(args[1]), sent, _typed(args[0], sent))
    if is_optional(annotation):
        return None if sent is None else _typed(args[0], sent)
    if origin is Literal or (isinstance(annotation, type) and not args and issubclass(annotation, enum.Enum)):
        members = args if origin is Literal else list(annotation)
        for member in members:
            if _identical(member.value if isinstance(member, enum.Enum) else member, sent):
                return member
        raise Refused
    if annotation is UploadedFile:
        return _file(sent)
    if dataclasses.is_dataclass(annotation):
        return _instance(annotation, sent)
    return _plain(origin or annotation, args, sent)


def _plain(kind: Any, args: tuple[Any, ...], sent: Any) -> Any:
    if kind in (int, float):
        if isinstance(sent, bool) or not isinstance(sent, (int, float)) or (kind is int and sent != math.floor(sent)):
            raise Refused
        return kind(sent)
    if not isinstance(sent, kind):
        raise Refused
    if kind is list:
        return [_typed(args[0] if args else Any, item) for item in sent]
    if kind is dict:
        return {key: _typed(args[1] if args else Any, item) for key, item in sent.items()}
    return sent


def _instance(annotation: Any, sent: Any) -> Any:
    fields = {f.name: f for f in dataclasses.fields(annotation)}
    if not isinstance(sent, dict) or set(sent) - set(fields):
        raise Refused
    values = {}
    for name, field in fields.items():
        info = field.default
        limits = _written(info) if info is not dataclasses.MISSING and info is not None else {}
        if name in sent:
            values[name] = expected(Declared(field.type, limits), sent[name])
        elif info is None:
            values[name] = None
        elif field.default_factory is dataclasses.MISSING:
            raise Refused
    return annotation(**values)


def _limited(kind: Any, limits: dict[str, Any], sent: Any, typed: Any) -> Any:
    if sent is None and typed is None:
        return typed
    fits = {
        "ge": lambda limit: sent >= limit,
        "le": lambda limit: sent <= limit,
        "min_length": lambda limit: len(sent) >= limit,
        "max_length": lambda limit: len(sent) <= limit,
        "choices": lambda limit: sent in limit,
    }
    if all(fits[name](limit) for name, limit in limits.items()):
        return typed
    raise Refused


def with_files(sent: Any) -> Any:
    """Return a value with the references to `UPLOADS` replaced."""
    if _is_file(sent):
        return UPLOADS[sent["upload_id"]]
    if isinstance(sent, list):
        return [with_files(item) for item in sent]
    if isinstance(sent, dict):
        return {key: with_files(item) for key, item in sent.items()}
    return sent


def _is_file(sent: Any) -> bool:
    return isinstance(sent, dict) and isinstance(sent.get("upload_id"), str) and sent["upload_id"] in UPLOADS


def _file(sent: Any) -> UploadedFile:
    texts = ("upload_id", "name", "mime_type")
    if not isinstance(sent, dict) or not all(isinstance(sent.get(name, ""), str) for name in texts):
        raise Refused
    if not _is_file(sent) or not isinstance(sent.get("size", 0), int):
        raise Refused
    return UPLOADS[sent["upload_id"]]


def _identical(declared: Any, sent: Any) -> bool:
    if isinstance(declared, tuple):
        declared = list(declared)
    if isinstance(declared, list) and isinstance(sent, list):
        return len(declared) == len(sent) and all(map(_identical, declared, sent))
    return declared == sent and isinstance(declared, bool) == isinstance(sent, bool)


def bare(annotation: Any) -> Any:
    """Return the type that limits speak of."""
    if isinstance(annotation, NewType):
        return str
    if get_origin(annotation) is Annotated or is_optional(annotation):
        return bare(get_args(annotation)[0])
    return get_origin(annotation) or annotation


def is_optional(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _written(info: Any) -> dict[str, Any]:
    names = ("ge", "le", "min_length", "max_length", "choices")
    return {name: limit for name in names if (limit := getattr(info, name)) is not None}


def exactly(value: Any) -> Any:
    """Return a value with the type of everything in it, so that 1, 1.0 and True differ."""
    if isinstance(value, list):
        return [exactly(item) for item in value]
    if isinstance(value, dict):
        return {key: exactly(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, UploadedFile):
        return type(value), {f.name: exactly(getattr(value, f.name, None)) for f in dataclasses.fields(value)}
    return type(value), value


round_trips: list[Callable[[Any], Any]] = [
    lambda value: msgspec.msgpack.decode(msgspec.msgpack.encode(value)),
    lambda value: msgspec.json.decode(msgspec.json.encode(value)),
]
