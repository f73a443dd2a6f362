import math
import os
from typing import get_args

import av
import numpy as np
import pytest
from tests.codecs import each

from reactor_runtime.codec.encoders import Settings, open_encoder, open_with, settings
from reactor_runtime.codec.formats import Codec

SIZE, FPS, BPS = (320, 240), 30, 400_000
CODECS = each(*get_args(Codec))


def film(count: int) -> list[np.ndarray]:
    """A texture that drifts: work for motion search, and too much for the rate at full quality."""
    canvas = np.random.default_rng(1).integers(0, 255, (30, 40), np.uint8).repeat(16, 0).repeat(16, 1)
    return [
        np.vstack([np.roll(canvas, 3 * n, 1)[:240, :320], np.full((120, 320), 128, np.uint8)]) for n in range(count)
    ]


def encode(encoder: av.VideoCodecContext, pictures: list[np.ndarray]) -> list[av.Packet]:
    packets = []
    for number, planes in enumerate(pictures):
        frame = av.VideoFrame.from_numpy_buffer(planes, format="yuv420p", width=SIZE[0])
        frame.pts, frame.time_base = number * 90_000 // FPS, encoder.time_base
        made = encoder.encode(frame)
        assert len(made) == 1, "every picture comes back at once"
        packets += made
    return packets


@pytest.mark.parametrize("codec", CODECS)
def test_every_picture_comes_back_at_once_and_only_the_first_is_a_key_frame(codec: Codec) -> None:
    packets = encode(open_encoder(codec, SIZE, fps=FPS, bitrate_bps=BPS), film(90))
    assert [n for n, packet in enumerate(packets) if packet.is_keyframe] == [0]


@pytest.mark.parametrize("codec", CODECS)
def test_the_rate_is_kept(codec: Codec) -> None:
    packets = encode(open_encoder(codec, SIZE, fps=FPS, bitrate_bps=BPS), film(150))
    bps = sum(packet.size for packet in packets[30:]) * 8 * FPS / 120
    assert bps < 1.25 * BPS


def test_vp8_shows_what_it_was_given() -> None:
    pictures = film(30)
    packets = encode(open_encoder("vp8", SIZE, fps=FPS, bitrate_bps=2_000_000), pictures)
    decoder = av.CodecContext.create("vp8", "r")
    shown = [frame.to_ndarray(format="yuv420p") for packet in packets for frame in decoder.decode(packet)]
    errors = [float(np.mean((a.astype(float) - b) ** 2)) for a, b in zip(pictures, shown, strict=True)]
    assert 10 * math.log10(255**2 / max(errors[5:])) > 36


def test_small_pictures_are_coded_with_more_care_than_large_and_fast_ones() -> None:
    (small,) = settings("vp8", (512, 512), fps=16, bitrate_bps=1_000_000)
    (large,) = settings("vp8", (1920, 1080), fps=30, bitrate_bps=6_000_000)
    assert int(small.options["cpu-used"]) > int(large.options["cpu-used"])


def test_h264_falls_back_to_the_processor_where_no_card_makes_it() -> None:
    card, here = settings("h264", SIZE, fps=FPS, bitrate_bps=BPS)
    opened = open_encoder("h264", SIZE, fps=FPS, bitrate_bps=BPS)
    assert (card.library, here.library) == ("h264_nvenc", "libx264")
    assert opened.name in (card.library, here.library)


def test_a_setting_that_the_library_refuses_is_an_error() -> None:
    with pytest.raises(av.FFmpegError):
        open_with(Settings("libvpx", {"cpu-used": "1000"}), SIZE, fps=FPS, bitrate_bps=BPS)


@pytest.mark.parametrize("codec", CODECS)
def test_who_opens_an_encoder_keeps_its_rank_in_the_system(codec: Codec) -> None:
    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    encoder = open_encoder(codec, (320, 180), fps=30, bitrate_bps=500_000)
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before
    assert encoder.is_open
