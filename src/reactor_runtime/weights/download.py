"""Pulls a set of weights: into a folder beside its place, resumed after a kill, checked, then renamed in one step."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from reactor_runtime.errors import OperatorError
from reactor_runtime.log import get_logger
from reactor_runtime.weights.places import Progress, silent
from reactor_runtime.weights.record import FileRecord, Record, blocks, files_below, read_record, write_record
from reactor_runtime.weights.store import RemoteFile, Store

AT_ONCE = 4
"""Files in flight."""
PART = ".part"
"""Ending of the folder in which a set lies until all of it is there."""
TRIES = 3
"""Failures in a row, without a byte between, after which a file is given up."""

log = get_logger("reactor.weights")


def pull(url: str, target: Path, progress: Progress = silent) -> Path:
    """Download the set at `url` to `target`, and return `target`.

    Until everything is there and checked, it lies in `<target>.part`; what a killed download left there is taken up
    where it stopped. Of several that pull the same set at once, one downloads and the others wait.

    Args:
        url: Where the set is.
        target: Folder to make of it.
        progress: Called from several threads.

    Raises:
        FileNotFoundError: The store has no such set.
        OperatorError: It could not be downloaded, what arrived is not what the store promised, or it does not fit.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target, progress):
            if not target.exists():
                log.info("downloading weights", source=url, to=str(target))
                _Download(Store(url), target, progress).run()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OperatorError(f"cannot download {url} to {target}: {error.strerror or error}") from error
    return target


@contextmanager
def _alone(target: Path, progress: Progress) -> Iterator[None]:
    """Hold off other downloads to the same target; the system lets go of the lock when a process dies."""
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for another download of {target.name}", None)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks: two would write the same bytes to the same places
        yield


class _Download:
    """One set on its way."""

    def __init__(self, store: Store, target: Path, progress: Progress) -> None:
        self._store = store
        self._target = target
        self._staging = target.with_name(target.name + PART)
        self._meter = Meter(f"downloading {target.name}", progress)
        self._given_up = threading.Event()

    def run(self) -> None:
        self._meter.say("asking " + self._store.url)
        files = self._store.files()
        self._meter.total = sum(file.size for file in files)
        record = Record(self._store.url, {file.path: FileRecord(file.size, file.identity) for file in files})
        self._prepare(files, record)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="weights") as pool:
            try:
                for file, sha256 in zip(files, pool.map(self._fetch, files), strict=True):
                    record.files[file.path].sha256 = sha256
            except BaseException:
                self._given_up.set()
                raise
        write_record(self._staging, record)
        _sync(self._staging)
        with suppress(OSError):
            self._target.rmdir()  # renaming over an empty folder is not possible everywhere
        os.rename(self._staging, self._target)
        _sync(self._target.parent)

    def _prepare(self, files: list[RemoteFile], record: Record) -> None:
        """Leave in the staging folder only parts of exactly these files, and write down which those are."""
        self._staging.mkdir(exist_ok=True)
        before = read_record(self._staging)
        left = files_below(self._staging)
        for path, part in left.items():
            then = before and before.files.get(path)
            now = record.files.get(path)
            same = then and now and now.identity and (then.size, then.identity) == (now.size, now.identity)
            if not same or part.stat().st_size > record.files[path].size:
                part.unlink()
        write_record(self._staging, record)
        there = sum(part.stat().st_size for part in left.values() if part.exists())
        free = shutil.disk_usage(self._staging).free
        if free < self._meter.total - there:
            raise OperatorError(
                f"no room for {self._store.url}: {size_text(self._meter.total - there)} to download, "
                f"{size_text(free)} free at {self._staging.parent}"
            )
        for file in files:
            (self._staging / file.path).parent.mkdir(parents=True, exist_ok=True)

    def _fetch(self, file: RemoteFile) -> str:
        """Download what is missing of one file and return its digest. Thread: pool."""
        part = self._staging / file.path
        sha = hashlib.sha256()
        with part.open("r+b" if part.exists() else "w+b") as out:
            for block in blocks(part):
                sha.update(block)
                self._meter.add(len(block))
            offset = out.seek(0, os.SEEK_END)
            failures = 0
            while offset < file.size:
                try:
                    with self._store.blamed():
                        for block in self._store.read(file, offset):
                            if self._given_up.is_set():
                                return ""
                            out.write(block)
                            sha.update(block)
                            offset += len(block)
                            failures = 0
                            self._meter.add(len(block))
                        if offset < file.size:
                            raise OperatorError(f"{file.path} ended after {offset} of {file.size} bytes")
                except (OperatorError, FileNotFoundError) as error:
                    failures += 1
                    if failures == TRIES:
                        raise OperatorError(str(error)) from error
                    self._given_up.wait(failures)
                    log.warning("a download broke off; going on where it stopped", file=file.path, why=str(error))
            out.flush()
            os.fsync(out.fileno())
        if offset != file.size or file.sha256 not in (None, sha.hexdigest()):
            part.unlink()
            raise OperatorError(
                f"{self._store.url}: {file.path} is not what the store promised (checksum or size differs); "
                "it was deleted: pull again, and if it stays so, the store's copy is damaged"
            )
        return sha.hexdigest()


class Meter:
    """Counts bytes for a `Progress`, which hears of each half percent. Thread: any."""

    def __init__(self, what: str, progress: Progress) -> None:
        self.total = 0
        self._what = what
        self._progress = progress
        self._done = 0
        self._told = -1
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Report what cannot be counted."""
        self._progress(text, None)

    def add(self, count: int) -> None:
        """Count bytes."""
        with self._lock:
            self._done += count
            step = self._done * 200 // self.total if self.total else 200
            if step == self._told:
                return
            self._told = step
            text = f"{self._what}: {size_text(self._done)} of {size_text(self.total)}"
            # Told under the lock, so that nobody hears the fraction fall.
            self._progress(text, min(1.0, self._done / self.total) if self.total else None)


def size_text(count: float) -> str:
    """Return a size as people say it."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} TB"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
