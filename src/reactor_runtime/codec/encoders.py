"""The encoders: which library makes each codec, and its settings for a size.

`bench/quality.py` chose them; ADR 7 says what was tried.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av

from reactor_runtime.codec.formats import Codec
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE

log = logging.getLogger(__name__)

KEYFRAME_ONLY_ON_DEMAND = 1_000_000
"""As both the least and the greatest distance between key frames it switches libvpx' own choice off."""
CALM_PIXELS = 30_000_000
"""Pixels per second up to which VP8 takes its time: a decibel on sharp edges for a fifth more of it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One way to make a codec.

    Attributes:
        library: As PyAV names it.
        options: As ffmpeg spells them.
        threads: Threads it may use.
    """

    library: str
    options: Mapping[str, str]
    threads: int = 1


def settings(codec: Codec, size: tuple[int, int], *, fps: float, bitrate_bps: int) -> tuple[Settings, ...]:
    """Return the ways to make a codec, the one to try first first.

    Args:
        codec: What is made.
        size: Width and height, even.
        fps: Expected pictures per second.
        bitrate_bps: Constant over one second: what is sent must fit the viewer's network at any time.
    """
    rate = str(bitrate_bps)
    vbv = {"maxrate": rate, "bufsize": rate}
    # libvpx' threads wait for each other by spinning: on busy cores two of them took ten times as long as one.
    libvpx = {
        **vbv,
        "minrate": rate,
        "rc_init_occupancy": str(bitrate_bps * 6 // 10),
        "deadline": "realtime",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "keyint_min": str(KEYFRAME_ONLY_ON_DEMAND),
        # Percent of an average picture: larger key frames would be a burst that the viewer has to wait for.
        "max-intra-rate": "500",
        "noise-sensitivity": "0",
        "qmax": "56",
    }
    match codec:
        case "vp8":
            own = {
                # Negative is a fixed speed. A positive one is a budget: 8 would spend half of every frame's time.
                "cpu-used": "-6" if size[0] * size[1] * fps < CALM_PIXELS else "-12",
                # Bilinear prediction and the simple loop filter: cheaper here and in every viewer, and no worse.
                "profile": "1",
                # Finer steps cannot be seen, but cost a third of the bits, and with them a fifth of the time.
                "qmin": "10",
                # What is left of a block is not coded when it is below 1.8 grey levels.
                "static-thresh": "800",
            }
            return (Settings("libvpx", libvpx | own),)
        case "vp9":
            return (Settings("libvpx-vp9", libvpx | {"cpu-used": "8", "qmin": "10"}),)
        case "av1":
            # Rate control 2 is the constant one; a key frame comes on demand only.
            own = {"preset": "12", "svtav1-params": "rtc=1:pred-struct=1:lookahead=0:rc=2:lp=1:keyint=-1:scd=0"}
            return (Settings("libsvtav1", own),)
        case "h264":
            card = {"preset": "p1", "tune": "ull", "zerolatency": "1", "delay": "0", "rc": "cbr", "forced-idr": "1"}
            here = {"preset": "superfast", "tune": "zerolatency", "forced-idr": "1"}
            return (Settings("h264_nvenc", vbv | card), Settings("libx264", vbv | here))


def open_encoder(codec: Codec, size: tuple[int, int], *, fps: float, bitrate_bps: int) -> av.VideoCodecContext:
    """Return an open encoder, made in the first way that this machine has.

    Its time base is 1/90000 s, it takes yuv420p and makes key frames on demand only.

    Raises:
        av.FFmpegError: No way works, or the size is none that the codec has.
    """
    ways = settings(codec, size, fps=fps, bitrate_bps=bitrate_bps)
    for way in ways[:-1]:
        if _is_at_hand(way.library):
            try:
                return open_with(way, size, fps=fps, bitrate_bps=bitrate_bps)
            except av.FFmpegError as refused:
                log.debug("%s did not open: %s", way.library, refused)
    return open_with(ways[-1], size, fps=fps, bitrate_bps=bitrate_bps)


def open_with(way: Settings, size: tuple[int, int], *, fps: float, bitrate_bps: int) -> av.VideoCodecContext:
    """Return an open encoder made in one way; see `open_encoder`."""
    # SVT-AV1 describes itself on stderr at every opening, and listens to this alone.
    os.putenv("SVT_LOG", "0")
    context = av.CodecContext.create(way.library, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, VIDEO_CLOCK_RATE)
    context.framerate = Fraction(fps).limit_denominator(1001)
    context.bit_rate = bitrate_bps
    context.gop_size = KEYFRAME_ONLY_ON_DEMAND
    context.thread_count = way.threads
    context.options = dict(way.options)
    rank, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    context.open()
    # As root, SVT-AV1 gives the highest real-time priority to its threads, which need it (ADR 7), and to the one that
    # opens it, from which every thread and process that this one starts would have it too.
    os.sched_setscheduler(0, rank, priority)
    return context


@cache
def _is_at_hand(library: str) -> bool:
    """Whether an encoder that needs hardware works here; said once, as most machines have none."""
    probe = Settings(library, {})
    try:
        open_with(probe, (640, 480), fps=30, bitrate_bps=1_000_000)
    except (av.FFmpegError, ValueError) as refused:
        log.info("%s is not used: %s", library, refused)
        return False
    return True
