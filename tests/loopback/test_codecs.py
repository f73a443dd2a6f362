"""Which codec a viewer gets, and that it is carried: our peer, the engine's own connection as the viewer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial

import cv2
import numpy as np
import pytest
import webrtc

from reactor_runtime.codec.formats import Codec
from reactor_runtime.media.frame import Picture
from tests.codecs import each
from tests.loopback.webrtc_pair import HEIGHT, VIDEO, WIDTH, Stage, Viewer, painted, until

OTHERS = each("vp9", "av1")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


async def received_codec(viewer: Viewer) -> str:
    report = await viewer.pc.get_stats()
    (codec,) = {
        report[entry.codec_id].mime_type
        for entry in report.values()
        if isinstance(entry, webrtc.RTCInboundRtpStreamStats)
    }
    return str(codec).lower().removeprefix("video/")


@pytest.mark.parametrize("codec", OTHERS)
async def test_every_picture_arrives_in_the_configured_codec(stage: Stage, codec: Codec) -> None:
    viewer = await stage.viewer(codecs=(codec,))
    stage.feed()
    await until(lambda: len(viewer.numbers) >= 45)
    await stage.stop_feeding()
    assert viewer.numbers == sorted(set(viewer.numbers)), "no picture is shown without those it is built on"
    assert await received_codec(viewer) == codec
    assert (await viewer.server.peer.stats())["units_lost"] == 0


@pytest.mark.parametrize("codec", OTHERS)
async def test_a_late_viewer_and_a_request_get_a_key_frame(stage: Stage, codec: Codec) -> None:
    first = await stage.viewer(codecs=(codec,))
    stage.feed()
    await until(lambda: len(first.numbers) > 10)
    late = await stage.viewer(codecs=(codec,))
    await until(lambda: len(late.numbers) > 10)
    # As if the remote had asked the engine.
    first.server.peer._video[VIDEO.name]._transform._native_obj.generateKeyFrame(None)
    await until(lambda: first.server.keyframe_requests > 0)
    last = stage.pushed
    await until(lambda: first.numbers[-1] > last + 20 and late.numbers[-1] > last + 20)


@pytest.mark.parametrize("codec", OTHERS)
async def test_a_change_of_size_is_followed(stage: Stage, codec: Codec) -> None:
    viewer = await stage.viewer(codecs=(codec,))
    stage.feed()
    await until(lambda: len(viewer.numbers) > 10)
    await stage.stop_feeding()
    for scale in (2, 1):
        last = stage.pushed + 10
        while stage.pushed < last:
            stage.ladder.push(scaled(painted(stage.pushed), scale), lambda: None)
            stage.pushed += 1
            await asyncio.sleep(1 / 30)
        await until(partial(shows, viewer, last - 1))


def shows(viewer: Viewer, number: int) -> bool:
    return viewer.numbers[-1] == number


def scaled(picture: Picture, scale: int) -> Picture:
    luma = picture.i420[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    large = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST).reshape(-1)
    pixels = np.concatenate([large, np.full(large.size // 2, 128, np.uint8)])
    return Picture(pixels, WIDTH * scale, HEIGHT * scale, picture.pts)


async def test_viewers_of_different_codecs_watch_one_stream(stage: Stage) -> None:
    viewers = [await stage.viewer(codecs=(codec,)) for codec in ("vp8", "vp9")]
    stage.feed()
    await until(lambda: all(len(viewer.numbers) > 20 for viewer in viewers))
    assert [await received_codec(viewer) for viewer in viewers] == ["vp8", "vp9"]


async def test_a_client_that_prefers_another_codec_gets_the_configured_one(stage: Stage) -> None:
    viewer = await stage.viewer(tamper=lambda sdp: re.sub(r"(m=video \S+ \S+) (96) ([\d ]+)", r"\1 \3 \2", sdp))
    stage.feed()
    await until(lambda: len(viewer.numbers) > 10)
    assert await received_codec(viewer) == "vp8"


async def test_a_client_without_the_configured_codec_gets_vp8(stage: Stage) -> None:
    viewer = await stage.viewer(codecs=("av1",), tamper=lambda sdp: sdp.replace(" AV1/", " AV9/"))
    stage.feed()
    await until(lambda: len(viewer.numbers) > 10)
    assert await received_codec(viewer) == "vp8"
