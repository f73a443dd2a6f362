"""Watching over WHEP, with a client nobody here wrote, on a server as a person runs it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.loopback.published_client import WAIT
from tests.loopback.standard_clients import FRAGMENT, SDP, client_of, serving_studio, watching_over_whep
from tests.loopback.watching import watching
from tests.running import RunningServer

GREEN, RED, GREY = (20, 160, 40), (200, 30, 40), (128, 128, 128)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving_studio(tmp_path_factory.mktemp("studio")) as server:
        yield server


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    """The server without a session, before and after."""
    async with httpx.AsyncClient(base_url=server.url, timeout=WAIT) as http:
        yield http
        await http.post("/stop_session")
        while (await http.get("/session")).json()["state"] != "READY":
            pass


async def state(http: httpx.AsyncClient) -> str:
    return str((await http.get("/session")).json()["state"])


async def test_the_picture_follows_a_command_of_another_client(server: RunningServer, http: httpx.AsyncClient) -> None:
    async with watching_over_whep(server.url) as viewer:
        assert re.findall(r"a=msid:(\S+)", viewer.reply.text) == ["model", "model"]
        await viewer.sees(GREEN)
        async with watching(server.url) as steering:
            assert (await steering.ask("set_colour", red=200, green=30, blue=40))["type"] == "commandAccepted"
            await viewer.sees(RED)


async def test_sound_is_heard_and_a_session_is_started(server: RunningServer, http: httpx.AsyncClient) -> None:
    assert await state(http) == "READY"
    async with watching_over_whep(server.url, "/sessions/local/whep", "audio") as viewer:
        await viewer.hears(450)
        assert await state(http) == "STREAMING"


async def test_a_named_track_is_shown_in_place_of_the_first(server: RunningServer, http: httpx.AsyncClient) -> None:
    async with watching_over_whep(server.url, "/whep?track=depth", "video") as viewer:
        await viewer.sees(GREY)
    async with watching_over_whep(server.url, "/whep", "video", "video") as viewer:
        await viewer.sees(GREY if viewer.peer.getTransceivers()[1].currentDirection == "recvonly" else GREEN)


async def test_delete_ends_one_viewer_and_nothing_else(server: RunningServer, http: httpx.AsyncClient) -> None:
    async with watching_over_whep(server.url) as first, watching_over_whep(server.url) as second:
        assert first.reply.headers["location"] != second.reply.headers["location"]
        ended = await first.delete()
        assert (ended.status_code, ended.content) == (200, b"")
        for gone in (await first.delete(), await http.get(first.reply.headers["location"])):
            assert gone.status_code == 404
        assert (await http.get("/health")).json()["connections"] == 1
        shown = len(second.colours)
        await second.sees(GREEN)
        assert len(second.colours) >= shown
        assert await state(http) == "STREAMING"


async def test_the_resource_ends_with_the_session(server: RunningServer, http: httpx.AsyncClient) -> None:
    async with watching_over_whep(server.url) as viewer:
        assert (await http.get(viewer.reply.headers["location"])).status_code == 204
        await http.post("/stop_session")
        assert (await http.get(viewer.reply.headers["location"])).status_code == 404


async def test_candidates_may_come_later(server: RunningServer, http: httpx.AsyncClient) -> None:
    async with client_of(server.url) as client:
        client.peer.addTransceiver("video", "recvonly")
        offer = await client.offer()
        candidates = re.findall(r"a=candidate:.*", offer)
        assert candidates
        bare = re.sub(r"a=(candidate:|end-of-candidates).*\r\n", "", offer)
        reply = client.reply = await http.post("/whep", content=bare, headers=SDP)
        assert reply.headers["accept-patch"] == FRAGMENT
        # With candidates of the server that lead nowhere, the path can be found from the server's side only.
        await client.take_answer(re.sub(r"(a=candidate:\S+ 1 udp \d+ \S+) \d+", r"\1 9", reply.text))
        ufrag, password = (re.search(rf"a=ice-{name}:.*", offer) for name in ("ufrag", "pwd"))
        assert ufrag is not None
        assert password is not None
        lines = [ufrag[0], password[0], "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", *candidates, "a=end-of-candidates"]
        fragment = "\r\n".join(line.strip() for line in lines) + "\r\n"
        location, headers = reply.headers["location"], {"Content-Type": FRAGMENT}

        nameless = "\r\n".join(candidates)
        assert (await http.patch(location, content=nameless, headers=headers)).status_code == 428
        other = await http.patch(location, content=fragment, headers={**headers, "If-Match": '"other"'})
        assert other.status_code == 412
        headers["If-Match"] = reply.headers["etag"]
        restart = fragment.replace(ufrag[0].strip(), "a=ice-ufrag:anew")
        assert (await http.patch(location, content=restart, headers=headers)).status_code == 422
        assert (await http.patch(location, content="nonsense", headers=headers)).status_code == 400
        assert (await http.patch(location, content=fragment, headers={**headers, **SDP})).status_code == 415
        taken = await http.patch(location, content=fragment, headers=headers)
        assert (taken.status_code, taken.content) == (204, b"")
        assert "etag" not in taken.headers
        await client.sees(GREEN)


async def test_what_is_no_offer_is_refused_and_leaves_nothing(http: httpx.AsyncClient) -> None:
    video = (
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"
        "a=mid:0\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n"
    )
    for body, headers, status in [
        (b"", SDP, 400),
        (b"nonsense", SDP, 400),
        (b"\xff\xfe", SDP, 400),
        (b"v=0\r\n", SDP, 400),
        (video, SDP, 400),  # no ICE, no fingerprint
        (video.replace("recvonly", "sendonly"), SDP, 422),
        (video.replace("VP8", "H264"), SDP, 422),
        (video + "a=x:" + "y" * 300_000, SDP, 413),
        (video, {"Content-Type": "application/json"}, 415),
        (video, {}, 415),
        (video, {**SDP, "Accept": "text/html, application/sdp;q=0"}, 406),
    ]:
        reply = await http.post("/whep", content=body, headers=headers)
        assert reply.status_code == status, (body[:40], reply.text)
    assert (await http.post("/whep?track=hands", content=video, headers=SDP)).status_code == 404
    assert (await http.post("/whep?track=webcam", content=video, headers=SDP)).status_code == 404
    assert (await http.post("/sessions/nobody/whep", content=video, headers=SDP)).status_code == 404
    assert (await http.patch("/whep/nobody", content="", headers={})).status_code == 404
    assert (await http.get("/health")).json()["connections"] == 0


async def test_other_methods_are_kept_for_later_and_pages_of_other_origins_may_come(http: httpx.AsyncClient) -> None:
    for path in ("/whep", "/whip", "/sessions/local/whep"):
        for method in ("PUT", "PATCH", "DELETE"):
            reply = await http.request(method, path)
            assert (reply.status_code, "POST" in reply.headers["allow"]) == (405, True)
        assert (await http.get(path)).status_code == 204
        options = await http.options(path)
        assert (options.status_code, options.headers["accept-post"]) == (200, "application/sdp")
    asked = {
        "Origin": "https://elsewhere.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,if-match",
    }
    preflight = await http.options("/whep/somebody", headers=asked)
    assert preflight.status_code == 200
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "if-match" in preflight.headers["access-control-allow-headers"]
    reply = await http.post("/whep", headers={**asked, "Authorization": "Bearer anything"})
    exposed = reply.headers["access-control-expose-headers"]
    assert {"Location", "ETag", "Link"} <= set(exposed.split(", "))
