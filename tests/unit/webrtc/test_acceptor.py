"""What each family may count on: coming back, going silent, taking turns with a track, hearing of the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.unit.webrtc.scripted_peer import MIDS, House, ScriptedPeer, offer_of

from reactor_runtime.errors import ClientError
from reactor_runtime.session.machine import State
from reactor_runtime.session.negotiation import Candidate
from reactor_runtime.webrtc.acceptor import IMPLICIT_CONNECTION
from reactor_runtime.worker import messages as pipe

pytestmark = pytest.mark.manual_time

RESUME = {"type": "notification", "event": "resume_track", "data": {"name": "main_video"}}
PAUSE = {**RESUME, "event": "pause_track"}
NATIVE_RESUME = bytes.fromhex("10038a010c0a0a6d61696e5f766964656f")
NATIVE_PING = bytes.fromhex("10035200")
PING = {"scope": "runtime", "data": {"type": "ping", "data": {}}}


@pytest.fixture
async def house() -> House:
    return House()


async def settled(house: House, peer: int) -> ScriptedPeer:
    """Wait for a peer's answer."""
    while len(house.peers) <= peer:  # noqa: ASYNC110 - the loop's time is manual
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    return house.peers[peer]


async def numbered(house: House, connection_id: int | None = None, ufrag: str = "a") -> tuple[int, ScriptedPeer]:
    """Offer on a numbered connection, a new one if none is given, up to its answer."""
    connection_id = connection_id or house.acceptor.register()
    peer = len(house.peers)
    house.acceptor.offer(connection_id, offer_of(ufrag), MIDS)
    return connection_id, await settled(house, peer)


async def unnumbered(house: House, *, again: bool = False, ufrag: str = "a") -> ScriptedPeer:
    """Offer as a client that knows no connection ids, and come up."""
    peer = len(house.peers)
    house.acceptor.offer_unnumbered(offer_of(ufrag), MIDS, is_reconnect=again)
    found = await settled(house, peer)
    assert house.acceptor.poll(IMPLICIT_CONNECTION) == f"v=0 answer {peer}"
    found.come_up()
    return found


def ask(name: str, request_id: str) -> dict[str, object]:
    return {"type": "request", "method": name, "request_id": request_id, "data": {"name": "webcam"}}


# ---- coming back ----------------------------------------------------------------------------------------------


async def test_a_reconnect_while_the_old_wire_looks_alive_has_a_new_answer_and_the_model_sees_nothing(
    house: House,
) -> None:
    connection_id, old = await numbered(house)
    old.come_up()
    _, new = await numbered(house, connection_id, "b")
    assert house.acceptor.poll(connection_id) == "v=0 answer 1"
    assert not old.closed, "the picture stays until the new wire is up"
    new.come_up()
    assert old.closed
    assert house.slot.runtime.state is State.STREAMING
    assert len(house.slot.model.of(pipe.ClientJoined)) == 1
    assert house.slot.model.of(pipe.ClientLeft) == []


async def test_a_client_comes_back_on_the_id_of_its_lost_connection_but_not_in_the_next_session(house: House) -> None:
    connection_id, peer = await numbered(house)
    peer.come_up()
    peer.observer.on_disconnected("lost")
    assert house.slot.runtime.state is State.ORPHANED
    house.acceptor.add_candidates(connection_id, [Candidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0)])
    _, again = await numbered(house, connection_id, "b")
    again.come_up()
    assert house.slot.runtime.state is State.STREAMING
    house.slot.runtime.stop_session()
    house.slot.model.observe(pipe.SessionClosed())
    house.slot.runtime.start_session()
    with pytest.raises(ClientError) as refused:
        house.acceptor.offer(connection_id, offer_of("c"), MIDS)
    assert refused.value.http_status == 404


@pytest.mark.parametrize("is_next_open", [False, True], ids=["none", "the next"])
async def test_a_wire_that_comes_up_after_its_session_is_closed_and_joins_no_other(
    house: House, is_next_open: bool
) -> None:
    _, late = await numbered(house)
    house.slot.runtime.stop_session()
    house.slot.model.observe(pipe.SessionClosed())
    if is_next_open:
        house.slot.runtime.start_session()
    late.come_up()
    late.say(RESUME, "control")  # was on its way
    assert late.closed
    assert house.acceptor.connections == 0
    assert not any(ladder.wants_keyframe for ladder in house.acceptor.ladders.values()), "nothing is encoded for it"
    assert house.slot.model.of(pipe.ClientJoined) == []


async def test_clients_that_know_no_ids_are_side_by_side_and_each_comes_back(house: House) -> None:
    first = await unnumbered(house)
    again = await unnumbered(house, again=True, ufrag="b")
    assert first.closed, "the reconnect of the only one takes its place"
    assert len(house.slot.model.of(pipe.ClientJoined)) == 1
    second = await unnumbered(house, ufrag="c")
    third = await unnumbered(house, again=True, ufrag="d")
    assert not again.closed, "nobody knows whose the third is"
    assert not second.closed
    assert not third.closed
    assert house.acceptor.connections == 3


async def test_a_client_that_knows_no_ids_leaves_no_room_taken(house: House) -> None:
    for ufrag in "abcde":  # room is for four
        (await unnumbered(house, ufrag=ufrag)).observer.on_disconnected("left")
    assert house.acceptor.connections == 0
    for _ in range(4):
        house.acceptor.register()
    house.acceptor.close()


@pytest.mark.parametrize("has_number", [True, False])
async def test_candidates_may_come_before_the_offer(house: House, has_number: bool) -> None:
    early = Candidate("candidate:1 1 udp 2122 192.0.2.7 9 typ host ufrag a", "0", 0)
    late = Candidate("candidate:2 1 udp 2122 192.0.2.8 9 typ host ufrag a", "0", 0)
    connection_id = house.acceptor.register() if has_number else IMPLICIT_CONNECTION
    house.acceptor.add_candidates(connection_id, [early])
    if has_number:
        house.acceptor.offer(connection_id, offer_of("a"), MIDS)
    else:
        house.acceptor.offer_unnumbered(offer_of("a"), MIDS, is_reconnect=False)
    peer = await settled(house, 0)
    assert peer.candidates == [early.candidate]
    house.acceptor.add_candidates(connection_id, [late])
    await asyncio.sleep(0.01)
    assert peer.candidates == [early.candidate, late.candidate]


async def test_what_is_said_before_the_engine_tells_that_the_wire_is_up_is_not_lost(house: House) -> None:
    _, peer = await numbered(house)
    peer.say(NATIVE_RESUME, "control")
    assert house.slot.runtime.state is State.WAITING
    peer.say(bytes.fromhex("0a06646174615f31 1001 5207 0a0570616e6963"))  # data_1, a request: panic
    assert house.slot.runtime.state is State.STREAMING
    answers = [data for channel, data in peer.sent if channel == "data"]
    assert b"data_1" in answers[-1]
    assert b"invalid_command" in answers[-1]
    house.acceptor.close()


# ---- tracks ---------------------------------------------------------------------------------------------------


async def test_an_input_track_is_one_clients_until_it_gives_it_back_or_leaves(house: House) -> None:
    (_, first), (_, second), (_, third) = [await numbered(house, ufrag=ufrag) for ufrag in "abc"]
    for peer in (first, second, third):
        peer.come_up()
        peer.say(RESUME, "control")
    first.say(ask("publish_track", "ctrl_1"), "control")
    second.say(ask("publish_track", "ctrl_1"), "control")
    assert first.answers()[-1] == {**ask("publish_track", "ctrl_1"), "type": "response", "data": {}}
    assert second.answers()[-1]["error"]["code"] == "publish_refused"
    first.say({"type": "notification", "event": "unpublish_track", "data": {"name": "webcam"}}, "control")
    second.say(ask("publish_track", "ctrl_2"), "control")
    assert second.answers()[-1]["data"] == {}
    second.observer.on_disconnected("lost")
    third.say(ask("publish_track", "ctrl_1"), "control")
    assert third.answers()[-1]["data"] == {}


async def test_a_track_is_paused_until_it_is_resumed_and_either_may_be_said_twice(house: House) -> None:
    _, peer = await numbered(house)
    peer.come_up()
    peer.say(PING)
    assert house.acceptor.ladders == {}
    for frame, viewers in [(RESUME, 1), (RESUME, 1), (PAUSE, 0), (PAUSE, 0), (RESUME, 1)]:
        peer.say(frame, "control")
        assert len(house.acceptor.ladders["main_video"]._seats) == viewers
    house.acceptor.close()


async def test_figures_are_told_when_they_are_asked_for_and_once_for_all_that_asked_meanwhile(house: House) -> None:
    _, peer = await numbered(house)
    peer.come_up()
    peer.say(PING)
    assert peer.heard("figures") == []
    for request_id in ("f1", "f2"):
        peer.say({"scope": "runtime", "data": {"type": "requestFigures", "id": request_id}})
    await asyncio.sleep(0.01)
    (told,) = peer.heard("figures")
    assert (told["id"], told["generated"], told["rungs"], told["estimate_bps"]) == ("f1", 0, {}, None)
    peer.say({"scope": "runtime", "data": {"type": "requestFigures", "id": "f3"}})
    await asyncio.sleep(0.01)
    assert [told["id"] for told in peer.heard("figures")] == ["f1", "f3"]
    house.acceptor.close()


# ---- keep-alive -----------------------------------------------------------------------------------------------


async def test_a_flat_client_never_pings_and_is_not_dropped(house: House) -> None:
    await house.acceptor.answer(offer_of("a", "0"))
    (peer,) = house.peers
    peer.come_up()
    await asyncio.sleep(100)
    assert not peer.closed, "it has not said a word"
    peer.say({"type": "no_such_command", "data": {}})
    await asyncio.sleep(100)
    assert not peer.closed
    house.acceptor.close()


async def unnamed(house: House) -> ScriptedPeer:
    await house.acceptor.answer(offer_of("a", "0"))
    house.peers[0].come_up()
    return house.peers[0]


async def named(house: House) -> ScriptedPeer:
    await house.acceptor.answer(offer_of("a", "main_video", way="recvonly"))
    house.peers[0].come_up()
    return house.peers[0]


async def with_number(house: House) -> ScriptedPeer:
    _, peer = await numbered(house)
    peer.come_up()
    return peer


@pytest.mark.parametrize(
    ("connect", "ping", "channel"),
    [
        pytest.param(unnamed, PING, "data", id="scoped"),
        pytest.param(named, PING, "data", id="named"),
        pytest.param(unnumbered, PING, "data", id="v1"),
        pytest.param(with_number, PING, "data", id="multi"),
        pytest.param(with_number, NATIVE_PING, "control", id="native"),
    ],
)
async def test_a_client_that_pings_stays_and_one_that_stops_is_dropped_after_20_s(
    house: House, connect: Callable[[House], object], ping: object, channel: str
) -> None:
    peer = await connect(house)  # type: ignore[misc]
    for _ in range(6):
        peer.say(ping, channel)
        await asyncio.sleep(10)
    sent = len(peer.sent)
    peer.say(ping, channel)
    assert len(peer.sent) == sent, "a ping is never answered"
    await asyncio.sleep(19.5)
    assert not peer.closed
    await asyncio.sleep(1)
    assert peer.closed
    house.acceptor.close()


# ---- the end --------------------------------------------------------------------------------------------------


async def test_all_families_that_have_a_word_for_it_hear_why_the_session_ended(house: House) -> None:
    (_, multi), (_, native) = [await numbered(house, ufrag=ufrag) for ufrag in "ab"]
    v1 = await unnumbered(house)
    for peer in (multi, native):
        peer.come_up()
    multi.say(PING)
    native.say(NATIVE_RESUME, "control")
    house.slot.runtime.stop_session("unfit picture", moderate=True)
    for peer in (multi, v1):
        (told,) = peer.heard("moderation")
        assert (told["action"], told["message"]) == ("terminate", "unfit picture")
        assert peer.heard("sessionEnded") == [{"reason": "unfit picture"}]
    *_, moderated, ended = [data for channel, data in native.sent if channel == "control"]
    assert b"terminate" in moderated
    assert ended == bytes.fromhex("10037a0f0a0d") + b"unfit picture"
    assert multi.closed
    assert native.closed
    assert v1.closed
    house.acceptor.close()
