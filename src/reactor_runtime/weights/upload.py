"""Pushes a set of weights into a store, with the digests that a pull checks it by."""

from __future__ import annotations

from pathlib import Path

from reactor_runtime.errors import OperatorError
from reactor_runtime.weights.download import Meter
from reactor_runtime.weights.places import Progress, silent
from reactor_runtime.weights.record import RECORD, SUMS, digest, expected, files_below, safe_path
from reactor_runtime.weights.store import Store


def push(folder: Path, url: str, progress: Progress = silent) -> int:
    """Upload a set and its `SHA256SUMS`, and return how many files it has.

    Raises:
        OperatorError: The set is empty, differs from its own digests, or the store cannot be written to.
    """
    store = Store(url)
    files = {path: file for path, file in files_below(folder).items() if path != SUMS}
    if not files:
        raise OperatorError(f"{folder} holds no files to push")
    total = sum(file.stat().st_size for file in files.values())
    checking, pushing = (Meter(f"{what} {folder.name}", progress) for what in ("checking", "pushing"))
    checking.total = pushing.total = total
    sums = {safe_path(path): digest(file, checking.add) for path, file in files.items()}
    known = expected(folder).items()
    if differing := sorted(path for path, sha256 in known if path != SUMS and sums.get(path) != sha256):
        raise OperatorError(
            f"{folder} is not as its {RECORD} or {SUMS} says ({', '.join(differing[:5])}) and was not pushed; "
            "if it was changed on purpose, delete those two files first"
        )
    # The digests go first: until the last file has followed, a pull refuses the set instead of taking half of it.
    store.write(SUMS, "".join(f"{sha256}  {path}\n" for path, sha256 in sums.items()).encode())
    for path, file in files.items():
        store.write(path, file)
        pushing.add(file.stat().st_size)
    return len(files)
