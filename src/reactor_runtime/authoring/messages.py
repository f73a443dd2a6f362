"""What a model says to its clients: a subclass of `ModelMessage` per kind of message."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, ClassVar

from reactor_runtime.authoring.contract import MessageSpec
from reactor_runtime.authoring.fields import MISSING, FieldInfo, hints_of, shape_of
from reactor_runtime.authoring.names import place, snake
from reactor_runtime.errors import ContractError


class ModelMessage:
    """One message to clients. Annotated fields are its content; its wire name is the class name in snake_case.

    Works with and without `@dataclass` on the subclass. A plain class attribute `name = "..."` sets another wire name.
    """

    _fields: ClassVar[dict[str, tuple[Any, FieldInfo]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        where = place(cls)
        own = vars(cls)
        hints = {name: hint for name, hint in hints_of(cls, where).items() if not name.startswith("_")}
        fields = {}
        defaults_seen = False
        for name, hint in hints.items():
            declared = own.get(name, MISSING)
            if name not in own and name in cls._fields:
                fields[name] = cls._fields[name]
                continue
            info = declared if isinstance(declared, FieldInfo) else FieldInfo(declared)
            if info.default_factory is not None:
                raise ContractError(f"{where}.{name}: default_factory is not supported; use a literal default")
            fields[name] = (hint, info)
            if isinstance(declared, FieldInfo):
                # A later @dataclass must find a plain default; and it refuses a field without one after one with.
                if info.default is not MISSING:
                    setattr(cls, name, info.default)
                elif defaults_seen:
                    setattr(cls, name, dataclasses.field(kw_only=True))
                else:
                    delattr(cls, name)
            defaults_seen = defaults_seen or info.default is not MISSING
        if stray := [name for name, value in own.items() if isinstance(value, FieldInfo)]:
            raise ContractError(f"{where}.{stray[0]}: a message field needs an annotation, as in `{stray[0]}: int`")
        cls._fields = fields

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        if extra := [name for name in values if name not in cls._fields]:
            raise TypeError(f"{cls.__name__} has no field {extra[0]!r}; it has {list(cls._fields)}")
        for name, (_, info) in cls._fields.items():
            value = values.get(name, info.default)
            if value is MISSING:
                raise TypeError(f"{cls.__name__} needs a value for {name!r}")
            setattr(self, name, value)


def name_of(cls: type[ModelMessage]) -> str:
    """Return the wire name of a message class."""
    name = getattr(cls, "name", None)
    return name if isinstance(name, str) and "name" not in cls._fields else snake(cls.__name__)


def content_of(message: ModelMessage) -> dict[str, Any]:
    """Return the fields of a message, not yet encoded."""
    return {name: getattr(message, name) for name in message._fields}


def spec_of(cls: type[ModelMessage]) -> MessageSpec:
    """Describe a message class."""
    properties: dict[str, Any] = {}
    for name, (hint, info) in cls._fields.items():
        try:
            properties[name] = shape_of(hint).schema
        except TypeError:
            properties[name] = {}  # what a model says is its own affair; clients only cannot know its type
        if info.description:
            properties[name] = {**properties[name], "description": info.description}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [name for name, (_, info) in cls._fields.items() if info.default is MISSING]:
        schema["required"] = required
    # A dataclass without a docstring is given its signature as one.
    text = inspect.cleandoc(vars(cls).get("__doc__") or "")
    return MessageSpec(name_of(cls), "" if text.startswith(f"{cls.__name__}(") else text, schema)
