"""Our peer and the engine's own connection as the viewer, in one process, on one loop, over real sockets."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import math
import os
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import psutil
import pytest
import uvloop
import webrtc

from reactor_runtime.errors import ClientError
from reactor_runtime.media.frame import AccessUnit, AudioBlock
from reactor_runtime.webrtc.peer import Ice, IceServer
from tests.loopback.webrtc_pair import AUDIO, HEIGHT, VIDEO, WAIT, WEBCAM, WIDTH, Server, Stage, Viewer, painted, until


async def every_picture_is_decoded(viewer: Viewer, stage: Stage) -> None:
    """Wait until it holds. A loaded viewer may skip showing a decoded picture, but never shows two in a wrong order."""
    await until(lambda: stage.ladder.encoded + stage.ladder.dropped == stage.pushed)
    async with asyncio.timeout(WAIT):
        while await viewer.decoded() < stage.ladder.encoded:
            pass
    assert viewer.numbers == sorted(set(viewer.numbers))


def engine_of(viewer: Viewer, patch: pytest.MonkeyPatch, write: Callable[..., None] | None = None) -> Any:
    """Return how dummies enter the engine, or replace it."""
    line = viewer.server.peer._video[VIDEO.name]
    if write is not None:
        patch.setattr(line, "_write", write)
    return line._write


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


async def test_what_is_pushed_is_what_is_seen(stage: Stage) -> None:
    viewer = await stage.viewer()
    stage.feed()
    await until(lambda: len(viewer.numbers) >= 60)
    await stage.stop_feeding()
    await every_picture_is_decoded(viewer, stage)
    assert viewer.server.disconnected == []


async def test_viewers_share_one_encoding(stage: Stage) -> None:
    one, two = await stage.viewer(), await stage.viewer()
    stage.feed()
    await until(lambda: len(one.numbers) >= 30 and len(two.numbers) >= 30)
    await stage.stop_feeding()
    await until(lambda: stage.ladder.encoded + stage.ladder.dropped == stage.pushed)
    await until(lambda: one.numbers[-1] == two.numbers[-1] == stage.pushed - 1)


async def test_a_viewer_on_a_slow_network_gets_a_rung_of_its_own_and_comes_back(stage: Stage) -> None:
    quick, slow = await stage.viewer(), await stage.viewer()
    stage.feed()
    await until(lambda: len(quick.numbers) > 5 and len(slow.numbers) > 5)
    await both_go_on_after(stage, {0.0: 300_000, 2.0: 300_000}, rungs=2)
    await both_go_on_after(stage, {30.0: 9_000_000, 40.0: 9_000_000}, rungs=1)
    # On a busy machine one rung may be a picture behind the other.
    assert min(np.diff(slow.numbers)) >= -1, "a reader changes rungs at a key frame, in order"


async def both_go_on_after(stage: Stage, estimates: dict[float, int], *, rungs: int) -> None:
    quick, slow = stage.viewers
    for at, bps in estimates.items():
        stage.ladder.note_estimate(slow.server, bps, at)
    await until(lambda: len(stage.ladder.rates) == rungs)
    last = stage.pushed
    await until(lambda: quick.numbers[-1] > last + 20 and slow.numbers[-1] > last + 20)


async def test_a_network_that_carries_the_most_there_is_is_not_asked_for_more(stage: Stage) -> None:
    viewer = await stage.viewer()
    stage.feed()

    async def figure(name: str) -> float:
        return (await viewer.server.peer.stats())[name]

    async with asyncio.timeout(WAIT):
        while await figure("estimate_bps") < 16e6:
            pass
    sent, put, pushed = await figure("bytes_sent"), viewer.server.put_bytes, stage.pushed
    await until(lambda: stage.pushed > pushed + 90)
    # Each time it asks is 37 kB, about once a second.
    assert await figure("bytes_sent") - sent < viewer.server.put_bytes - put + 37_000


async def test_a_unit_that_answers_commands_is_reported_with_its_stamp(stage: Stage) -> None:
    viewer = await stage.viewer()
    for number in range(4):
        stage.ladder.push(dataclasses.replace(painted(number), answers=(number,) if number % 2 else ()), lambda: None)
        await until(lambda: stage.ladder.encoded == number + 1)  # noqa: B023 - it is awaited here
    await until(lambda: len(viewer.server.answers) == 2)
    (first, before), (second, after) = viewer.server.answers
    assert (first, second) == ((1,), (3,))
    assert 0 < (after - before) % 2**32 < 90_000 * WAIT


async def test_a_viewer_s_clock_advances_as_evenly_as_the_pictures(stage: Stage) -> None:
    viewer = await stage.viewer()
    stage.feed()
    await until(lambda: len(viewer.stamps) >= 60)
    gaps = np.diff(viewer.stamps[10:])
    assert np.median(gaps) == pytest.approx(gaps.mean(), rel=0.2)
    assert gaps.mean() == pytest.approx(1e6 / 30, rel=0.3)


async def test_a_late_viewer_sees_a_picture_within_a_second(stage: Stage) -> None:
    await stage.viewer()
    stage.feed()
    await until(lambda: stage.pushed > 30)
    late = await stage.viewer()
    joined_at = stage.pushed
    await until(lambda: bool(late.numbers))
    assert stage.pushed - joined_at < 30


async def test_an_engine_that_drops_dummies_loses_no_picture(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = await stage.viewer()
    write, count = engine_of(viewer, monkeypatch), 0

    def drop_some(dummy: Any, number: int, rotation: int) -> None:
        nonlocal count
        count += 1
        if count % 5:
            write(dummy, number, rotation)

    engine_of(viewer, monkeypatch, drop_some)
    stage.feed()
    await until(lambda: len(viewer.numbers) >= 60)
    await stage.stop_feeding()
    await every_picture_is_decoded(viewer, stage)
    assert (await viewer.server.peer.stats())["units_lost"] == 0


async def test_a_stalled_engine_loses_pictures_and_goes_on_with_a_key_frame(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await stage.viewer()
    write = engine_of(viewer, monkeypatch)
    stage.feed()
    await until(lambda: len(viewer.numbers) > 10)
    engine_of(viewer, monkeypatch, lambda dummy, number, rotation: None)
    async with asyncio.timeout(WAIT):
        while not (await viewer.server.peer.stats())["units_lost"]:
            pass
    engine_of(viewer, monkeypatch, write)
    last = stage.pushed
    await until(lambda: viewer.numbers[-1] > last + 5)
    assert viewer.numbers == sorted(viewer.numbers)


async def test_a_viewer_that_asks_for_a_key_frame_is_heard(stage: Stage) -> None:
    viewer = await stage.viewer()
    stage.feed()
    await until(lambda: len(viewer.numbers) > 10)
    requests = viewer.server.keyframe_requests
    asked = ask_for_keyframe(viewer)
    await until(lambda: viewer.server.keyframe_requests > requests)
    assert asked


def ask_for_keyframe(viewer: Viewer) -> list[bool]:
    """Send a PLI as a decoder without its reference does; return a list that fills when it is sent."""
    asked: list[bool] = []

    async def ask(event: webrtc.RTCTransformEvent) -> None:
        await event.transformer.send_key_frame_request()
        asked.append(True)

    viewer.transceivers[VIDEO.name].receiver.transform = webrtc.RTCRtpScriptTransform(ask)
    return asked


async def test_a_request_is_noticed_while_the_picture_stands_still(stage: Stage) -> None:
    viewer = await stage.viewer()
    stage.feed()
    await until(lambda: len(viewer.numbers) > 10)
    await stage.stop_feeding()
    peer = viewer.server.peer
    await peer.estimate_bps()
    requests = viewer.server.keyframe_requests
    asked = ask_for_keyframe(viewer)
    await until(lambda: bool(asked))
    async with asyncio.timeout(WAIT):
        while viewer.server.keyframe_requests == requests:
            await peer.estimate_bps()
    await until(lambda: stage.ladder.wants_keyframe)


async def test_sound_arrives(stage: Stage) -> None:
    viewer = await stage.viewer(VIDEO, AUDIO)
    angle = np.arange(48_000 // 50) * (2 * math.pi * 400 / 48_000)
    samples = (np.sin(angle) * 12_000).astype("<i2").tobytes()
    for block in range(500):
        viewer.server.peer.send_audio(AUDIO.name, AudioBlock(samples, 1, block * 960))
        await asyncio.sleep(0.02)
        if viewer.loudest > 6_000:
            break
    assert 6_000 < viewer.loudest < 20_000


async def test_messages_cross_in_both_directions(stage: Stage) -> None:
    viewer = await stage.viewer()
    await until(lambda: viewer.messages == ["hello"])
    viewer.channel.send("héllo ✓")
    viewer.channel.send(b"\x00\x01")
    await until(lambda: len(viewer.messages) == 3)
    assert viewer.messages[1:] == ["data:'héllo ✓'", "data:b'\\x00\\x01'"]
    assert not viewer.server.peer.send("control", "nobody opened it")
    assert not viewer.server.peer.send("data", "x" * 1_000_000), "larger than the client takes"


async def test_the_answer_is_complete_and_active(stage: Stage) -> None:
    viewer = await stage.viewer(WEBCAM, VIDEO, AUDIO)
    answer = viewer.answer_sdp
    assert answer.count("a=setup:active") == answer.count("\nm=")
    assert "a=candidate:" in answer
    directions = [line for line in answer.splitlines() if line in ("a=recvonly", "a=sendonly", "a=inactive")]
    assert directions == ["a=recvonly", "a=sendonly", "a=sendonly"]
    video = answer.split("\nm=")[2]
    assert "VP8/90000" in video
    assert "H264" not in video
    assert "VP9" not in video


async def test_lines_nobody_named_are_answered_inactive() -> None:
    server = Server(None)
    viewer = Viewer(server)
    viewer.pc.add_transceiver("audio", webrtc.RTCRtpTransceiverInit(direction="recvonly"))
    offer = await viewer.pc.create_offer()
    answer = await server.peer.answer(offer.sdp, {})
    assert "a=inactive" in answer
    viewer.close()
    server.peer.close()


async def test_the_estimate_leaves_room_for_the_top_rung(stage: Stage) -> None:
    viewer = await stage.viewer()
    stage.feed()
    await until(lambda: len(viewer.numbers) > 45)
    estimate = await viewer.server.peer.estimate_bps()
    assert estimate is not None
    assert estimate >= 3_000_000
    figures = await viewer.server.peer.stats()
    assert figures["frames_sent"] > 40
    assert figures["bytes_sent"] > 1000
    assert figures["rtt_s"] < 0.5
    assert figures["units_lost"] == 0


async def test_a_viewer_that_leaves_is_reported_once(stage: Stage) -> None:
    viewer = await stage.viewer()
    viewer.close()
    await until(lambda: bool(viewer.server.disconnected))
    viewer.server.peer.close()
    viewer.server.peer.close()
    assert len(viewer.server.disconnected) == 1
    assert not viewer.server.put(AccessUnit(b"", 0, True, WIDTH, HEIGHT))
    assert await viewer.server.peer.estimate_bps() is None


@pytest.mark.parametrize(
    "sdp", ["", "garbage", "v=0\r\n", "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video"]
)
async def test_garbage_is_refused_as_an_invalid_offer(sdp: str) -> None:
    server = Server(None)
    with pytest.raises(ClientError) as refused:
        await server.peer.answer(sdp, {"0": (VIDEO,)})
    assert refused.value.code == "invalid_sdp"
    server.peer.close()


async def test_candidates_may_come_early_late_and_malformed(stage: Stage) -> None:
    server = Server(stage.ladder)
    candidate = "candidate:1 1 udp 2113937151 6b2a7a63-2d34-4b0e-9d34-000000000000.local 50000 typ host"
    await server.peer.add_candidate(candidate, "0", 0)
    await server.peer.add_candidate("", "0", 0)
    viewer = Viewer(server)
    stage.viewers.append(viewer)
    await viewer.connect()
    await server.peer.add_candidate("candidate:nonsense", "0", 0)
    await server.peer.add_candidate(candidate, "no such line", None)
    await server.peer.add_candidate(candidate, None, None)
    await server.peer.add_candidate(candidate, "0", 0)


async def test_an_unreachable_stun_server_does_not_hold_the_answer_back(stage: Stage) -> None:
    viewer = Viewer(Server(stage.ladder, Ice((IceServer(("stun:192.0.2.1:3478",)),))))
    stage.viewers.append(viewer)
    async with asyncio.timeout(5):
        await viewer.connect()


async def cycle() -> None:
    stage = Stage()
    viewer = await stage.viewer(VIDEO, AUDIO)
    stage.feed()
    await until(lambda: len(viewer.numbers) > 2)
    await stage.close()


def held() -> tuple[int, int]:
    gc.collect()
    return psutil.Process().num_threads(), len(os.listdir("/proc/self/fd"))


async def test_closed_connections_leave_no_thread_and_no_descriptor() -> None:
    for _ in range(3):
        await cycle()
    threads, descriptors = held()
    for _ in range(20):
        await cycle()
    await until(lambda: held()[0] <= threads and held()[1] <= descriptors)
    assert not [t for t in threading.enumerate() if t.name.startswith("rung-")]


def test_it_works_on_uvloop() -> None:
    uvloop.run(cycle())
