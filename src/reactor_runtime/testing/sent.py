"""What a test sends, as a client's bytes would arrive: plain arguments, uploads as references, media as frames."""

from __future__ import annotations

import mimetypes
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.authoring.input_frame import InputFrame
from reactor_runtime.authoring.uploads import UploadedFile
from reactor_runtime.worker.messages import Uploaded
from reactor_runtime.worker.plain import plain


class UploadFolder:
    """Where the files of one test lie until `close`."""

    _folder: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Delete the files."""
        if self._folder is not None:
            self._folder.cleanup()

    def keep(self, file: UploadedFile | Path) -> Uploaded:
        """Write a file as the server would have received it."""
        if isinstance(file, Path):
            file = UploadedFile(
                file.name, mimetypes.guess_type(file)[0] or "application/octet-stream", file.read_bytes()
            )
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="reactor-uploads-")
        path = Path(self._folder.name) / uuid.uuid4().hex
        path.write_bytes(file.data)
        return Uploaded(file.name, file.mime_type, file.size, str(path))

    def arguments(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Uploaded]]:
        """Return arguments as JSON would carry them, and the files they refer to by upload id.

        Args:
            given: As the test gave them; an `UploadedFile` or a `Path`, at any depth, is a file to upload.
        """
        uploads: dict[str, Uploaded] = {}
        return {name: self._plain(value, name, uploads) for name, value in given.items()}, uploads

    def _plain(self, value: Any, where: str, uploads: dict[str, Uploaded]) -> Any:
        match value:
            case UploadedFile() | Path():
                upload_id = uuid.uuid4().hex
                uploads[upload_id] = file = self.keep(value)
                return {"upload_id": upload_id, "name": file.name, "mime_type": file.mime_type, "size": file.size}
            case Mapping():
                return {str(key): self._plain(item, f"{where}.{key}", uploads) for key, item in value.items()}
            case list() | tuple():
                return [self._plain(item, f"{where}[{index}]", uploads) for index, item in enumerate(value)]
            case _:
                return plain(value, where)


def input_frame(
    track: TrackSpec, frame: Any, pts: float | None, metadata: bytes | None, capture_time_us: int | None
) -> InputFrame:
    """Return what a client sends on a track as the model reads it; an `InputFrame` keeps what is not given.

    Raises:
        ValueError: It is not what a model is given on such a track.
    """
    array = np.asarray(frame)
    if track.kind == "video":
        wanted = "(H, W, 3) uint8 RGB"
        fits = array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8
    else:
        wanted = f"(1, samples) int16 at {track.rate:g} Hz"
        fits = array.ndim == 2 and array.shape[0] == 1 and array.dtype == np.int16
    if not fits:
        raise ValueError(f"input track {track.name!r} takes {wanted}, got {array.shape} {array.dtype}")
    former = frame if isinstance(frame, InputFrame) else InputFrame(array)
    return InputFrame(
        array.view(np.ndarray),
        former.pts if pts is None else pts,
        former.metadata if metadata is None else metadata,
        former.capture_time_us if capture_time_us is None else capture_time_us,
    )
