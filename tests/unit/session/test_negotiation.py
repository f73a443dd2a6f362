"""Negotiation: ids, offers and their answers, candidates, deadlines."""

from __future__ import annotations

import pytest

from reactor_runtime.errors import ClientError
from reactor_runtime.session.negotiation import MAX_CANDIDATES, MAX_SDP_CHARS, Candidate, Negotiation

MIDS = {"0": "main_video"}


def offer_of(ufrag: str) -> str:
    return f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:{ufrag}\r\na=mid:0\r\n"


def candidate(port: int, ufrag: str | None = None) -> Candidate:
    text = f"candidate:1 1 udp 2122 192.0.2.7 {port} typ host generation 0"
    return Candidate(text if ufrag is None else f"{text} ufrag {ufrag} network-id 1", "0", 0)


@pytest.fixture
def negotiation() -> Negotiation:
    return Negotiation(timeout=30, max_connections=3)


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    return error.value.code, error.value.http_status


# ---- ids ------------------------------------------------------------------------------------------------------


def test_minted_ids_begin_at_5000_and_are_not_reused_at_once(negotiation: Negotiation) -> None:
    first = negotiation.register(0)
    negotiation.forget(first)
    assert (first, negotiation.register(0)) == (5000, 5001)


def test_minting_goes_round_and_skips_what_is_taken() -> None:
    negotiation = Negotiation(timeout=30, max_connections=2)
    kept = negotiation.register(0)
    for _ in range(5001, 10000):
        negotiation.forget(negotiation.register(0))
    assert kept == 5000
    assert negotiation.register(0) == 5001


def test_a_chosen_id_is_taken_and_may_be_registered_again(negotiation: Negotiation) -> None:
    assert [negotiation.register(0, 1001), negotiation.register(5, 1001)] == [1001, 1001]
    assert negotiation.next_deadline() == (30, "connection 1001 was not negotiated in time")


@pytest.mark.parametrize("chosen", [0, 1000, 10000, -1])
def test_an_id_that_clients_would_not_accept_is_refused(negotiation: Negotiation, chosen: int) -> None:
    with pytest.raises(ClientError) as error:
        negotiation.register(0, chosen)
    assert refusal(error) == ("invalid_connection", 422)


def test_a_full_house_answers_503_and_has_room_again_when_somebody_leaves(negotiation: Negotiation) -> None:
    ids = [negotiation.register(0) for _ in range(3)]
    with pytest.raises(ClientError) as error:
        negotiation.register(0)
    assert refusal(error) == ("too_many_connections", 503)
    assert negotiation.register(0, ids[0]) == ids[0]
    negotiation.forget(ids[0])
    assert negotiation.register(0) == 5003


# ---- offers ---------------------------------------------------------------------------------------------------


def test_an_answer_is_polled_as_often_as_wanted(negotiation: Negotiation) -> None:
    cid = negotiation.register(0)
    assert negotiation.poll(cid) is None
    number = negotiation.offer(cid, offer_of("a"), MIDS, 0)
    assert negotiation.poll(cid) is None
    assert negotiation.answer(cid, number, "v=0 answer")
    assert [negotiation.poll(cid), negotiation.poll(cid)] == ["v=0 answer", "v=0 answer"]


def test_a_reconnect_gets_a_new_answer_and_never_the_stale_one(negotiation: Negotiation) -> None:
    cid = negotiation.register(0)
    first = negotiation.offer(cid, offer_of("a"), MIDS, 0)
    negotiation.answer(cid, first, "v=0 first")
    second = negotiation.offer(cid, offer_of("b"), MIDS, 1)
    assert negotiation.poll(cid) is None
    assert not negotiation.answer(cid, first, "v=0 late")
    assert not negotiation.refuse(cid, first, ClientError("late"))
    assert negotiation.answer(cid, second, "v=0 second")
    assert negotiation.poll(cid) == "v=0 second"


def test_an_answer_for_a_forgotten_connection_does_not_reach_the_next_of_that_id(negotiation: Negotiation) -> None:
    negotiation.register(0, 1001)
    first = negotiation.offer(1001, offer_of("a"), MIDS, 0)
    negotiation.forget(1001)
    assert not negotiation.answer(1001, first, "v=0 late")
    negotiation.register(0, 1001)
    negotiation.offer(1001, offer_of("a"), MIDS, 0)
    assert not negotiation.answer(1001, first, "v=0 late")
    assert negotiation.poll(1001) is None


def test_a_refusal_is_raised_to_whoever_polls_until_a_better_offer_comes(negotiation: Negotiation) -> None:
    cid = negotiation.register(0)
    number = negotiation.offer(cid, offer_of("a"), MIDS, 0)
    assert negotiation.refuse(cid, number, ClientError("no fingerprint", code="invalid_sdp"))
    for _ in range(2):
        with pytest.raises(ClientError, match="no fingerprint") as error:
            negotiation.poll(cid)
        assert refusal(error) == ("invalid_sdp", 400)
    negotiation.offer(cid, offer_of("b"), MIDS, 1)
    assert negotiation.poll(cid) is None


@pytest.mark.parametrize(
    ("sdp", "mids", "code"),
    [
        ("", MIDS, "invalid_sdp"),
        ("garbage", MIDS, "invalid_sdp"),
        ("v=0" + "x" * MAX_SDP_CHARS, MIDS, "invalid_sdp"),
        (offer_of("a"), {}, "invalid_track_mapping"),
    ],
)
def test_what_cannot_be_an_offer_is_refused_and_the_former_answer_stands(
    negotiation: Negotiation, sdp: str, mids: dict[str, str], code: str
) -> None:
    cid = negotiation.register(0)
    negotiation.answer(cid, negotiation.offer(cid, offer_of("a"), MIDS, 0), "v=0 answer")
    with pytest.raises(ClientError) as error:
        negotiation.offer(cid, sdp, mids, 1)
    assert refusal(error) == (code, 400)
    assert negotiation.poll(cid) == "v=0 answer"


def test_an_unknown_connection_is_404_for_requests_and_nothing_for_late_work(negotiation: Negotiation) -> None:
    for ask in (
        lambda: negotiation.offer(5000, offer_of("a"), MIDS, 0),
        lambda: negotiation.poll(5000),
        lambda: negotiation.add_candidates(5000, [candidate(1)]),
    ):
        with pytest.raises(ClientError) as error:
            ask()
        assert refusal(error) == ("unknown_connection", 404)
    assert negotiation.take_candidates(5000, 1) == []
    assert not negotiation.answer(5000, 1, "v=0")
    assert not negotiation.refuse(5000, 1, ClientError("late"))
    negotiation.forget(5000)


# ---- candidates -----------------------------------------------------------------------------------------------


def test_candidates_wait_for_the_answer_and_pass_straight_through_afterwards(negotiation: Negotiation) -> None:
    cid = negotiation.register(0)
    assert negotiation.add_candidates(cid, [candidate(1)]) == []
    number = negotiation.offer(cid, offer_of("a"), MIDS, 0)
    assert negotiation.add_candidates(cid, [candidate(2)]) == []
    assert negotiation.take_candidates(cid, number) == []
    negotiation.answer(cid, number, "v=0 answer")
    assert negotiation.take_candidates(cid, number) == [candidate(1), candidate(2)]
    assert negotiation.take_candidates(cid, number) == []
    assert negotiation.add_candidates(cid, [candidate(3)]) == [candidate(3)]


def test_candidates_of_the_next_offer_wait_for_it_and_those_of_the_former_are_not_used(
    negotiation: Negotiation,
) -> None:
    cid = negotiation.register(0)
    first = negotiation.offer(cid, offer_of("old"), MIDS, 0)
    negotiation.answer(cid, first, "v=0 first")
    assert negotiation.add_candidates(cid, [candidate(1, "new"), candidate(2, "old")]) == [candidate(2, "old")]
    second = negotiation.offer(cid, offer_of("new"), MIDS, 1)
    negotiation.add_candidates(cid, [candidate(3, "old")])
    negotiation.answer(cid, second, "v=0 second")
    assert negotiation.take_candidates(cid, first) == []
    assert negotiation.take_candidates(cid, second) == [candidate(1, "new")]


def test_candidates_that_no_peer_can_use_are_dropped(negotiation: Negotiation) -> None:
    cid = negotiation.register(0)
    negotiation.answer(cid, negotiation.offer(cid, offer_of("a"), MIDS, 0), "v=0 answer")
    useless = [
        Candidate(""),
        Candidate("  ", "0", 0),
        Candidate("candidate:1 1 tcp 1518 192.0.2.7 9 typ host tcptype active generation 0"),
        Candidate("candidate:" + "x" * 2000),
    ]
    assert negotiation.add_candidates(cid, [*useless, candidate(1)]) == [candidate(1)]


def test_waiting_candidates_are_bounded_and_the_newest_kept(negotiation: Negotiation) -> None:
    cid = negotiation.register(0)
    for port in range(MAX_CANDIDATES + 5):
        negotiation.add_candidates(cid, [candidate(port)])
    number = negotiation.offer(cid, offer_of("a"), MIDS, 0)
    negotiation.answer(cid, number, "v=0 answer")
    taken = negotiation.take_candidates(cid, number)
    assert len(taken) == MAX_CANDIDATES
    assert taken[-1] == candidate(MAX_CANDIDATES + 4)


# ---- deadlines ------------------------------------------------------------------------------------------------


def test_nothing_is_due_without_connections_or_with_answered_ones(negotiation: Negotiation) -> None:
    assert negotiation.next_deadline() is None
    cid = negotiation.register(0)
    negotiation.answer(cid, negotiation.offer(cid, offer_of("a"), MIDS, 0), "v=0 answer")
    assert negotiation.next_deadline() is None
    assert negotiation.tick(1e9) == []


def test_who_never_offers_and_who_is_never_answered_is_forgotten_in_time(negotiation: Negotiation) -> None:
    silent, unanswered = negotiation.register(0), negotiation.register(1)
    negotiation.offer(unanswered, offer_of("a"), MIDS, 10)
    assert negotiation.next_deadline() == (30, "connection 5000 was not negotiated in time")
    assert negotiation.tick(29.9) == []
    assert negotiation.tick(30) == [silent]
    assert negotiation.next_deadline() == (40, "connection 5001 was not negotiated in time")
    assert negotiation.tick(40) == [unanswered]
    with pytest.raises(ClientError):
        negotiation.poll(silent)


def test_a_refused_offer_does_not_hold_its_place_for_ever(negotiation: Negotiation) -> None:
    cid = negotiation.register(0)
    negotiation.refuse(cid, negotiation.offer(cid, offer_of("a"), MIDS, 0), ClientError("bad"))
    assert negotiation.tick(30) == [cid]


def test_a_connection_that_stands_without_an_offer_counts_and_supersedes_the_one_under_way() -> None:
    negotiation = Negotiation(timeout=30.0, max_connections=1)
    connection = negotiation.register(0.0)
    number = negotiation.offer(connection, "v=0", {"0": "video"}, 1.0)
    negotiation.settle(connection)
    assert not negotiation.answer(connection, number, "v=0 answer")
    assert negotiation.next_deadline() is None
    with pytest.raises(ClientError, match="no room"):
        negotiation.register(2.0)
    assert negotiation.add_candidates(connection, [Candidate("candidate:1 1 udp 1 192.0.2.1 1 typ host")]) == []
    number = negotiation.offer(connection, "v=0", {"0": "video"}, 3.0)
    assert negotiation.answer(connection, number, "v=0 answer"), "it may still change to WebRTC"
