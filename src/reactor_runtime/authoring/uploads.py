"""Files that clients hand in: what a handler is given, and how a reference in a command becomes one."""

from __future__ import annotations

from collections.abc import Mapping
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


def resolve_uploads(arguments: Mapping[str, Any], files: Mapping[str, UploadedFile]) -> dict[str, Any]:
    """Return the arguments with every reference to one of `files` replaced by it, at any depth.

    Args:
        arguments: As a client sent them; left as they are.
        files: The files that are there, by upload id.
    """
    return {name: _resolved(value, files) for name, value in arguments.items()}


def _resolved(value: Any, files: Mapping[str, UploadedFile]) -> Any:
    match value:
        case {"upload_id": str(upload_id)} if upload_id in files:
            return files[upload_id]
        case Mapping():
            return {key: _resolved(item, files) for key, item in value.items()}
        case list() | tuple():
            return [_resolved(item, files) for item in value]
    return value
