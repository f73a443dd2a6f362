"""What a model says to its clients: a subclass of `ModelMessage` per kind of message."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from typing import Any, ClassVar, dataclass_transform, get_origin

from reactor_runtime.authoring.annotations import resolve, written_in
from reactor_runtime.authoring.contract import MessageSpec
from reactor_runtime.authoring.field_info import MISSING, FieldInfo, InputField, MessageField, suit_dataclass
from reactor_runtime.authoring.fields import shape_of
from reactor_runtime.authoring.names import place, snake
from reactor_runtime.errors import AuthorError, ContractError


@dataclass_transform(field_specifiers=(MessageField, InputField, dataclasses.field))
class ModelMessage:
    """One message to clients. Annotated fields are its content; its wire name is the class name in snake_case.

    It is constructed as a dataclass is, in order or by name, with and without `@dataclass` on the subclass. A plain
    class attribute `name = "..."` sets another wire name.
    """

    _fields: ClassVar[dict[str, tuple[Any, FieldInfo]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = dict(vars(cls))
        if "_fields" in own:
            return  # @dataclass(slots=True) makes a finished class once more
        where = place(cls)
        inherited = {name: info for base in reversed(cls.__mro__[1:]) for name, (_, info) in _fields_of(base).items()}
        fields: dict[str, tuple[Any, FieldInfo]] = {}
        optional_seen = False
        for name, hint in _hints(cls, where).items():
            if name not in own and name in inherited:
                info = inherited[name]
            else:
                info = _info(own.get(name, getattr(cls, name, MISSING)), f"{where}.{name}")
            fields[name] = (hint, info)
            if isinstance(own.get(name), FieldInfo):
                suit_dataclass(cls, name, info.default, after_default=optional_seen)
            optional_seen = optional_seen or not _is_required(info)
        if stray := [name for name, value in own.items() if isinstance(value, FieldInfo) and name not in fields]:
            raise ContractError(f"{where}.{stray[0]}: a message field needs an annotation, as in `{stray[0]}: int`")
        cls._fields = fields

    def __init__(self, *in_order: Any, **named: Any) -> None:
        cls = type(self)
        given = _by_name(cls, in_order, named)
        for name, (_, info) in cls._fields.items():
            if name in given:
                value = given[name]
            elif _is_required(info):
                raise TypeError(f"{cls.__name__} needs a value for {name!r}")
            else:
                value = info.default_factory() if info.default_factory else copy.deepcopy(info.default)
            setattr(self, name, value)


def _by_name(cls: type[ModelMessage], in_order: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    fields = list(cls._fields)
    given = dict(zip(fields, in_order, strict=False))
    if len(in_order) > len(fields):
        raise TypeError(f"{cls.__name__} takes {len(fields)} values, for {fields}, got {len(in_order)}")
    if extra := [name for name in named if name not in fields]:
        raise TypeError(f"{cls.__name__} has no field {extra[0]!r}; it has {fields}")
    if twice := [name for name in named if name in given]:
        raise TypeError(f"{cls.__name__} got two values for {twice[0]!r}")
    return {**given, **named}


def _fields_of(base: type) -> dict[str, tuple[Any, FieldInfo]]:
    fields: dict[str, tuple[Any, FieldInfo]] = vars(base).get("_fields", {})
    return fields


def _hints(cls: type, where: str) -> dict[str, Any]:
    """Return the annotated fields of a message; one whose type cannot be resolved may hold anything."""
    hints: dict[str, Any] = {}
    for name, annotation, names in written_in(cls):
        if name.startswith("_"):
            continue
        try:
            hint = resolve(annotation, names, where)
        except ContractError:
            hint = Any  # what a model says is its own affair; clients only cannot know its type
        if get_origin(hint) is not ClassVar and hint is not ClassVar and not isinstance(hint, dataclasses.InitVar):
            hints[name] = hint
    return hints


def _info(declared: Any, where: str) -> FieldInfo:
    if isinstance(declared, dataclasses.Field):
        factory = declared.default_factory
        return FieldInfo(declared.default, default_factory=None if factory is MISSING else factory)
    if not isinstance(declared, FieldInfo):
        return FieldInfo(declared)
    if declared.default_factory is not None:
        raise ContractError(
            f"{where}: MessageField(default_factory=...) is not supported; use a literal default, or "
            "dataclasses.field(default_factory=...)"
        )
    return declared


def _is_required(info: FieldInfo) -> bool:
    return info.default is MISSING and info.default_factory is None


def name_of(cls: type[ModelMessage]) -> str:
    """Return the wire name of a message class."""
    name = getattr(cls, "name", None)
    return name if isinstance(name, str) and "name" not in cls._fields else snake(cls.__name__)


def content_of(message: ModelMessage) -> dict[str, Any]:
    """Return the fields of a message, not yet encoded."""
    return {name: getattr(message, name) for name in message._fields}


def spoken(message: ModelMessage) -> tuple[dict[str, Any], str]:
    """Return the content and the wire name of what an author gave to `send`.

    Raises:
        AuthorError: It is no `ModelMessage`.
    """
    if not isinstance(message, ModelMessage):
        raise AuthorError(f"send() takes a ModelMessage, got {type(message).__name__}")
    return content_of(message), name_of(type(message))


def spec_of(cls: type[ModelMessage]) -> MessageSpec:
    """Describe a message class."""
    properties: dict[str, Any] = {}
    for name, (hint, info) in cls._fields.items():
        try:
            schema = shape_of(hint).schema
        except TypeError:
            schema = {}
        properties[name] = {**schema, **({"description": info.description} if info.description else {})}
    content: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [name for name, (_, info) in cls._fields.items() if _is_required(info)]:
        content["required"] = required
    # A dataclass without a docstring is given its signature as one.
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    return MessageSpec(name_of(cls), "" if text.startswith(f"{cls.__name__}(") else text, content)
