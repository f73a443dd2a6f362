from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Dict, List, Literal, Optional, Union  # noqa: UP035 - authors still write them

import pytest

from reactor_runtime import InputField
from reactor_runtime.authoring.fields import MISSING, Field, compile_field, convert_fields, object_schema
from reactor_runtime.errors import ContractError


class Mode(enum.Enum):
    CALM = "calm"
    WILD = "wild"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    x: int
    y: float = InputField(default=0.5, ge=0, description="up")
    tags: list[str] = field(default_factory=list)


@dataclass
class Node:
    children: list["Node"]  # noqa: UP037 - a type that contains itself


def compiled(annotation: Any, default: Any = MISSING) -> Field:
    return compile_field("a", annotation, default, "model.py:3: M.f")


POINT = {
    "type": "object",
    "properties": {
        "x": {"type": "integer", "x-reactor-moderate": False},
        "y": {
            "type": "number",
            "minimum": 0,
            "default": 0.5,
            "description": "up",
            "x-reactor-moderate": False,
        },
        "tags": {"type": "array", "items": {"type": "string"}, "x-reactor-moderate": False},
    },
    "required": ["x"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("annotation", "default", "schema"),
    [
        (int, MISSING, {"type": "integer"}),
        (float, InputField(1.0, ge=0, le=2), {"type": "number", "default": 1.0, "minimum": 0, "maximum": 2}),
        (
            str,
            InputField("", max_length=9, min_length=0),
            {"type": "string", "default": "", "minLength": 0, "maxLength": 9},
        ),
        (bool, True, {"type": "boolean", "default": True}),
        (Any, MISSING, {}),
        (Literal["a", "b"], "a", {"type": "string", "enum": ["a", "b"], "default": "a"}),
        (Literal[1, "b"], MISSING, {"enum": [1, "b"]}),
        (Mode, Mode.WILD, {"type": "string", "enum": ["calm", "wild"], "default": "wild"}),
        (Level, 2, {"type": "integer", "enum": [1, 2], "default": 2}),
        (str, InputField("a", choices=["a", "b"]), {"type": "string", "enum": ["a", "b"], "default": "a"}),
        (
            Optional[List[str]],  # noqa: UP006, UP045
            None,
            {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None},
        ),
        (
            int | None,
            InputField(None, ge=0, description="seed"),
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}], "default": None, "description": "seed"},
        ),
        (list, MISSING, {"type": "array"}),
        (list[int], InputField(max_length=3), {"type": "array", "items": {"type": "integer"}, "maxItems": 3}),
        (Dict[str, float], MISSING, {"type": "object", "additionalProperties": {"type": "number"}}),  # noqa: UP006
        (dict, MISSING, {"type": "object"}),
        (Point, MISSING, POINT),
    ],
)
def test_an_annotation_becomes_the_published_property(annotation: Any, default: Any, schema: dict[str, Any]) -> None:
    assert compiled(annotation, default).schema == {**schema, "x-reactor-moderate": False}


def test_moderate_is_published() -> None:
    assert compiled(str, InputField("", moderate=True)).schema["x-reactor-moderate"] is True


@pytest.mark.parametrize(
    ("annotation", "sent", "received"),
    [
        (int, 2.0, 2),
        (float, 2, 2.0),
        (str, "x", "x"),
        (bool, False, False),
        (Literal[1, 2], 2.0, 2),
        (Mode, "wild", Mode.WILD),
        (Level, 2.0, Level.HIGH),
        (int | None, None, None),
        (list[Mode], ["calm"], [Mode.CALM]),
        (dict[str, int], {"a": 1.0}, {"a": 1}),
        (Point, {"x": 1.0}, Point(1, 0.5, [])),
        (Point | None, {"x": 1, "y": 2, "tags": ["t"]}, Point(1, 2.0, ["t"])),
        (Any, {"as": ["it", 1]}, {"as": ["it", 1]}),
    ],
)
def test_a_value_arrives_as_what_was_annotated(annotation: Any, sent: Any, received: Any) -> None:
    got = compiled(annotation).convert(sent)
    assert got == received
    assert type(got) is type(received)


@pytest.mark.parametrize(
    ("annotation", "sent", "why"),
    [
        (int, 2.5, "expected integer, got 2.5"),
        (int, "3", "expected integer, got string"),
        (int, True, "expected integer, got boolean"),
        (int, None, "expected integer, got null"),
        (int, float("nan"), "expected a finite number, got nan"),
        (float, float("inf"), "expected a finite number, got inf"),
        (dict, {"n": 2**64}, "n: the number does not fit 64 bits"),
        (Any, ["\udcff"], r"\[0\]: the text holds half a character"),
        (float, "1", "expected number, got string"),
        (str, 1, "expected string, got 1"),
        (bool, 1, "expected boolean, got 1"),
        (Literal[1, "b"], True, r"true not in choices \[1, 'b'\]"),
        (Literal[1, 2], True, "expected integer, got boolean"),
        (Mode, "bad", r"'bad' not in choices \['calm', 'wild'\]"),
        (list[int], 3, "expected array, got 3"),
        (dict[str, int], [], "expected object, got array"),
        (Point, {"y": 1}, "x: missing required argument"),
        (Point, {"x": 1, "z": 1}, "z: unexpected argument"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(annotation: Any, sent: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compiled(annotation).convert(sent)


@pytest.mark.parametrize(
    ("annotation", "default", "why"),
    [
        (set, MISSING, "unsupported field type set. Supported: int, float, str, bool"),
        (Union[int, str], MISSING, "unsupported field type"),  # noqa: UP007
        (dict[int, str], MISSING, "unsupported field type"),
        (Node, MISSING, r"a: test_fields.py: Node: children: Node contains itself"),
        (int, InputField(default_factory=int), r"InputField\(default_factory=...\) is not supported"),
        (list[int], [], "default for 'a' is a mutable list"),
        (int, InputField(5, le=3), r"violates its own InputField constraints \(a: 5 > le\(3\)\)"),
        (int, InputField(1, ge=3), r"a: 1 < ge\(3\)"),
        (str, InputField("xxxx", max_length=3), r"length 4 > max_length\(3\)"),
        (str, InputField("", min_length=1), r"length 0 < min_length\(1\)"),
        (str, InputField("z", choices=["a"]), r"'z' not in choices \['a'\]"),
        (int, "3", "default '3' for 'a' does not fit its type: expected integer, got string"),
        (str, InputField("", ge=0), "ge=0 needs a number, but the type is string"),
        (int, InputField(0, max_length=2), "max_length=2 needs a str, a list or a dict, but the type is integer"),
    ],
)
def test_a_wrong_declaration_says_where_and_what_would_be_right(annotation: Any, default: Any, why: str) -> None:
    with pytest.raises(ContractError, match=why) as raised:
        compiled(annotation, default)
    assert str(raised.value).startswith("model.py:3: M.f: ")


def test_a_parameter_of_any_type_may_default_to_none() -> None:
    field = compiled(int, None)
    assert field.default is None
    assert not field.required


def test_arguments_are_exactly_those_declared() -> None:
    fields = [
        compile_field("a", int, MISSING, "here"),
        compile_field("b", Mode, "wild", "here"),
    ]
    assert object_schema(fields)["required"] == ["a"]
    assert object_schema(fields)["additionalProperties"] is False
    assert convert_fields(fields, {"a": 1}) == {"a": 1, "b": Mode.WILD}
    with pytest.raises(ValueError, match=r"^c: unexpected argument$"):
        convert_fields(fields, {"a": 1, "c": 1})
    with pytest.raises(ValueError, match=r"^a: missing required argument$"):
        convert_fields(fields, {})
