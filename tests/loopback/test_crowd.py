"""Clients that come and go, several at once, leave nothing in the server and take nothing from who stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.loopback.published_client import PublishedClient, until
from tests.loopback.watching import watching
from tests.models import PAINTER, write_model
from tests.running import RunningServer, eventually, serving

AT_ONCE, ROUNDS = 4, 3
SPARE = 2  # threads and files that a quiet server may have more at one time than at another


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(write_model(tmp_path_factory.mktemp("painter"), PAINTER)) as server:
        yield server.wait_ready()


class Guest(PublishedClient):
    """One that watches."""

    async def connect(self, *more_channels: str) -> Guest:
        await super().connect()
        for label in more_channels:
            self._channels[f"{label} again"] = self._pc.create_data_channel(label)
        resume = {"type": "notification", "event": "resume_track", "data": {"name": "main_video"}}
        self._channels["control"].send(json.dumps(resume))
        return self


async def visit(url: str) -> None:
    guest = Guest(url)
    try:
        await guest.connect()
    finally:
        await guest.close()


def held(server: RunningServer) -> tuple[int, int]:
    process = psutil.Process(server.process.pid)
    return process.num_threads(), process.num_fds()


def alone(server: RunningServer, connections: int) -> bool:
    return httpx.get(f"{server.url}/health", timeout=10).json()["connections"] == connections


async def test_guests_leave_nothing_behind_and_who_stays_sees_on(server: RunningServer) -> None:
    async with watching(server.url) as resident:

        async def round_of_visits() -> None:
            seen = resident.pictures[-1][0] if resident.pictures else 0.0
            await asyncio.gather(*(visit(server.url) for _ in range(AT_ONCE)))
            await until(lambda: resident.pictures and resident.pictures[-1][0] > seen, "pictures meanwhile")
            await asyncio.to_thread(eventually, lambda: alone(server, 1), what="the guests' leave")

        await round_of_visits()
        threads, files = held(server)
        for _ in range(ROUNDS):
            await round_of_visits()

        def is_as_before() -> bool:
            now_threads, now_files = held(server)
            return now_threads <= threads + SPARE and now_files <= files + SPARE

        await asyncio.to_thread(eventually, is_as_before, what=f"{threads} threads and {files} files as before")
    await asyncio.to_thread(eventually, lambda: server.health()["state"] == "READY", what="the end of the session")


async def test_a_channel_opened_twice_keeps_no_connection_alive(server: RunningServer) -> None:
    await visit(server.url)
    await asyncio.to_thread(eventually, lambda: alone(server, 0), what="the first guest's leave")
    threads, _ = held(server)
    for _ in range(ROUNDS):
        guest = await Guest(server.url).connect("data", "data", "chat")
        await until(lambda guest=guest: guest._channels["data again"].ready_state == "open", "the second channel")
        await guest.close()
        await asyncio.to_thread(eventually, lambda: alone(server, 0), what="a guest's leave")
    await asyncio.to_thread(eventually, lambda: held(server)[0] <= threads + SPARE, what=f"{threads} threads as before")


async def test_text_that_is_no_text_is_refused_and_the_channel_stays(server: RunningServer) -> None:
    guest = await Guest(server.url).connect()
    try:
        for frame in (b"\xff\xfe", "", b"", "\0", "[" * 5000):
            guest._channels["data"].send(frame)
        ask = {"scope": "application", "data": {"type": "set_colour", "data": {"red": 9}}}
        guest._channels["data"].send(json.dumps(ask))
        events = f"{server.url}/events?since=0"

        def was_heard() -> bool:
            with httpx.stream("GET", events, timeout=10) as journal:
                for line in journal.iter_lines():
                    if '"event":"command"' in line:
                        return True
            return False

        assert await asyncio.to_thread(was_heard)
    finally:
        await guest.stop_session()
        await guest.close()
