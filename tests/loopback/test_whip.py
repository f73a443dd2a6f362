"""Sending over WHIP, with aiortc and with FFmpeg's own muxer, to a model that tells what it sees and hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.loopback.published_client import PublishedClient, until
from tests.loopback.sending import GREEN, RED, Camera, Colour
from tests.loopback.standard_clients import (
    Paint,
    StandardClient,
    client_of,
    play_with_ffmpeg,
    serving_studio,
    write_certificate,
)
from tests.running import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving_studio(tmp_path_factory.mktemp("studio")) as server:
        yield server


@pytest.fixture
async def witness(server: RunningServer) -> AsyncIterator[PublishedClient]:
    """A client that hears what the model says; the session ends with it."""
    client = PublishedClient(server.url, speaks_verbs=False)
    yield await client.connect()
    await client.stop_session()
    async with httpx.AsyncClient(base_url=server.url) as http:
        while (await http.get("/session")).json()["state"] != "READY":
            pass
    await client.close()


@asynccontextmanager
async def sending(url: str, endpoint: str = "/whip", *, colour: Colour = RED) -> AsyncIterator[StandardClient]:
    """Offer a camera for the length of the block; see `reply`."""
    async with client_of(url) as client:
        client.peer.addTransceiver(Paint(colour), "sendonly")
        await client.post(endpoint)
        yield client


def reports(witness: PublishedClient, track: str, colour: Colour) -> list[dict[str, Any]]:
    def fits(seen: dict[str, Any]) -> bool:
        return seen["track"] == track and all(abs(a - b) < 12 for a, b in zip(seen["rgb"], colour, strict=True))

    return witness.heard("seen", fits)


async def test_the_model_sees_what_a_whip_client_sends(server: RunningServer, witness: PublishedClient) -> None:
    async with sending(server.url) as client:
        assert client.reply.status_code == 201
        await client.connected()
        await until(lambda: reports(witness, "webcam", RED), "red on the first track")
        assert not client.colours


async def test_a_named_track_takes_what_is_sent(server: RunningServer, witness: PublishedClient) -> None:
    async with sending(server.url, "/sessions/local/whip?track=desk", colour=GREEN):
        await until(lambda: reports(witness, "desk", GREEN), "green on the named track")
    assert not witness.heard("seen", lambda seen: bool(seen["track"] == "webcam"))


async def test_ffmpeg_sends_sound_and_leaves(server: RunningServer, witness: PublishedClient, tmp_path: Path) -> None:
    options = write_certificate(tmp_path)
    playing = asyncio.to_thread(play_with_ffmpeg, f"{server.url}/whip", 440, 0.8, options)
    heard = until(lambda: witness.heard("heard", lambda heard: abs(heard["hertz"] - 440) < 10), "440 Hz")
    await asyncio.gather(playing, heard)
    # FFmpeg has ended its connection: the track is free for the next.
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.get("/health")).json()["connections"] == 1


async def test_a_second_sender_is_refused_until_the_first_leaves(
    server: RunningServer, witness: PublishedClient
) -> None:
    async with sending(server.url) as first:
        async with sending(server.url) as second:
            assert (second.reply.status_code, second.reply.json()["code"]) == (409, "publish_refused")
        asking = await PublishedClient(server.url).connect()
        assert (await asking.publish("webcam", Camera().track))["error"]["code"] == "publish_refused"
        await asking.close()
        async with sending(server.url, "/whip?track=desk") as other:
            assert other.reply.status_code == 201
        assert (await first.delete()).status_code == 200
    async with sending(server.url) as third:
        assert third.reply.status_code == 201
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.get("/session")).json()["state"] == "STREAMING"


async def test_an_offer_that_carries_nothing_for_the_model_is_refused(
    server: RunningServer, witness: PublishedClient
) -> None:
    async with client_of(server.url) as client:
        client.peer.addTransceiver("video", "recvonly")
        reply = await client.post("/whip")
        assert (reply.status_code, reply.json()["code"]) == (422, "no_track")
        sdp = (await client.offer()).replace("a=recvonly", "a=sendonly").replace("VP8", "H264")
        reply = await client.http.post("/whip", content=sdp, headers={"Content-Type": "application/sdp"})
        assert (reply.status_code, reply.json()["code"]) == (422, "no_codec")
        reply = await client.post("/whip?track=main_video")
        assert (reply.status_code, reply.json()["code"]) == (404, "unknown_track")
