"""What `ModelHarness` promises authors, on models of all three styles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reactor_runtime import (
    Audio,
    AudioOut,
    InputState,
    Output,
    ReactorModel,
    ReactorPipeline,
    Video,
    VideoModel,
    VideoOut,
    command,
    get_ctx,
    model,
)
from reactor_runtime.testing import ManualClock, ModelHarness, SessionOver
from tests.unit.testing.authors import Counter, Levels, Picture, flat


@model(name="old")
class Old(VideoModel):
    """Shows the brightness that clients set."""

    def __init__(self, config: Any) -> None:
        self.brightness = config.get("brightness", 7)

    @command("set_brightness")
    def set_brightness(self, value: int) -> dict[str, int]:
        self.brightness = value
        return {"value": value}

    def start_session(self) -> None:
        while not get_ctx().should_stop():
            get_ctx().emit_block(flat(self.brightness))


@pytest.mark.parametrize(
    ("author", "config", "name", "arguments", "before", "after"),
    [
        (Counter, {"start": 5}, "jump", {"to": 100}, 5, 100),
        (Levels, None, "set_level", {"level": 77}, 10, 77),
        (Old, {"brightness": 20}, "set_brightness", {"value": 99}, 20, 99),
    ],
)
def test_a_model_of_any_style_is_tested_in_three_lines(
    author: Any, config: Any, name: str, arguments: dict[str, int], before: int, after: int
) -> None:
    with ModelHarness(author, config=config) as m:
        assert m.frames(1)[0].max() == before
        m.command(name, **arguments)
        m.skip()
        assert all(frame.max() >= after for frame in m.frames(10))


def test_no_frame_is_lost_and_the_model_is_no_further_ahead_than_its_buffer() -> None:
    with ModelHarness(Counter) as m:
        assert [frame[0, 0, 0] for frame in m.frames(5)] == [0, 1, 2, 3, 4]
        assert m.model.step <= 5 + Counter.buffer_size
        assert [frame[0, 0, 0] for frame in m.frames(3)] == [5, 6, 7]


def test_pixels_are_exact_as_viewers_get_them() -> None:
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (5, 7, 3), np.uint8)
    shown: list[Any] = [rgb, rgb / 255, np.dstack([rgb, rgb[..., :1]]), rgb[..., 0]]

    class Emits(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            for payload in shown:
                await self.emit(Picture(main_video=payload))
            await asyncio.Event().wait()

    with ModelHarness(Emits) as m:
        frames = m.frames(len(shown))
    even = np.pad(rgb, ((0, 1), (0, 1), (0, 0)), mode="edge")
    for frame in frames[:3]:
        np.testing.assert_array_equal(frame, even)
    np.testing.assert_array_equal(frames[3], np.repeat(even[..., :1], 3, axis=2))


class Sung(Output):
    main_video: Video
    voice: Audio


class Singer(ReactorModel):
    fps = 25

    async def run(self) -> None:
        await self.connected.wait()
        for step in range(1, 5):
            sound = np.full((2, 1920 * 2), step, np.int16)
            await self.emit(Sung(main_video=np.stack([flat(step), flat(step + 100)]), voice=sound))
        await asyncio.Event().wait()


def test_chunks_carry_every_track_and_the_rate() -> None:
    with ModelHarness(Singer) as m:
        first, second = m.chunks(2)
        assert first["main_video"].shape == (2, 4, 6, 3)
        assert first["main_video"][:, 0, 0, 0].tolist() == [1, 101]
        assert (first["voice"].shape, first["voice"].dtype) == ((2, 3840), np.int16)
        assert (second["voice"] == 2).all()
        assert (first.fps, first.pinned) == (25, True)


def test_sound_and_pictures_are_taken_apart_and_nothing_is_lost() -> None:
    with ModelHarness(Singer) as m:
        assert [f[0, 0, 0] for f in m.frames(3)] == [1, 101, 2]
        assert m.audio(0.1).shape == (2, 4800)
        rest = m.audio(samples=4800)
        assert (rest.shape, set(rest.flat)) == ((2, 4800), {2, 3})
        assert [f[0, 0, 0] for f in m.frames(5)] == [102, 3, 103, 4, 104]


def test_sound_of_another_rate_is_heard_at_48_khz() -> None:
    class Speech(VideoModel):
        voice = AudioOut(rate=16_000)

        def start_session(self) -> None:
            self.voice.emit(np.zeros((1, 16_000), np.int16))
            while not get_ctx().should_stop():
                self.voice.emit(np.zeros((1, 1600), np.int16))

    with ModelHarness(Speech) as m:
        assert m.audio(1.0).shape == (1, 48_000)


def test_tracks_are_named_where_there_are_several() -> None:
    class Two(VideoModel):
        left = VideoOut()
        right = VideoOut()

        def start_session(self) -> None:
            while not get_ctx().should_stop():
                self.left.emit(flat(1))
                self.right.emit(flat(2))

    with ModelHarness(Two) as m:
        assert m.frames(1, "right")[0].max() == 2
        assert m.frames(2, "left")[0].max() == 1
        with pytest.raises(ValueError, match=r"more than one video output track; name one; there is: 'left', 'right'"):
            m.frames(1)
        with pytest.raises(ValueError, match="no video output track 'middle'"):
            m.frames(1, "middle")


def test_sessions_follow_one_another_and_what_was_not_taken_is_gone() -> None:
    with ModelHarness(Counter, clock=ManualClock()) as m:
        m.frames(2)
        m.end_session()
        assert (m.clients, m.flushes) == ([], [False])
        m.model.step = 50
        m.start_session()
        m.join()
        assert m.frames(1)[0].max() == 50


def test_a_session_that_the_model_ends_is_told() -> None:
    class Brief(VideoModel):
        def start_session(self) -> None:
            get_ctx().emit_block(flat(9))

    with ModelHarness(Brief) as m:
        assert m.frames(1)[0].max() == 9
        with pytest.raises(SessionOver, match="no 1 frames of 'main_video' will come: the model ended the session"):
            m.frames(1)
        assert m.ended == "the model ended the session"
        m.end_session()
        m.start_session()
        m.join()
        assert m.frames(1)[0].max() == 9


@dataclass
class Kept(InputState):
    level: int = 1
    _seen: int = 0


class Keeper(ReactorPipeline):
    state: Kept

    def inference(self) -> Iterator[Picture]:
        while True:
            self.state._seen += 1
            yield Picture(main_video=flat(self.state.level))


def test_the_model_and_its_state_are_there_to_look_at() -> None:
    with ModelHarness(Keeper) as m:
        m.frames(1)
        m.command("set_level", level=5)
        assert (type(m.model), m.state.level) == (Keeper, 5)
        assert m.state._seen >= 1
        assert "/events/set_level" in m.schema["paths"]
        m.client.leave()
        assert m.state.level == 1


def test_a_folder_is_run_as_reactor_run_takes_it(tmp_path: Path) -> None:
    (tmp_path / "grey.py").write_text(
        "import numpy as np\n"
        "from reactor_runtime import VideoModel, get_ctx, model\n"
        "@model(name='grey', config='c.yaml')\n"
        "class Grey(VideoModel):\n"
        "    def __init__(self, config):\n"
        "        self.config = config\n"
        "    def start_session(self):\n"
        "        get_ctx().emit_block(np.full((4, 4, 3), self.config.level, np.uint8))\n"
    )
    (tmp_path / "c.yaml").write_text("level: 3\nother: 4\n")
    with ModelHarness(tmp_path) as m:
        assert (m.contract.model_name, m.frames(1)[0].max()) == ("grey", 3)
    with ModelHarness(tmp_path, config={"level": 8}) as m:
        assert (m.frames(1)[0].max(), m.model.config.other) == (8, 4)
