"""Whatever a connected client says, in whatever order, is survived; a connection that goes leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from bench.hostile import OFFERS, conversations
from hypothesis import event, given, settings
from hypothesis import strategies as st

from reactor_runtime.authoring.contract import CommandSpec, Contract, TrackSpec
from reactor_runtime.config import Config, SessionConfig
from reactor_runtime.errors import ClientError
from reactor_runtime.session.journal import MAX_DETAIL
from reactor_runtime.session.negotiation import Candidate
from reactor_runtime.webrtc.acceptor import IMPLICIT_CONNECTION, Acceptor
from reactor_runtime.webrtc.connection import Connection
from reactor_runtime.webrtc.peer import PeerObserver
from tests.unit.runtime.scripted import SCHEMA, Slot

CONTRACT = Contract(
    model_name="m",
    generation="reactor_model",
    tracks=(TrackSpec("main_video", "video"), TrackSpec("webcam", "video", "in")),
    commands=(CommandSpec("set_n", schema=SCHEMA),),
)
MIDS = {"0": "main_video", "1": "webcam"}
WAYS = ("numbered", "v1", "unnamed")


class SilentPeer:
    """Answers every offer, and is up when the test says."""

    video_codec = "vp8"

    def __init__(self, observer: PeerObserver) -> None:
        self.observer = observer
        self.sent: list[str | bytes] = []

    async def answer(self, offer_sdp: str, mids: Mapping[str, Sequence[TrackSpec]]) -> str:
        return "v=0"

    async def add_candidate(self, *_: object) -> None:
        pass

    def send(self, label: str, data: str | bytes) -> bool:
        self.sent.append(data)
        return True

    def send_video(self, *_: object) -> bool:
        return True

    def send_audio(self, *_: object) -> None:
        pass

    async def estimate_bps(self) -> int | None:
        return None

    async def stats(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        pass


class Room:
    """A slot whose session runs, and its acceptor."""

    def __init__(self, **limits: Any) -> None:
        config = Config(session=SessionConfig(**limits))
        self.peers: list[SilentPeer] = []
        self.slot = Slot(CONTRACT, config.session)
        self.runtime = self.slot.runtime
        self.acceptor = Acceptor(self.runtime, config, self._make_peer)
        self.slot.up()
        self.runtime.start_session()

    def _make_peer(self, observer: PeerObserver) -> Any:
        self.peers.append(SilentPeer(observer))
        return self.peers[-1]

    async def offered(self, way: str = "numbered") -> tuple[SilentPeer, Connection]:
        """Return a connection whose offer is answered, and that is not ready."""
        if way == "unnamed":
            await self.acceptor.answer(OFFERS["libwebrtc"])
        else:
            number = self.acceptor.register() if way == "numbered" else IMPLICIT_CONNECTION
            self.acceptor.offer(number, OFFERS["libwebrtc"], MIDS)
            async with asyncio.timeout(5):
                while self.acceptor.poll(number) is None:  # noqa: ASYNC110 - polled
                    await asyncio.sleep(0)
        peer = self.peers[-1]
        assert isinstance(peer.observer, Connection)
        return peer, peer.observer

    async def joined(self, way: str = "numbered") -> tuple[SilentPeer, Connection]:
        peer, connection = await self.offered(way)
        connection.on_connected()
        connection.on_channel_open("data")
        return peer, connection

    def facts(self, name: str) -> list[dict[str, Any]]:
        return [fact.detail for fact in self.slot.journal.since(0) if fact.name == name]


async def ended(room: Room, within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while room.acceptor.connections:  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.01)


@settings(max_examples=80)
@given(st.sampled_from(WAYS), st.booleans(), conversations)
def test_whatever_a_client_says_is_survived_and_what_it_is_told_can_be_read(
    way: str, is_ready: bool, said: list[tuple[str, str | bytes]]
) -> None:
    async def talk() -> None:
        room = Room()
        peer, connection = await (room.joined(way) if is_ready else room.offered(way))
        for label, data in said:
            connection.on_message(label, data)
        for data in peer.sent:
            if isinstance(data, str):
                json.loads(data)
        event(f"{connection._wire.family.name}, {'ready' if is_ready else 'not ready'}")
        connection.close("enough")
        assert room.acceptor.connections == 0
        assert room.runtime.clients == 0
        assert len(room.acceptor._negotiation._records) == 0
        if room.runtime.running:
            room.runtime.inputs.publish("webcam", 9000)
        for fact in room.slot.journal.since(0):
            assert len(fact.sse()) < 12 * MAX_DETAIL
        room.acceptor.close()

    asyncio.run(talk())


def verb(method: str, track: str) -> str:
    return json.dumps({"type": "request", "method": method, "request_id": "r", "data": {"name": track}})


async def test_a_track_asked_for_by_who_never_became_ready_is_free_again() -> None:
    room = Room()
    _, connection = await room.offered()
    connection.on_message("control", verb("publish_track", "webcam"))
    with pytest.raises(ClientError):
        room.runtime.inputs.publish("webcam", 9000)
    connection.close("it never came")
    room.runtime.inputs.publish("webcam", 9000)


async def test_a_reconnect_that_fails_takes_nothing_from_the_wire_that_stands() -> None:
    room = Room()
    _, standing = await room.joined()
    standing.on_message("control", verb("publish_track", "webcam"))
    room.acceptor.offer(standing.id, OFFERS["libwebrtc"], MIDS)
    await asyncio.sleep(0)
    room.peers[-1].observer.on_disconnected("it never came")
    assert room.acceptor.connections == 1
    with pytest.raises(ClientError):
        room.runtime.inputs.publish("webcam", 9000)


@pytest.mark.parametrize("way", WAYS)
async def test_who_is_answered_and_never_connects_is_given_up(way: str) -> None:
    room = Room(ping_timeout=0.05)
    await room.offered(way)
    assert room.acceptor.connections == 1
    await ended(room)


async def test_giving_back_what_nobody_has_is_not_kept() -> None:
    room = Room()
    _, connection = await room.joined()
    for number in range(50):
        notice = {"type": "notification", "event": "unpublish_track", "data": {"name": f"track {number}"}}
        connection.on_message("control", json.dumps(notice))
    assert room.runtime.inputs._claims._asks == set()


async def test_a_mapping_that_names_a_track_twice_is_refused() -> None:
    room = Room()
    with pytest.raises(ClientError) as refused:
        room.acceptor.offer(room.acceptor.register(), OFFERS["libwebrtc"], {"0": "main_video", "2": "main_video"})
    assert refused.value.code == "invalid_track_mapping"


async def test_refused_offers_of_clients_that_cannot_poll_take_no_room() -> None:
    room = Room()
    for sdp in ("garbage", "v=0\r\n" + "m=video 9 X 96\r\na=mid:0\r\n" * 80) * 40:
        with pytest.raises(ClientError) as refused:
            await room.acceptor.answer(sdp)
        assert refused.value.http_status == 400
    await room.acceptor.answer(OFFERS["libwebrtc"])


async def test_candidates_without_an_offer_are_forgotten_in_time() -> None:
    room = Room(negotiation_timeout=1.0)
    room.acceptor.add_candidates(IMPLICIT_CONNECTION, [Candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host")])
    async with asyncio.timeout(20):
        while room.acceptor._negotiation.next_deadline() is not None:  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.01)


async def test_a_name_of_a_request_that_is_a_book_is_unreadable() -> None:
    room = Room()
    peer, connection = await room.joined()
    said = {"type": "set_n", "data": {"n": 1}, "id": "x" * 300}
    connection.on_message("data", json.dumps({"scope": "application", "data": said}))
    assert "unreadable" in [json.loads(frame)["data"]["type"] for frame in peer.sent]


async def test_what_clients_say_does_not_fill_the_journal() -> None:
    room = Room()
    _, connection = await room.joined()
    for name in ("x" * 200_000, "set_n"):
        connection.on_message("data", json.dumps({"type": name, "data": {"n": "y" * 50_000, "m": list(range(20_000))}}))
    assert room.facts("error")
    assert max(len(fact.sse()) for fact in room.slot.journal.since(0)) < 4 * MAX_DETAIL
