"""The files that clients upload in one session: reserved, received into a private folder, gone with the session."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import threading
from collections.abc import AsyncIterable, Callable, Container
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import uuid4

from reactor_runtime.config import SessionConfig
from reactor_runtime.errors import ClientError
from reactor_runtime.worker.messages import Uploaded

RESERVATION = 300.0
"""Seconds a reservation waits for its bytes."""


class UploadState(StrEnum):
    """How far an upload has come."""

    RESERVED = "reserved"
    RECEIVING = "receiving"
    COMPLETE = "complete"


_NEXT: dict[tuple[UploadState, str], UploadState] = {
    (UploadState.RESERVED, "begin"): UploadState.RECEIVING,
    (UploadState.RECEIVING, "finish"): UploadState.COMPLETE,
    (UploadState.RECEIVING, "fail"): UploadState.RESERVED,
}


@dataclass(slots=True)
class Upload:
    """One file a client announced.

    Attributes:
        name: What the client calls it, without folders.
        size: Bytes, exactly.
        path: Where its bytes are; the file's name is the server's.
        expires_at: When a reservation lapses.
    """

    id: str
    name: str
    mime_type: str
    size: int
    expires_at: float
    state: UploadState = UploadState.RESERVED
    path: Path | None = None

    def move(self, step: str) -> None:
        """Go one step on.

        Raises:
            ClientError: 409, the bytes are there or on their way.
        """
        following = _NEXT.get((self.state, step))
        if following is None:
            done = "already complete" if self.state is UploadState.COMPLETE else "already being received"
            raise ClientError(f"Upload {done}", code="already_uploaded", http_status=409)
        self.state = following


class Uploads:
    """The uploads of one session. All methods run on the event loop; files are touched off it."""

    def __init__(self, limits: SessionConfig) -> None:
        self._limits = limits
        self._uploads: dict[str, Upload] = {}  # least recently used first
        self._folder = _Folder()

    def __contains__(self, upload_id: object) -> bool:
        return upload_id in self._uploads

    def reserve(
        self, name: str, size: int, mime_type: str, upload_id: str | None, now: float, *, keep: Container[str] = ()
    ) -> Upload:
        """Announce a file, and make room for it: complete files go, the least recently used first.

        Args:
            name: What the client calls it.
            size: Bytes that will come.
            mime_type: What the client says it is.
            upload_id: The client's own id for it, or None.
            now: Monotonic seconds.
            keep: Ids of the files that are in use.

        Raises:
            ClientError: 400 an empty name, type or file; 409 the id is taken; 413 too large, or no room.
        """
        # Authors save files under this name: it must never lead out of their folder.
        plain = PurePosixPath(name.replace("\\", "/")).name.replace("\0", "").strip()
        if plain in ("", ".", "..") or not mime_type.strip() or size <= 0:
            raise ClientError("an upload needs a name, a mime_type and a size above 0", code="bad_upload")
        if size > self._limits.max_upload_bytes:
            most = self._limits.max_upload_bytes
            raise ClientError(f"a file may have at most {most} bytes", code="upload_too_large", http_status=413)
        if upload_id in self._uploads:
            raise ClientError("Upload id already reserved", code="upload_id_taken", http_status=409)
        self._make_room(size, keep)
        upload = Upload(upload_id or str(uuid4()), plain, mime_type.strip(), size, now + RESERVATION)
        self._uploads[upload.id] = upload
        return upload

    def _make_room(self, size: int, keep: Container[str]) -> None:
        limits, dropped = self._limits, list[Upload]()
        count, total = len(self._uploads) + 1, sum(upload.size for upload in self._uploads.values()) + size
        unused = (u for u in self._uploads.values() if u.state is UploadState.COMPLETE and u.id not in keep)
        while count > limits.max_uploads or total > limits.max_upload_total_bytes:
            oldest = next(unused, None)
            if oldest is None:
                room = f"{limits.max_uploads} files of {limits.max_upload_total_bytes} bytes in all"
                raise ClientError(f"the session has room for {room}", code="no_upload_room", http_status=413)
            dropped.append(oldest)
            count, total = count - 1, total - oldest.size
        for upload in dropped:
            del self._uploads[upload.id]
            self._remove(upload)

    async def receive(self, upload_id: str, declared: int | None, chunks: AsyncIterable[bytes]) -> Upload:
        """Store a reserved file's bytes as they come. After a failure they may be sent again.

        Args:
            upload_id: Of the reservation.
            declared: How many bytes the client says will come, None if it does not say.
            chunks: The bytes.

        Raises:
            ClientError: 404 unknown id, or the session ended; 409 the bytes are there or on their way; 400 their number
                is not what was reserved; 507 the disk is full. Whatever `chunks` raises is passed on.
        """
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise _unknown()
        upload.move("begin")
        try:
            if declared is not None and declared != upload.size:
                raise _mismatch(upload, declared)
            await self._store(upload, chunks)
        except BaseException as error:
            upload.move("fail")
            self._remove(upload)
            if isinstance(error, OSError):
                text = f"the file cannot be stored: {error.strerror}"
                raise ClientError(text, code="no_storage", http_status=507) from error
            raise
        upload.move("finish")
        return upload

    async def _store(self, upload: Upload, chunks: AsyncIterable[bytes]) -> None:
        file, upload.path = await asyncio.to_thread(self._folder.create)
        received = 0
        try:
            async for chunk in chunks:
                received += len(chunk)
                if received > upload.size:
                    raise _mismatch(upload, received)
                if chunk:
                    await asyncio.to_thread(file.write, chunk)
        finally:
            await asyncio.to_thread(file.close)
        if received != upload.size:
            raise _mismatch(upload, received)
        if self._uploads.get(upload.id) is not upload:
            raise _unknown()

    def is_complete(self, upload_id: str) -> bool:
        """Whether every byte of it is there."""
        return upload_id in self._uploads and self._uploads[upload_id].state is UploadState.COMPLETE

    def file(self, upload_id: str) -> Uploaded:
        """Return a complete file for the model, and count it as used.

        Raises:
            KeyError: It is not complete.
        """
        if not self.is_complete(upload_id):
            raise KeyError(upload_id)
        upload = self._uploads[upload_id] = self._uploads.pop(upload_id)
        return Uploaded(upload.name, upload.mime_type, upload.size, str(upload.path))

    def expire(self, now: float) -> list[Upload]:
        """Forget the reservations that have lapsed, and return them."""
        lapsed = [u for u in self._uploads.values() if u.state is UploadState.RESERVED and u.expires_at <= now]
        for upload in lapsed:
            del self._uploads[upload.id]
        return lapsed

    def next_deadline(self) -> float | None:
        """Return when the next reservation lapses."""
        return min((u.expires_at for u in self._uploads.values() if u.state is UploadState.RESERVED), default=None)

    def close(self) -> None:
        """Forget every upload and begin to delete the files; the loop does not end before that is done."""
        self._uploads.clear()
        _off_loop(self._folder.remove_all)

    def _remove(self, upload: Upload) -> None:
        if (path := upload.path) is not None:
            upload.path = None
            _off_loop(lambda: path.unlink(missing_ok=True))


def _off_loop(delete: Callable[[], None]) -> None:
    asyncio.get_running_loop().run_in_executor(None, delete)


class _Folder:
    """A private folder, made with its first file. Blocking; methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = itertools.count(1)
        self._path: Path | None = None
        self._is_closed = False

    def create(self) -> tuple[BinaryIO, Path]:
        """Open a new, empty file."""
        with self._lock:
            if self._is_closed:
                raise _unknown()
            if self._path is None:
                self._path = Path(tempfile.mkdtemp(prefix="reactor-uploads-"))
            path = self._path / str(next(self._names))
            return path.open("xb"), path

    def remove_all(self) -> None:
        """Delete the folder; no file is made after that."""
        with self._lock:
            self._is_closed = True
            if self._path is not None:
                # An upload that fails at this moment deletes its own file: one that is gone must not end this.
                shutil.rmtree(self._path, ignore_errors=True)


def _unknown() -> ClientError:
    return ClientError("Unknown upload", code="unknown_upload", http_status=404)


def _mismatch(upload: Upload, received: int) -> ClientError:
    return ClientError(f"expected {upload.size} bytes, got {received}", code="upload_size_mismatch")
