"""Whatever is asked over HTTP is answered, at worst refused, and leaves nothing behind; the engine is the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from bench.hostile import Request, requests
from fastapi import FastAPI
from hypothesis import event, given, settings

from reactor_runtime.config import Config
from reactor_runtime.http.app import make_app
from reactor_runtime.http.slots import Slot as Served
from reactor_runtime.playground import assets
from reactor_runtime.webrtc.acceptor import Acceptor
from reactor_runtime.webrtc.wrtc_peer import WrtcPeer
from reactor_runtime.worker import messages as pipe
from tests.unit.runtime.scripted import ScriptedSupervisor, Slot


class Cleaning(ScriptedSupervisor):
    """A model that lets go of its session at once."""

    def send(self, message: Any, fd: int | None = None) -> None:
        if isinstance(message, pipe.SessionEnding):
            asyncio.get_running_loop().call_soon(self.observe, pipe.SessionClosed())


class CleanSlot(Slot):
    def _supervise(self, observe: Callable[[Any], None]) -> Any:
        self.model = Cleaning(observe)
        return self.model


class Server:
    """One slot behind the application, on a loop that runs while it is asked."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.run = runner.run
        self.slot, self.acceptor, self.app = self.run(self._make())

    async def _make(self) -> tuple[Slot, Acceptor, FastAPI]:
        slot = CleanSlot()
        slot.up()
        acceptor = Acceptor(slot.runtime, Config(), WrtcPeer)
        served = {"local": Served(slot.runtime, acceptor)}
        return slot, acceptor, make_app(served, page=assets(), max_body_bytes=1_048_576)

    async def _ask(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        path, _, query = request.path.partition("?")
        headers = {"host": "host", "content-length": str(len(request.body))}
        headers |= {name.lower(): value for name, value in request.headers.items()}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        said: list[dict[str, Any]] = []
        sent = iter([{"type": "http.request", "body": request.body}])

        async def receive() -> dict[str, Any]:
            return next(sent, {"type": "http.disconnect"})

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        async with asyncio.timeout(20):
            await self.app(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], answered, b"".join(part.get("body", b"") for part in said[1:])

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.run(self._ask(Request(method, path, body, headers)))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with asyncio.Runner() as runner:
        server = Server(runner)
        yield server
        runner.run(_close(server))


async def _close(server: Server) -> None:
    server.acceptor.close()
    await asyncio.sleep(0)


@settings(max_examples=200)
@given(requests)
def test_a_request_is_answered_or_refused(server: Server, request: Request) -> None:
    status, headers, body = server.ask(request.method, request.path, request.body, **request.headers)
    event(f"{status}")
    assert status < 500 or (status == 503 and headers["retry-after"] == "1"), body


def test_the_journal_of_an_unknown_session_is_refused(server: Server) -> None:
    assert server.ask("GET", "/events?session_id=nobody")[0] == 404
