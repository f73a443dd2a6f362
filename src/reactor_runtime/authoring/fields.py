"""Parameters and message fields: one annotation, seen as JSON Schema by clients and as a conversion by the author."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from reactor_runtime.errors import ContractError

MISSING: Any = dataclasses.MISSING
"""Stands for a default that was not given."""

SUPPORTED = "int, float, str, bool, Literal[...], T | None, list[T], dict[str, V], Enum, dataclass"

_NUMBERS = ("integer", "number")
_SIZED = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}
_MUTABLE = (list, dict, set, bytearray)


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


def InputField(  # noqa: N802 - the published name
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
        ge: Smallest number allowed.
        le: Largest number allowed.
        min_length: Fewest characters of a text, or items of a list.
        max_length: Most characters of a text, or items of a list.
        choices: The only values allowed.
        moderate: Marks free text that a platform should look at.
    """
    allowed = None if choices is None else tuple(choices)
    return FieldInfo(default, description, ge, le, min_length, max_length, allowed, moderate, default_factory)


def MessageField(default: Any = MISSING, *, description: str = "", default_factory: Any = None) -> Any:  # noqa: N802
    """Declare one field of a `ModelMessage`: its static default and description."""
    return FieldInfo(default, description, default_factory=default_factory)


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled parameter.

    Attributes:
        schema: JSON Schema of the value, with limits, default and description.
        convert: From the JSON value to what the annotation promises; ValueError where it does not fit.
        default: Converted static default, else `MISSING`.
        required: Whether a client must send it.
    """

    name: str
    schema: dict[str, Any]
    convert: Callable[[Any], Any]
    default: Any
    required: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """One annotation, compiled."""

    schema: dict[str, Any]
    convert: Callable[[Any], Any]


def resolve(annotation: Any, namespace: Mapping[str, Any], where: str) -> Any:
    """Return an annotation with its strings evaluated.

    Raises:
        ContractError: It names something that does not exist yet.
    """
    owner = type("_", (), {"__annotations__": {"value": annotation}})
    try:
        return typing.get_type_hints(owner, dict(namespace))["value"]
    except (NameError, SyntaxError, TypeError) as error:
        raise ContractError(
            f"{where}: the annotation {annotation!r} cannot be resolved ({error}); define or import it above the class"
        ) from error


def hints_of(cls: type, where: str) -> dict[str, Any]:
    """Return the annotations of a class and its bases, base first, class variables left out.

    Raises:
        ContractError: One of them cannot be resolved.
    """
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, SyntaxError, TypeError) as error:
        raise ContractError(f"{where}: {error}; define or import every annotated type above the class") from error
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not typing.ClassVar}


def object_schema(fields: Sequence[Field]) -> dict[str, Any]:
    """Return the JSON Schema of an object with exactly these fields."""
    schema: dict[str, Any] = {"type": "object", "properties": {f.name: f.schema for f in fields}}
    if required := [f.name for f in fields if f.required]:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def compile_field(name: str, annotation: Any, default: Any, where: str, *, within: tuple[type, ...] = ()) -> Field:
    """Compile one parameter.

    Args:
        name: Its name.
        annotation: Resolved annotation; `inspect.Parameter.empty` or Any accepts anything.
        default: A plain value, what `InputField` returned, or `MISSING`.
        where: File, line, class and method, for the error.
        within: Dataclasses being compiled around it; one that contains itself is refused.

    Raises:
        ContractError: The type is not supported, or default and limits do not fit it or each other.
    """
    info = default if isinstance(default, FieldInfo) else FieldInfo(default)
    if info.default_factory is not None:
        raise ContractError(
            f"{where}: {name}: InputField(default_factory=...) is not supported. "
            "Defaults must be statically representable - use a literal `default=...`."
        )
    if isinstance(info.default, _MUTABLE):
        raise ContractError(
            f"{where}: default for {name!r} is a mutable {type(info.default).__name__}, which cannot be a static "
            "default. Annotate it `... | None`, default it to None and fill it in the handler."
        )
    try:
        shape = shape_of(annotation, within)
    except TypeError as error:
        raise ContractError(f"{where}: {name}: {error}") from error
    schema = _limited(shape.schema, info, f"{where}: {name}")
    if info.description:
        schema["description"] = info.description
    value = info.default
    if value is not MISSING:
        schema["default"] = _plain(value)
        if value is not None:
            value = _checked_default(name, shape, info, where)
    schema["x-reactor-moderate"] = info.moderate
    return Field(name, schema, shape.convert, value, required=value is MISSING)


def shape_of(annotation: Any, within: tuple[type, ...] = ()) -> Shape:
    """Compile an annotation.

    Raises:
        TypeError: The type cannot be sent by a client; the message lists those that can.
    """
    if annotation is Any or annotation is inspect.Parameter.empty:
        return Shape({}, lambda value: value)
    if annotation in _PRIMITIVES:
        return Shape({"type": _PRIMITIVES[annotation][0]}, _PRIMITIVES[annotation][1])
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return Shape(_enum_schema(args), _one_of(args))
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        if len(inner) == 1:
            return _optional(shape_of(inner[0], within))
    elif annotation is list or origin is list:
        return _list_of(shape_of(args[0], within) if args else None)
    elif annotation is dict or (origin is dict and args[0] is str):
        return _dict_of(shape_of(args[1], within) if args else None)
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _member_of(annotation)
    elif isinstance(annotation, type) and dataclasses.is_dataclass(annotation) and annotation not in within:
        return _dataclass(annotation, (*within, annotation))
    raise TypeError(f"unsupported field type {_spelled(annotation)}. Supported: {SUPPORTED}.")


def _expected(kind: str, value: Any) -> ValueError:
    return ValueError(f"expected {kind}, got {'null' if value is None else type(value).__name__}")


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise _expected("integer", value)
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _expected("number", value)
    return float(value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _expected("string", value)
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _expected("boolean", value)
    return value


_PRIMITIVES: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    int: ("integer", _integer),
    float: ("number", _number),
    str: ("string", _string),
    bool: ("boolean", _boolean),
}


def _spelled(annotation: Any) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _enum_schema(values: Sequence[Any]) -> dict[str, Any]:
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and (kind := kinds.pop()) in _PRIMITIVES:
        return {"type": _PRIMITIVES[kind][0], "enum": list(values)}
    return {"enum": list(values)}


def _one_of(values: tuple[Any, ...]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        for allowed in values:
            # JSON knows one kind of number, so 2.0 is the literal 2; True is not 1.
            if allowed == value and isinstance(allowed, bool) == isinstance(value, bool):
                return allowed
        raise ValueError(f"{value!r} not one of {list(values)}")

    return convert


def _member_of(annotation: type[enum.Enum]) -> Shape:
    values = [member.value for member in annotation]

    def convert(value: Any) -> Any:
        try:
            return annotation(value)
        except ValueError:
            raise ValueError(f"{value!r} not a valid {annotation.__name__}; it is one of {values}") from None

    return Shape(_enum_schema(values), convert)


def _optional(inner: Shape) -> Shape:
    return Shape(
        {"anyOf": [inner.schema, {"type": "null"}]}, lambda value: None if value is None else inner.convert(value)
    )


def _list_of(item: Shape | None) -> Shape:
    def convert(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise _expected("array", value)
        return [item.convert(element) for element in value] if item else list(value)

    return Shape({"type": "array", "items": item.schema} if item else {"type": "array"}, convert)


def _dict_of(inner: Shape | None) -> Shape:
    def convert(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _expected("object", value)
        return {key: inner.convert(item) for key, item in value.items()} if inner else dict(value)

    schema = {"type": "object", "additionalProperties": inner.schema} if inner else {"type": "object"}
    return Shape(schema, convert)


def _dataclass(annotation: type, within: tuple[type, ...]) -> Shape:
    hints = typing.get_type_hints(annotation)
    fields = []
    for declared in dataclasses.fields(annotation):
        if declared.init:
            field = compile_field(
                declared.name, hints[declared.name], declared.default, annotation.__qualname__, within=within
            )
            made_by_factory = declared.default_factory is not MISSING
            fields.append(dataclasses.replace(field, required=False) if made_by_factory else field)

    def convert(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _expected("object", value)
        return annotation(**convert_fields(fields, value))

    return Shape(object_schema(fields), convert)


def convert_fields(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return keyword arguments for `values`, each converted, static defaults filled in.

    Raises:
        ValueError: One is missing, unexpected or does not fit; the message begins with its name.
    """
    known = {field.name: field for field in fields}
    for name in values:
        if name not in known:
            raise ValueError(f"{name}: unexpected argument")
    converted = {}
    for name, field in known.items():
        if name in values:
            try:
                converted[name] = field.convert(values[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        elif field.required:
            raise ValueError(f"{name}: missing required argument")
        elif field.default is not MISSING:
            converted[name] = field.default
    return converted


def _limited(base: dict[str, Any], info: FieldInfo, where: str) -> dict[str, Any]:
    """Add the limits to a schema; those of an optional value bind only a value that is not null."""
    if "anyOf" in base:
        return {"anyOf": [_limited(base["anyOf"][0], info, where), base["anyOf"][1]]}
    schema, kind = dict(base), base.get("type")
    for key, name, limit in (("minimum", "ge", info.ge), ("maximum", "le", info.le)):
        if limit is not None:
            if kind not in (*_NUMBERS, None):
                raise ContractError(f"{where}: {name}={limit!r} needs a number, but the type is {kind}")
            schema[key] = limit
    lengths = _SIZED.get(kind or "string")
    for index, (name, length) in enumerate((("min_length", info.min_length), ("max_length", info.max_length))):
        if length is not None:
            if lengths is None:
                raise ContractError(f"{where}: {name}={length!r} needs a str or a list, but the type is {kind}")
            schema[lengths[index]] = length
    if info.choices is not None:
        schema["enum"] = [_plain(choice) for choice in info.choices]
    return schema


def _checked_default(name: str, shape: Shape, info: FieldInfo, where: str) -> Any:
    value = _plain(info.default)
    try:
        converted = shape.convert(value)
    except ValueError as error:
        raise ContractError(f"{where}: default {info.default!r} for {name!r} does not fit its type: {error}") from error
    if broken := _violation(info, value):
        raise ContractError(
            f"{where}: default for {name!r} violates its own InputField constraints ({name}: {broken})."
        )
    return converted


def _violation(info: FieldInfo, value: Any) -> str | None:
    if info.ge is not None and value < info.ge:
        return f"{value} < ge({info.ge})"
    if info.le is not None and value > info.le:
        return f"{value} > le({info.le})"
    if info.min_length is not None and len(value) < info.min_length:
        return f"length {len(value)} < min_length({info.min_length})"
    if info.max_length is not None and len(value) > info.max_length:
        return f"length {len(value)} > max_length({info.max_length})"
    if info.choices is not None and value not in [_plain(choice) for choice in info.choices]:
        return f"{value!r} not in choices {list(info.choices)}"
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
