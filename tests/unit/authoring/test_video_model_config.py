"""How a generation 1 class is found, constructed and configured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from reactor_runtime import VideoModel
from reactor_runtime.authoring.video_model import construct, contract_of
from reactor_runtime.errors import ContractError, OperatorError
from reactor_runtime.loader import load_definition
from reactor_runtime.worker.messages import Setup
from reactor_runtime.worker.video_model_driver import VideoModelDriver
from tests.unit.authoring.recording import RecordingOutlet, running

CONFIG = OmegaConf.create({"fps": 30})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


class Plain(VideoModel):
    def start_session(self) -> None: ...


class Named(Plain):
    def __init__(self, *, config: DictConfig) -> None:
        self.got = config


class First(Plain):
    def __init__(self, settings: DictConfig) -> None:
        self.got = settings


class Open(Plain):
    def __init__(self, **kwargs: Any) -> None:
        self.got = kwargs["config"]


class Optional(Plain):
    def __init__(self, cfg: DictConfig | None = None) -> None:
        self.got = cfg


class Second(Plain):
    def __init__(self, device: str = "cpu", config: DictConfig | None = None) -> None:
        assert device == "cpu"
        self.got = config


@pytest.mark.parametrize("cls", [Named, First, Open, Optional, Second])
def test_the_configuration_goes_where_the_constructor_takes_it(cls: Any) -> None:
    assert construct(cls, CONFIG).got is CONFIG  # type: ignore[attr-defined]


def test_a_constructor_that_takes_none_gets_none() -> None:
    class Device(Plain):
        def __init__(self, device: str = "cpu") -> None:
            self.device = device

    assert construct(Device, CONFIG).device == "cpu"  # type: ignore[attr-defined]
    assert type(construct(Plain, CONFIG)) is Plain


def test_a_constructor_that_wants_more_is_told_what_would_be_right() -> None:
    class Greedy(Plain):
        def __init__(self, config: DictConfig, weights: str) -> None: ...

    why = (
        r"test_video_model_config\.py: .*Greedy: Failed constructing model 'Greedy' with config \{'fps': 30\}: "
        r"its __init__ takes \(config, weights\); write `def __init__\(self, config\):`"
    )
    with pytest.raises(ContractError, match=why):
        construct(Greedy, CONFIG)


def test_what_the_constructor_raises_is_its_own() -> None:
    class Broken(Plain):
        def __init__(self, config: DictConfig) -> None:
            raise KeyError(str(config.fps))

    with pytest.raises(KeyError, match="30"):
        construct(Broken, CONFIG)


@pytest.mark.parametrize("factor", ["fast", 0, -1, float("nan"), None])
def test_a_debuff_factor_that_is_no_positive_number_is_refused_before_the_model_is_made(factor: Any) -> None:
    driver = VideoModelDriver(Named, contract_of(Named, {}), OmegaConf.create({"fps_debuff_factor": factor}))
    with pytest.raises(OperatorError, match=r"fps_debuff_factor of the model's configuration is .*: write a number"):
        driver.load(RecordingOutlet())


MODEL = dedent("""
    from omegaconf import DictConfig, OmegaConf
    from reactor_runtime.model_api import VideoModel, command, get_ctx, model
    from reactor_runtime.tracks import VideoOut

    # @model(name="dreamer", config="config.yml")
    class Dreamer(VideoModel):
        name: str = "dreamer-v1"
        main_video = VideoOut()

        def __init__(self, config: DictConfig):
            self.config = OmegaConf.merge({"steps": 4, "size": {"w": 64}}, config)

        def start_session(self):
            pass
""")


def loaded(folder: Path, *overrides: str, config: Path | None = None) -> Any:
    definition = load_definition(Setup(str(folder), str(config) if config else None, overrides))
    with running(definition.make_driver) as model:
        return definition, model.driver._model  # type: ignore[attr-defined]


def test_a_class_whose_decorator_is_commented_out_is_found_and_merges_what_it_is_given(folder: Path) -> None:
    (folder / "model.py").write_text(MODEL)
    definition, model = loaded(folder, "size.w=128", "seed=7")
    assert definition.contract.model_name == "dreamer-v1"
    assert OmegaConf.to_container(model.config) == {"steps": 4, "size": {"w": 128}, "seed": 7}


def test_the_command_lines_file_goes_before_the_decorators_and_overrides_before_both(folder: Path) -> None:
    (folder / "model.py").write_text(MODEL.replace("# @model", "@model"))
    (folder / "config.yml").write_text("steps: 8\nsize: {w: 256}\n")
    other = folder / "other.yml"
    other.write_text("steps: 9\n")
    definition, model = loaded(folder)
    assert definition.contract.model_name == "dreamer"
    assert OmegaConf.to_container(model.config) == {"steps": 8, "size": {"w": 256}}
    _, model = loaded(folder, "steps=10", config=other)
    assert OmegaConf.to_container(model.config) == {"steps": 10, "size": {"w": 64}}
