"""Files of this machine as uploads: `{"upload_file": "photo.png"}` in a command's arguments."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

from reactor_runtime.errors import OperatorError
from reactor_runtime.worker.messages import Uploaded


def attach(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Uploaded]]:
    """Return the arguments with an upload reference for each file they name, at any depth, and the files by upload id.

    Raises:
        OperatorError: A named file cannot be read.
    """
    files: dict[str, Uploaded] = {}
    return {name: _attached(value, files) for name, value in arguments.items()}, files


def _attached(value: Any, files: dict[str, Uploaded]) -> Any:
    match value:
        case {"upload_file": str(named)} if len(value) == 1:
            file = _file(Path(named).expanduser())
            files[file.path] = file
            return {"upload_id": file.path, "name": file.name, "mime_type": file.mime_type, "size": file.size}
        case dict():
            return {key: _attached(item, files) for key, item in value.items()}
        case list():
            return [_attached(item, files) for item in value]
    return value


def _file(path: Path) -> Uploaded:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
    except (OSError, ValueError) as error:
        raise OperatorError(f"{path} cannot be uploaded: {getattr(error, 'strerror', error)}") from None
    mime_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Uploaded(path.name, mime_type, size, str(path.resolve()))
