"""A bad network between real sockets, and between our peer and a real viewer."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from reactor_runtime.testing import UdpRelay, through, without_candidates
from tests.loopback.webrtc_pair import Server, Stage, Viewer, until


@pytest.fixture
def relay() -> Iterator[UdpRelay]:
    with UdpRelay(seed=1) as relay:
        yield relay


@pytest.fixture
def echo() -> Iterator[socket.socket]:
    with datagrams() as sock:
        yield sock


def datagrams() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


def test_each_client_is_known_by_a_port_of_its_own_and_hears_only_its_server(
    relay: UdpRelay, echo: socket.socket
) -> None:
    with datagrams() as one, datagrams() as two, datagrams() as stranger:
        way = relay.way_to(echo.getsockname())
        ports = {}
        for client, word in ((one, b"one"), (two, b"two")):
            client.sendto(word, way)
            data, ports[word] = echo.recvfrom(100)
            assert data == word
        for word, port in ports.items():
            stranger.sendto(b"not the server", port)
            echo.sendto(word.upper(), port)
        assert (one.recvfrom(100), two.recvfrom(100)) == ((b"ONE", way), (b"TWO", way))
    assert ports[b"one"] != ports[b"two"]
    assert (relay.to_server.forwarded, relay.to_server.forwarded_bytes) == (2, 6)
    assert relay.to_client.forwarded == 2


def test_the_directions_have_conditions_of_their_own(relay: UdpRelay, echo: socket.socket) -> None:
    with datagrams() as client:
        way = relay.way_to(echo.getsockname())
        client.sendto(b"hello", way)
        _, port = echo.recvfrom(100)
        relay.set("client", blackout=True)
        echo.sendto(b"lost", port)
        client.sendto(b"heard", way)
        assert echo.recvfrom(100)[0] == b"heard"
        relay.set(blackout=False)
        echo.sendto(b"back", port)
        assert client.recvfrom(100)[0] == b"back"
    assert (relay.to_client.lost, relay.to_server.lost) == (1, 0)


def test_what_the_relay_itself_adds_can_be_below_a_millisecond(relay: UdpRelay, echo: socket.socket) -> None:
    relay.set(delay=0.02)
    late = []
    with datagrams() as client:
        way = relay.way_to(echo.getsockname())
        for _ in range(100):
            began = time.monotonic()
            client.sendto(bytes(1200), way)
            echo.recv(2000)
            late.append(time.monotonic() - began - 0.02)
    assert 0 <= min(late) < 0.001


def test_a_gone_server_and_a_closed_relay_are_silent(relay: UdpRelay) -> None:
    with datagrams() as gone:
        way = relay.way_to(gone.getsockname())
    with datagrams() as client, datagrams() as here:
        for _ in range(3):
            client.sendto(b"anyone?", way)
        client.sendto(b"hello", relay.way_to(here.getsockname()))
        assert here.recv(100) == b"hello"
        relay.close()
        relay.close()


def test_a_description_leads_through_the_relay_only(relay: UdpRelay) -> None:
    lines = [
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "a=candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host generation 0",
        "a=candidate:2 1 udp 2122194687 127.0.0.1 5001 typ host generation 0 network-id 2",
        "a=candidate:3 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
        "a=candidate:4 1 udp 1686052607 198.51.100.1 6000 typ srflx raddr 192.0.2.1 rport 5000",
        "a=mid:0",
        "",
    ]
    sdp = "\r\n".join(lines)
    changed = through(sdp, relay).split("\r\n")
    candidate = re.fullmatch(
        r"a=candidate:2 1 udp 2122194687 127.0.0.1 (\d+) typ host generation 0 network-id 2", changed[1]
    )
    assert candidate is not None
    assert candidate[1] != "5001"
    assert [changed[0], *changed[2:]] == [lines[0], *lines[5:]]
    assert without_candidates(sdp) == "\r\n".join([lines[0], *lines[5:]])
    with pytest.raises(ValueError, match="no UDP host candidate"):
        through(without_candidates(sdp), relay)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


async def test_a_viewer_watches_across_a_bad_network_and_comes_back_after_a_blackout(
    relay: UdpRelay, stage: Stage
) -> None:
    relay.set(rate_bps=2e6, loss=0.01, delay=0.04)
    viewer = Viewer(Server(stage.ladder))
    stage.viewers.append(viewer)
    await viewer.connect(tamper=without_candidates, answered=lambda sdp: through(sdp, relay))
    stage.feed()
    await until(lambda: len(viewer.numbers) > 60)
    # Twice the delay, and what the queue before the bottleneck and a busy machine add.
    assert 0.07 < (await viewer.server.peer.stats())["rtt_s"] < 1.0

    relay.set(blackout=True)
    await asyncio.sleep(2)  # the length of the blackout, not a wait for something
    relay.set(blackout=False)
    since = stage.pushed
    await until(lambda: viewer.numbers[-1] > since + 30)
    assert viewer.server.disconnected == []
    assert relay.to_client.forwarded > 100
    assert relay.to_client.lost > 0
