"""Where nothing but plain requests gets through: messages as server-sent events, pictures as a row of JPEGs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import cv2
import numpy as np
import numpy.typing as npt
import psutil
import pytest

from tests.loopback.published_client import until
from tests.loopback.socket_viewer import Session, on_session
from tests.models import PAINTER, write_model
from tests.running import RunningServer, serving

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(write_model(tmp_path_factory.mktemp("painter"), PAINTER)) as running:
        yield running.wait_ready()


class HttpViewer:
    """One client that reads its messages; `pictures` are those of `main_video`, newest last."""

    def __init__(self, session: Session, connection_id: int, token: str) -> None:
        self.connection_id = connection_id
        self.told: list[JSON] = []
        self.pictures: list[npt.NDArray[np.uint8]] = []
        self.stamps: list[int] = []
        self.token = {"token": token}
        self.base = f"{session.base}/http/connections/{connection_id}"
        self.http = session.http

    async def say(self, frame: JSON | str) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        async with self.http.post(f"{self.base}/messages", params=self.token, data=text) as answer:
            assert answer.status == 202, await answer.text()

    async def paint(self, request_id: str, red: int) -> None:
        said = {"type": "set_colour", "data": {"red": red}, "id": request_id, "sent_at_ms": 1.0}
        await self.say({"scope": "application", "data": said})

    async def hears(self, holds: Callable[[JSON], bool]) -> JSON:
        return (await until(lambda: [told["data"] for told in self.told if holds(told["data"])], "a message"))[0]

    async def read_messages(self) -> None:
        async with self.http.get(f"{self.base}/messages", params=self.token) as answer:
            assert answer.content_type == "text/event-stream"
            async for line in answer.content:
                if line.startswith(b"data: "):
                    self.told.append(json.loads(line.removeprefix(b"data: ")))

    async def read_pictures(self) -> None:
        async with self.http.get(f"{self.base}/tracks/main_video.mjpeg", params=self.token) as answer:
            async for part in aiohttp.MultipartReader.from_response(answer):
                self.stamps.append(int(part.headers["X-Timestamp"]))
                decoded = cv2.imdecode(np.frombuffer(await part.read(), np.uint8), cv2.IMREAD_COLOR)
                assert decoded is not None
                self.pictures.append(np.asarray(decoded[..., ::-1], np.uint8))

    async def sees(self, red: Callable[[float], bool]) -> None:
        await until(lambda: self.pictures and red(float(self.pictures[-1][..., 0].mean())), "a picture")


@asynccontextmanager
async def watching(session: Session, body: JSON | None = None) -> AsyncIterator[HttpViewer]:
    """Connect and read everything for the length of the block."""
    async with session.http.post(f"{session.base}/http/connections", json=body) as answer:
        assert answer.status == 201, await answer.text()
        viewer = HttpViewer(session, **{"token": "", **await answer.json()})
    reading = [asyncio.create_task(read()) for read in (viewer.read_messages, viewer.read_pictures)]
    try:
        yield viewer
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def status(session: Session, method: str, path: str, **more: Any) -> tuple[int, JSON]:
    async with session.http.request(method, path, **more) as answer:
        return answer.status, await answer.json()


async def test_a_picture_follows_a_command_and_says_which_it_answers(server: RunningServer) -> None:
    async with on_session(server.url) as session, watching(session) as viewer:
        hello = await viewer.hears(lambda told: told["type"] == "hello")
        assert hello["data"]["connection_id"] == viewer.connection_id
        assert hello["data"]["tracks"] == [{"name": "main_video", "kind": "video"}]
        await viewer.sees(lambda red: red < 60)
        assert viewer.pictures[0].shape == (180, 320, 3)
        await viewer.paint("r1", 240)
        await viewer.sees(lambda red: red > 100)
        await viewer.hears(lambda told: told["type"] == "commandAccepted" and told["data"]["id"] == "r1")
        answers = await viewer.hears(lambda told: told["type"] == "frameAnswers")
        assert answers["data"]["command_ids"] == ["r1"]
        shown = viewer.pictures[viewer.stamps.index(answers["data"]["rtp_timestamp"])]
        assert shown[..., 0].mean() > 100
        await session.journalled("connection_opened", conn_id=viewer.connection_id, transport="http")
        assert await session.figure("reactor_clients_by_transport", transport="http") == 1
        await viewer.paint("r2", 20)


async def test_viewers_share_what_is_encoded(server: RunningServer) -> None:
    async with on_session(server.url) as session, watching(session) as one, watching(session) as other:
        await until(lambda: len(one.pictures) > 20 and len(other.pictures) > 20, "pictures")
        assert await session.figure("reactor_rung_viewers") == 2
        assert await session.figure("reactor_rung_encoded_frames_total") < len(one.pictures) + len(other.pictures)
        steps = np.diff(one.stamps)
        assert np.median(steps) >= 90_000 / 15 * 0.75, "no more pictures than the rate's bound"


async def test_colours_are_those_of_the_model(server: RunningServer) -> None:
    async with on_session(server.url) as session, watching(session) as viewer:
        await viewer.paint("r1", 240)
        await viewer.sees(lambda red: red > 100)
        red, green, blue = (viewer.pictures[-1][..., channel] for channel in range(3))
        assert int(red.max()) == pytest.approx(240, abs=12)
        assert np.median(green) < 8
        assert np.median(blue) < 8
        await viewer.paint("r2", 20)


async def test_what_cannot_be_read_is_refused_in_words(server: RunningServer) -> None:
    async with on_session(server.url) as session, watching(session) as viewer:
        await viewer.say("nonsense")
        await viewer.hears(lambda told: told["type"] == "unreadable")
        wrong = {"token": "guessed"}
        for method, path in (
            ("GET", "/messages"),
            ("POST", "/messages"),
            ("GET", "/tracks/main_video.mjpeg"),
            ("DELETE", ""),
        ):
            code, body = await status(session, method, viewer.base + path, params=wrong)
            assert (code, body["code"]) == (404, "unknown_connection")
        code, body = await status(session, "GET", f"{viewer.base}/tracks/nothing.mjpeg", params=viewer.token)
        assert (code, body["code"]) == (404, "unknown_track")
        assert "main_video" in body["detail"]
        code, body = await status(session, "POST", "/sessions/nowhere/transport/http/connections")
        assert (code, body["detail"]) == (404, "Session not found")


async def test_a_later_request_takes_over(server: RunningServer) -> None:
    async with on_session(server.url) as session, watching(session) as viewer:
        await until(lambda: viewer.pictures and viewer.told, "the first requests")
        again = HttpViewer(session, viewer.connection_id, viewer.token["token"])
        reading = asyncio.gather(again.read_messages(), again.read_pictures())
        await until(lambda: len(again.pictures) > 3, "pictures of the second request")
        await viewer.say("nonsense")
        await again.hears(lambda told: told["type"] == "unreadable")
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_client_that_leaves_is_forgotten(server: RunningServer) -> None:
    async with on_session(server.url) as session, watching(session):
        process = psutil.Process(server.process.pid)
        before = process.num_fds(), process.num_threads()
        for _ in range(4):
            async with watching(session) as viewer:
                await until(lambda viewer=viewer: viewer.pictures and viewer.told, "a picture")
                async with session.http.delete(viewer.base, params=viewer.token) as answer:
                    assert answer.status == 204
                await session.journalled("connection_closed", conn_id=viewer.connection_id)
                code, _ = await status(session, "GET", f"{viewer.base}/messages", params=viewer.token)
                assert code == 404
        assert server.health()["connections"] == 1
        await until(lambda: process.num_fds() <= before[0] + 2, "the files closed")
        await until(lambda: process.num_threads() <= before[1] + 1, "the threads ended")


async def test_pictures_stop_being_made_with_the_request_for_them(server: RunningServer) -> None:
    async with on_session(server.url) as session:
        async with session.http.post(f"{session.base}/http/connections") as answer:
            viewer = HttpViewer(session, **{"token": "", **await answer.json()})
        reading = asyncio.create_task(viewer.read_pictures())
        await until(lambda: viewer.pictures, "a picture")
        assert await session.figure("reactor_rung_viewers") == 1
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await session.sees("reactor_rung_viewers", lambda viewers: viewers == 0)
