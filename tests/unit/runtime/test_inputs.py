"""Input tracks on the server's side: who may send, what the model is told, and what never waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.errors import ClientError
from reactor_runtime.runtime.inputs import SLOTS
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown
from tests.unit.runtime.scripted import Slot

ANN, BEN = 5000, 5001
TRACKS = (TrackSpec("webcam", "video", "in"), TrackSpec("mic", "audio", "in", 48_000), TrackSpec("main_video", "video"))
SILENCE, SOUND = bytes(960), b"\x01" * 960


@dataclass
class Picture:
    width: int = 64
    height: int = 36
    rotation: int = 0
    sent_at: float = 0.0
    capture_time_us: int = 0
    skipped: int = 0

    def write_i420(self, out: npt.NDArray[np.uint8]) -> None:
        assert out.size == self.width * self.height * 3 // 2
        out[:] = 128


class InputSlot(Slot):
    def __init__(self) -> None:
        super().__init__(Contract("m", "reactor_model", TRACKS))
        self.clients = self.streaming(ANN, BEN)


@pytest.fixture
async def slot() -> InputSlot:
    return InputSlot()


def show(slot: InputSlot, client_id: int = ANN, **picture: Any) -> None:
    slot.runtime.inputs.see("webcam", client_id, Picture(**picture))


def say(slot: InputSlot, samples: bytes, client_id: int = ANN) -> None:
    slot.runtime.inputs.hear("mic", client_id, samples)


def seen(slot: InputSlot) -> list[pipe.Saw]:
    return slot.model.of(pipe.Saw)


def release(slot: InputSlot) -> None:
    for saw in seen(slot):
        slot.model.observe(pipe.InputReleased(saw.slot.ring, [saw.slot.slot]))


def noted(slot: InputSlot, name: str) -> list[dict[str, Any]]:
    return [fact.detail for fact in slot.journal.since(0) if fact.name == name]


async def test_a_picture_goes_into_a_ring_that_was_opened_before(slot: InputSlot) -> None:
    show(slot, rotation=90)
    opened, saw = slot.model.told[-2:]
    assert opened == pipe.InputRingOpened(0, "webcam", 64 * 36 * 3 // 2, SLOTS)
    assert (saw.track, saw.client_id, saw.pts, saw.rotation) == ("webcam", ANN, 0.0, 90)
    assert (saw.slot.ring, saw.slot.width, saw.slot.height) == (0, 64, 36)


async def test_a_model_that_takes_nothing_costs_pictures_and_never_more_memory(slot: InputSlot) -> None:
    for _ in range(10):
        show(slot)
    assert len(seen(slot)) == SLOTS
    release(slot)
    show(slot)
    assert len(seen(slot)) == SLOTS + 1
    assert len(slot.model.of(pipe.InputRingOpened)) == 1
    slot.runtime.inputs.unpublish("webcam", ANN)
    assert noted(slot, "track_unpublished") == [{"track": "webcam", "taken": 5, "dropped": 6, "conn_id": ANN}]


async def test_pictures_that_a_busy_loop_skipped_count_as_dropped(slot: InputSlot) -> None:
    show(slot)
    show(slot, skipped=3)
    slot.runtime.inputs.unpublish("webcam", ANN)
    assert noted(slot, "track_unpublished") == [{"track": "webcam", "taken": 2, "dropped": 3, "conn_id": ANN}]
    show(slot, client_id=BEN, skipped=4)
    inputs = slot.runtime.inputs
    assert (inputs.taken, inputs.dropped) == ({"webcam": 3}, {"webcam": 7})


async def test_the_model_is_told_when_the_client_took_it(slot: InputSlot) -> None:
    show(slot, capture_time_us=1_800_000_000_000_000)
    slot.runtime.inputs.hear("mic", ANN, SOUND, 1_800_000_000_000_001)
    assert [saw.capture_time_us for saw in seen(slot)] == [1_800_000_000_000_000]
    assert [heard.capture_time_us for heard in slot.model.of(pipe.Heard)] == [1_800_000_000_000_001]


async def test_a_bigger_picture_opens_a_bigger_ring_and_a_smaller_one_fits(slot: InputSlot) -> None:
    for width, height in [(64, 36), (128, 72), (64, 36)]:
        show(slot, width=width, height=height)
    assert [ring.slot_bytes for ring in slot.model.of(pipe.InputRingOpened)] == [3456, 13824]
    assert [saw.slot.ring for saw in seen(slot)] == [0, 1, 1]


async def test_time_runs_by_the_senders_clock_unless_it_jumps(slot: InputSlot) -> None:
    for sent_at in (100.0, 100.033, 100.066, 9.0):
        show(slot, sent_at=sent_at)
    times = [saw.pts for saw in seen(slot)]
    assert times[:3] == pytest.approx([0, 0.033, 0.066])
    assert 0 <= times[3] < 0.25, "a sender that starts anew goes on from now"


async def test_the_second_publisher_is_refused_and_what_it_sends_is_dropped(slot: InputSlot) -> None:
    slot.runtime.inputs.publish("webcam", ANN)
    with pytest.raises(ClientError, match="another client"):
        slot.runtime.inputs.publish("webcam", BEN)
    show(slot, BEN)
    assert seen(slot) == []
    assert noted(slot, "track_published") == [{"track": "webcam", "conn_id": ANN}]
    assert noted(slot, "error")[0]["conn_id"] == BEN


async def test_who_only_sends_claims_a_free_track(slot: InputSlot) -> None:
    show(slot, BEN)
    show(slot, ANN)
    assert [saw.client_id for saw in seen(slot)] == [BEN]
    assert noted(slot, "track_published") == [{"track": "webcam", "conn_id": BEN}]


async def test_silence_claims_no_track_and_is_heard_from_who_has_it(slot: InputSlot) -> None:
    say(slot, SILENCE)
    assert slot.model.of(pipe.Heard) == []
    say(slot, SOUND, BEN)
    say(slot, SILENCE, BEN)
    say(slot, SOUND, ANN)
    assert [(heard.client_id, heard.samples) for heard in slot.model.of(pipe.Heard)] == [(BEN, SOUND), (BEN, SILENCE)]


async def test_the_model_hears_that_a_track_is_free_before_it_hears_that_its_sender_left(slot: InputSlot) -> None:
    show(slot)
    slot.runtime.gone(slot.clients[0])
    assert slot.model.told[-2:] == [pipe.InputFreed("webcam", ANN), pipe.ClientLeft(ANN)]
    slot.runtime.inputs.publish("webcam", BEN)


async def test_giving_a_track_back_frees_it_once(slot: InputSlot) -> None:
    slot.runtime.inputs.publish("webcam", ANN)
    slot.runtime.inputs.unpublish("webcam", BEN)
    slot.runtime.inputs.unpublish("webcam", ANN)
    slot.runtime.inputs.unpublish("webcam", ANN)
    assert slot.model.of(pipe.InputFreed) == [pipe.InputFreed("webcam", ANN)]
    slot.runtime.inputs.publish("webcam", BEN)
    show(slot, BEN)
    assert [saw.client_id for saw in seen(slot)] == [BEN]


async def test_a_fresh_model_gets_rings_of_its_own_and_the_publisher_goes_on(slot: InputSlot) -> None:
    slot.runtime.inputs.publish("webcam", ANN)
    for _ in range(10):
        show(slot)
    slot.model.observe(ModelDown("the model process was killed by SIGKILL", failed=False))
    told = len(slot.model.told)
    show(slot)
    assert len(slot.model.told) == told, "nobody is there to take it"
    slot.up(restarted=True)
    show(slot)
    assert [type(message) for message in slot.model.told[told:]] == [
        pipe.SessionBegan,
        pipe.ClientJoined,
        pipe.ClientJoined,
        pipe.InputRingOpened,
        pipe.Saw,
    ]
    assert slot.model.told[-1].slot.ring > seen(slot)[0].slot.ring
    with pytest.raises(ClientError):
        slot.runtime.inputs.publish("webcam", BEN)


async def test_a_track_given_back_while_the_model_restarts_is_free(slot: InputSlot) -> None:
    slot.runtime.inputs.publish("webcam", ANN)
    slot.model.observe(ModelDown("it crashed", failed=False))
    slot.runtime.inputs.unpublish("webcam", ANN)
    slot.runtime.inputs.publish("webcam", BEN)
    assert slot.model.of(pipe.InputFreed) == []


async def test_nothing_of_a_session_reaches_the_next(slot: InputSlot) -> None:
    show(slot, sent_at=50.0)
    slot.runtime.stop_session()
    told = len(slot.model.told)
    show(slot)
    say(slot, SOUND)
    assert len(slot.model.told) == told
    slot.model.observe(pipe.SessionClosed())
    slot.runtime.start_session()
    show(slot, BEN)
    assert (seen(slot)[-1].client_id, seen(slot)[-1].pts) == (BEN, 0.0)
