"""Whatever an offer says, what is read out of it and put into it costs no more than its length."""

from __future__ import annotations

from contextlib import suppress

import pytest
from bench.hostile import OFFERS, offers
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor_runtime.errors import ClientError
from reactor_runtime.session.negotiation import MAX_MEDIA_LINES, MAX_SDP_CHARS, Candidate, Negotiation
from reactor_runtime.webrtc.offer import chosen_codec, media_lines, prepared, putting_first, with_start_rate

CODECS = ("av1", "vp9", "vp8")


def take_apart(sdp: str) -> str:
    """Do all that is done with an offer before the engine sees it, and with an answer after."""
    for line in media_lines(sdp):
        assert line.kind in ("audio", "video")
        assert line.mid
    codec = chosen_codec(sdp, CODECS)
    assert codec in CODECS
    changed = putting_first(prepared(sdp), codec)
    with_start_rate(sdp)
    return changed


@settings(max_examples=200)
@given(offers())
def test_any_offer_can_be_read_and_prepared(sdp: str) -> None:
    changed = take_apart(sdp)
    assert [line.mid for line in media_lines(changed)] == [line.mid for line in media_lines(sdp)]
    assert changed.count("\n") <= sdp.count("\n") + 2 * sdp.count("a=rtpmap:") + 2, "nothing is said over and over"


@given(st.text(max_size=200))
def test_text_that_is_no_offer_can_be_read_and_prepared(text: str) -> None:
    take_apart(text)


def of_full_size(head: str, unit: str, tail: str = "") -> str:
    return head + unit * ((MAX_SDP_CHARS - len(head) - len(tail)) // len(unit)) + tail


# Each is slow for an expression that backtracks, or for a search per line: minutes to hours at this size.
HOSTILE = [
    of_full_size("v=0\na=extmap:1 dependency-descriptor", "a"),
    of_full_size("v=0\na=extmap:1 ", "dependency-descriptor"),
    of_full_size("v=0\na=extmap:1 ", "a"),
    of_full_size("v=0\nm=video 9 X 96\n", "a=rtpmap:96 VP8/90000\n"),
    of_full_size("v=0\nm=video 9 X 96\n", "a=rtpmap:96 VP8/90000\na=fmtp:96 x\n"),
    "v=0\nm=video 9 X 96\n" + "".join(f"a=rtpmap:{n} VP8/90000\n" for n in range(10_000)),
    "v=0\n" + "".join(f"a=rtpmap:{n} VP8/90000\n" for n in range(6_000)) + of_full_size("m=video 9 X", " 1")[:60_000],
    of_full_size("v=0\n", "m=video 9 X 96\n"),
    of_full_size("v=0\n", "m=\n"),
    of_full_size("v=0\nm=video 9 X ", "9 "),
    of_full_size("v=0\nm=video 9 X 96\na=sendonly", " ", "x"),
    of_full_size("v=0\nm=video 9 X 96\na=rtpmap:96 VP8/90000", "\n", "x"),
    of_full_size("v=0\na=fmtp:1 ", ";"),
    of_full_size("v=0\na=fmtp:1 ", "; "),
    of_full_size("v=0\na=fmtp:1 ;", "\n", "x"),
    of_full_size("v=0\na=fmtp:1 ", "profile=0;"),
    of_full_size("v=0\na=fmtp:", "1"),
    of_full_size("v=0\n", "a=mid:"),
    of_full_size("v=0\n", "a=ice-ufrag:"),
    of_full_size("v=0\n", "\r"),
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("sdp", HOSTILE, ids=range(len(HOSTILE)))
def test_no_offer_of_the_greatest_length_takes_more_than_a_look_at_it(sdp: str) -> None:
    assert len(sdp) <= MAX_SDP_CHARS
    assert len(take_apart(sdp)) < 40 * MAX_SDP_CHARS
    negotiation = Negotiation(timeout=30.0, max_connections=1)
    with suppress(ClientError):
        negotiation.offer(negotiation.register(0.0), sdp, {"0": "main_video"}, 0.0)


def test_an_offer_of_more_lines_than_a_client_has_is_refused_before_the_engine_sees_it() -> None:
    negotiation = Negotiation(timeout=30.0, max_connections=1)
    number = negotiation.register(0.0)
    line = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{}\r\n"
    most = "v=0\r\n" + "".join(line.format(n) for n in range(MAX_MEDIA_LINES))
    negotiation.offer(number, most, {"0": "main_video"}, 0.0)
    with pytest.raises(ClientError, match="lines of media"):
        negotiation.offer(number, most + line.format("x"), {"0": "main_video"}, 0.0)


ids = st.none() | st.sampled_from([1001, 5000, 5001, 9999, 0, 10**9])
candidates = st.builds(
    Candidate,
    st.sampled_from(["", "candidate:1 1 udp 1 127.0.0.1 9 typ host ufrag a", "x" * 2000]) | st.text(max_size=20),
    st.none() | st.text(max_size=3),
    st.none() | st.integers(),
)
steps = st.one_of(
    st.tuples(st.just("register"), ids),
    st.tuples(st.just("offer"), ids, offers() | st.just(next(iter(OFFERS.values())))),
    st.tuples(st.just("answer"), ids, st.integers(0, 5)),
    st.tuples(st.just("refuse"), ids, st.integers(0, 5)),
    st.tuples(st.just("candidates"), ids, st.lists(candidates, max_size=3)),
    st.tuples(st.just("take"), ids, st.integers(0, 5)),
    st.tuples(st.just("poll"), ids),
    st.tuples(st.just("forget"), ids),
    st.tuples(st.just("pass"), st.floats(0, 40)),
)


@settings(max_examples=150)
@given(st.lists(steps, max_size=20))
def test_negotiations_in_any_order_are_bounded_and_all_end(said) -> None:
    negotiation = Negotiation(timeout=30.0, max_connections=3)
    now, answered, refusals = 0.0, set(), []
    for step in said:
        try:
            match step:
                case "register", wanted:
                    negotiation.register(now, wanted)
                case "offer", wanted, sdp:
                    negotiation.offer(wanted, sdp, {"0": "main_video"}, now)
                case "answer", wanted, number:
                    if negotiation.answer(wanted, number, "v=0"):
                        answered.add(wanted)
                case "refuse", wanted, number:
                    negotiation.refuse(wanted, number, ClientError("no"))
                case "candidates", wanted, found:
                    assert all(c.usable for c in negotiation.add_candidates(wanted, found))
                case "take", wanted, number:
                    negotiation.take_candidates(wanted, number)
                case "poll", wanted:
                    negotiation.poll(wanted)
                case "forget", wanted:
                    negotiation.forget(wanted)
                case "pass", seconds:
                    now += seconds
                    negotiation.tick(now)
        except ClientError as error:
            refusals.append(error)
    assert all(400 <= error.http_status < 500 or error.code == "too_many_connections" for error in refusals)
    for number in answered:
        negotiation.forget(number)
    negotiation.tick(now + 31.0)
    for _ in range(3):
        negotiation.register(now + 31.0)
