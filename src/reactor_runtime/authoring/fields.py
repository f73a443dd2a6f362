"""Parameters and message fields: one annotation, seen as JSON Schema by clients and as a conversion by the author."""

from __future__ import annotations

import copy
import dataclasses
import enum
import inspect
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from reactor_runtime.authoring import shapes
from reactor_runtime.authoring.annotations import hints_of
from reactor_runtime.authoring.field_info import MISSING, FieldInfo
from reactor_runtime.authoring.judge import SIZES, refusal
from reactor_runtime.authoring.names import place
from reactor_runtime.authoring.shapes import Shape, static
from reactor_runtime.authoring.uploads import UploadedFile
from reactor_runtime.errors import ContractError

_BOUNDS = {"integer": ("minimum", "maximum"), "number": ("minimum", "maximum")}
_MUTABLE = (list, dict, set, bytearray)


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled parameter.

    Attributes:
        schema: JSON Schema of the value, with limits, default and description.
        shape: Its type.
        default: Converted static default, else `MISSING`.
        required: Whether a client must send it.
    """

    name: str
    schema: dict[str, Any]
    shape: Shape
    default: Any
    required: bool

    def convert(self, value: Any) -> Any:
        """Return a JSON value as what the annotation promises.

        Raises:
            ValueError: It does not fit the type or its limits.
        """
        if why := refusal(self.schema, value):
            raise ValueError(why)
        return self.shape.convert(value)


def object_schema(fields: Sequence[Field]) -> dict[str, Any]:
    """Return the JSON Schema of an object with exactly these fields."""
    schema: dict[str, Any] = {"type": "object", "properties": {f.name: f.schema for f in fields}}
    if required := [f.name for f in fields if f.required]:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def convert_fields(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return keyword arguments for `values`, each converted, static defaults filled in.

    Raises:
        ValueError: One is missing, unexpected or does not fit; the message begins with its name.
    """
    if why := refusal(object_schema(fields), values):
        raise ValueError(why)
    return _built(fields, values)


def _built(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    built = {}
    for field in fields:
        if field.name in values:
            try:
                built[field.name] = field.shape.convert(values[field.name])
            except ValueError as error:
                raise ValueError(f"{field.name}: {error}") from error
        elif field.default is not MISSING:
            # A handler may change what it is given, and the next call starts from the declared default again.
            built[field.name] = copy.deepcopy(field.default)
    return built


def compile_field(name: str, annotation: Any, default: Any, where: str, *, within: tuple[type, ...] = ()) -> Field:
    """Compile one parameter.

    Args:
        name: Its name.
        annotation: Resolved annotation; `inspect.Parameter.empty` or Any accepts anything. `Annotated[T,
            InputField(...)]` declares limits too.
        default: A plain value, what `InputField` returned, or `MISSING`.
        where: File, line, class and method, for the error.
        within: Dataclasses being compiled around it; one that contains itself is refused.

    Raises:
        ContractError: The type is not supported, or default and limits do not fit it or each other.
    """
    annotation, info = _declared(annotation, default, f"{where}: {name}")
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
        schema = _limited(shape.schema, info)
    except TypeError as error:
        raise ContractError(f"{where}: {name}: {error}") from error
    if info.description:
        schema["description"] = info.description
    value = info.default
    if value is not MISSING:
        if value is not None and shape is not shapes.ANYTHING:
            value = _converted_default(name, shape, schema, value, where)
        try:
            schema["default"] = static(value)
        except TypeError as error:
            raise ContractError(f"{where}: default for {name!r}: {error}; use a literal") from error
    schema["x-reactor-moderate"] = info.moderate
    return Field(name, schema, shape, value, required=value is MISSING)


def _declared(annotation: Any, default: Any, where: str) -> tuple[Any, FieldInfo]:
    """Return the bare annotation and what was declared, beside it or as the default."""
    info = default if isinstance(default, FieldInfo) else FieldInfo(default)
    if get_origin(annotation) is Annotated:
        annotation, *notes = get_args(annotation)
        declared = [note for note in notes if isinstance(note, FieldInfo)]
        if len(declared) + isinstance(default, FieldInfo) > 1:
            raise ContractError(f"{where}: more than one InputField; write one, in Annotated or as the default")
        if declared:
            info = declared[0] if default is MISSING else dataclasses.replace(declared[0], default=default)
    return annotation, info


def _converted_default(name: str, shape: Shape, schema: dict[str, Any], value: Any, where: str) -> Any:
    try:
        plain = static(value)
        if why := refusal(shape.schema, plain):
            raise TypeError(why)
    except TypeError as error:
        raise ContractError(f"{where}: default {value!r} for {name!r} does not fit its type: {error}") from error
    if why := refusal(schema, plain, name):
        raise ContractError(f"{where}: default for {name!r} violates its own InputField constraints ({why}).")
    try:
        return shape.convert(plain)
    except ValueError as error:
        raise ContractError(f"{where}: default {value!r} for {name!r} is refused by its type: {error}") from error


def shape_of(annotation: Any, within: tuple[type, ...] = ()) -> Shape:
    """Compile an annotation.

    Raises:
        TypeError: The type cannot be sent by a client; the message lists those that can.
    """
    if annotation is Any or annotation is object or annotation is inspect.Parameter.empty:
        return shapes.ANYTHING
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, NewType):
        return shape_of(annotation.__supertype__, within)
    if type(annotation).__name__ == "TypeAliasType":  # `type X = ...`, from Python 3.12 on
        return shape_of(annotation.__value__, within)
    if origin is Annotated:
        return _annotated(annotation, within)
    if origin is Literal:
        return shapes.one_of([(static(value), value) for value in args])
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        if len(inner) == 1:
            return shapes.optional(shape_of(inner[0], within))
    elif annotation is list or origin is list:
        return shapes.list_of(shape_of(args[0], within) if args else None)
    elif annotation is dict or (origin is dict and (not args or args[0] is str)):
        return shapes.dict_of(shape_of(args[1], within) if args else None)
    elif isinstance(annotation, type) and origin is None:
        if annotation in shapes.PRIMITIVES:
            return shapes.PRIMITIVES[annotation]
        if annotation is UploadedFile:
            return shapes.upload()
        if issubclass(annotation, enum.Enum):
            if not len(annotation):
                raise TypeError(f"enum {annotation.__qualname__} has no members, so no value would fit")
            return shapes.one_of([(static(member), member) for member in annotation])
        if dataclasses.is_dataclass(annotation):
            return _dataclass(annotation, within)
    raise TypeError(f"unsupported field type {_spelled(annotation)}. Supported: {shapes.SUPPORTED}.")


def _annotated(annotation: Any, within: tuple[type, ...]) -> Shape:
    bare, info = _declared(annotation, MISSING, _spelled(annotation))
    if info.default is not MISSING or info.default_factory is not None:
        raise TypeError(f"the InputField inside {_spelled(annotation)} cannot have a default; give it to the parameter")
    shape = shape_of(bare, within)
    schema = _limited(shape.schema, info)
    if info.description:
        schema["description"] = info.description
    return dataclasses.replace(shape, schema=schema)


def _dataclass(annotation: type, within: tuple[type, ...]) -> Shape:
    if annotation in within:
        raise TypeError(f"{annotation.__qualname__} contains itself, which no form can show; flatten it, or use dict")
    where = place(annotation)
    hints = hints_of(annotation, where)
    fields = []
    for declared in dataclasses.fields(annotation):
        if declared.init:
            field = compile_field(
                declared.name, hints[declared.name], declared.default, where, within=(*within, annotation)
            )
            made_by_factory = declared.default_factory is not MISSING
            fields.append(dataclasses.replace(field, required=False) if made_by_factory else field)
    fillable = {field.name for field in fields}
    for parameter in inspect.signature(annotation).parameters.values():
        if parameter.name not in fillable and parameter.default is parameter.empty:
            raise TypeError(f"{where}: its constructor needs {parameter.name!r}, which is no field clients could send")
    return Shape(object_schema(fields), lambda value: annotation(**_built(fields, value)))


def _spelled(annotation: Any) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _limited(base: dict[str, Any], info: FieldInfo) -> dict[str, Any]:
    """Add limits to a schema; those of an optional value bind only a value that is not null.

    Raises:
        TypeError: They do not fit the type or each other.
    """
    if "anyOf" in base:
        if info.choices is not None:
            info = dataclasses.replace(info, choices=tuple(choice for choice in info.choices if choice is not None))
        return {"anyOf": [_limited(base["anyOf"][0], info), *base["anyOf"][1:]]}
    schema, kind = dict(base), base.get("format") or base.get("type")
    for names, keywords, needed in (
        (("ge", "le"), _BOUNDS.get(kind or "number"), "a number"),
        (("min_length", "max_length"), SIZES.get(kind or "string"), "a str, a list or a dict"),
    ):
        limits = {name: limit for name in names if (limit := getattr(info, name)) is not None}
        if not limits:
            continue
        if keywords is None:
            raise TypeError(f"{_keywords(limits)} needs {needed}, but the type is {kind}")
        for name, limit in limits.items():
            schema[keywords[names.index(name)]] = _limit(name, limit)
        if len(limits) == 2 and limits[names[0]] > limits[names[1]]:
            raise TypeError(f"{_keywords(limits)} leaves no value that would fit")
    if info.choices is not None:
        schema["enum"] = _choices(schema, info.choices)
    return schema


def _keywords(limits: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={limit!r}" for name, limit in limits.items())


def _limit(name: str, limit: Any) -> int | float:
    value = static(limit)
    if name in ("ge", "le"):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        raise TypeError(f"{name}={limit!r} is no number")
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise TypeError(f"{name}={limit!r} is no whole number from 0 up")


def _choices(schema: dict[str, Any], choices: Iterable[Any]) -> list[Any]:
    allowed = [static(choice) for choice in choices]
    if not allowed:
        raise TypeError("choices is empty, so no value would fit")
    if why := next((why for choice in allowed if (why := refusal(schema, choice))), None):
        raise TypeError(f"one of choices={allowed!r} does not fit: {why}")
    return allowed
