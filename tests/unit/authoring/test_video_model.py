from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from reactor_runtime import AudioOut, VideoModel, VideoOut, command, get_weights_path, model
from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.authoring.video_model import contract_of, declaration_of
from reactor_runtime.authoring.video_model_commands import commands_of
from reactor_runtime.errors import ContractError


@pytest.mark.parametrize("name", ["longlive", "my-diffusion-v2", "0"])
def test_a_model_name_uses_lowercase_letters_numbers_and_hyphens(name: str) -> None:
    @model(name=name, config="c.yaml", weights=["w"], author="me")
    class Model(VideoModel): ...

    declaration = declaration_of(Model)
    assert declaration
    assert (declaration.name, declaration.config, declaration.weights) == (name, "c.yaml", ("w",))
    assert declaration.metadata == {"author": "me"}

    class Child(Model): ...

    assert declaration_of(Child) is None


@pytest.mark.parametrize("name", ["My Model", "under_score", "", "ümlaut", "Upper", None])
def test_a_bad_model_name_is_refused_with_the_rule(name: Any) -> None:
    with pytest.raises(ContractError, match="a model name uses lowercase letters, numbers and hyphens only"):

        @model(name=name)
        class Model(VideoModel): ...


def test_only_video_models_can_be_decorated() -> None:
    with pytest.raises(ContractError, match="@model can only decorate VideoModel subclasses, got Other"):

        @model("x")
        class Other: ...


def contract(cls: type[VideoModel]) -> Any:
    return contract_of(cls, commands_of(cls), name=None, description="", version="v0.0.0")


def test_tracks_and_rate_come_from_class_attributes() -> None:
    class NoTracksDeclared(VideoModel):
        emission_fps = 12

    class Base(VideoModel):
        wide = VideoOut(rate=25, default=True)

    class Both(Base):
        voice = AudioOut(rate=16_000)

    assert contract(NoTracksDeclared).tracks == (TrackSpec("main_video", "video"),)
    assert contract(NoTracksDeclared).fps == 12
    assert contract(NoTracksDeclared).model_name == "no-tracks-declared"
    assert contract(Both).tracks == (TrackSpec("wide", "video", rate=25), TrackSpec("voice", "audio", rate=16_000))
    assert contract(Both).fps == 25


class Spot(BaseModel):
    x: float
    title: str = "spot"


def test_a_command_is_described_by_its_signature() -> None:
    class Model(VideoModel):
        @command("set_b", description="set b")
        def set_b(self, b: float = Field(..., ge=0, le=2, description="bb"), *, spot: Spot | None = None, any=3): ...  # type: ignore[no-untyped-def]

        @command("stop")
        async def stop(self): ...  # type: ignore[no-untyped-def]

    set_b, stop = contract(Model).commands
    assert (set_b.name, set_b.description, set_b.checked_by) == ("set_b", "set b", "worker")
    assert set_b.schema["properties"]["b"] == {"description": "bb", "maximum": 2, "minimum": 0, "type": "number"}
    assert set_b.schema["required"] == ["b"]
    assert set_b.schema["$defs"]["Spot"]["properties"]["title"] == {"default": "spot", "type": "string"}
    assert stop.schema == {"type": "object", "properties": {}}
    contract(Model).check("set_b", {"b": "decided by pydantic"})


def test_wrong_commands_are_refused() -> None:
    class Twice(VideoModel):
        @command("x")
        def f(self) -> None: ...

        @command("x")
        def g(self) -> None: ...

    class Rest(VideoModel):
        @command("x")
        def f(self, *rest: int) -> None: ...

    with pytest.raises(
        ContractError, match=r"test_video_model\.py:\d+: .*duplicate command name 'x'; f has it already"
    ):
        commands_of(Twice)
    with pytest.raises(ContractError, match=r"\*rest cannot be filled by name"):
        commands_of(Rest)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("REACTOR_WEIGHTS_PATH", raising=False)
    return tmp_path / ".cache/reactor_registry"


@model("weighty", weights=["vae-decoder", "lost"])
class Weighty(VideoModel): ...


def test_weights_are_found_in_the_environments_folder_first(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "vae-decoder").mkdir(parents=True)
    assert Weighty.weights("vae-decoder") == VideoModel.weights("vae-decoder") == cache / "vae-decoder"
    given = tmp_path / "given"
    (given / "vae-decoder").mkdir(parents=True)
    monkeypatch.setenv("REACTOR_WEIGHTS_PATH", str(given))
    assert VideoModel.weights("vae-decoder") == given / "vae-decoder"
    assert get_weights_path() == given


def test_missing_weights_name_the_places_looked_at(cache: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        Weighty.weights("lost")
    assert str(Path(__file__).parent / "weights/lost") in str(raised.value)
    assert str(cache / "lost") in str(raised.value)


def test_weights_must_be_listed_in_the_decorator() -> None:
    class Undecorated(VideoModel): ...

    with pytest.raises(ValueError, match=r"Weight 'x' not found in @model decorator\. Please ensure all weights used"):
        Weighty.weights("x")
    with pytest.raises(RuntimeError, match="No @model decorated class found"):
        Undecorated.weights("x")
