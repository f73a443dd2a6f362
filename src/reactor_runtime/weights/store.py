"""A set of weights in a store, by URL: what it lists, reading from any offset, writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from reactor_runtime.errors import OperatorError, ReactorError
from reactor_runtime.weights.record import BLOCK, RECORD, SUMS, parse_sums, safe_path

_EXTRAS = {"s3": "s3", "gs": "gcs", "hf": "hf", "https": "https", "http": "https", "file": ""}
_READ_ONLY = {
    "http": "an HTTP store cannot be written to",
    "https": "an HTTP store cannot be written to",
    "hf": "push to the Hub with its own `hf upload`",
}
_VERSION_OF = ("ETag", "etag", "md5Hash", "blob_id", "xet_hash", "mtime", "LastModified", "Last-Modified")
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a set in a store.

    Attributes:
        path: Safe path relative to the set.
        remote: What the store calls it.
        identity: What tells this version from another (an etag, else a time); empty when nothing does.
        sha256: Its digest, where the store knows it.
    """

    path: str
    remote: str
    size: int
    identity: str
    sha256: str | None


class Store:
    """One set of weights at a URL; every error names the URL. Thread: any."""

    def __init__(self, url: str) -> None:
        """Open the store.

        Raises:
            OperatorError: The scheme is unknown, or the extra that speaks it is not installed.
        """
        self.url = url.rstrip("/")
        scheme = url.partition("://")[0]
        if scheme not in _EXTRAS:
            known = ", ".join(f"{name}://" for name in _EXTRAS if name != "http")
            raise OperatorError(f"no store at {url!r}: a URL begins with one of {known}")
        self._scheme = scheme
        self._streams = scheme in ("http", "https")
        with self.blamed():
            try:
                from fsspec.core import url_to_fs

                fs, root = url_to_fs(self.url, **self._options())
            except ImportError:
                raise OperatorError(
                    f"{scheme}:// needs an extra: pip install 'reactor-runtime[{_EXTRAS[scheme]}]'"
                ) from None
        self._fs: Any = fs
        self._root = str(root).rstrip("/")

    def files(self) -> list[RemoteFile]:
        """Return every file of the set, the largest first.

        Raises:
            FileNotFoundError: The store has no such set.
            OperatorError: The store cannot be reached, lists what no set may hold, or lacks what `SHA256SUMS` names.
        """
        with self.blamed():
            self._fs.invalidate_cache()
            sums = self._sums()
            listed = self._listed(sums)
            listed.pop(RECORD, None)  # somebody copied a downloaded set into the store; ours is written anew
            if missing := sorted(sums.keys() - listed.keys()):
                raise OperatorError(f"{self.url} is incomplete: {SUMS} names {', '.join(missing[:5])}")
            files = [self._file(path, info, sums.get(path)) for path, info in listed.items()]
        if not files:
            raise FileNotFoundError(self.url)
        return sorted(files, key=lambda file: -file.size)

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield what a file holds from `offset` on."""
        if self._streams:
            yield from self._stream(file, offset)
            return
        with self._fs.open(file.remote, "rb", block_size=BLOCK, cache_type="none") as source:
            source.seek(offset)
            while offset < file.size and (block := source.read(min(BLOCK, file.size - offset))):
                offset += len(block)
                yield block

    def write(self, path: str, content: bytes | Path) -> None:
        """Put one file of the set into the store.

        Raises:
            OperatorError: The store cannot be written to.
        """
        if why := _READ_ONLY.get(self._scheme):
            raise OperatorError(f"cannot push to {self.url}: {why}")
        remote = f"{self._root}/{path}"
        with self.blamed():
            if self._scheme == "file":
                self._fs.makedirs(remote.rpartition("/")[0], exist_ok=True)
            if isinstance(content, Path):
                self._fs.put_file(str(content), remote)
            else:
                self._fs.pipe_file(remote, content)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Turn whatever a store's library raises into one line for the operator."""
        try:
            yield
        except (ReactorError, FileNotFoundError):
            raise
        except Exception as error:  # every store's library raises kinds of its own
            told = " ".join(str(error).split()) or type(error).__name__
            raise OperatorError(f"{self.url}: {told}") from error

    def _options(self) -> dict[str, Any]:
        if not self._streams:
            return {}
        import aiohttp

        # Its own limit ends any download after five minutes; what must not last is silence.
        return {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)}}

    def _sums(self) -> dict[str, str]:
        try:
            content: bytes = self._fs.cat_file(f"{self._root}/{SUMS}")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return parse_sums(content.decode("utf-8", "replace"))

    def _listed(self, sums: dict[str, str]) -> dict[str, dict[str, Any]]:
        if self._streams:
            # An HTTP server has no listing but its pages, so the digests' list comes first.
            names = [f"{self._root}/{path}" for path in (*sums, SUMS)] if sums else self._fs.find(self._root)
            links = {self._relative(name): name for name in names if not {"?", "#"} & set(name)}
            return {path: {**self._fs.info(name), "name": name} for path, name in links.items()}
        found = self._fs.find(self._root, detail=True).items()
        # A key that ends in a slash is an empty object by which S3 consoles show a folder.
        return {self._relative(name): {**info, "name": name} for name, info in found if not name.endswith("/")}

    def _relative(self, name: str) -> str:
        if name == self._root:
            name = name.rpartition("/")[2]  # the URL is a file's
        relative = name.removeprefix(f"{self._root}/")
        return safe_path(unquote(relative) if self._streams else relative)

    def _file(self, path: str, info: dict[str, Any], sha256: str | None) -> RemoteFile:
        size = info.get("size")
        if not isinstance(size, int):
            raise OperatorError(f"{self.url} does not tell how large {path} is")
        identity = next((str(info[key]) for key in _VERSION_OF if info.get(key)), "")
        stored_large = info.get("lfs")
        return RemoteFile(path, info["name"], size, identity, sha256 or (stored_large and stored_large["sha256"]))

    def _stream(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        with self._fs.open(file.remote, "rb", block_size=0, size=file.size, headers=headers) as source:
            # A server that knows no ranges answers with the whole file.
            skip = offset if source.r.status == 200 else 0
            while block := source.read(BLOCK):
                if len(block) > skip:
                    yield block[skip:]
                skip = max(0, skip - len(block))
