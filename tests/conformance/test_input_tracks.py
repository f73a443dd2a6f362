"""`Input` tracks and their buffers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.interface import (
    Audio,
    BufferClosed,
    Input,
    InputBuffer,
    InputFrame,
    Output,
    ReactorModel,
    ReadMode,
    Video,
)
from reactor_runtime.session.claims import Claims
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import levels, picture
from tests.running import eventually


def filled(*values: int) -> InputBuffer:
    buffer = InputBuffer(TrackSpec("webcam", "video", "in"))
    for value in values:
        buffer.put(InputFrame(picture(value)))
    return buffer


@table(
    "5.2",
    "2",
    "an Input declared {} works",
    "decorate",
    ("with `@dataclass`", dataclass),
    ("without", lambda cls: cls),
)
def test_an_input_may_be_a_dataclass_or_not(decorate: Callable[[type], type]) -> None:
    @decorate
    class Webcam(Input):
        webcam: Video

    class Sim(ReactorModel):
        any_name: Webcam

    with ModelHarness(Sim) as m:
        m.push("webcam", picture(3))
        assert eventually(lambda: m.model.any_name.webcam.total_received) == 1


@fact("1.2", "2", "an attribute annotated with an Input, whatever its name, holds a live buffer per track")
def test_the_annotated_attribute_holds_the_buffers() -> None:
    class Media(Input):
        webcam: Video
        mic: Audio

    class Sim(ReactorModel):
        senses: Media

    with ModelHarness(Sim) as m:
        assert [type(buffer) for buffer in (m.model.senses.webcam, m.model.senses.mic)] == [InputBuffer, InputBuffer]


@fact("1.2", "2", "an Input that no attribute is annotated with still declares its tracks")
def test_an_input_without_an_attribute_declares_its_tracks() -> None:
    class Webcam(Input):
        webcam: Video

    class Sim(ReactorModel): ...

    with ModelHarness(Sim) as m:
        assert [(track.name, track.direction) for track in m.contract.tracks] == [("webcam", "in")]


@fact("5.2", "2", "input tracks stand first in the contract, each kind in the order of declaration")
def test_inputs_stand_before_outputs() -> None:
    class Out(Output):
        main_video: Video
        main_audio: Audio

    class In(Input):
        webcam: Video
        mic: Audio

    class Sim(ReactorModel):
        senses: In

    with ModelHarness(Sim) as m:
        assert [track.name for track in m.contract.tracks] == ["webcam", "mic", "main_video", "main_audio"]


@fact("5.4", "2", "a buffer holds 128 frames; then the oldest goes")
async def test_a_full_buffer_drops_the_oldest() -> None:
    buffer = filled(*range(130))
    assert (buffer.available, buffer.total_received) == (128, 130)
    assert levels(await buffer.read(1, mode=ReadMode.FIFO)) == [2]


@fact("5.4", "2", "`read(n)` is LATEST by default: the newest `n`, everything older dropped")
async def test_the_latest_read_drops_what_is_older() -> None:
    buffer = filled(1, 2, 3)
    assert levels(await buffer.read(2)) == [2, 3]
    assert buffer.available == 0


@fact("5.4", "2", "`ReadMode.FIFO` takes the oldest and leaves the rest")
async def test_the_fifo_read_skips_nothing() -> None:
    buffer = filled(1, 2, 3)
    assert levels(await buffer.read(2, mode=ReadMode.FIFO)) == [1, 2]
    assert buffer.available == 1


@fact("5.4", "2", "`read` waits until `n` frames are there")
async def test_a_read_waits_for_frames() -> None:
    buffer = filled(1)
    reading = asyncio.create_task(buffer.read(2))
    await asyncio.sleep(0)
    buffer.put(InputFrame(picture(2)))
    assert levels(await reading) == [1, 2]


@fact("5.4", "2", "`try_read(n)` returns None where fewer frames have arrived")
def test_try_read_does_not_wait() -> None:
    buffer = filled(1)
    assert buffer.try_read(2) is None
    assert levels(buffer.try_read(1, mode=ReadMode.LATEST) or []) == [1]
    assert buffer.try_read() is None


@fact("5.4", "2", "`clear()` forgets what was not read; `total_received` counts on")
def test_clear_forgets_what_was_not_read() -> None:
    buffer = filled(1, 2)
    buffer.clear()
    assert (buffer.available, buffer.total_received) == (0, 2)


@fact("5.4", "2", "`close()` closes, `reset()` opens again, `closed` tells")
async def test_a_closed_buffer_refuses_reads_until_it_is_reset() -> None:
    buffer = filled(1)
    buffer.close()
    assert buffer.closed
    with pytest.raises(BufferClosed):
        await buffer.read()
    buffer.reset()
    assert not buffer.closed
    assert buffer.try_read() is None


@fact("5.4", "2", 'more than a buffer holds: ValueError "Requested {n} frames but buffer capacity is {m}. ..."')
async def test_more_than_a_buffer_holds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Requested 129 frames but buffer capacity is 128\."):
        await filled().read(129)


@fact("5.4", "2", 'TimeoutError "Timed out waiting for {n} frame(s) after {t}s"')
async def test_a_read_gives_up_after_its_timeout() -> None:
    with pytest.raises(TimeoutError, match=r"^Timed out waiting for 2 frame\(s\) after 0\.01s"):
        await filled(1).read(2, timeout=0.01)


def watching() -> ModelHarness[Any]:
    class Senses(Input):
        webcam: Video
        mic: Audio

    class Watcher(ReactorModel):
        senses: Senses

    return ModelHarness(Watcher)


@fact("5.4", "2", "a frame of 2.0 to 2.3 is the array itself: (H, W, 3) uint8 RGB")
def test_a_frame_is_an_array() -> None:
    with watching() as m:
        m.push("webcam", picture(5))
        [frame] = eventually(lambda: m.model.senses.webcam.try_read())
        assert isinstance(frame, np.ndarray)
        assert (frame.shape, frame.dtype, (frame // 5).sum()) == ((4, 4, 3), np.uint8, 48)


@fact("5.4", "2", "a frame of 2.4 on is an InputFrame with `data` and `pts` in seconds")
def test_a_frame_has_data_and_pts() -> None:
    with watching() as m:
        m.push("webcam", picture(5), pts=1.5)
        [frame] = eventually(lambda: m.model.senses.webcam.try_read())
        assert isinstance(frame, InputFrame)
        assert (type(frame.data), frame.data.shape, frame.pts) == (np.ndarray, (4, 4, 3), 1.5)


@fact("5.4", "2", "sound arrives as (1, M) int16 mono")
def test_sound_arrives_as_mono() -> None:
    with watching() as m:
        m.push("mic", np.full((1, 960), 7, np.int16))
        [block] = eventually(lambda: m.model.senses.mic.try_read())
        assert (block.shape, block.dtype) == ((1, 960), np.int16)


@fact("11", "2", "a frame carries `metadata` and `capture_time_us`; an Input class has `__tracks__`")
def test_a_frame_carries_what_the_client_sent_along() -> None:
    with watching() as m:
        m.push("webcam", picture(5), metadata=b"x", capture_time_us=12)
        [frame] = eventually(lambda: m.model.senses.webcam.try_read())
        assert (frame.metadata, frame.capture_time_us, list(m.model.senses.__tracks__)) == (b"x", 12, ["webcam", "mic"])


@fact("5.4", "2", "the first client to send a track owns it")
def test_the_first_sender_owns_a_track() -> None:
    claims = Claims()
    assert [claims.send("webcam", client) for client in (1, 2, 1)] == [True, False, True]
    claims.leave(1)
    assert claims.send("webcam", 2)


@fact("4.1", "2", "one name as input and output: \"track name 't' is declared as both input and output\"")
def test_a_track_is_either_input_or_output() -> None:
    class In(Input):
        t: Video

    class Out(Output):
        t: Video

    class Sim(ReactorModel):
        senses: In

    with pytest.raises(TypeError, match=r"track name 't' is declared as both input and output"):
        ModelHarness(Sim)


@fact("11", "2", "`await read(1, mode=ReadMode.FIFO)` inside `run()` feeds a loop frame by frame")
def test_a_model_mirrors_what_it_reads() -> None:
    class In(Input):
        webcam: Video

    class Out(Output):
        main_video: Video

    class Mirror(ReactorModel):
        camera: In

        async def run(self) -> None:
            while True:
                [frame] = await self.camera.webcam.read(1, mode=ReadMode.FIFO)
                await self.emit(Out(main_video=255 - frame))

    with ModelHarness(Mirror) as m:
        for value in (5, 6):
            m.push("webcam", picture(value))
        assert levels(m.frames(2)) == [250, 249]
