"""Files over HTTP, up to the handler that is given them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.facts import fact
from tests.conformance.staging import folder
from tests.loopback.steering import steering
from tests.running import RunningServer, serving

GALLERY = """
    import numpy as np

    from reactor_runtime.interface import ModelMessage, Output, ReactorModel, UploadedFile, Video, event, file_uploaded

    class Out(Output):
        main_video: Video

    class Said(ModelMessage):
        by: str
        files: list[list]

    def told(file):
        return [file.name, file.mime_type, file.size, len(file.data)]

    class Gallery(ReactorModel):
        @event(name="show")
        async def show(self, image: UploadedFile):
            await self.send(Said(by="show", files=[told(image)]))

        @file_uploaded
        async def arrives(self, uploaded_file: UploadedFile):
            await self.send(Said(by="arrives", files=[told(uploaded_file)]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = folder(tmp_path_factory.mktemp("gallery"), model_py=GALLERY)
    with serving(root) as running:
        yield running.wait_ready()


@fact(
    "4.5",
    "2",
    "POST reserves (201: presigned_id, presigned_url, path), PUT sends the bytes, an inline reference names the file",
)
async def test_an_inline_reference_reaches_the_handler_as_the_file(server: RunningServer) -> None:
    async with steering(server.url) as client:
        reserved = await client.reserve("a.png", 3)
        assert {"presigned_id", "presigned_url", "path"} <= reserved.keys()
        await client.put(reserved, b"abc")
        client.command("show", {"image": {"upload_id": reserved["presigned_id"]}})
        assert await client.heard("show") == [["a.png", "image/png", 3, 3]]


@fact("4.5", "2", "`data.uploads = {param: reference}` beside the arguments names the file as well")
async def test_a_reference_beside_the_arguments_reaches_the_handler(server: RunningServer) -> None:
    async with steering(server.url) as client:
        reference = await client.upload("a.png", b"abc")
        client.command("show", {}, uploads={"image": reference})
        assert await client.heard("show") == [["a.png", "image/png", 3, 3]]


@fact("4.5", "2", "the runtime message `fileUploaded` runs `@file_uploaded`")
async def test_a_report_runs_the_hook(server: RunningServer) -> None:
    async with steering(server.url) as client:
        client.report(await client.upload("a.png", b"abc"))
        assert await client.heard("arrives") == [["a.png", "image/png", 3, 3]]


@fact("4.5", "2", "the files of a session are gone at its end")
async def test_the_files_of_a_session_are_gone_with_it(server: RunningServer) -> None:
    async with steering(server.url) as client:
        reference = await client.upload("a.png", b"abc")
    async with steering(server.url) as client:
        again = await client.http.put(f"/uploads/{reference['upload_id']}", content=b"abc")
        assert again.status_code == 404
