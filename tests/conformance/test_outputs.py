"""`Output` classes and what may be in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from reactor_runtime.errors import OutputError
from reactor_runtime.interface import Audio, Output, ReactorModel, Video
from reactor_runtime.testing import Chunk, ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import levels, picture


class Phone(Audio):
    sample_rate = 16_000


class Emitter(ReactorModel):
    """Emits what the test puts there."""

    outputs: tuple[Output, ...]

    async def run(self) -> None:
        await self.connected.wait()
        for output in self.outputs:
            await self.emit(output)
        await asyncio.Event().wait()


def emitted(*outputs: Output) -> list[Chunk]:
    """Run a model that is declared beside the class of these outputs, and so has its tracks alone."""
    beside = f"{type(outputs[0]).__qualname__}Emitter"
    members = {"outputs": outputs, "__module__": __name__, "__qualname__": beside}
    cls: type[Emitter] = type("Emitting", (Emitter,), members)
    with ModelHarness(cls) as m:
        return m.chunks(len(outputs))


def video(payload: Any) -> Any:
    """Return what viewers see of a payload on a video track."""

    class Picture(Output):
        main_video: Video

    return emitted(Picture(main_video=payload))[0]["main_video"]


@table(
    "5.2",
    "2",
    "an Output declared {} works",
    "decorate",
    ("with `@dataclass`", dataclass),
    ("with `@dataclass(frozen=True)`", dataclass(frozen=True)),
    ("without", lambda cls: cls),
)
def test_an_output_may_be_a_dataclass_or_not(decorate: Callable[[type], type]) -> None:
    @decorate
    class Picture(Output):
        main_video: Video

    [chunk] = emitted(Picture(main_video=picture(3)))
    assert levels(chunk["main_video"]) == [3]


@fact("5.2", "2", "tracks stand in the order of declaration, under the names that clients see")
def test_tracks_stand_in_the_order_of_declaration() -> None:
    class Wall(Output):
        right: Video
        left: Video
        voice: Phone

    class Sim(ReactorModel): ...

    with ModelHarness(Sim) as m:
        tracks = [(track.name, track.kind, track.rate) for track in m.contract.tracks]
        assert tracks == [("right", "video", 0.0), ("left", "video", 0.0), ("voice", "audio", 16_000)]


@fact("5.2", "2", "`Audio.sample_rate` is 48000; a subclass changes it")
def test_audio_declares_its_rate_by_a_subclass() -> None:
    assert (Audio.sample_rate, Phone.sample_rate) == (48_000, 16_000)


@fact("5.2", "2", "the constructor takes exactly the declared tracks")
def test_an_output_takes_exactly_its_tracks() -> None:
    class Picture(Output):
        main_video: Video

    with pytest.raises(TypeError, match=r"Picture expects payloads for \['main_video'\], got \['other'\]"):
        Picture(other=picture())  # type: ignore[call-arg]


@table(
    "5.3",
    "2",
    "video is {}",
    "payload, shown",
    ("(H, W, 3) uint8 RGB", picture(5), [5]),
    ("(N, H, W, 3) uint8 RGB", np.concatenate([picture(1, 1), picture(2, 1)]), [1, 2]),
)
def test_video_is_one_picture_or_several(payload: Any, shown: list[int]) -> None:
    assert levels(video(payload)) == shown


@table(
    "5.3",
    "2",
    "{} reaches the encoder as garbage, or is dropped",
    "payload, shown",
    ("float32 0..1", picture(1).astype(np.float32), [255]),
    ("grayscale (H, W)", picture(7)[..., 0], [7]),
    ("RGBA", np.dstack([picture(7), picture(255)[..., :1]]), [7]),
    better="it is shown as it is meant",
)
def test_other_pixels_are_shown_as_they_are_meant(payload: Any, shown: list[int]) -> None:
    assert levels(video(payload)) == shown


@fact("5.3", "2", "a torch tensor is dropped silently", better="it is shown")
def test_a_tensor_is_shown() -> None:
    from tests.unit.media.tensor import Tensor

    assert levels(video(Tensor(picture(8)))) == [8]


def sound(payload: Any) -> Any:
    class Voice(Output):
        voice: Audio

    return emitted(Voice(voice=payload))[0]["voice"]


TONE = np.arange(960, dtype=np.int16) * 10


@table(
    "5.3",
    "2",
    "sound is {}",
    "payload",
    ("int16 (M,)", TONE),
    ("int16 (1, M)", TONE[np.newaxis]),
)
def test_sound_is_int16(payload: Any) -> None:
    assert np.array_equal(sound(payload)[:, :900], TONE[np.newaxis, :900])


@table(
    "5.3",
    "2",
    "sound that is {} is dropped silently",
    "payload, channels",
    ("float -1..1", (TONE / 32768).astype(np.float32), 1),
    ("stereo, (2, M)", np.stack([TONE, TONE]), 2),
    better="it is heard",
)
def test_other_sound_is_heard(payload: Any, channels: int) -> None:
    heard = sound(payload)
    assert heard.shape[0] == channels
    assert np.abs(heard[0, :900].astype(int) - TONE[:900]).max() <= 2


def walls(left: Any, right: Any) -> Chunk:
    class Wall(Output):
        left: Video
        right: Video

    return emitted(Wall(left=left, right=right))[0]


@fact("5.3", "2", "a video track of one picture is repeated over the batch of another")
def test_one_picture_is_repeated_over_a_batch() -> None:
    chunk = walls(picture(1, 3), picture(9))
    assert (levels(chunk["left"]), levels(chunk["right"])) == ([1, 1, 1], [9, 9, 9])


@fact(
    "5.3",
    "2",
    "batches of different length are a ValueError that names the tracks and their lengths",
)
def test_batches_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'left' has 3, 'right' has 2"):
        walls(picture(1, 3), picture(2, 2))


@fact("5.3", "2", "sound of a batch is split along its samples, beside the pictures")
def test_sound_of_a_batch_lies_beside_its_pictures() -> None:
    class Clip(Output):
        main_video: Video
        main_audio: Audio

    class Sim(Emitter):
        outputs = (Clip(main_video=picture(1, 4), main_audio=np.tile(TONE, 4)),)

    with ModelHarness(Sim) as m:
        m.frames(1, "main_video")
        assert m.audio(samples=900, track="main_audio").shape == (1, 900)


@fact("5.3", "2", "a batch of no pictures shows nothing")
def test_an_empty_batch_shows_nothing() -> None:
    class Picture(Output):
        main_video: Video

    class Sim(Emitter):
        outputs = (Picture(main_video=picture(0, 0)), Picture(main_video=picture(3)))

    with ModelHarness(Sim) as m:
        assert levels(m.frames(1, "main_video")) == [3]


@fact(
    "5.3",
    "2",
    "what is no picture reaches the encoder, and None ends the process",
    better="the author is told which track and what it got",
)
def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(OutputError, match=r"main_video.*NoneType|main_video.*None"):
        video(None)
