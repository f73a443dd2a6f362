"""What a set should hold is read strictly: digests and paths come from a store that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

import pytest

from reactor_runtime.errors import OperatorError
from reactor_runtime.weights.record import (
    RECORD,
    FileRecord,
    Record,
    parse_sums,
    problems,
    read_record,
    safe_path,
    write_record,
)

A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
"""SHA-256 of `a`."""


def test_checksums_are_read_as_sha256sum_writes_them() -> None:
    assert parse_sums(f"{A}  x.bin\n{A} *sub/y z.bin\n\n{A.upper()}  ./w\n") == {"x.bin": A, "sub/y z.bin": A, "w": A}


@pytest.mark.parametrize("line", ["x.bin", f"{A[:-1]}  x.bin", f"{A}x.bin"])
def test_a_line_that_is_no_checksum_is_refused(line: str) -> None:
    with pytest.raises(OperatorError, match="no digest and path"):
        parse_sums(line)


@pytest.mark.parametrize("path", ["", "/a", "a//b", "./a", "a/..", "../a", "a\\b", "a\nb", "a\0b"])
def test_a_path_that_could_leave_the_set_is_refused(path: str) -> None:
    with pytest.raises(OperatorError, match="cannot be part of a set"):
        safe_path(path)


def test_a_record_comes_back_as_written_and_a_broken_one_counts_as_none(tmp_path: Path) -> None:
    record = Record("s3://b/x", {"a.bin": FileRecord(1, "etag", A)})
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    (tmp_path / RECORD).write_text("{")
    assert read_record(tmp_path) is None


def test_a_changed_byte_and_a_missing_file_are_found_by_record_and_checksums(tmp_path: Path) -> None:
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(b"a")
    write_record(tmp_path, Record("s3://b/x", {"a.bin": FileRecord(1, "", A), "c.bin": FileRecord(1, "", A)}))
    (tmp_path / "SHA256SUMS").write_text(f"{A}  b.bin\n")
    sizes: list[int] = []
    assert problems(tmp_path, sizes.append) == ["c.bin: missing"]
    assert sizes == [1, 1]
    (tmp_path / "b.bin").write_bytes(b"b")
    assert [line.split(":")[0] for line in problems(tmp_path, sizes.append)] == ["b.bin", "c.bin"]


def test_a_set_that_nobody_wrote_down_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="nothing to verify it against"):
        problems(tmp_path, lambda size: None)
