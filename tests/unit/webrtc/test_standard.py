from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.errors import ClientError
from reactor_runtime.webrtc.offer import MediaLine
from reactor_runtime.webrtc.standard import one_way, read_fragment

VIDEO, DEPTH = TrackSpec("main_video", "video"), TrackSpec("depth", "video")
SOUND, WEBCAM = TrackSpec("main_audio", "audio"), TrackSpec("webcam", "video", "in")
TRACKS = [VIDEO, WEBCAM, SOUND, DEPTH]


def line(mid: str, kind: str = "video", *, sends: bool = False, receives: bool = True, codec: bool = True) -> MediaLine:
    return MediaLine(mid, kind, sends, receives, codec)


def test_each_line_has_the_first_track_of_its_kind_that_is_left() -> None:
    lines = [line("0", "audio"), line("1"), line("2"), line("3"), line("4", "audio")]
    assert one_way(lines, TRACKS, "out", []) == {"0": (SOUND,), "1": (VIDEO,), "2": (DEPTH,)}


def test_a_named_track_comes_first_and_leaves_other_kinds_as_they_are() -> None:
    assert one_way([line("0"), line("1", "audio")], TRACKS, "out", ["depth"]) == {"0": (DEPTH,), "1": (SOUND,)}


def test_a_line_that_goes_both_ways_is_used_one_way() -> None:
    assert one_way([line("0", sends=True)], TRACKS, "in", []) == {"0": (WEBCAM,)}
    assert one_way([line("0", sends=True)], TRACKS, "out", []) == {"0": (VIDEO,)}


@pytest.mark.parametrize(
    ("lines", "names", "status"),
    [
        ([], [], 400),
        ([line("0", sends=True, receives=False)], [], 422),
        ([line("0", codec=False)], [], 422),
        ([line("0")], ["webcam"], 404),
        ([line("0")], ["hands"], 404),
    ],
)
def test_an_offer_of_no_use_is_refused(lines: list[MediaLine], names: list[str], status: int) -> None:
    with pytest.raises(ClientError) as refused:
        one_way(lines, TRACKS, "out", names)
    assert refused.value.http_status == status


def test_a_fragment_gives_candidates_their_line() -> None:
    fragment = read_fragment(
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:sound\r\n"
        "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
    )
    assert fragment.ufrags == {"EsAw"}
    (candidate,) = fragment.candidates
    assert (candidate.candidate, candidate.sdp_mid, candidate.sdp_mline_index) == (
        "candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host",
        "sound",
        None,
    )


def test_a_candidate_before_any_line_is_for_the_first() -> None:
    (candidate,) = read_fragment("a=candidate:1 1 udp 1 192.0.2.1 61764 typ host").candidates
    assert (candidate.sdp_mid, candidate.sdp_mline_index) == (None, 0)


@pytest.mark.parametrize("text", ["", "nonsense", "a=mid:0\r\n", "v=0\r\nno line\r\n", '{"candidate": ""}'])
def test_what_is_no_fragment_is_refused(text: str) -> None:
    with pytest.raises(ClientError) as refused:
        read_fragment(text)
    assert refused.value.http_status == 400


@given(st.text(st.sampled_from("a=candidte:-ufrgmicosn\r\n 01"), max_size=200))
def test_noise_is_at_most_a_client_error(text: str) -> None:
    with suppress(ClientError):
        read_fragment(text)
