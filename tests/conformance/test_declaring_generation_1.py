"""`@model`, `@command` and class attributes of generation 1."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from reactor_runtime import AudioIn, AudioOut, VideoIn, VideoModel, VideoOut, command, model
from reactor_runtime.authoring.video_model import declaration_of
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table


class Waits(VideoModel):
    def start_session(self) -> None: ...


@fact("1.1", "1", "`@model(name, config=None, weights=None, **metadata)` keeps any extra keyword as metadata")
def test_the_decorator_keeps_what_it_was_told() -> None:
    @model("echo", config="config.yml", weights=["base"], author="me", version="1.2.0")
    class Echo(Waits): ...

    declared = declaration_of(Echo)
    assert declared is not None
    assert (declared.name, declared.config, declared.weights) == ("echo", "config.yml", ("base",))
    assert declared.metadata == {"author": "me", "version": "1.2.0"}


@fact("1.1", "1", "`VideoModel` is abstract: a class without `start_session` cannot be constructed")
def test_a_model_without_start_session_is_refused() -> None:
    class Empty(VideoModel): ...

    with pytest.raises(TypeError, match=r"start_session"), ModelHarness(Empty):  # type: ignore[type-abstract]
        pass


@fact("2.1", "1", '`@model` on another class is TypeError "@model can only decorate VideoModel subclasses, got {cls}"')
def test_only_a_video_model_can_be_decorated() -> None:
    with pytest.raises(TypeError, match=r"@model can only decorate VideoModel subclasses, got Other"):

        @model("other")
        class Other: ...


@fact(
    "2.1",
    "1",
    'the name is not checked by the decorator: "NoInit Weird name!" works',
    better="a name is lowercase letters, numbers and hyphens, as documented; another is refused with the rule",
)
def test_a_name_that_cannot_be_a_models_is_refused() -> None:
    with pytest.raises(TypeError, match=r"lowercase letters, numbers and hyphens only"):

        @model("NoInit Weird name!")
        class Weird(Waits): ...


@fact(
    "2.1",
    "1",
    "a name registered before is ValueError \"Duplicate model name '{name}' registered\"",
    better="two models of one name live side by side in one process, each with its own contract",
)
def test_two_classes_of_one_name_do_not_disturb_each_other() -> None:
    @model("twin")
    class One(Waits): ...

    @model("twin")
    class Two(Waits):
        other = VideoOut()

    assert [list(cls.get_tracks()) for cls in (One, Two)] == [["main_video"], ["other"]]


@fact("2.1", "1", "a class without tracks gets `main_video = VideoOut(default=True)`")
def test_a_class_without_tracks_has_a_main_video() -> None:
    track = Waits.get_tracks()["main_video"]
    assert (type(track), track.rate, track.default) == (VideoOut, 0.0, True)


class Pinned(Waits):
    emission_fps = 12


class ByTrack(Waits):
    side = VideoOut(rate=10)
    wide = VideoOut(rate=25, default=True)


@table(
    "2.1",
    "1",
    "the playout rate is {}",
    "cls, rate",
    ("the class attribute `emission_fps` where it is above 0", Pinned, 12),
    ("else the rate of the default video track", ByTrack, 25),
    ("else measured: `emission_fps_info()` is None", Waits, None),
)
def test_the_pinned_rate(cls: type[VideoModel], rate: float | None) -> None:
    assert cls.emission_fps_info() == rate


@fact("1.1", "1", "`get_tracks()` returns the tracks of the class by name, before any instance")
def test_the_class_knows_its_tracks() -> None:
    assert {name: track.name for name, track in ByTrack.get_tracks().items()} == {"side": "side", "wide": "wide"}


@fact("1.1", "1", "`commands()` returns name, description and parameters of each command")
def test_the_class_knows_its_commands() -> None:
    class Lamp(Waits):
        @command("set_level", description="How bright")
        def set_level(self, level: float = Field(..., ge=0)) -> None: ...

    described = {"type": "number", "minimum": 0, "required": True}
    assert Lamp.commands() == [{"name": "set_level", "description": "How bright", "schema": {"level": described}}]


@table(
    "1.1",
    "1",
    "`{}` are the defaults of the constructor",
    "track, kind, direction, rate",
    ("VideoOut(rate=0.0, default=False)", VideoOut(), "video", "out", 0.0),
    ("AudioOut(rate=48000.0)", AudioOut(), "audio", "out", 48_000.0),
    ("VideoIn(rate=0.0)", VideoIn(), "video", "in", 0.0),
    ("AudioIn(rate=0.0)", AudioIn(), "audio", "in", 0.0),
)
def test_a_track_is_declared_by_its_constructor(track: Any, kind: str, direction: str, rate: float) -> None:
    assert (track.kind, track.direction.value, track.rate, track.default) == (kind, direction, rate, False)


@fact("4.1", "1", "a parameter may have any type that pydantic takes: date, set, union")
def test_any_type_of_pydantic_is_a_parameter() -> None:
    class Calendar(VideoModel):
        def start_session(self) -> None: ...

        @command("plan")
        def plan(self, day: datetime.date, tags: set[str], where: int | str) -> Any:
            return [day.year, sorted(tags), where]

    with ModelHarness(Calendar, clients=0) as m:
        assert m.command("plan", day="2026-02-03", tags=["b", "a", "a"], where="x") == [2026, ["a", "b"], "x"]


@fact("4.1", "1", "a default may be mutable, and each call gets its own")
def test_a_mutable_default_is_not_shared_between_calls() -> None:
    class Pile(VideoModel):
        def start_session(self) -> None: ...

        @command("add")
        def add(self, item: int, pile: list[int] = []) -> Any:  # noqa: B006 - as an author writes it
            pile.append(item)
            return pile

    with ModelHarness(Pile, clients=0) as m:
        assert [m.command("add", item=1), m.command("add", item=2)] == [[1], [2]]


@fact("1.1", "1", "an unannotated parameter takes anything")
def test_an_unannotated_parameter_takes_anything() -> None:
    class Mirror(VideoModel):
        def start_session(self) -> None: ...

        @command("echo")
        def echo(self, what=None):  # type: ignore[no-untyped-def]
            return {"what": what}

    with ModelHarness(Mirror, clients=0) as m:
        assert m.command("echo", what=[1, {"a": None}]) == {"what": [1, {"a": None}]}
        assert m.command("echo") == {"what": None}


@fact("4.1", "1", "required parameters may follow optional ones, by keyword")
def test_required_parameters_may_follow_optional_ones() -> None:
    class Order(VideoModel):
        def start_session(self) -> None: ...

        @command("move")
        def move(self, speed: int = 1, *, to: str) -> Any:
            return f"{to} at {speed}"

    with ModelHarness(Order, clients=0) as m:
        assert m.command("move", to="north") == "north at 1"


@fact("1.1", "1", "`VideoModel.weights(name)` returns a folder before any instance is made")
def test_weights_are_found_without_an_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REACTOR_WEIGHTS_PATH", str(tmp_path))
    (tmp_path / "base").mkdir()

    @model("weighty", weights=["base"])
    class Weighty(Waits): ...

    assert Weighty.weights("base") == tmp_path / "base"
