"""The upload routes against the application: every status, streaming, and what is left of the body limit."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from fastapi import FastAPI

from reactor_runtime.config import Config, SessionConfig
from reactor_runtime.http import uploads as routes
from reactor_runtime.http.app import make_app
from reactor_runtime.http.slots import Slot as Served
from reactor_runtime.webrtc.acceptor import Acceptor
from reactor_runtime.webrtc.peer import PeerObserver
from tests.unit.runtime.scripted import Slot

BODY_LIMIT = 4096
LIMITS = SessionConfig(max_upload_bytes=1 << 20, max_upload_total_bytes=3 << 20, max_uploads=3)
PHOTO = {"name": "photo.png", "size": 3, "mime_type": "image/png"}


def no_peer(_observer: PeerObserver) -> NoReturn:
    raise AssertionError("nobody connects in these tests")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
async def slots(folder: Path) -> dict[str, Slot]:
    """Two slots, each with a session that streams."""
    slots = {"local-1": Slot(limits=LIMITS), "local-2": Slot(limits=LIMITS)}
    for slot in slots.values():
        slot.streaming(5000)
    return slots


@pytest.fixture
async def app(slots: dict[str, Slot]) -> FastAPI:
    served = {name: Served(slot.runtime, Acceptor(slot.runtime, Config(), no_peer)) for name, slot in slots.items()}
    return make_app(served, page=None, max_body_bytes=BODY_LIMIT)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host:1234") as client:
        yield client


async def announce(http: httpx.AsyncClient, session: str = "local-1", **body: Any) -> dict[str, Any]:
    answer = await http.post(f"/sessions/{session}/uploads", json={**PHOTO, **body})
    assert answer.status_code == 201, answer.text
    reserved: dict[str, Any] = answer.json()
    return reserved


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def content(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in stored(folder)]


async def test_a_file_is_announced_and_sent_to_the_address_that_is_answered(
    http: httpx.AsyncClient, slots: dict[str, Slot], folder: Path
) -> None:
    reserved = await announce(http)
    upload_id = reserved["presigned_id"]
    assert reserved["presigned_url"] == f"http://host:1234/uploads/{upload_id}"
    assert reserved["path"] == f"sessions/local-1/uploads/{upload_id}/photo.png"
    sent = await http.put(reserved["presigned_url"], content=b"abc", headers={"content-type": "image/png"})
    assert (sent.status_code, sent.json()) == (200, {})
    assert content(folder) == [b"abc"]
    assert slots["local-1"].runtime.intake.knows(upload_id)
    assert not slots["local-2"].runtime.intake.knows(upload_id)


async def test_bytes_find_the_session_they_belong_to(http: httpx.AsyncClient, folder: Path) -> None:
    for session, data in (("local-2", b"two"), ("local-1", b"one")):
        reserved = await announce(http, session)
        assert (await http.put(reserved["presigned_url"], content=data)).status_code == 200
    assert sorted(content(folder)) == [b"one", b"two"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": ""}, 400),
        ({"name": "../.."}, 400),
        ({"mime_type": ""}, 400),
        ({"size": 0}, 400),
        ({"size": -1}, 400),
        ({"size": "many"}, 422),
        ({"name": "x" * 1025}, 422),
        ({"upload_id": "../../etc"}, 422),
        ({"upload_id": ""}, 422),
        ({"size": (1 << 20) + 1}, 413),
    ],
)
async def test_a_bad_announcement_is_refused(body: dict[str, Any], status: int, http: httpx.AsyncClient) -> None:
    answer = await http.post("/sessions/local-1/uploads", json={**PHOTO, **body})
    assert answer.status_code == status
    assert answer.json()["detail"]


async def test_an_unknown_session_takes_no_files(http: httpx.AsyncClient) -> None:
    answer = await http.post("/sessions/nope/uploads", json=PHOTO)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Session not found")


async def test_a_session_that_is_not_open_takes_no_files(http: httpx.AsyncClient, slots: dict[str, Slot]) -> None:
    slots["local-1"].runtime.stop_session()
    answer = await http.post("/sessions/local-1/uploads", json=PHOTO)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")


async def test_a_client_may_choose_the_id_once_on_the_whole_server(http: httpx.AsyncClient) -> None:
    assert (await announce(http, upload_id="my-id_1"))["presigned_id"] == "my-id_1"
    for session in ("local-1", "local-2"):
        answer = await http.post(f"/sessions/{session}/uploads", json={**PHOTO, "upload_id": "my-id_1"})
        assert (answer.status_code, answer.json()["detail"]) == (409, "Upload id already reserved")


async def test_a_session_has_room_for_so_many_files(http: httpx.AsyncClient) -> None:
    for _ in range(3):
        await announce(http)
    answer = await http.post("/sessions/local-1/uploads", json=PHOTO)
    assert (answer.status_code, answer.json()["code"]) == (413, "no_upload_room")


async def test_bytes_for_an_unknown_upload_are_refused(http: httpx.AsyncClient) -> None:
    answer = await http.put("/uploads/nope", content=b"abc")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Unknown upload")


async def test_bytes_are_taken_once(http: httpx.AsyncClient) -> None:
    url = (await announce(http))["presigned_url"]
    await http.put(url, content=b"abc")
    answer = await http.put(url, content=b"abc")
    assert (answer.status_code, answer.json()["detail"]) == (409, "Upload already complete")
    assert "retry-after" not in answer.headers


async def test_a_declared_length_that_is_wrong_is_refused_before_a_byte_is_stored(
    http: httpx.AsyncClient, folder: Path
) -> None:
    url = (await announce(http))["presigned_url"]
    answer = await http.put(url, content=b"abcd")
    assert (answer.status_code, answer.json()["detail"]) == (400, "expected 3 bytes, got 4")
    assert list(folder.iterdir()) == []  # noqa: ASYNC240 - a test
    assert (await http.put(url, content=b"abc")).status_code == 200


@pytest.mark.parametrize("data", [b"ab", b"abcdef"])
async def test_a_body_of_undeclared_length_must_fit_too(data: bytes, http: httpx.AsyncClient) -> None:
    url = (await announce(http))["presigned_url"]

    async def parts() -> AsyncIterator[bytes]:
        for byte in data:
            yield bytes([byte])

    answer = await http.put(url, content=parts())
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("expected 3 bytes, got ")


async def test_bytes_are_on_the_disk_before_the_last_ones_are_sent(http: httpx.AsyncClient, folder: Path) -> None:
    part = b"x" * 65536
    url = (await announce(http, size=16 * len(part)))["presigned_url"]
    seen: list[int] = []

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(16):
            yield part
            seen.append(sum(path.stat().st_size for path in await asyncio.to_thread(stored, folder)))

    assert (await http.put(url, content=parts())).status_code == 200
    assert seen[8] >= 7 * len(part)
    assert 16 * len(part) > BODY_LIMIT


async def test_other_bodies_keep_their_limit(http: httpx.AsyncClient) -> None:
    for method, path in (("POST", "/sessions/local-1/uploads"), ("POST", "/uploads/x"), ("PUT", "/start_session")):
        answer = await http.request(method, path, content=b"x" * (BODY_LIMIT + 1))
        assert answer.status_code == 413, path


async def test_a_sender_that_stalls_is_given_up(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "SILENCE", 0.02)
    url = (await announce(http))["presigned_url"]

    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    answer = await http.put(url, content=parts())
    assert (answer.status_code, answer.json()["code"]) == (408, "upload_stalled")
    assert (await http.put(url, content=b"abc")).status_code == 200


async def test_a_sender_that_leaves_may_come_back(app: FastAPI, http: httpx.AsyncClient) -> None:
    reserved = await announce(http)
    said = iter([{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}])
    answered: list[Any] = []

    async def receive() -> Any:
        return next(said)

    async def send(message: Any) -> None:
        answered.append(message)

    path = f"/uploads/{reserved['presigned_id']}"
    scope = {"type": "http", "method": "PUT", "path": path, "raw_path": path.encode(), "query_string": b""}
    await app({**scope, "headers": [], "root_path": "", "scheme": "http", "server": ("host", 1)}, receive, send)
    assert answered[0]["status"] == 400
    assert (await http.put(reserved["presigned_url"], content=b"abc")).status_code == 200


async def test_a_page_of_another_origin_may_upload(http: httpx.AsyncClient) -> None:
    asked = {"origin": "http://elsewhere", "access-control-request-method": "PUT"}
    preflight = await http.options("/uploads/x", headers={**asked, "access-control-request-headers": "content-type"})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    sent = await http.put((await announce(http))["presigned_url"], content=b"abc", headers=asked)
    assert sent.headers["access-control-allow-origin"] == "*"
