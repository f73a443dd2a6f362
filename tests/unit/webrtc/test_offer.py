import pytest

from reactor_runtime.codec.formats import Codec
from reactor_runtime.webrtc.offer import chosen_codec, prepared, putting_first, with_start_rate

HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 main 2\r\n"
VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 39\r\na=mid:{mid}\r\na=recvonly\r\n"
    "a=extmap:4 http://example.com/transport-wide-cc\r\n"
    "a=extmap:12 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n"
    "a=extmap:13/recvonly http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtpmap:39 VP8/90000\r\na=fmtp:39 max-fr=60\r\n"
)
APPLICATION = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n"
START = "x-google-start-bitrate=4000"
RATES = f"x-google-min-bitrate=100;{START};x-google-max-bitrate=20000"


def test_video_starts_fast_and_every_line_of_the_bundle_says_the_same() -> None:
    offer = prepared(HEAD + VIDEO.format(mid="0") + VIDEO.format(mid="main") + APPLICATION)
    _, first, second, application = offer.split("\r\nm=")
    assert START not in application
    for video in (first, second):
        assert f"a=fmtp:96 {RATES}" in video
        assert f"a=fmtp:39 max-fr=60;{RATES}" in video
        assert f"a=fmtp:98 profile-id=0;{RATES}" in video
        assert video.count(START) == 3


def test_the_engine_s_bounds_are_moved_and_the_client_s_are_not() -> None:
    section = HEAD + VIDEO.format(mid="0")
    assert prepared(section).count(RATES) == 3
    assert with_start_rate(section).count("x-google") == with_start_rate(section).count(START) == 3


def test_what_describes_the_dummies_is_taken_out_and_the_rest_stays() -> None:
    source = HEAD + VIDEO.format(mid="0") + APPLICATION
    offer = prepared(source)
    assert "dependency-descriptor" not in offer
    assert "video-layers-allocation" not in offer
    changed = ("a=extmap:12", "a=extmap:13", "a=fmtp:39", "a=fmtp:98")
    assert [line for line in source.splitlines() if line not in offer.splitlines()] == [
        line for line in source.splitlines() if line.startswith(changed)
    ]


def test_an_offer_without_video_is_left_alone() -> None:
    assert prepared(HEAD + APPLICATION) == HEAD + APPLICATION
    assert prepared("garbage") == "garbage"


CODECS = (
    "m=video 9 UDP/TLS/RTP/SAVPF 100 98 96 45 46\r\na=rtpmap:100 VP9/90000\r\na=fmtp:100 profile-id=2\r\n"
    "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtpmap:96 VP8/90000\r\n"
    "a=rtpmap:45 AV1/90000\r\na=fmtp:45 level-idx=5;profile=0;tier=0\r\n"
    "a=rtpmap:46 AV1/90000\r\na=fmtp:46 level-idx=5;profile=1;tier=0\r\n"
)


@pytest.mark.parametrize(
    ("configured", "chosen"),
    [(("vp8",), "vp8"), (("av1", "vp8"), "av1"), (("vp9", "av1"), "vp9"), (("h264", "vp9"), "vp9"), ((), "vp8")],
)
def test_the_configuration_s_order_decides_not_the_client_s(configured: tuple[Codec, ...], chosen: Codec) -> None:
    assert chosen_codec(HEAD + CODECS, configured) == chosen


def test_a_client_without_the_configured_codecs_gets_vp8() -> None:
    only_ten_bit = CODECS.replace("profile-id=0", "profile-id=1")
    assert chosen_codec(HEAD + only_ten_bit, ("vp9",)) == "vp8"
    assert chosen_codec(HEAD + APPLICATION, ("av1",)) == "vp8"


@pytest.mark.parametrize(
    ("codec", "order"), [("vp8", "96 100 98 45 46"), ("vp9", "98 100 96 45 46"), ("av1", "45 100 98 96 46")]
)
def test_the_chosen_codec_is_put_first_in_every_video_line(codec: Codec, order: str) -> None:
    changed = putting_first(HEAD + CODECS + CODECS + APPLICATION, codec)
    assert changed.count(f"SAVPF {order}\r\n") == 2
    assert changed.replace(order, "100 98 96 45 46") == HEAD + CODECS + CODECS + APPLICATION
