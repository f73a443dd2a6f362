from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import Field

from reactor_runtime import AudioOut, CommandError, VideoModel, VideoOut, command, get_ctx
from reactor_runtime.authoring.video_model import contract_of
from reactor_runtime.authoring.video_model_commands import commands_of
from reactor_runtime.worker.video_model_driver import VideoModelDriver
from tests.unit.authoring.recording import Running, running


def driver_of(cls: type[VideoModel], config: Any = None) -> Callable[[], VideoModelDriver]:
    commands = commands_of(cls)
    contract = contract_of(cls, commands, name=None, description="", version="v0.0.0")
    return lambda: VideoModelDriver(cls, contract, config, commands)


class Patient(VideoModel):
    """Waits until its session is over, or until a command says what to do."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.orders: list[Callable[[], Any]] = []
        self.told = threading.Event()
        self.brightness = 0.5

    def start_session(self) -> None:
        get_ctx().send({"thread": threading.current_thread().name})
        while not get_ctx().should_stop():
            while self.orders:
                self.orders.pop(0)()
            self.told.wait(0.01)
            self.told.clear()

    @command("set_brightness", description="How bright")
    def set_brightness(self, value: float = Field(..., ge=0, le=1), steps: int = 1) -> None:
        self.brightness = value
        self.steps = steps

    @command("describe")
    async def describe(self, tag=None):  # type: ignore[no-untyped-def]
        return {"thread": threading.current_thread() is not None, "tag": tag}

    @command("refuse")
    def refuse(self) -> None:
        raise CommandError("busy", "not while it rains")

    @command("fail")
    def fail(self) -> None:
        raise ValueError("a secret")


def order(running_model: Running, action: Callable[[], Any]) -> None:
    patient: Any = running_model.driver._model  # type: ignore[attr-defined]
    patient.orders.append(action)
    patient.told.set()


def test_the_model_starts_with_the_first_client_and_outlives_it() -> None:
    with running(driver_of(Patient, {"fps": 3})) as model:
        assert model.driver._model.config == {"fps": 3}
        model.begin()
        assert model.ask("describe", tag=[1])[0] == {"thread": True, "tag": [1]}
        assert not model.outlet.of("say")
        model.join(1)
        assert model.outlet.wait("say") == [({"thread": "model-session"}, None, None)]
        model.leave(1)
        model.join(2)
        order(model, lambda: get_ctx().send("again"))
        assert [data for data, _, _ in model.outlet.wait("say", 2)][1:] == ["again"]
        model.end()
        assert not model.outlet.of("end_session")


def test_a_session_that_the_model_ends_is_reported_and_the_instance_serves_the_next() -> None:
    class Brief(VideoModel):
        def start_session(self) -> None:
            get_ctx().send("once")

    with running(driver_of(Brief)) as model:
        for count in (1, 2):
            model.begin(1)
            assert model.outlet.wait("end_session", count)[-1] == ("the model ended the session", False)
            assert model.ask("anything")[1]["error_code"] == "no_session"
            model.end()
        assert len(model.outlet.of("say")) == 2


def test_a_session_that_crashes_is_reported_as_crashed() -> None:
    class Fragile(VideoModel):
        def start_session(self) -> None:
            raise RuntimeError("no more memory")

    with running(driver_of(Fragile)) as model:
        model.begin(1)
        assert model.outlet.wait("end_session") == [("the model crashed", True)]
        [(where, error)] = model.outlet.of("failed")
        assert (where, str(error)) == ("run", "no more memory")
        model.end()


def test_ending_a_session_wakes_a_model_that_waits_for_room() -> None:
    class Eager(VideoModel):
        def start_session(self) -> None:
            while not get_ctx().should_stop():
                get_ctx().emit_block(np.zeros((2, 4, 4, 3), np.uint8))

    with running(driver_of(Eager)) as model:
        model.begin(1)
        model.outlet.wait("emit", 16)
        model.end()


def test_commands_are_coerced_and_bad_ones_answered_line_by_line() -> None:
    with running(driver_of(Patient)) as model:
        model.begin(1)
        assert model.ask("set_brightness", value="0.25", steps=3.0) == (None, {})
        assert (model.driver._model.brightness, model.driver._model.steps) == (0.25, 3)
        answer = model.ask("set_brightness", value=2, steps="x")[1]
        assert answer["error_code"] == "invalid_command"
        assert answer["error_message"].splitlines() == [
            "set_brightness: value: Input should be less than or equal to 1, got 2",
            "set_brightness: steps: Input should be a valid integer, unable to parse string as an integer, got 'x'",
        ]
        assert model.ask("set_brightness")[1]["error_message"] == "set_brightness: value: Field required"
        assert model.ask("nope")[1]["error_code"] == "invalid_command"


def test_a_refusal_and_a_failure_are_answered_and_the_session_goes_on() -> None:
    with running(driver_of(Patient)) as model:
        assert model.ask("describe")[1]["error_code"] == "no_session"
        model.begin(1)
        assert model.ask("refuse")[1] == {"error_code": "busy", "error_message": "not while it rains"}
        answer = model.ask("fail")[1]
        assert answer["error_code"] == "internal_error"
        assert "secret" not in answer["error_message"]
        assert [where for where, _ in model.outlet.of("failed")] == ["handler"]
        assert model.ask("describe")[0]["tag"] is None


def test_the_session_is_gone_from_get_ctx_when_it_is_over() -> None:
    with running(driver_of(Patient)) as model:
        with pytest.raises(RuntimeError, match=r"^Global context not set\. This should only be called during an"):
            get_ctx()
        model.begin(1)
        model.outlet.wait("say")
        assert not get_ctx().should_stop()  # from a thread that knows nothing of the session
        assert not get_ctx()._stop_evt.is_set()
        model.end()
        with pytest.raises(RuntimeError, match="Global context not set"):
            get_ctx()


class Duet(VideoModel):
    picture = VideoOut(rate=25)
    voice = AudioOut(rate=16_000)

    def start_session(self) -> None:
        ctx = get_ctx()
        ctx.get_track("voice").emit(np.full(9, 50, np.int16))
        self.picture.emit(np.full((2, 2, 3), 0, np.uint8))
        ctx.get_track().emit(np.full((2, 2, 3), 1, np.uint8))
        ctx.get_track("picture").emit(np.full((2, 2, 3), 2, np.uint8))
        ctx.get_track("voice").emit(np.full(9, 52, np.int16), bucket=2)
        for number in range(3, 12):
            ctx.emit_block(np.full((2, 2, 3), number, np.uint8))


def test_chunks_of_several_tracks_go_out_together_and_a_silent_track_holds_nothing_up() -> None:
    with running(driver_of(Duet)) as model:
        model.begin(1)
        model.outlet.wait("end_session")
        chunks = [payloads for payloads, _ in model.outlet.of("emit")]
        assert [{name: int(np.ravel(payload)[0]) for name, payload in chunk.items()} for chunk in chunks] == [
            {"voice": 50, "picture": 0},
            {"picture": 1},
            {"picture": 2, "voice": 52},
            *({"picture": number} for number in range(3, 12)),
        ]
        assert {options["fps"] for _, options in model.outlet.of("emit")} == {25}
        with pytest.raises(RuntimeError, match="Track 'picture' is not wired to a session"):
            model.driver._model.picture.emit(None)
        model.end()


def test_none_is_a_black_frame_of_the_size_shown_last_and_a_second_of_silence() -> None:
    class Blank(VideoModel):
        main_video = VideoOut()

        def start_session(self) -> None:
            get_ctx().emit_block(None)
            get_ctx().emit_block(np.ones((2, 90, 160, 3), np.uint8))
            get_ctx().emit_block(None)

    class Silent(VideoModel):
        voice = AudioOut(rate=16_000)

        def start_session(self) -> None:
            get_ctx().get_track().emit()

    with running(driver_of(Blank)) as model:
        model.begin(1)
        model.outlet.wait("end_session")
        black = [payloads["main_video"] for payloads, _ in model.outlet.of("emit")]
        assert [frame.shape for frame in black] == [(720, 1280, 3), (2, 90, 160, 3), (90, 160, 3)]
        assert not black[0].any()
        model.end()
    with running(driver_of(Silent)) as model:
        model.begin(1)
        model.outlet.wait("end_session")
        [(payloads, _)] = model.outlet.of("emit")
        assert (payloads["voice"].shape, payloads["voice"].dtype) == ((1, 16_000), np.int16)
        model.end()


def test_close_ends_the_session_first() -> None:
    with running(driver_of(Patient)) as model:
        model.begin(1)
        model.outlet.wait("say")
        model.driver.close()
        assert model.finished() is None


def test_a_model_without_a_configuration_parameter_is_constructed_without() -> None:
    class Bare(VideoModel):
        def start_session(self) -> None:
            pass

    with running(driver_of(Bare, {"fps": 1})) as bare:
        assert type(bare.driver._model) is Bare
