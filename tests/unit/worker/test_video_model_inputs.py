"""What clients send to a generation 1 model: newest first, at once, on a thread that holds nobody up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reactor_runtime import AudioIn, MediaBundle, VideoIn, VideoModel, VideoOut, command, get_ctx
from reactor_runtime.authoring.input_frame import InputFrame
from reactor_runtime.authoring.video_model import contract_of
from reactor_runtime.authoring.video_model_commands import commands_of
from reactor_runtime.worker.driver import Received
from reactor_runtime.worker.messages import InputFreed
from reactor_runtime.worker.video_model_driver import VideoModelDriver
from tests.unit.authoring.recording import DEADLINE, Running, running


def driver_of(cls: type[VideoModel]) -> Callable[[], VideoModelDriver]:
    commands = commands_of(cls)
    contract = contract_of(cls, commands)
    return lambda: VideoModelDriver(cls, contract, None, commands)


def see(model: Running, value: int, track: str = "webcam") -> None:
    model.driver.deliver(Received(track, 1, InputFrame(np.full((4, 6, 3), value, np.uint8))))


def hear(model: Running, *samples: int) -> None:
    model.driver.deliver(Received("microphone", 1, InputFrame(np.array([samples], np.int16))))


class Open(VideoModel):
    """Waits until its session is over."""

    webcam = VideoIn()
    microphone = AudioIn(rate=4)
    main_video = VideoOut()

    def start_session(self) -> None:
        get_ctx().send("started")
        get_ctx()._stop_evt.wait(DEADLINE)


class Watching(Open):
    """Tells what it is given; holds a call up until it is let go."""

    def __init__(self) -> None:
        self.hold = threading.Event()
        self.hold.set()

    def on_media(self, bundle: MediaBundle) -> None:
        told = {name: frame.ravel()[0].item() if name == "webcam" else frame.tolist() for name, frame in bundle.items()}
        get_ctx().send((threading.current_thread().name, told))
        assert self.hold.wait(DEADLINE)
        if told == {"webcam": 13}:
            raise ValueError("unlucky")

    @command("slow")
    def slow(self) -> None:
        get_ctx().send("slow command")
        assert self.hold.wait(DEADLINE)


def told(model: Running, count: int) -> list[Any]:
    """Return what `on_media` told: all of it, once there is so much."""

    def media() -> list[Any] | None:
        found = [data[1] for data, _, _ in model.outlet.of("say") if isinstance(data, tuple)]
        return found if len(found) >= count else None

    found: list[Any] = model.outlet.until(media, f"{count} calls of on_media")
    return found


def started(model: Running) -> Any:
    model.begin(1)
    model.outlet.wait("say")
    return model.driver._model  # type: ignore[attr-defined]


def test_the_newest_frame_of_each_track_can_be_looked_at_any_time() -> None:
    with running(driver_of(Open)) as model:
        see(model, 1)
        webcam = started(model).webcam
        assert webcam.latest() is None, "a frame from before the session is none of it"
        see(model, 2)
        see(model, 3)
        hear(model, 7, 8)
        assert webcam.latest().ravel()[0] == 3
        assert (webcam.latest().shape, webcam.latest().dtype) == ((4, 6, 3), np.uint8)
        assert get_ctx().get_track("microphone").latest().tolist() == [[7, 8]]  # type: ignore[union-attr]
        assert get_ctx().get_track("webcam") is webcam
        model.driver.deliver(InputFreed("webcam", 1))
        assert webcam.latest() is None, "who sent it is gone"
        see(model, 4)
        model.end()
        assert webcam.latest() is None


def test_frames_are_there_at_once_while_a_slow_command_runs() -> None:
    with running(driver_of(Watching)) as model:
        watching = started(model)
        watching.hold.clear()
        model.send("slow")
        model.outlet.until(lambda: ("slow command", None, None) in model.outlet.of("say"), "the command")
        see(model, 5)
        assert watching.webcam.latest().ravel()[0] == 5
        assert told(model, 1) == [{"webcam": 5}]
        watching.hold.set()


def test_a_slow_on_media_gets_the_newest_picture_and_all_the_sound_of_a_second() -> None:
    with running(driver_of(Watching)) as model:
        watching = started(model)
        watching.hold.clear()
        see(model, 1)
        told(model, 1)
        for value in range(2, 10):
            see(model, value)
            hear(model, value)
        watching.hold.set()
        assert told(model, 2) == [{"webcam": 1}, {"webcam": 9, "microphone": [[6, 7, 8, 9]]}]
        assert watching.microphone.latest().tolist() == [[9]]
        names = {data[0] for data, _, _ in model.outlet.of("say") if isinstance(data, tuple)}
        assert names == {"model-media"}


def test_an_exception_in_on_media_is_reported_once_and_the_session_goes_on() -> None:
    with running(driver_of(Watching)) as model:
        started(model)
        for count in (1, 2):
            see(model, 13)
            told(model, count)
        see(model, 14)
        told(model, 3)
        [(where, error)] = model.outlet.of("failed")
        assert (where, str(error)) == ("handler", "unlucky")
        see(model, 13)
        told(model, 4)
        model.outlet.wait("failed", 2)
        assert not model.outlet.of("end_session")


def test_what_is_sent_after_the_model_ended_the_session_is_not_handed_to_it() -> None:
    class Brief(Watching):
        def start_session(self) -> None:
            get_ctx().send("started")

    with running(driver_of(Brief)) as model:
        started(model)
        model.outlet.wait("end_session")
        see(model, 1)
        model.end()
        assert not [data for data, _, _ in model.outlet.of("say") if isinstance(data, tuple)]
        assert not model.outlet.of("failed")


def test_the_older_on_frame_gets_the_picture_and_may_emit_it() -> None:
    class Early(VideoModel):
        def start_session(self) -> None:
            get_ctx().send("started")
            get_ctx()._stop_evt.wait(DEADLINE)

        def on_frame(self, frame: Any) -> None:
            get_ctx().emit_block(255 - frame)

    with running(driver_of(Early)) as model:
        started(model)
        see(model, 55, track="video")
        [(payloads, _)] = model.outlet.wait("emit")
        assert payloads["main_video"].ravel()[0] == 200
        hear(model, 1)
        model.end()


def test_media_is_configured_while_a_client_is_there() -> None:
    with running(driver_of(Open)) as model:
        started(model)
        assert get_ctx().is_media_configured
        context = get_ctx()
        model.leave(1)
        model.ask("nothing")
        assert not context.is_media_configured


def test_a_model_without_outputs_has_no_default_track() -> None:
    class Mute(VideoModel):
        webcam = VideoIn()

        def start_session(self) -> None:
            with pytest.raises(ValueError, match="This model has no output track, only: webcam"):
                get_ctx().get_track()
            with pytest.raises(ValueError, match=r"Unknown track 'face'\. This model has: webcam"):
                get_ctx().get_track("face")
            get_ctx().send("done")

    with running(driver_of(Mute)) as model:
        started(model)
        assert model.outlet.wait("end_session") == [("the model ended the session", False)]


@pytest.mark.parametrize(("method", "tracks"), [("on_media", {}), ("on_frame", {}), ("on_frame", {"ear": AudioIn()})])
def test_an_author_is_told_that_a_method_for_media_is_never_called(
    method: str, tracks: dict[str, AudioIn], caplog: pytest.LogCaptureFixture
) -> None:
    members = {"main_video": VideoOut(), "start_session": lambda self: None, method: lambda self, media: None, **tracks}
    driver_of(type("Deaf", (VideoModel,), members))()
    assert [record.message for record in caplog.records] == [
        f"{method} is never called: Deaf declares outputs, and no VideoIn beside them"
    ]


def test_an_author_whose_media_arrives_is_told_nothing(caplog: pytest.LogCaptureFixture) -> None:
    driver_of(Watching)()
    assert not caplog.records
