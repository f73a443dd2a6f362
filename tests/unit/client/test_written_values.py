"""What `reactor send` makes of KEY=VALUE, by the types of the schema."""

from __future__ import annotations

from typing import Any

import pytest

from reactor_runtime.cli.send import _listed, read_value
from reactor_runtime.client import CommandSpec
from reactor_runtime.errors import OperatorError

FILE = {"type": "object", "format": "reactor-upload-reference"}
DOCUMENT = {
    "components": {"schemas": {"Size": {"type": "object"}, "Hue": {"type": "integer"}, "ReactorUploadReference": FILE}}
}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "3", "3"),
        ({"type": "string"}, '"quoted"', '"quoted"'),
        ({"type": "integer"}, "-3", -3),
        ({"type": "number"}, "3", 3),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "array", "items": {"type": "integer"}}, "[1,2]", [1, 2]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"$ref": "#/components/schemas/Size"}, '{"w": 1}', {"w": 1}),
        ({"$ref": "#/components/schemas/Hue"}, "7", 7),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "null", None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "3", "3"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "a b", "a b"),
        ({"type": ["string", "integer"]}, "3", 3),
        ({"enum": ["a", 1]}, "a", "a"),
        ({"enum": ["a", 1]}, "1", 1),
        ({}, "word", "word"),
        ({}, "[1]", [1]),
    ],
)
def test_a_value_is_read_as_its_schema_has_it(schema: dict[str, Any], text: str, value: Any) -> None:
    read = read_value(schema, DOCUMENT, "key", text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"type": "integer"}, "red", "expected integer"),
        ({"type": "integer"}, "true", "expected integer"),
        ({"type": "integer"}, "2.5", "expected integer"),
        ({"type": "boolean"}, "yes", "expected boolean"),
        ({"type": "number"}, "NaN", "expected number"),
        ({"type": "array"}, "1,2", "expected array"),
    ],
)
def test_a_value_of_another_type_is_named(schema: dict[str, Any], text: str, expected: str) -> None:
    with pytest.raises(OperatorError, match=expected):
        read_value(schema, DOCUMENT, "key", text)


def test_the_list_of_commands_tells_how_to_write_them() -> None:
    image = {"$ref": "#/components/schemas/ReactorUploadReference"}
    spec = CommandSpec(
        "paint",
        "Paint it",
        {
            "hue": {"type": "integer", "minimum": 0, "maximum": 255, "default": 7},
            "image": image,
            "others": {"type": "array", "items": image},
            "style": {"type": "string", "enum": ["oil", "ink"]},
        },
        frozenset({"image"}),
        "painted",
    )
    assert list(_listed({"paint": spec}, DOCUMENT)) == [
        "paint  Paint it",
        "    hue=integer  (at least 0, at most 255, default 7)",
        "    image=@FILE  (required)",
        "    others=@FILE ...",
        '    style="oil"|"ink"',
        "    replies painted",
    ]
    assert list(_listed({}, {})) == ["The model has no commands."]
