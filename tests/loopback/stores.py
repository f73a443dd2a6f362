"""Stores of weights on loopback: an HTTP server, a stand-in for the Hub, and a gate that holds bytes back."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

MIB = 2**20
REACTOR = str(Path(sys.executable).with_name("reactor"))

Files = dict[str, bytes]


def content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def sums_of(files: Files) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files.items()).encode()


def written(folder: Path, files: Files) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def read_back(folder: Path) -> Files:
    """Return what a set holds, without the record of its download."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != ".reactor-weights.json"}


def reactor(*argv: str, program: Sequence[str] = (REACTOR,), **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*program, *argv], env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return a command's status and all it printed."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


class Pages(BaseHTTPRequestHandler):
    """Serves `files` by path, folders as pages of links, ranges unless told not to."""

    protocol_version = "HTTP/1.1"
    files: ClassVar[Files]
    pages: ClassVar[dict[str, str]]
    ranges: ClassVar[bool]
    asked: ClassVar[list[tuple[str, str]]]

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        if (data := self.files.get(path)) is not None:
            self.asked.append((path, self.headers.get("Range", "")))
            self.send_file(data)
        elif (page := self.pages.get(path) or self.index(path)) is not None:
            self.answer(200, page.encode(), {"Content-Type": "text/html"})
        else:
            self.answer(404, b"not here", {})

    do_HEAD = do_GET  # noqa: N815 - the server's name for it

    def index(self, folder: str) -> str | None:
        prefix = f"{folder}/" if folder else ""
        inside = {path[len(prefix) :] for path in self.files if path.startswith(prefix)}
        names = sorted({name.split("/")[0] + ("/" if "/" in name else "") for name in inside})
        return "".join(f'<a href="{name}">{name}</a>' for name in names) if names else None

    def send_file(self, data: bytes) -> None:
        headers = {"ETag": f'"{hashlib.md5(data).hexdigest()}"', "Content-Type": "application/octet-stream"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if self.ranges else None
        if asked is None:
            return self.answer(200, data, headers)
        part = data[int(asked[1]) : int(asked[2]) + 1 if asked[2] else None]
        return self.answer(206, part, {**headers, "Content-Range": f"bytes {asked[1]}-/{len(data)}"})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):
                self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


class Hub(Pages):
    """As much of the Hub's API as its own client asks for when it lists and reads one public model."""

    repo = "org/tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith(f"/api/models/{self.repo}"):
            tail = path.removeprefix(f"/api/models/{self.repo}")
            body: Any = {"id": self.repo, "sha": self.commit}
            if "/tree/" in tail:
                body = [{"type": "directory", "path": name, "oid": "0" * 40} for name in self.folders()]
                body += [self.entry(name) for name in self.files]
            self.answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
        elif (found := re.fullmatch(rf"/{self.repo}/resolve/[^/]+/(.+)", path)) and unquote(found[1]) in self.files:
            self.asked.append((unquote(found[1]), self.headers.get("Range", "")))
            self.send_file(self.files[unquote(found[1])])
        else:
            self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound", "Content-Type": "application/json"})

    do_HEAD = do_GET  # noqa: N815 - the server's name for it

    def folders(self) -> list[str]:
        return sorted({path.rpartition("/")[0] for path in self.files if "/" in path})

    def entry(self, path: str) -> dict[str, Any]:
        data = self.files[path]
        made: dict[str, Any] = {"type": "file", "path": path, "size": len(data)}
        made["oid"] = hashlib.sha1(data).hexdigest()
        if len(data) > MIB:
            made["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return made


class Site:
    """A running server of files."""

    def __init__(self, kind: type[Pages], files: Files, pages: dict[str, str], ranges: bool) -> None:
        self.asked: list[tuple[str, str]] = []
        content = {"files": files, "pages": pages, "ranges": ranges, "asked": self.asked}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (kind,), content))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"


@contextmanager
def serving_files(
    files: Files, *, kind: type[Pages] = Pages, pages: dict[str, str] | None = None, ranges: bool = True
) -> Iterator[Site]:
    site = Site(kind, files, pages or {}, ranges)
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        site.server.server_close()
        thread.join(5)


class Gate:
    """A relay before a server: counts what it answers, and holds it back beyond a limit until the gate is opened."""

    def __init__(self, port: int, limit: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.passed = 0
        self._limit: int | None = limit
        self._changed = threading.Condition()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        with self._changed:
            self._limit = None
            self._changed.notify_all()

    def cut(self) -> None:
        """End every connection, as a failing network does."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.open()
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers:
                    with self._changed:
                        self._changed.wait_for(lambda: self._limit is None or self.passed < self._limit, 60)
                        self.passed += len(data)
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def gated(port: int, limit: int) -> Iterator[Gate]:
    gate = Gate(port, limit)
    try:
        yield gate
    finally:
        gate.close()
