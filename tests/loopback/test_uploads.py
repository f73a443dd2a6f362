"""Uploads through a real server, a data channel and a real model: reference §4.5."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from tests.loopback.steering import Steering, steering
from tests.models import write_model
from tests.running import REACTOR, RunningServer, eventually, serving

MODEL = dedent("""
    import hashlib
    from dataclasses import dataclass
    from reactor_runtime import ModelMessage, UploadedFile, file_uploaded


    class Got(ModelMessage):
        by: str
        files: list[list[str]]


    @dataclass
    class Scene:
        title: str
        pictures: list[UploadedFile]


    def told(file):
        return [file.name, file.mime_type, str(file.size), hashlib.sha256(file.data).hexdigest()]


    class Painter(ReactorModel):
        fps = 5

        @event(name="set_image", description="")
        async def set_image(self, image: UploadedFile) -> Got:
            self.image = image
            return Got(by="set_image", files=[told(image)])

        @event(name="set_scene", description="")
        def set_scene(self, scene: Scene, extra: dict[str, list[UploadedFile]]) -> Got:
            files = [*scene.pictures, *(file for files in extra.values() for file in files)]
            return Got(by=scene.title, files=[told(file) for file in files])

        @event(name="note", description="")
        def note(self, text: str) -> Got:
            return Got(by=text, files=[])

        @event(name="crash", description="")
        def crash(self):
            os._exit(7)

        @event(name="shown", description="")
        def shown(self) -> Got:
            return Got(by="shown", files=[told(self.image)])

        @file_uploaded
        async def arrived(self, uploaded_file):
            await self.send(Got(by="hook", files=[told(uploaded_file)]))

        async def run(self):
            while True:
                await self.connected.wait()
                await self.emit(Out(main_video=picture((0, 0, 0), 0)))
""")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server puts its temporary files."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    model = write_model(tmp_path_factory.mktemp("model"), MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        with serving(model, "--max-upload-bytes", "4000000", "--max-body-bytes", "65536") as server:
            yield server.wait_ready()


@pytest.fixture
async def client(server: RunningServer, folder: Path) -> AsyncIterator[Steering]:
    async with steering(server.url) as client:
        yield client
    await asyncio.to_thread(eventually, lambda: not kept(folder), what="the end of the session's files")


def kept(folder: Path) -> list[Path]:
    return list(folder.glob("reactor-uploads-*"))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_upload_then_command(client: Steering) -> None:
    data = bytes(range(256)) * 4000
    reference = await client.upload("photo.png", data)
    client.command("set_image", {}, uploads={"image": reference})
    assert await client.heard("set_image") == [["photo.png", "image/png", "1024000", digest(data)]]
    client.command("set_image", {"image": {"upload_id": reference["upload_id"]}})
    assert (await client.heard("set_image"))[0][3] == digest(data)


async def test_a_command_before_its_bytes_is_held_and_keeps_its_place(client: Steering) -> None:
    reserved = await client.reserve("late.png", 5)
    client.command("set_image", {"image": {"upload_id": reserved["presigned_id"]}})
    client.command("note", {"text": "behind"})
    held = await client.fact("command_held")
    assert held["uploads"] == [reserved["presigned_id"]]
    await client.put(reserved, b"12345")
    assert await client.next() == ("set_image", [["late.png", "image/png", "5", digest(b"12345")]])
    assert await client.next() == ("behind", [])


async def test_files_reach_lists_dicts_and_dataclasses(client: Steering) -> None:
    ids = [{"upload_id": (await client.upload(f"{n}.png", b"%d" % n))["upload_id"]} for n in range(4)]
    client.command(
        "set_scene", {"scene": {"title": "deep", "pictures": ids[:2]}, "extra": {"a": ids[2:3], "b": ids[3:]}}
    )
    assert [file[0] for file in await client.heard("deep")] == ["0.png", "1.png", "2.png", "3.png"]


async def test_an_unknown_upload_is_refused_at_once(client: Steering) -> None:
    client.command("set_image", {"image": {"upload_id": "00000000-0000-0000-0000-000000000000"}}, request_id="q")
    refusal = await client.refused("q")
    assert refusal["code"] == "unresolved_upload"


async def test_the_hook_gets_the_file_that_a_client_reports(client: Steering) -> None:
    reference = await client.upload("../../hook.bin", b"hook", "application/x-thing")
    client.report(reference)
    assert await client.heard("hook") == [["hook.bin", "application/x-thing", "4", digest(b"hook")]]


async def test_a_restarted_model_is_given_its_file_again(client: Steering) -> None:
    reference = await client.upload("kept.png", b"kept")
    client.command("set_image", {"image": reference})
    await client.heard("set_image")
    client.command("crash", {})
    await client.state("recovering")
    await client.state("streaming")
    client.command("shown", {})
    assert (await client.heard("shown"))[0][0] == "kept.png"


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(client: Steering) -> None:
    body = {"name": "x", "size": 4_000_001, "mime_type": "a/b"}
    answer = await client.http.post(client.uploads, json=body)
    assert (answer.status_code, answer.json()["detail"]) == (413, "a file may have at most 4000000 bytes")


async def test_a_refusal_reaches_a_client_that_is_still_sending(client: Steering) -> None:
    reserved = await client.reserve("x.bin", 10)
    answer = await client.http.put(reserved["presigned_url"], content=b"x" * 900_000)
    assert (answer.status_code, answer.json()["detail"]) == (400, "expected 10 bytes, got 900000")


async def test_a_sender_that_hangs_up_may_send_again(client: Steering) -> None:
    reserved = await client.reserve("x.bin", 100_000)
    url = httpx.URL(reserved["presigned_url"])
    with await asyncio.to_thread(socket.create_connection, (url.host, url.port), 10) as wire:
        head = f"PUT {url.path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 100000\r\n\r\n"
        wire.sendall(head.encode() + b"x" * 50_000)
    await client.fact("error", about=reserved["presigned_id"])
    await client.put(reserved, b"y" * 100_000)


async def test_files_end_with_the_session(client: Steering, folder: Path) -> None:
    await client.upload("x.png", b"x")
    assert await asyncio.to_thread(kept, folder)
    await client.http.post("/stop_session", json={})
    await asyncio.to_thread(eventually, lambda: not kept(folder), what="the end of the session's files")
    answer = await client.http.post(client.uploads, json={"name": "x", "size": 1, "mime_type": "a/b"})
    assert answer.status_code == 409


async def test_files_end_with_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "model").mkdir()
    model = write_model(tmp_path / "model", MODEL)
    server = RunningServer(model, ())
    try:
        await asyncio.to_thread(server.wait_ready)
        async with steering(server.url) as client:
            await client.upload("x.png", b"x")
            assert await asyncio.to_thread(kept, tmp_path)
            assert await asyncio.to_thread(server.stop) == 0
    finally:
        server.stop()
    assert not kept(tmp_path)


def test_a_headless_command_takes_a_file_of_the_machine(tmp_path: Path) -> None:
    model = write_model(tmp_path, MODEL)
    (tmp_path / "photo.png").write_bytes(b"abc")
    script = tmp_path / "script.txt"
    script.write_text('cmd set_image {"image": {"upload_file": "photo.png"}}\n')
    flags = ("--runtime", "headless", "--script", str(script), "--output", "out")
    command = [REACTOR, "run", "-p", str(model), *flags]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert digest(b"abc") in done.stdout
    script.write_text('cmd set_image {"image": {"upload_file": "gone.png"}}\n')
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "gone.png cannot be uploaded: No such file or directory" in done.stdout
