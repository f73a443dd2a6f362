"""The files of one session: what is taken, where it lies, when it goes."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from reactor_runtime.config import SessionConfig
from reactor_runtime.errors import ClientError
from reactor_runtime.runtime.uploads import RESERVATION, Uploads

NOW = 100.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the private folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
async def uploads(folder: Path) -> Uploads:
    return Uploads(SessionConfig(max_upload_bytes=100, max_upload_total_bytes=200, max_uploads=3))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def complete(uploads: Uploads, upload_id: str, size: int = 3) -> None:
    uploads.reserve("a.png", size, "image/png", upload_id, NOW)
    await uploads.receive(upload_id, size, chunks(b"x" * size))


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value.http_status, refused.value.code


async def failure(uploads: Uploads, upload_id: str, declared: int | None, *parts: bytes) -> tuple[int, str]:
    with pytest.raises(ClientError) as refused:
        await uploads.receive(upload_id, declared, chunks(*parts))
    return refused.value.http_status, str(refused.value)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come within 10 s"
        await asyncio.sleep(0.001)  # files are deleted on a thread that tells nobody


def content(path: str) -> bytes:
    return Path(path).read_bytes()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def found(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_bytes_land_in_a_private_folder_under_a_name_of_the_servers(uploads: Uploads, folder: Path) -> None:
    upload = uploads.reserve("photo.png", 6, "image/png", None, NOW)
    assert upload.id in uploads
    assert not uploads.is_complete(upload.id)
    await uploads.receive(upload.id, None, chunks(b"abc", b"", b"def"))
    assert uploads.is_complete(upload.id)
    file = uploads.file(upload.id)
    assert (file.name, file.mime_type, file.size) == ("photo.png", "image/png", 6)
    path = Path(file.path)
    assert content(file.path) == b"abcdef"
    assert mode(path.parent) == 0o700
    assert path.parent.parent == folder
    assert "photo" not in path.name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("../../x", "x"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\a\\b.png", "b.png"),
        ("a\0b.png", "ab.png"),
        (" padded ", "padded"),
        ("..\\..", None),
        ("../..", None),
        (".", None),
        ("\0", None),
        ("", None),
        ("/", None),
    ],
)
async def test_a_name_is_never_a_path(name: str, plain: str | None, uploads: Uploads, folder: Path) -> None:
    if plain is None:
        assert refusal(lambda: uploads.reserve(name, 1, "a/b", "x", NOW)) == (400, "bad_upload")
        return
    assert uploads.reserve(name, 1, "a/b", "x", NOW).name == plain
    await uploads.receive("x", 1, chunks(b"1"))
    assert [path.parent.parent for path in stored(folder)] == [folder]


@pytest.mark.parametrize(("mime_type", "size"), [("", 1), ("  ", 1), ("a/b", 0), ("a/b", -1)])
async def test_an_upload_without_a_type_or_bytes_is_refused(mime_type: str, size: int, uploads: Uploads) -> None:
    assert refusal(lambda: uploads.reserve("x", size, mime_type, None, NOW)) == (400, "bad_upload")


async def test_an_id_is_reserved_once(uploads: Uploads) -> None:
    uploads.reserve("x", 1, "a/b", "mine", NOW)
    assert refusal(lambda: uploads.reserve("y", 1, "a/b", "mine", NOW)) == (409, "upload_id_taken")


async def test_a_file_above_the_limit_is_refused(uploads: Uploads) -> None:
    assert refusal(lambda: uploads.reserve("x", 101, "a/b", None, NOW)) == (413, "upload_too_large")


async def test_bytes_are_taken_once(uploads: Uploads) -> None:
    await complete(uploads, "x")
    assert await failure(uploads, "x", 3, b"abc") == (409, "Upload already complete")


async def test_one_upload_is_received_from_one_sender_at_a_time(uploads: Uploads) -> None:
    uploads.reserve("x", 2, "a/b", "x", NOW)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"1"
        begun.set()
        await may_end.wait()
        yield b"2"

    first = asyncio.create_task(uploads.receive("x", 2, slowly()))
    await begun.wait()
    assert await failure(uploads, "x", 2, b"zz") == (409, "Upload already being received")
    may_end.set()
    await first
    assert content(uploads.file("x").path) == b"12"


@pytest.mark.parametrize(
    ("declared", "parts", "said"),
    [
        (4, [b"abcd"], "expected 3 bytes, got 4"),
        (None, [b"ab"], "expected 3 bytes, got 2"),
        (None, [b"ab", b"cd", b"ef"], "expected 3 bytes, got 4"),
        (3, [], "expected 3 bytes, got 0"),
    ],
)
async def test_a_wrong_number_of_bytes_is_refused_and_may_be_sent_again(
    declared: int | None, parts: list[bytes], said: str, uploads: Uploads, folder: Path
) -> None:
    uploads.reserve("x", 3, "a/b", "x", NOW)
    assert await failure(uploads, "x", declared, *parts) == (400, said)
    assert not uploads.is_complete("x")
    await until(lambda: not stored(folder))
    await uploads.receive("x", 3, chunks(b"abc"))
    assert content(uploads.file("x").path) == b"abc"


async def test_a_sender_that_breaks_off_leaves_nothing(uploads: Uploads, folder: Path) -> None:
    uploads.reserve("x", 3, "a/b", "x", NOW)

    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise ClientError("gone")

    with pytest.raises(ClientError, match="gone"):
        await uploads.receive("x", 3, broken())
    await until(lambda: not stored(folder))
    await uploads.receive("x", 3, chunks(b"abc"))


async def test_an_unknown_id_takes_no_bytes(uploads: Uploads) -> None:
    assert await failure(uploads, "nope", 1, b"a") == (404, "Unknown upload")


async def test_a_reservation_lapses_but_what_came_stays(uploads: Uploads) -> None:
    await complete(uploads, "there")
    uploads.reserve("x", 3, "a/b", "never", NOW)
    uploads.reserve("x", 3, "a/b", "later", NOW + 1)
    assert uploads.next_deadline() == NOW + RESERVATION
    assert uploads.expire(NOW + RESERVATION - 0.1) == []
    assert [upload.id for upload in uploads.expire(NOW + RESERVATION)] == ["never"]
    assert uploads.next_deadline() == NOW + 1 + RESERVATION
    assert "there" in uploads
    assert "never" not in uploads


async def test_what_is_on_its_way_does_not_lapse(uploads: Uploads) -> None:
    uploads.reserve("x", 1, "a/b", "x", NOW)

    async def slowly() -> AsyncIterator[bytes]:
        assert uploads.expire(NOW + 2 * RESERVATION) == []
        yield b"1"

    await uploads.receive("x", 1, slowly())
    assert uploads.is_complete("x")


@pytest.mark.parametrize(("size", "left"), [(1, {"b", "c", "new"}), (100, {"b", "c", "new"}), (99, {"b", "c", "new"})])
async def test_room_is_made_by_the_files_used_longest_ago(
    size: int, left: set[str], uploads: Uploads, folder: Path
) -> None:
    for upload_id in "bac":
        await complete(uploads, upload_id, 50)
    uploads.file("b")  # used now
    uploads.reserve("new", size, "a/b", "new", NOW)
    assert {upload_id for upload_id in ("a", "b", "c", "new") if upload_id in uploads} == left
    await until(lambda: len(stored(folder)) == 2)


async def test_files_in_use_and_reservations_make_no_room(uploads: Uploads) -> None:
    await complete(uploads, "used", 100)
    await complete(uploads, "free", 50)
    assert refusal(lambda: uploads.reserve("x", 100, "a/b", "x", NOW, keep={"used", "free"})) == (413, "no_upload_room")
    uploads.reserve("r", 50, "a/b", "reserved", NOW, keep={"used"})
    assert refusal(lambda: uploads.reserve("x", 100, "a/b", "x", NOW, keep={"used"})) == (413, "no_upload_room")
    assert "free" in uploads, "a refusal changes nothing"


async def test_the_session_takes_its_files_with_it(uploads: Uploads, folder: Path) -> None:
    await complete(uploads, "x")
    assert stored(folder)
    uploads.close()
    assert "x" not in uploads
    await until(lambda: not found(folder))


async def test_a_file_that_another_deletes_at_that_moment_does_not_keep_the_folder(
    uploads: Uploads, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await complete(uploads, "x")
    unlink = os.unlink

    def come_second(path: str, *, dir_fd: int | None = None) -> None:
        unlink(path, dir_fd=dir_fd)
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "unlink", come_second)
    uploads.close()
    await until(lambda: not found(folder))


async def test_a_session_that_ends_ends_an_upload_on_its_way(uploads: Uploads, folder: Path) -> None:
    uploads.reserve("x", 2, "a/b", "x", NOW)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"1"
        uploads.close()
        yield b"2"

    with pytest.raises(ClientError) as refused:
        await uploads.receive("x", 2, slowly())
    assert refused.value.http_status == 404
    await until(lambda: not found(folder))


async def test_no_folder_is_made_once_the_session_is_over(uploads: Uploads, folder: Path) -> None:
    uploads.reserve("x", 1, "a/b", "x", NOW)
    receiving = asyncio.create_task(uploads.receive("x", 1, chunks(b"1")))
    uploads.close()
    with pytest.raises(ClientError):
        await receiving
    await until(lambda: not found(folder))


async def test_a_disk_that_takes_nothing_is_told(
    folder: Path, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))
    uploads.reserve("x", 1, "a/b", "x", NOW)
    status, said = await failure(uploads, "x", 1, b"1")
    assert status == 507
    assert "No such file or directory" in said
