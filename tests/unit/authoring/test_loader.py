from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from reactor_runtime.errors import ContractError, LoadError, OperatorError
from reactor_runtime.loader import LoadedModel, find, load_definition
from reactor_runtime.worker.messages import Setup
from tests.unit.authoring.recording import running

VIDEO = dedent("""
    from reactor_runtime import VideoModel, model

    @model(name="{name}", config={config!r})
    class {cls}(VideoModel):
        def __init__(self, config):
            self.config = config

        def start_session(self):
            pass
""")

REACTOR = dedent("""
    from reactor_runtime.interface import Output, ReactorModel, Video

    class Out(Output):
        main_video: Video

    class MyModel(ReactorModel):
        def load(self, config):
            self.config = config
""")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def video(name: str = "my-model", cls: str = "MyModel", config: str | None = None) -> str:
    return VIDEO.format(name=name, cls=cls, config=config)


def load(project: Path, *overrides: str, config_path: Path | None = None) -> LoadedModel:
    return load_definition(Setup(str(project), str(config_path) if config_path else None, overrides))


def config_of(loaded: LoadedModel) -> Any:
    """Return what the model itself was given."""
    with running(loaded.make_driver) as model:
        return model.driver._model.config  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "manifest",
    [
        "model: model:MyModel\nname: my-model\nconfig: config.yml\n",
        "runtime:\n  import: model:MyModel\n  config: config.yml\nmodel:\n  name: my-model\n  resources: {}\nx: 1\n",
    ],
)
def test_both_published_manifests_name_class_configuration_and_model(project: Path, manifest: str) -> None:
    (project / "model.py").write_text(REACTOR)
    (project / "reactor.yaml").write_text(manifest)
    (project / "config.yml").write_text("checkpoint: a.ckpt\nfull: ${checkpoint}!\n")
    loaded = load(project, "size.w=3")
    assert loaded.contract.model_name == "my-model"
    assert [track.name for track in loaded.contract.tracks] == ["main_video"]
    config = config_of(loaded)
    assert config == {"checkpoint": "a.ckpt", "full": "a.ckpt!", "size": {"w": 3}}
    assert isinstance(config, dict)


def test_the_configuration_also_works_as_the_path_of_its_file(project: Path) -> None:
    (project / "model.py").write_text(REACTOR)
    (project / "reactor.yaml").write_text("model: model:MyModel\nconfig: config.yml")
    file = project / "config.yml"
    file.write_text("a: 1\n")
    config = load(project, "b=2").config
    assert Path(config) == file
    assert os.fspath(config) == str(config) == str(file)
    assert (config.parent, config / "x", config.name, config.exists()) == (project, file / "x", "config.yml", True)
    assert config.read_text() == "a: 1\nb: 2\n"
    with open(config) as opened:
        assert opened.read() == "a: 1\n"


def test_without_a_file_the_configuration_is_empty_but_takes_overrides(project: Path) -> None:
    (project / "model.py").write_text(REACTOR)
    assert load(project).config == {}
    assert load(project).contract.model_name == "my_model"
    assert load(project, "fps=60", "a.b=x").config == {"fps": 60, "a": {"b": "x"}}
    with pytest.raises(FileNotFoundError, match="no configuration file"):
        os.fspath(load(project).config)


def test_the_decorated_class_gets_a_dictconfig(project: Path) -> None:
    from omegaconf import DictConfig

    (project / "model.py").write_text(video(config="configs/default.yaml"))
    (project / "configs").mkdir()
    (project / "configs/default.yaml").write_text("fps: 30\nnum_steps: 8\n")
    config = config_of(load(project, "fps=60"))
    assert isinstance(config, DictConfig)
    assert (config.fps, config.num_steps) == (60, 8)
    other = project / "other.yaml"
    other.write_text("fps: 5\n")
    assert dict(load(project, config_path=other).config) == {"fps": 5}
    (project / "configs/default.yaml").write_text("")
    assert dict(load(project).config) == {}


def test_an_undecorated_model_alone_in_the_folder_is_found(project: Path) -> None:
    (project / "model.py").write_text(REACTOR + "\nclass Better(MyModel):\n    fps = 5\n")
    (project / "_private.py").write_text("raise SystemError('not imported')")
    (project / "train.py").write_text("raise SystemError('names no runtime, so it holds no model')")
    (project / "test_model.py").write_text("raise SystemError('a test of reactor_runtime is no model')")
    assert find(project).cls.__name__ == "Better"


def test_a_file_that_fails_beside_the_model_is_no_matter(project: Path) -> None:
    (project / "a_tool.py").write_text("import reactor_runtime, nowhere_to_be_found")
    (project / "model.py").write_text(video())
    assert find(project).cls.__name__ == "MyModel"


def test_two_folders_may_both_call_their_module_model(project: Path) -> None:
    for name in ("one", "two"):
        (project / name).mkdir()
        (project / name / "model.py").write_text(video(name=name))
    assert [load(project / name).contract.model_name for name in ("one", "two", "one")] == ["one", "two", "one"]


def failure(project: Path) -> LoadError:
    with pytest.raises(LoadError) as raised:
        load(project)
    assert "\n" not in str(raised.value)
    return raised.value


def fails(project: Path) -> str:
    return str(failure(project))


def cause_of(error: LoadError) -> str:
    assert error.__cause__
    return "".join(traceback.format_exception(error.__cause__))


def test_no_model(project: Path) -> None:
    assert fails(project).startswith("No @model decorated class found in project.")


def test_two_models(project: Path) -> None:
    (project / "x.py").write_text(video("b", "B"))
    (project / "y.py").write_text(video("a", "A"))
    assert fails(project).startswith(
        "Multiple models found: ['a', 'b']. Only one @model decorated class is allowed per project."
    )


def test_an_import_error_before_the_class_is_the_cause(project: Path) -> None:
    (project / "model.py").write_text("import nowhere_to_be_found\n" + video())
    error = failure(project)
    assert str(error).startswith("No @model decorated class found in project.")
    assert cause_of(error).splitlines() == [
        "Traceback (most recent call last):",
        f'  File "{project}/model.py", line 1, in <module>',
        "    import nowhere_to_be_found",
        "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
    ]


def test_every_failed_import_is_told(project: Path) -> None:
    (project / "a.py").write_text(video() + "\ndef broken(:\n")
    (project / "b.py").write_text("import sys, reactor_runtime; sys.exit(3)")
    cause = cause_of(failure(project))
    assert "SyntaxError: invalid syntax" in cause
    assert "SystemExit: 3" in cause


def test_a_wrong_declaration_is_itself_the_error(project: Path) -> None:
    (project / "model.py").write_text(video(name="My Model"))
    with pytest.raises(ContractError, match="a model name uses lowercase letters, numbers and hyphens only"):
        load(project)


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("- a\n", "reactor.yaml must be a YAML mapping"),
        ("a: [", "reactor.yaml: invalid YAML"),
        ("name: x\n", "reactor.yaml must declare a model entrypoint, either as 'runtime.import'"),
        ("model: {name: x}\n", "reactor.yaml must declare a model entrypoint"),
        ("model: model.MyModel\n", "Invalid spec 'model.MyModel'. Expected 'module:ClassName'."),
        ("model: nowhere:X\n", "Module 'nowhere' not found."),
        ("model: needy:X\n", "Module 'needy' failed to import: missing dependency 'not_installed_anywhere'."),
        ("model: broken:X\n", "Module 'broken' failed to import: ZeroDivisionError: division by zero"),
        ("model: model:Nope\n", "Class 'Nope' not found in module 'model'"),
        ("model: model:thing\n", "'thing' in module 'model' is not a class"),
        ("model: model:Out\n", "'Out' is not a subclass of ReactorModel or VideoModel"),
    ],
)
def test_a_wrong_manifest_is_told_in_its_own_words(project: Path, manifest: str, why: str) -> None:
    (project / "model.py").write_text(REACTOR + "\nthing = 3\n")
    (project / "needy.py").write_text("import not_installed_anywhere")
    (project / "broken.py").write_text("1 / 0")
    (project / "reactor.yaml").write_text(manifest)
    assert fails(project).startswith(why)


def test_a_wrong_configuration_is_one_line_naming_file_and_source(project: Path) -> None:
    (project / "model.py").write_text(video(config="default.yaml"))

    def refused(*overrides: str, config_path: Path | None = None) -> str:
        with pytest.raises(OperatorError) as raised:
            load(project, *overrides, config_path=config_path)
        assert "\n" not in str(raised.value)
        return str(raised.value)

    missing = project / "gone.yaml"
    assert refused(config_path=missing).startswith(f"cannot read config file {missing} (from -c/--config): No such")
    default = project / "default.yaml"
    assert f"{default} (from @model(config='default.yaml'))" in refused()
    default.write_text("a: [1\nb: 2")
    assert "is not valid YAML" in refused()
    default.write_text("- 1\n")
    assert "must be a YAML mapping" in refused()
    default.write_text("just text")
    assert "must be a YAML mapping" in refused()
    (project / "reactor.yaml").write_text("model: model:MyModel\nconfig: gone.yml")
    assert "(from 'config' in reactor.yaml)" in refused()
