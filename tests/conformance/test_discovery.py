"""How the model of a folder is found."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from reactor_runtime.errors import LoadError
from tests.conformance.facts import fact, table
from tests.conformance.staging import folder, loaded

ECHO = """
    from reactor_runtime import VideoModel, model

    @model(name="{name}")
    class Echo(VideoModel):
        def start_session(self):
            pass
"""
REACTOR = """
    from reactor_runtime.interface import Output, ReactorModel, Video

    class Out(Output):
        main_video: Video

    class Sim(ReactorModel):
        pass

    thing = 3
"""


def echo(name: str = "echo") -> str:
    return ECHO.format(name=name)


def failure(root: Path) -> LoadError:
    with pytest.raises(LoadError) as raised:
        loaded(root)
    return raised.value


def cause(error: LoadError) -> str:
    assert error.__cause__ is not None
    return "".join(traceback.format_exception(error.__cause__))


@fact("2.1", "1", "every `*.py` directly in the folder is imported, under its stem, to find the decorated class")
def test_the_decorated_class_is_found_in_any_file_of_the_folder(project: Path) -> None:
    folder(project, my_brain_py=echo())
    assert (found := loaded(project).cls).__name__ == "Echo"
    assert found.__module__ == "my_brain"


@fact("2.1", "1", "the folder is on `sys.path`: the model imports what lies beside it")
def test_a_model_imports_what_lies_beside_it(project: Path) -> None:
    folder(project, model_py="from beside import WORD\n" + echo().replace("\n    ", "\n"), beside_py="WORD = 'x'")
    assert loaded(project).contract.model_name == "echo"


@fact("2.1", "1", "subfolders are not searched, and files that begin with `_` are skipped")
def test_subfolders_and_private_files_are_not_searched(project: Path) -> None:
    (project / "deeper").mkdir()
    folder(project / "deeper", other_py=echo("other"))
    folder(project, _hidden_py=echo("hidden"), model_py=echo())
    assert loaded(project).contract.model_name == "echo"


@fact(
    "2.1", "1", 'without a model: "No @model decorated class found in project. Ensure your VideoModel subclass has ..."'
)
def test_a_folder_without_a_model_is_told(project: Path) -> None:
    expected = "No @model decorated class found in project. Ensure your VideoModel subclass has the @model decorator"
    assert str(failure(project)).startswith(expected)


@fact("2.1", "1", "then the modules whose import failed are told, each with its traceback (1.7)")
def test_the_failed_import_that_may_hold_the_model_is_told_with_its_traceback(project: Path) -> None:
    folder(project, model_py="import nowhere_to_be_found\n" + echo().replace("\n    ", "\n"))
    told = cause(failure(project))
    assert f'File "{project}/model.py", line 1' in told
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in told


@fact(
    "2.1",
    "1",
    "two decorated classes: \"Multiple models found: ['a', 'b']. Only one @model decorated class is allowed ...\"",
)
def test_two_decorated_classes_are_told_by_name(project: Path) -> None:
    folder(project, x_py=echo("b"), y_py=echo("a"))
    expected = "Multiple models found: ['a', 'b']. Only one @model decorated class is allowed per project."
    assert str(failure(project)).startswith(expected)


@fact("11", "1", "a class whose `@model` is commented out is found where it is the only model of the folder")
def test_an_undecorated_model_is_found_where_it_is_the_only_one(project: Path) -> None:
    folder(project, model_py=echo().replace("@model", "# @model"))
    assert loaded(project).cls.__name__ == "Echo"


@fact("11", "2", "a folder without `reactor.yaml` runs where it holds one ReactorModel")
def test_a_reactor_model_is_found_without_a_manifest(project: Path) -> None:
    folder(project, model_py=REACTOR)
    assert (loaded(project).cls.__name__, loaded(project).contract.model_name) == ("Sim", "sim")


@table(
    "2.2",
    "2",
    "`reactor.yaml`: {}",
    "manifest, name",
    ("`runtime.import` names the class", "runtime: {import: 'model:Sim'}", "sim"),
    ("`model.name` names the model", "runtime: {import: 'model:Sim'}\nmodel: {name: town}", "town"),
    (
        "keys for others are ignored: `$schema`, `resources`, `build`, `deployment`",
        "$schema: reactor/v2\nruntime: {import: 'model:Sim'}\nbuild: {runtime_version: 2.8.0}\n"
        "model: {name: town, version: 1.0.0, resources: {gpu: 1}}\ndeployment: {}",
        "town",
    ),
)
def test_a_manifest_of_the_nested_shape_is_read(project: Path, manifest: str, name: str) -> None:
    folder(project, model_py=REACTOR, reactor_yaml=manifest)
    assert loaded(project).contract.model_name == name


@fact(
    "2.2",
    "2",
    "the legacy shape, top level `model`, `name`, `config`, `weights_path`, is accepted with a warning",
    better="it is accepted without one",
)
def test_the_legacy_manifest_is_accepted(
    project: Path, recwarn: pytest.WarningsRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(project, model_py=REACTOR, reactor_yaml="model: model:Sim\nname: town\nconfig: c.yml", c_yml="a: 1")
    found = loaded(project)
    assert (found.contract.model_name, found.config) == ("town", {"a": 1})
    assert (len(recwarn), capsys.readouterr().err) == (0, "")


@table(
    "2.2",
    "2",
    '`reactor.yaml`: "{}"',
    "manifest, said",
    ("reactor.yaml must be a YAML mapping", "- a\n", "reactor.yaml must be a YAML mapping"),
    (
        "reactor.yaml must declare a model entrypoint, either as 'runtime.import' ...",
        "name: x\n",
        "reactor.yaml must declare a model entrypoint, either as 'runtime.import'",
    ),
    (
        "Invalid spec '{s}'. Expected 'module:ClassName'.",
        "model: model.Sim\n",
        "Invalid spec 'model.Sim'. Expected 'module:ClassName'.",
    ),
    (
        "Module '{m}' not found. Ensure the model directory is in sys.path ...",
        "model: no:X\n",
        "Module 'no' not found.",
    ),
    (
        "Module '{m}' failed to import: missing dependency '{d}'. Install it or ensure it is available ...",
        "model: needy:X\n",
        "Module 'needy' failed to import: missing dependency 'not_installed_anywhere'. "
        "Install it or ensure it is available in your environment.",
    ),
    ("Class '{c}' not found in module '{m}'", "model: model:Nope\n", "Class 'Nope' not found in module 'model'"),
    ("'{c}' in module '{m}' is not a class", "model: model:thing\n", "'thing' in module 'model' is not a class"),
    ("'{C}' is not a subclass of ReactorCore", "model: model:Out\n", "'Out' is not a subclass of ReactorModel"),
)
def test_a_wrong_manifest_is_told_in_the_published_words(project: Path, manifest: str, said: str) -> None:
    folder(project, model_py=REACTOR, needy_py="import not_installed_anywhere", reactor_yaml=manifest)
    assert str(failure(project)).startswith(said)
