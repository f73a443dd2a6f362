"""What a generation 1 model emits, up to the slices that the server gets."""

from __future__ import annotations

import contextvars
import threading
from typing import Any

import numpy as np
import pytest

from reactor_runtime import AudioOut, VideoModel, VideoOut, get_ctx
from reactor_runtime.authoring.video_model import contract_of
from reactor_runtime.authoring.video_model_commands import commands_of
from reactor_runtime.errors import OutputError
from reactor_runtime.testing import ModelHarness
from reactor_runtime.worker.messages import ClientJoined, Failed, SessionBegan, SessionClosed, SessionEnded, Slice
from reactor_runtime.worker.video_model_driver import VideoModelDriver
from tests.unit.authoring.recording import running
from tests.unit.worker.border import eventually, host_of, picture
from tests.unit.worker.test_video_model_commands import driver_of


def emitted(cls: type[VideoModel], **more: Any) -> tuple[list[Slice], list[Failed]]:
    """Run a session of a model against a host with room for all of it; return its slices and failures."""
    contract = contract_of(cls, commands_of(cls))
    host, border = host_of(*contract.tracks, buffer_size=64, **more)
    driver = VideoModelDriver(cls, contract, None)
    thread = threading.Thread(target=lambda: (driver.load(host), driver.run()))
    thread.start()
    driver.deliver(SessionBegan("s"))
    driver.deliver(ClientJoined(1, 0.0))
    eventually(lambda: border.of(SessionEnded))
    driver.close()
    thread.join(5)
    assert not border.of(SessionClosed)
    return border.slices, border.of(Failed)


class Stage(VideoModel):
    front = VideoOut(default=True)
    back = VideoOut()
    voice = AudioOut()
    noise = AudioOut(rate=16_000)

    def start_session(self) -> None:
        self.front.emit(np.stack([picture(16, 16, seed) for seed in range(4)]))
        self.back.emit(np.stack([picture(8, 8, seed) for seed in range(4)]))
        self.voice.emit(np.arange(4000, dtype=np.int16))
        self.noise.emit(np.ones((1, 1600), np.float32))


def test_all_tracks_of_several_of_a_kind_survive_the_split_of_a_batch() -> None:
    slices, failures = emitted(Stage)
    assert not failures
    assert [set(item.video) for item in slices] == [{"front", "back"}] * 4
    voice = b"".join(item.audio["voice"][1] for item in slices)
    assert np.frombuffer(voice, np.int16).tolist() == list(range(4000))
    assert sum(len(item.audio.get("noise", (1, b""))[1]) for item in slices) // 2 == pytest.approx(4800, abs=200), (
        "resampled from 16 to 48 kHz, at its own pitch"
    )


def test_a_model_that_declares_sound_and_emits_pictures_plays() -> None:
    class Mime(VideoModel):
        main_video = VideoOut()
        voice = AudioOut()

        def start_session(self) -> None:
            for seed in range(6):
                self.main_video.emit(picture(16, 16, seed))

    slices, failures = emitted(Mime)
    assert not failures
    assert len(slices) == 6


@pytest.mark.parametrize("frame", [np.zeros((4, 4, 7), np.uint8), "a picture", np.zeros((4,), np.uint8)], ids=repr)
def test_a_frame_that_is_no_picture_is_refused_by_name_where_it_is_emitted(frame: Any) -> None:
    class Odd(VideoModel):
        def start_session(self) -> None:
            with pytest.raises(OutputError, match="main_video"):
                get_ctx().emit_block(frame)
            get_ctx().emit_block(picture(16, 16, 3))

    slices, failures = emitted(Odd)
    assert not failures
    assert len(slices) == 1


def test_a_frozen_rate_pins_each_chunk_and_the_profiler_is_at_hand() -> None:
    class Paused(VideoModel):
        def start_session(self) -> None:
            ctx = get_ctx()
            ctx.disable_monitoring()
            ctx.emit_block(picture(16, 16))
            ctx.emit_block(picture(16, 16))
            ctx.enable_monitoring()
            with ctx.profiler().section("step"):
                ctx.emit_block(picture(16, 16))
            ctx.emit_block(picture(16, 16))

    slices, failures = emitted(Paused)
    assert not failures
    assert [item.pinned for item in slices] == [True, True, True, False]
    assert {item.fps for item in slices[:3]} == {16}


def test_a_debuffed_model_asks_for_less_than_it_could_make() -> None:
    class Config(VideoModel):
        def start_session(self) -> None:
            for _ in range(3):
                get_ctx().emit_block(picture(8, 8))

    commands = commands_of(Config)
    contract = contract_of(Config, commands)
    with running(lambda: VideoModelDriver(Config, contract, {"fps_debuff_factor": 0.5}, commands)) as model:
        model.begin(1)
        model.outlet.wait("end_session")
        first, *rest = [options["compute_time"] for _, options in model.outlet.of("emit")]
        assert first is None
        assert all(seconds > 0 for seconds in rest)


def test_a_track_that_belongs_to_another_model_is_not_wired_to_this_session() -> None:
    class Other(VideoModel):
        main_video = VideoOut()

    class Mine(VideoModel):
        main_video = VideoOut()

        def start_session(self) -> None:
            with pytest.raises(RuntimeError, match="Track 'main_video' is not wired to a session"):
                Other.main_video.emit(None)
            get_ctx().send("done")

    with running(driver_of(Mine)) as model:
        model.begin(1)
        assert model.outlet.wait("end_session") == [("the model ended the session", False)]


def test_a_thread_left_over_from_one_models_session_does_not_work_in_anothers() -> None:
    stay, said = threading.Event(), []

    def linger() -> None:
        stay.wait(5)
        try:
            get_ctx()
        except RuntimeError as error:
            said.append(str(error))

    class Left(VideoModel):
        def start_session(self) -> None:
            threading.Thread(target=contextvars.copy_context().run, args=(linger,)).start()

    class Next(VideoModel):
        def start_session(self) -> None:
            get_ctx().send("here")
            get_ctx()._stop_evt.wait(5)

    with running(driver_of(Left)) as model, running(driver_of(Next)) as other:
        model.begin(1)
        model.outlet.wait("end_session")
        other.begin(1)
        other.outlet.wait("say")
        stay.set()
        assert eventually(lambda: said)[0].startswith("Global context not set.")
        assert not get_ctx().should_stop(), "who belongs to no session gets the only one there is"


def test_an_author_is_told_once_that_sound_runs_ahead_of_pictures(caplog: pytest.LogCaptureFixture) -> None:
    class Uneven(VideoModel):
        main_video = VideoOut(rate=24)
        voice = AudioOut()

        def start_session(self) -> None:
            for _ in range(3):
                self.main_video.emit(np.stack([picture(16, 16, seed) for seed in range(5)]))
                for _ in range(5):
                    self.voice.emit(np.zeros(2000, np.int16))

    slices, failures = emitted(Uneven)
    assert not failures
    assert sum(bool(item.video) for item in slices) == 15
    [told] = [record for record in caplog.records if "sound goes out without pictures" in record.message]
    assert told.fields == {"sound": "voice", "pictures": "main_video"}  # type: ignore[attr-defined]


def test_a_model_that_speaks_now_and_then_is_told_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Curt(VideoModel):
        main_video = VideoOut(rate=24)
        voice = AudioOut()

        def start_session(self) -> None:
            for number in range(24):
                self.main_video.emit(picture(16, 16, number))
                if number % 12 == 11:
                    self.voice.emit(np.zeros(24_000, np.int16))

    slices, _ = emitted(Curt)
    assert all(item.video for item in slices)
    assert not caplog.records


def test_a_picture_that_waits_for_its_sound_is_not_changed_by_the_next() -> None:
    class Canvas(VideoModel):
        main_video = VideoOut(rate=24)
        voice = AudioOut()

        def start_session(self) -> None:
            canvas = np.zeros((16, 16, 3), np.uint8)
            for number in range(12):
                canvas[:] = number * 20
                self.main_video.emit(canvas)
                if number % 4 == 3:
                    self.voice.emit(np.zeros(8000, np.int16))

    with ModelHarness(Canvas) as model:
        assert [frame[0, 0, 0] for frame in model.frames(11)] == [number * 20 for number in range(11)]


def test_a_mistake_is_raised_where_it_was_emitted_and_takes_nothing_else_along() -> None:
    class Careless(VideoModel):
        main_video = VideoOut(rate=24)
        voice = AudioOut()

        def start_session(self) -> None:
            self.main_video.emit(picture(16, 16, 0))
            self.voice.emit(np.zeros(2000, np.int16))
            with pytest.raises(OutputError, match="track 'main_video': got str"):
                self.main_video.emit("no picture")
            with pytest.raises(OutputError, match="track 'main_video': bucket='x': the number of a chunk is a whole"):
                self.main_video.emit(picture(16, 16, 0), bucket="x")  # type: ignore[arg-type]
            self.voice.emit(np.zeros(2000, np.int16))
            self.main_video.emit(picture(16, 16, 0))
            self.voice.emit(np.zeros(2000, np.int16))

    slices, failures = emitted(Careless)
    assert not failures
    assert [(set(item.video), set(item.audio)) for item in slices] == [
        ({"main_video"}, {"voice"}),
        (set(), {"voice"}),
        ({"main_video"}, {"voice"}),
    ]
