"""Files of the machine as uploads of a headless command."""

from __future__ import annotations

from pathlib import Path

import pytest

from reactor_runtime.errors import OperatorError
from reactor_runtime.headless.files import attach
from reactor_runtime.worker.messages import Uploaded


def test_a_named_file_becomes_an_upload_at_any_depth(tmp_path: Path) -> None:
    photo, notes = tmp_path / "photo.png", tmp_path / "notes.unheard"
    photo.write_bytes(b"abc")
    notes.write_bytes(b"")
    arguments = {
        "image": {"upload_file": str(photo)},
        "board": [{"items": [{"upload_file": str(notes)}]}, 3],
        "upload_file": "no object, no file",
        "free": {"upload_file": "x", "and": "more"},
    }
    attached, files = attach(arguments)
    reference = {"upload_id": str(photo), "name": "photo.png", "mime_type": "image/png", "size": 3}
    assert attached["image"] == reference
    assert attached["board"][0]["items"][0]["mime_type"] == "application/octet-stream"
    assert attached["board"][1] == 3
    assert (attached["upload_file"], attached["free"]) == (arguments["upload_file"], arguments["free"])
    assert files == {
        str(photo): Uploaded("photo.png", "image/png", 3, str(photo)),
        str(notes): Uploaded("notes.unheard", "application/octet-stream", 0, str(notes)),
    }


@pytest.mark.parametrize(("name", "why"), [("gone.png", "No such file"), (".", "Is a directory"), ("a\0b", "null")])
def test_a_file_that_cannot_be_read_is_named(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=f"cannot be uploaded: .*{why}"):
        attach({"image": {"upload_file": str(tmp_path / name)}})
