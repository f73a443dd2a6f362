"""Files that clients hand in: what a handler is given, and how a reference in a command becomes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

REFERENCE_FORMAT = "reactor-upload-reference"

REFERENCE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "format": REFERENCE_FORMAT,
    "description": "A file uploaded before, named by the upload_id its reservation was answered with.",
    "properties": {
        "upload_id": {"type": "string"},
        "name": {"type": "string"},
        "mime_type": {"type": "string"},
        "size": {"type": "integer"},
    },
    "required": ["upload_id"],
}


_ANYTHING: dict[str, Any] = {}
_FileOf = Callable[[str], "UploadedFile | None"]


@dataclass(frozen=True)
class UploadedFile:
    """A file a client handed in, whole and in memory.

    Attributes:
        name: What the client calls it; no path.
        mime_type: What the client says it is.
        size: Length of `data` in bytes.
    """

    name: str
    mime_type: str
    data: bytes = field(repr=False)
    size: int = -1

    def __post_init__(self) -> None:
        if not isinstance(self.data, bytes):
            raise TypeError(f"data of an UploadedFile is bytes, got {type(self.data).__name__}")
        object.__setattr__(self, "size", len(self.data))


def resolve_uploads(
    arguments: Mapping[str, Any], files: Mapping[str, UploadedFile], schema: Mapping[str, Any] = _ANYTHING
) -> dict[str, Any]:
    """Return the arguments with references to `files` replaced by them, at any depth.

    Args:
        arguments: As a client sent them; left as they are.
        files: The files that are there, by upload id.
        schema: JSON Schema of the arguments: where it wants neither a file nor just anything, as in a `dict`
            parameter, a reference stays what it is. By default all are replaced.
    """
    resolved: dict[str, Any] = _in_object(arguments, files.get, schema)
    return resolved


def references(arguments: Mapping[str, Any], schema: Mapping[str, Any] = _ANYTHING) -> tuple[str, ...]:
    """Return the ids that `resolve_uploads` would look for in the same arguments, each once, in order."""
    found: dict[str, None] = {}
    _in_object(arguments, lambda upload_id: found.setdefault(upload_id), schema)
    return tuple(found)


def _in_object(value: Mapping[str, Any], file_of: _FileOf, schema: Mapping[str, Any]) -> Any:
    properties, others = schema.get("properties", _ANYTHING), schema.get("additionalProperties") or _ANYTHING
    return {key: _resolved(item, file_of, properties.get(key, others)) for key, item in value.items()}


def _resolved(value: Any, file_of: _FileOf, schema: Mapping[str, Any]) -> Any:
    schema = schema.get("anyOf", [schema])[0]
    wanted = schema.get("format") == REFERENCE_FORMAT or "type" not in schema
    match value:
        case {"upload_id": str(upload_id)} if wanted and (file := file_of(upload_id)) is not None:
            return file
        case Mapping():
            return _in_object(value, file_of, schema)
        case list() | tuple():
            return [_resolved(item, file_of, schema.get("items", _ANYTHING)) for item in value]
    return value
