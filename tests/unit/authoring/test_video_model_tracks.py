"""Generation 1 tracks and rates as they are declared, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import Field

import reactor_runtime
from reactor_runtime import (
    AudioIn,
    AudioOut,
    InputTrack,
    MediaBundle,
    OutputTrack,
    Track,
    TrackDirection,
    VideoIn,
    VideoModel,
    VideoOut,
    command,
    model,
    tracks,
)
from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.authoring.video_model import contract_of
from reactor_runtime.authoring.video_model_commands import commands_of
from reactor_runtime.errors import ContractError


class Duet(VideoModel):
    emission_fps = 25

    webcam = VideoIn()
    microphone = AudioIn(rate=16_000)
    wide = VideoOut()
    main = VideoOut(default=True)
    voice = AudioOut()

    @command("set_b", description="set b")
    def set_b(self, b: float = Field(..., ge=0, le=2, description="bb")) -> None: ...


def contract(cls: type[VideoModel]) -> Any:
    return contract_of(cls, commands_of(cls))


def test_every_published_name_is_at_both_import_paths() -> None:
    for name in tracks.__all__:
        assert getattr(tracks, name) is getattr(reactor_runtime, name)
    assert issubclass(VideoIn, InputTrack)
    assert issubclass(AudioOut, OutputTrack)
    assert issubclass(OutputTrack, Track)
    assert (Duet.webcam.direction, Duet.wide.direction) == (TrackDirection.IN, TrackDirection.OUT)


def test_both_directions_are_in_the_contract_in_the_order_they_are_declared() -> None:
    assert contract(Duet).tracks == (
        TrackSpec("webcam", "video", "in"),
        TrackSpec("microphone", "audio", "in", 16_000),
        TrackSpec("wide", "video"),
        TrackSpec("main", "video"),
        TrackSpec("voice", "audio", rate=48_000),
    )


def test_a_model_tells_its_tracks_rate_commands_and_capabilities_before_it_is_constructed() -> None:
    assert list(Duet.get_tracks()) == ["webcam", "microphone", "wide", "main", "voice"]
    assert Duet.get_tracks()["main"] is Duet.main
    assert Duet.emission_fps_info() == 25
    told = {"description": "bb", "maximum": 2, "minimum": 0, "type": "number", "required": True}
    assert Duet.commands() == [{"name": "set_b", "description": "set b", "schema": {"b": told}}]
    capabilities = Duet.capabilities()
    assert capabilities == {
        "protocol_version": "1.0",
        "tracks": [
            {"name": "webcam", "kind": "video", "direction": "sendonly"},
            {"name": "microphone", "kind": "audio", "direction": "sendonly"},
            {"name": "wide", "kind": "video", "direction": "recvonly"},
            {"name": "main", "kind": "video", "direction": "recvonly"},
            {"name": "voice", "kind": "audio", "direction": "recvonly"},
        ],
        "commands": Duet.commands(),
        "emission_fps": 25,
    }


def test_a_video_track_may_declare_the_range_of_its_floats() -> None:
    class Signed(VideoModel):
        main = VideoOut(float_range=(-1, 1))

    assert contract(Signed).tracks == (TrackSpec("main", "video", float_range=(-1.0, 1.0)),)
    gray = np.zeros((4, 4, 3), np.float32)
    assert Signed.main.copied(gray)[0] is not gray
    with pytest.raises(ContractError, match=r"main = VideoOut: float_range = \(1, 0\): write the floats"):
        type("Wrong", (VideoModel,), {"main": VideoOut(float_range=(1, 0))})


def test_a_subclass_may_take_a_track_away() -> None:
    class Solo(Duet):
        wide = None  # type: ignore[assignment]

    assert "wide" not in Solo.get_tracks()


@pytest.mark.parametrize("hook", ["on_frame", "on_media"])
def test_a_model_that_declares_no_tracks_but_takes_media_has_an_input(hook: str) -> None:
    early = type("Early", (VideoModel,), {hook: lambda self, given: None})
    assert contract(early).tracks == (TrackSpec("main_video", "video"), TrackSpec("video", "video", "in"))


@pytest.mark.parametrize(
    ("attributes", "fps"),
    [
        ({}, None),
        ({"emission_fps": 0}, None),
        ({"emission_fps": None}, None),
        ({"emission_fps": np.float32(12.5)}, 12.5),
        ({"a": VideoOut(rate=25), "b": VideoOut(rate=30, default=True)}, 30),
        ({"a": VideoOut(rate=25), "b": VideoOut()}, 25),
        ({"a": VideoOut(), "b": VideoOut(rate=25)}, None),
        ({"a": VideoOut(rate=25), "emission_fps": 8}, 8),
        ({"eye": VideoIn(rate=25)}, None),
    ],
)
def test_the_rate_is_the_class_attribute_else_the_default_video_tracks(
    attributes: dict[str, Any], fps: float | None
) -> None:
    cls = type("Model", (VideoModel,), dict(attributes))
    assert contract(cls).fps == cls.emission_fps_info() == fps


TWICE = VideoOut()


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"emission_fps": 1000}, "emission_fps = 1000: 1000 frames per second cannot be kept: at most 240 can"),
        ({"emission_fps": "30"}, "emission_fps = '30': '30' is no frame rate: write a number of frames per second"),
        ({"emission_fps": float("nan")}, "nan is no frame rate"),
        ({"emission_fps": property(lambda self: 3)}, "is no frame rate"),
        ({"eye": VideoOut(rate=300)}, r"eye = VideoOut\(rate=300\): 300 frames per second cannot be kept"),
        ({"eye": VideoIn(rate=300)}, r"eye = VideoIn\(rate=300\)"),
        ({"voice": AudioOut(rate=0)}, r"voice = AudioOut\(rate=0\): sound is emitted at a rate above 0, as 48000"),
        ({"voice": AudioOut(rate=-1)}, "write a whole number of samples per second, as 48000"),
        ({"ear": AudioIn(rate=16_000.5)}, "write a whole number of samples per second"),
        ({"a": TWICE, "b": TWICE}, "a and b are one VideoOut object; write one for each"),
    ],
)
def test_what_cannot_be_kept_is_refused_when_the_class_is_defined(attributes: dict[str, Any], why: str) -> None:
    with pytest.raises(ContractError, match=rf"test_video_model_tracks\.py: Model: .*{why}"):
        type("Model", (VideoModel,), {**attributes, "__module__": __name__})


def test_an_early_models_name_is_the_models_name_unless_the_decorator_says_otherwise() -> None:
    class Early(VideoModel):
        name: str = "dreamer-v2"

    class Odd(VideoModel):
        name: str = "Not a Slug"

    assert contract(Early).model_name == "dreamer-v2"
    assert contract(Odd).model_name == "odd"
    assert contract(model(name="decorated")(Early)).model_name == "decorated"


def test_a_bundle_is_a_mapping_whose_declared_tracks_are_attributes() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    bundle = MediaBundle({"webcam": picture}, ("webcam", "microphone"))
    assert bundle.webcam is bundle["webcam"] is picture
    assert (list(bundle), len(bundle), bundle.get("microphone"), bundle.microphone) == (["webcam"], 1, None, None)
    with pytest.raises(AttributeError, match="no input track 'face'; this model has: webcam, microphone"):
        _ = bundle.face


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (
            lambda: Duet.webcam.emit(None),
            r"^Track 'webcam' \(direction=in\) does not support emit\(\)\. Only output tracks \(OUT\) can emit\.$",
        ),
        (lambda: Duet.main.latest(), r"^Track 'main' \(direction=out\) does not support latest\(\)"),
    ],
)
def test_a_track_used_the_wrong_way_round_is_told_by_name(call: Callable[[], object], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        call()


def test_outside_a_session_nothing_is_newest() -> None:
    assert Duet.webcam.latest() is None
