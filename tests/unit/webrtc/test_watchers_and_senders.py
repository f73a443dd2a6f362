"""Clients of WHEP and WHIP on a slot without an engine: they say nothing, and ask with their offer."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.webrtc.scripted_peer import House, offer_of

from reactor_runtime.errors import ClientError
from reactor_runtime.webrtc.connection import Connection
from reactor_runtime.webrtc.standard import read_fragment
from reactor_runtime.worker import messages as pipe

pytestmark = pytest.mark.manual_time

LONG = 3600.0


@pytest.fixture
async def house() -> House:
    return House()


async def watch(house: House) -> Connection:
    connection, _ = await house.acceptor.admit(offer_of("a", "0", way="recvonly"), "out")
    return connection


async def send(house: House) -> Connection:
    connection, _ = await house.acceptor.admit(offer_of("a", "0", way="sendonly"), "in")
    return connection


async def test_a_watcher_is_a_client_once_its_transport_is_up_and_never_has_to_speak(house: House) -> None:
    connection = await watch(house)
    assert house.slot.runtime.clients == 0
    house.peers[0].observer.on_connected()
    assert house.slot.runtime.clients == 1
    assert house.acceptor.ladders.keys() == {"main_video"}
    await asyncio.sleep(LONG)
    assert house.acceptor.find(connection.key) is connection
    assert house.peers[0].sent == []


async def test_what_a_watcher_says_is_not_heard(house: House) -> None:
    await watch(house)
    house.peers[0].come_up()
    house.peers[0].say({"scope": "application", "data": {"type": "set_colour", "data": {}}})
    house.peers[0].say(b"\xff\xfe")
    assert house.peers[0].sent == []
    assert house.slot.runtime.clients == 1


async def test_a_key_ends_with_its_connection(house: House) -> None:
    first, second = await watch(house), await watch(house)
    assert first.key != second.key
    first.close("ended by its client")
    assert house.acceptor.find(first.key) is None
    house.peers[1].observer.on_connected()
    house.slot.runtime.stop_session()
    assert house.acceptor.find(second.key) is None


async def test_a_sender_has_its_track_from_its_offer_on(house: House) -> None:
    first = await send(house)
    with pytest.raises(ClientError) as refused:
        await send(house)
    assert (refused.value.http_status, refused.value.code) == (409, "publish_refused")
    first.close("ended by its client")
    await send(house)


async def test_a_sender_that_never_comes_holds_its_track_for_a_while_only(house: House) -> None:
    await send(house)
    await asyncio.sleep(21)
    assert house.acceptor.connections == 0
    await send(house)


async def test_refusals_take_no_room(house: House) -> None:
    await send(house)
    for _ in range(20):
        with pytest.raises(ClientError):
            await send(house)
        with pytest.raises(ClientError):
            await house.acceptor.admit("v=1", "out")
    assert house.acceptor.connections == 1
    await watch(house)


async def test_an_offer_starts_a_session(house: House) -> None:
    house.slot.runtime.stop_session()
    house.slot.model.observe(pipe.SessionClosed())
    assert not house.slot.runtime.running
    await watch(house)
    assert house.slot.runtime.running


async def test_trickled_candidates_reach_the_peer_and_a_restart_is_refused(house: House) -> None:
    connection = await watch(house)
    candidate = "candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host"
    house.acceptor.trickle(connection, read_fragment(f"a=ice-ufrag:a\r\na={candidate}"))
    await asyncio.sleep(0)
    assert house.peers[0].candidates == [candidate]
    with pytest.raises(ClientError) as refused:
        house.acceptor.trickle(connection, read_fragment(f"a=ice-ufrag:b\r\na={candidate}"))
    assert refused.value.http_status == 422
