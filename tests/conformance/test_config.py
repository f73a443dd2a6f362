"""Configuration and weights: who says what, and how the model is given it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from reactor_runtime import ReactorModel, VideoModel, get_weights_path, model
from reactor_runtime.errors import OperatorError
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import folder, loaded

VIDEO = """
    from reactor_runtime import VideoModel, model

    @model(name="echo", config="configs/default.yml")
    class Echo(VideoModel):
        def __init__(self, config):
            self.config = config

        def start_session(self):
            pass
"""
REACTOR = """
    from reactor_runtime.interface import ReactorModel

    class Sim(ReactorModel):
        def load(self, config):
            self.config = config
"""


@pytest.fixture
def echo(project: Path) -> Path:
    (project / "configs").mkdir()
    folder(project / "configs", default_yml="fps: 30\nscene: {size: 8}")
    return folder(project, model_py=VIDEO)


@pytest.fixture
def sim(project: Path) -> Path:
    manifest = "runtime: {import: 'model:Sim', config: c.yml}"
    return folder(project, model_py=REACTOR, reactor_yaml=manifest, c_yml="size: 8\nscene: {twice: '${size}'}")


class Keeps(VideoModel):
    def __init__(self, config: DictConfig) -> None:
        self.config = config

    def start_session(self) -> None: ...


def given(root: Path, *overrides: str, config: Path | None = None) -> Any:
    return loaded(root, *overrides, config=config).config


@fact("2.1", "1", "the instance is made as `cls(config=<omegaconf DictConfig>)`")
def test_the_constructor_gets_a_dictconfig() -> None:
    with ModelHarness(Keeps, config={"scene": {"size": 8}}, clients=0) as m:
        assert isinstance(m.model.config, DictConfig)
        assert m.model.config.scene.size == 8


@fact("2.1", "1", "without file and overrides, config is an empty DictConfig")
def test_without_a_file_the_configuration_is_empty() -> None:
    with ModelHarness(Keeps, clients=0) as m:
        assert m.model.config == OmegaConf.create({})


@fact("2.1", "1", "the decorator's `config` is read, relative to the model's folder")
def test_the_decorators_file_is_read(echo: Path) -> None:
    assert given(echo) == {"fps": 30, "scene": {"size": 8}}


@fact("2.1", "1", "`-c/--config FILE` goes before the decorator's")
def test_a_given_file_goes_before_the_decorators(echo: Path, tmp_path: Path) -> None:
    assert given(folder(echo, other_yml="fps: 5"), config=tmp_path / "other.yml") == {"fps": 5}


@fact("2.1", "1", "`--model.a.b=value` is merged on top of the file")
def test_overrides_are_merged_on_top(echo: Path) -> None:
    assert given(echo, "scene.size=16", "seed=3") == {"fps": 30, "scene": {"size": 16}, "seed": 3}


@fact("2.1", "1", "a missing file is a raw FileNotFoundError traceback", better="one line that names file and source")
def test_a_missing_file_is_one_line(echo: Path, tmp_path: Path) -> None:
    with pytest.raises(
        OperatorError, match=r"^cannot read config file .*gone\.yml \(from -c/--config\): No such file.*$"
    ):
        given(echo, config=tmp_path / "gone.yml")


@fact(
    "2.1",
    "1",
    'a class whose `__init__` takes no config is TypeError "Failed constructing model ..."',
    better="it is constructed without; where `__init__` needs something else, the error says so",
)
def test_a_constructor_without_config_is_called_without() -> None:
    class Plain(VideoModel):
        def __init__(self) -> None:
            self.ready = True

        def start_session(self) -> None: ...

    class Demanding(VideoModel):
        def __init__(self, config: Any, gpu: int) -> None: ...

        def start_session(self) -> None: ...

    with ModelHarness(Plain, clients=0) as m:
        assert m.model.ready
    with pytest.raises(TypeError, match=r"Failed constructing model 'Demanding' with config {}"):
        ModelHarness(Demanding, clients=0).__enter__()


@fact("11", "1", "a model merges its config with `OmegaConf.merge`")
def test_a_model_merges_its_own_defaults() -> None:
    class Merges(Keeps):
        def __init__(self, config: DictConfig) -> None:
            self.config = OmegaConf.merge(OmegaConf.create({"steps": 4, "size": 1}), config)  # type: ignore[assignment]

    with ModelHarness(Merges, config={"size": 2}, clients=0) as m:
        assert m.model.config == {"steps": 4, "size": 2}


@fact("2.2", "2", "`load(config)` gets a plain dict, interpolations resolved")
def test_load_gets_a_plain_dict(sim: Path) -> None:
    config = given(sim)
    assert isinstance(config, dict)
    assert type(config["scene"]) is dict
    assert config == {"size": 8, "scene": {"twice": 8}}


@fact("2.2", "2", "without a file, `load` gets {}")
def test_load_gets_an_empty_dict_without_a_file() -> None:
    class Sim(ReactorModel):
        def load(self, config: dict[str, Any]) -> None:
            self.config = config

    with ModelHarness(Sim) as m:
        assert m.model.config == {}


@fact("2.2", "2", "`--model.x.y=value` is merged on top of the YAML file")
def test_overrides_are_merged_on_top_of_the_yaml(sim: Path) -> None:
    assert given(sim, "size=16", "scene.name=hill") == {"size": 16, "scene": {"twice": 16, "name": "hill"}}


@fact(
    "2.2",
    "2",
    "\"--model.* overrides require a 'config' field in reactor.yaml\"",
    better="overrides need no file",
)
def test_overrides_need_no_file(project: Path) -> None:
    folder(project, model_py=REACTOR, reactor_yaml="runtime: {import: 'model:Sim'}")
    assert given(project, "size=16") == {"size": 16}


@fact("11", "2", "what `load` gets is the dict and works as the path of its file too")
def test_the_configuration_is_a_dict_and_a_path(sim: Path) -> None:
    config = given(sim, "size=9")
    assert (config.get("size"), Path(config)) == (9, sim / "c.yml")
    assert (config.parent / "c.yml").exists()
    assert "size: 9" in config.read_text()


@fact("11", "2", "`load` may take no argument, and may be async")
def test_load_may_take_no_argument_and_be_async() -> None:
    class Sim(ReactorModel):
        async def load(self) -> None:
            self.ready = True

    with ModelHarness(Sim) as m:
        assert m.model.ready


@table(
    "2.2",
    "2",
    "`get_weights_path()` is {}",
    "environment, manifest, expected",
    ("`$REACTOR_WEIGHTS_PATH`", "env", "weights_path: w", "env"),
    ("else `runtime.weights_path` of `reactor.yaml`", "", "weights_path: w", "w"),
    ("else `~/.cache/reactor_registry`", "", "", ".cache/reactor_registry"),
)
def test_where_weights_lie(
    project: Path, monkeypatch: pytest.MonkeyPatch, environment: str, manifest: str, expected: str
) -> None:
    monkeypatch.setenv("HOME", str(project))
    monkeypatch.delenv("REACTOR_WEIGHTS_PATH", raising=False)
    if environment:
        monkeypatch.setenv("REACTOR_WEIGHTS_PATH", str(project / environment))
    runtime = ", ".join(filter(None, ("import: 'model:Sim'", manifest)))
    loaded(folder(project, model_py=REACTOR, reactor_yaml=f"runtime: {{{runtime}}}"))
    assert get_weights_path() == project / expected


@fact("2.1", "1", "weights lie in `~/.cache/reactor_registry/<name>`")
def test_weights_of_a_name_lie_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("REACTOR_WEIGHTS_PATH", raising=False)
    (tmp_path / ".cache/reactor_registry/base").mkdir(parents=True)

    @model("cached", weights=["base"])
    class Cached(Keeps): ...

    assert Cached.weights("base") == tmp_path / ".cache/reactor_registry/base"


@fact("2.1", "1", "weights the decorator does not list: ValueError \"Weight '{w}' not found in @model decorator. ...\"")
def test_weights_that_are_not_listed_are_refused() -> None:
    @model("listing", weights=["base"])
    class Listing(Keeps): ...

    with pytest.raises(ValueError, match=r"Weight 'other' not found in @model decorator. Please ensure all weights"):
        Listing.weights("other")


@fact("2.1", "1", 'weights of a class without `@model`: RuntimeError "No @model decorated class found. ..."')
def test_weights_of_an_undecorated_class_are_refused() -> None:
    with pytest.raises(RuntimeError, match=r"No @model decorated class found. Ensure your VideoModel subclass"):
        Keeps.weights("base")
