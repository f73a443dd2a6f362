"""The files that a message from the server refers to, read into what handlers are given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reactor_runtime.authoring.uploads import UploadedFile
from reactor_runtime.errors import InvalidArgument
from reactor_runtime.worker.messages import Uploaded


def read_uploads(uploads: Mapping[str, Uploaded]) -> dict[str, UploadedFile]:
    """Read files that clients uploaded. Blocks.

    Args:
        uploads: Upload id to where the file lies.

    Raises:
        InvalidArgument: Code `unresolved_upload`: a file is no longer there.
    """
    files = {}
    for upload_id, upload in uploads.items():
        try:
            data = Path(upload.path).read_bytes()
        except OSError as error:
            text = f"upload {upload_id!r} ({upload.name}) cannot be read: {error.strerror}"
            raise InvalidArgument(text, code="unresolved_upload") from error
        files[upload_id] = UploadedFile(upload.name, upload.mime_type, data)
    return files
