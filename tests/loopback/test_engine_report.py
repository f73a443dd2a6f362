"""What we read out of the engine's own JSON is what its public statistics say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import webrtc

from reactor_runtime.webrtc.engine_report import engine_id, report, selected_pair
from tests.loopback.sending import Camera, running
from tests.loopback.webrtc_pair import VIDEO, WEBCAM, Stage, Viewer, until


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.close()


async def watched(stage: Stage) -> Viewer:
    """Return a viewer that has sent and received for a while, and stands still."""
    viewer, camera = await stage.viewer(WEBCAM, VIDEO), Camera()
    await viewer.transceivers["webcam"].sender.replace_track(camera.track)
    stage.feed()
    with running(camera):
        await until(lambda: len(viewer.server.pictures) > 30 < len(viewer.numbers))
    await stage.stop_feeding()
    return viewer


async def test_it_says_what_the_public_statistics_say(stage: Stage) -> None:
    viewer = await watched(stage)
    connection = viewer.server.peer._pc
    public, ours = await connection.get_stats(), await report(connection)
    of_type = {entry.type: entry for entry in ours.values() if entry.kind == "video"}
    sent, received = of_type["outbound-rtp"], of_type["inbound-rtp"]
    their_sent, their_received = public[sent.id], public[received.id]
    assert isinstance(their_sent, webrtc.RTCOutboundRtpStreamStats)
    assert isinstance(their_received, webrtc.RTCInboundRtpStreamStats)
    assert (sent.mid, sent.frames_sent) == (their_sent.mid, their_sent.frames_sent)
    assert received.frames_decoded == their_received.frames_decoded
    assert received.frames_decoded > 30
    assert received.timestamp / 1e3 == pytest.approx(their_received.timestamp, abs=1000)
    assert received.track_identifier == engine_id(connection.get_receivers()[0].track)
    pair = selected_pair(ours)
    assert pair is not None
    assert pair.available_outgoing_bitrate > 100_000
    assert pair.bytes_sent > 10_000


async def test_a_sender_counts_for_itself_and_a_closed_connection_has_no_network(stage: Stage) -> None:
    viewer = await watched(stage)
    connection = viewer.server.peer._pc
    (sender,) = [sender for sender in connection.get_senders() if sender.track is not None]
    ours = await report(sender)
    assert "inbound-rtp" not in {entry.type for entry in ours.values()}
    assert selected_pair(ours) is not None
    connection.close()
    assert selected_pair(await report(connection)) is None
    assert selected_pair(await report(sender)) is None
