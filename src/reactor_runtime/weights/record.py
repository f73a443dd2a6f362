"""What a set of weights should hold: the digests that came with it, and the record written when it was downloaded."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from reactor_runtime.errors import OperatorError

RECORD = ".reactor-weights.json"
SUMS = "SHA256SUMS"
BLOCK = 8 * 2**20

_SUM = re.compile(r"([0-9a-fA-F]{64})  ?\*?(.+)")


class FileRecord(msgspec.Struct):
    """One file of a set.

    Attributes:
        identity: What the store said this version of the file is (etag or the like); empty when it said nothing.
        sha256: Digest of what was written; empty until the whole set was.
    """

    size: int
    identity: str
    sha256: str = ""


class Record(msgspec.Struct):
    """A set as it was downloaded from `source`: relative path to file."""

    source: str
    files: dict[str, FileRecord]


def read_record(folder: Path) -> Record | None:
    """Return the record in a folder; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Write the record in one step."""
    fresh = folder / f"{RECORD}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
    os.replace(fresh, folder / RECORD)


def parse_sums(text: str) -> dict[str, str]:
    """Return path to digest of a `SHA256SUMS`, as `sha256sum` writes it.

    Raises:
        OperatorError: A line is no digest and safe path.
    """
    sums: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _SUM.fullmatch(line)
        if match is None:
            raise OperatorError(f"{SUMS} has a line that is no digest and path: {line!r}")
        sums[safe_path(match[2].removeprefix("./"))] = match[1].lower()
    return sums


def safe_path(path: str) -> str:
    """Return a relative path from a store, which nobody vouches for.

    Raises:
        OperatorError: It would leave the set's folder, or be no file's name.
    """
    parts = path.split("/")
    if "\\" in path or not path.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise OperatorError(f"the store lists a file that cannot be part of a set of weights: {path!r}")
    return path


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files of a set on disk, by path relative to its folder, without the record."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    found.pop(RECORD, None)
    return found


def digest(path: Path, seen: Callable[[int], None]) -> str:
    """Return the SHA-256 of a file; `seen` hears of each block's size."""
    sha = hashlib.sha256()
    for block in blocks(path):
        sha.update(block)
        seen(len(block))
    return sha.hexdigest()


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the content of a file, block by block."""
    with path.open("rb") as source:
        while block := source.read(BLOCK):
            yield block


def expected(folder: Path) -> dict[str, str]:
    """Return path to digest of all that is known about a set on disk: its `SHA256SUMS` and its record."""
    record = read_record(folder)
    known = {path: file.sha256 for path, file in record.files.items() if file.sha256} if record else {}
    sums = folder / SUMS
    return known | (parse_sums(sums.read_text("utf-8", "replace")) if sums.is_file() else {})


def problems(folder: Path, seen: Callable[[int], None]) -> list[str]:
    """Read a whole set and return what is wrong with it, one line for each file.

    Raises:
        OperatorError: There is nothing to compare it with.
    """
    known = expected(folder)
    if not known:
        raise OperatorError(f"{folder} has neither {SUMS} nor {RECORD}: nothing to verify it against")
    found = []
    for path, sha256 in sorted(known.items()):
        file = folder / path
        if not file.is_file():
            found.append(f"{path}: missing")
        elif (actual := digest(file, seen)) != sha256:
            found.append(f"{path}: damaged (sha256 {actual[:12]}, should be {sha256[:12]})")
    return found
