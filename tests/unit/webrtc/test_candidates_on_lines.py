"""Where an answer says how the server is reached."""

from __future__ import annotations

from reactor_runtime.webrtc.candidates import on_every_line

FOUND = "a=candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host\r\na=candidate:2 1 udp 1 192.0.2.2 5001 typ relay\r\n"
END = "a=end-of-candidates\r\n"
HEAD, GROUP = "v=0\r\n", "a=group:BUNDLE a b 2\r\n"


def test_every_line_of_a_bundle_has_the_first_ones_candidates_so_that_aiortc_finds_them() -> None:
    first = "m=video 5000 X 97\r\na=mid:a\r\n" + FOUND + END
    second, data = "m=video 9 X 97\r\na=mid:b\r\n", "m=application 9 Y z\r\na=mid:2\r\n"
    sdp = HEAD + GROUP + first + second + END + data
    assert on_every_line(sdp) == HEAD + GROUP + first + second + FOUND + END + data + FOUND


def test_lines_that_have_their_own_or_share_nothing_are_left_alone() -> None:
    first, second = "m=video 5000 X 97\r\na=mid:a\r\n" + FOUND, "m=video 6000 X 97\r\na=mid:b\r\n"
    own = second + "a=candidate:3 1 udp 5 192.0.2.3 6000 typ host\r\n"
    for sdp in (HEAD + GROUP + first + own, HEAD + first + second, HEAD):
        assert on_every_line(sdp) == sdp
