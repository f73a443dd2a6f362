"""Files as arguments: what clients may write, and what a handler is given (reference §4.5)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from reactor_runtime import UploadedFile
from reactor_runtime.authoring.fields import MISSING, compile_field, convert_fields, object_schema
from reactor_runtime.authoring.uploads import resolve_uploads

CAT = UploadedFile(name="cat.png", mime_type="image/png", data=b"meow")
REFERENCE = {"upload_id": "c1", "name": "cat.png"}


@dataclass
class Scene:
    sky: UploadedFile
    props: list[UploadedFile]


def test_a_file_is_made_with_or_without_its_size() -> None:
    assert UploadedFile("cat.png", "image/png", size=4, data=b"meow") == CAT
    assert CAT.size == 4
    assert "meow" not in repr(CAT)
    with pytest.raises(TypeError, match="data of an UploadedFile is bytes, got str"):
        UploadedFile("a", "text/plain", "text")  # type: ignore[arg-type]


def test_a_file_is_published_as_a_reference() -> None:
    assert compile_field("a", UploadedFile, MISSING, "here").schema == {
        "type": "object",
        "format": "reactor-upload-reference",
        "description": "A file uploaded before, named by the upload_id its reservation was answered with.",
        "properties": {
            "upload_id": {"type": "string"},
            "name": {"type": "string"},
            "mime_type": {"type": "string"},
            "size": {"type": "integer"},
        },
        "required": ["upload_id"],
        "x-reactor-moderate": False,
    }


@pytest.mark.parametrize(
    ("annotation", "sent", "received"),
    [
        (UploadedFile, REFERENCE, CAT),
        (UploadedFile | None, REFERENCE, CAT),
        (UploadedFile | None, None, None),
        (list[UploadedFile], [REFERENCE], [CAT]),
        (dict[str, UploadedFile | None], {"a": REFERENCE, "b": None}, {"a": CAT, "b": None}),
        (Scene, {"sky": REFERENCE, "props": [REFERENCE]}, Scene(CAT, [CAT])),
        (Any, {"deep": [REFERENCE]}, {"deep": [CAT]}),
        (dict, REFERENCE, REFERENCE),
        (dict, {"a": REFERENCE}, {"a": CAT}),
    ],
)
def test_a_reference_arrives_as_its_file_wherever_a_file_is_wanted(annotation: Any, sent: Any, received: Any) -> None:
    field = compile_field("a", annotation, MISSING, "here")
    arguments = {"a": sent}
    before = copy.deepcopy(arguments)
    resolved = resolve_uploads(arguments, {"c1": CAT}, object_schema([field]))
    assert convert_fields([field], resolved) == {"a": received}
    assert arguments == before


def test_without_a_schema_every_reference_is_replaced() -> None:
    sent = {"a": REFERENCE, "b": [{"c": REFERENCE}], "d": {"upload_id": "other"}, "e": {"upload_id": 1}}
    assert resolve_uploads(sent, {"c1": CAT}) == {**sent, "a": CAT, "b": [{"c": CAT}]}


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("c1", "a: expected an upload reference with a string 'upload_id'"),
        (None, "a: expected an upload reference with a string 'upload_id'"),
        ({"name": "cat.png"}, "a: expected an upload reference with a string 'upload_id'"),
        ({"upload_id": 1}, "a: expected an upload reference with a string 'upload_id'"),
        ({"upload_id": "c1", "size": "4"}, "a.size: expected integer, got string"),
        ({"upload_id": "gone"}, "a: the upload gone is not there"),
    ],
)
def test_what_is_no_file_is_refused(sent: Any, why: str) -> None:
    with pytest.raises(ValueError) as refused:
        convert_fields([compile_field("a", UploadedFile, MISSING, "here")], {"a": sent})
    assert str(refused.value) == why


def test_a_file_where_none_is_wanted_is_refused() -> None:
    with pytest.raises(ValueError, match="a: expected string, got UploadedFile"):
        convert_fields([compile_field("a", str, MISSING, "here")], {"a": CAT})
