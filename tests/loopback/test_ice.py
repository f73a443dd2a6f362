"""The ways between a viewer and the server: ports, addresses, IPv6, mDNS names, and TURN through a real coturn."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import webrtc

from reactor_runtime.config import WebRtcConfig
from reactor_runtime.config_values import Secret, TurnServer
from reactor_runtime.errors import ClientError
from reactor_runtime.testing import UdpRelay, without_candidates
from reactor_runtime.webrtc.peer import Ice, IceServer
from reactor_runtime.webrtc.turn import ice_servers
from tests.coturn import SECRET, WHY_UNAVAILABLE, Coturn, coturn
from tests.loopback.webrtc_pair import Server, Stage, Viewer, until

needs_coturn = pytest.mark.skipif(WHY_UNAVAILABLE is not None, reason=f"{WHY_UNAVAILABLE}")
CANDIDATE = re.compile(r"^a=candidate:\S+ 1 (\S+) \d+ (\S+) (\d+) typ (\S+).*\r?\n", re.MULTILINE)
DAY = 86_400


def own_address() -> str | None:
    """The machine's own IPv4 address in a network, None if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


def has_ipv6() -> bool:
    """Whether `::1` is there to bind to."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    stage.feed()
    yield stage
    await stage.close()


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    with coturn(tmp_path_factory.mktemp("coturn")) as server:
        yield server


def viewer_of(
    stage: Stage, ice: Ice | None = None, servers: tuple[IceServer, ...] = (), *, relay_only: bool = False
) -> Viewer:
    configuration = webrtc.RTCConfiguration(
        ice_servers=[webrtc.RTCIceServer(list(s.urls), s.username, s.credential) for s in servers],
        ice_transport_policy="relay" if relay_only else "all",
    )
    viewer = Viewer(Server(stage.ladder, ice or Ice()), configuration)
    stage.viewers.append(viewer)
    return viewer


def told(url: str, at: float = 0.0, secret: str = SECRET) -> tuple[IceServer, ...]:
    """What a client is told of a TURN server with a shared secret, now or so many seconds from now."""
    config = WebRtcConfig(turn_servers=(TurnServer(url),), turn_secret=Secret(secret), turn_ttl=DAY)
    return ice_servers(config, "test", int(time.time() + at))


def candidates(sdp: str, *kinds: str) -> list[tuple[str, int]]:
    """Address and port of the UDP candidates of these types."""
    return [(a, int(p)) for way, a, p, kind in CANDIDATE.findall(sdp) if way.lower() == "udp" and kind in kinds]


def keeping(holds: Callable[[str], bool]) -> Callable[[str], str]:
    """What leaves a description only the candidates of some addresses."""
    return lambda sdp: CANDIDATE.sub(lambda line: line[0] if holds(line[2]) else "", sdp)


async def shows_pictures(viewer: Viewer) -> None:
    seen = len(viewer.numbers)
    await until(lambda: len(viewer.numbers) > seen + 5)


async def ways(viewer: Viewer) -> tuple[str, str]:
    """Types of the candidates in use: the viewer's, and the server's."""
    report = await viewer.pc.get_stats()
    pair = report[next(e for e in report.values() if e.type == "transport").selected_candidate_pair_id]
    return report[pair.local_candidate_id].candidate_type, report[pair.remote_candidate_id].candidate_type


async def test_media_keeps_to_the_ports_that_it_is_given(stage: Stage) -> None:
    viewers = [viewer_of(stage, Ice(ports=(21_310, 21_313))) for _ in range(3)]
    for viewer in viewers:
        await viewer.connect()
        await shows_pictures(viewer)
        found = candidates(viewer.answer_sdp, "host")
        assert found
        assert all(21_310 <= port <= 21_313 for _, port in found)


async def test_a_viewer_for_whom_no_port_is_left_is_told_so_and_the_next_gets_the_one_that_comes_free(
    stage: Stage,
) -> None:
    only = Ice(ports=(21_320, 21_320))
    first = await viewer_of(stage, only).connect()
    await shows_pictures(first)
    with pytest.raises(ClientError, match="every UDP port that it may use is taken") as refused:
        await viewer_of(stage, only).connect()
    assert (refused.value.code, refused.value.http_status) == ("unreachable", 503)
    await shows_pictures(first)
    first.server.peer.close()
    await shows_pictures(await viewer_of(stage, only).connect())


async def test_an_advertised_address_is_told_instead_of_the_machines_own(stage: Stage) -> None:
    viewer = viewer_of(stage, Ice(advertised=("203.0.113.5", "2001:db8::5")))
    await viewer.connect()
    await shows_pictures(viewer)
    addresses = {address for address, _ in candidates(viewer.answer_sdp, "host")}
    assert addresses <= {"203.0.113.5", "2001:db8::5", "127.0.0.1", "::1"}
    assert "203.0.113.5" in addresses


@pytest.mark.skipif(own_address() is None, reason="this machine is in no network")
async def test_a_nat_that_keeps_ports_is_passed_by_the_advertised_address(stage: Stage) -> None:
    port = 21_330
    with UdpRelay(host="127.0.0.2") as nat:
        nat.way_to((own_address() or "", port), port=port)
        viewer = viewer_of(stage, Ice(ports=(port, port), advertised=("127.0.0.2",)))
        await viewer.connect(tamper=without_candidates, answered=keeping(lambda found: found == "127.0.0.2"))
        await shows_pictures(viewer)
        assert nat.to_client.forwarded > 0


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
async def test_pictures_come_over_either_family_alone(stage: Stage, address: str) -> None:
    only = keeping(lambda found: found == address)
    viewer = await viewer_of(stage).connect(tamper=only, answered=only)
    await shows_pictures(viewer)


async def test_a_client_that_hides_its_addresses_behind_mdns_names_is_found_by_its_own_checks(stage: Stage) -> None:
    def hidden(sdp: str) -> str:
        return re.sub(r"(a=candidate:\S+ 1 \S+ \d+ )\S+", r"\g<1>0d2f4b3a-8f5e-4a7e-9d57-93f5c0a1b2c3.local", sdp)

    viewer = viewer_of(stage)
    await viewer.connect(tamper=hidden)
    await shows_pictures(viewer)


async def test_a_client_that_tells_no_address_is_found_by_its_own_checks(stage: Stage) -> None:
    viewer = viewer_of(stage)
    await viewer.connect(tamper=without_candidates)
    await shows_pictures(viewer)


@needs_coturn
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_client_that_may_only_relay_sees_the_picture(stage: Stage, turn: Coturn, transport: str) -> None:
    servers = told(f"turn:{turn.address}?transport={transport}")
    viewer = viewer_of(stage, servers=servers, relay_only=True)
    await viewer.connect()
    await shows_pictures(viewer)
    assert (await ways(viewer))[0] == "relay"


@needs_coturn
async def test_a_server_that_may_only_relay_is_seen(stage: Stage, turn: Coturn) -> None:
    ice = Ice(told(f"turn:{turn.address}"), relay_only=True)
    viewer = viewer_of(stage, ice)
    await viewer.connect()
    await shows_pictures(viewer)
    assert candidates(viewer.answer_sdp, "host", "srflx") == []
    assert (await ways(viewer))[1] == "relay"


@needs_coturn
@pytest.mark.parametrize(
    ("at", "secret"), [(-DAY - 60, SECRET), (0, "another secret")], ids=["expired", "of another secret"]
)
async def test_credentials_that_are_not_good_let_nobody_in(stage: Stage, turn: Coturn, at: float, secret: str) -> None:
    ice = Ice(told(f"turn:{turn.address}", at, secret), relay_only=True)
    with pytest.raises(ClientError, match="no TURN server answered"):
        await viewer_of(stage, ice).connect()
