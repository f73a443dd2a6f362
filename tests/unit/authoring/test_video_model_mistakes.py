"""What an author may get wrong in a generation 1 project, and what the error that comes of it says."""

from __future__ import annotations

import contextvars
from pathlib import Path
from textwrap import dedent, indent
from typing import cast

import pytest

from reactor_runtime.errors import ContractError, LoadError, OperatorError
from reactor_runtime.loader import load_definition
from reactor_runtime.worker.driver import Outlet
from reactor_runtime.worker.messages import Setup
from tests.unit.authoring.test_loader import project  # noqa: F401

HEAD = """
import numpy as np
from pydantic import BaseModel, Field
from reactor_runtime import (
    AudioOut, InputField, VideoIn, VideoModel, VideoOut, command, connected, event, get_ctx, model
)
"""


def write(project: Path, source: str) -> None:  # noqa: F811
    (project / "model.py").write_text(HEAD + dedent(source))


def declare(project: Path, members: str) -> None:  # noqa: F811
    session = "" if "start_session" in members else "    def start_session(self): ...\n"
    write(project, f"@model(name='m')\nclass M(VideoModel):\n{session}{indent(dedent(members), '    ')}")


def refusal(project: Path) -> str:  # noqa: F811
    with pytest.raises((ContractError, LoadError)) as refused:
        load_definition(Setup(str(project)))
    return str(refused.value)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ("async def start_session(self): ...", "start_session is async"),
        ("def start_session(self):\n    yield", "start_session is a generator"),
        ("def start_session(self, context): ...", "M.start_session: start_session(self, context) is called with self"),
        ("start_session = None", "start_session = None: write def start_session(self)"),
        ("async def on_media(self, bundle): ...", "on_media is async"),
        ("def on_media(self): ...", "write def on_media(self, bundle)"),
        ("async def on_frame(self, frame): ...", "on_frame is async"),
    ],
)
def test_a_method_that_would_be_called_in_vain_is_refused(members: str, said: str, project: Path) -> None:  # noqa: F811
    declare(project, members)
    assert (refused := refusal(project)).startswith("model.py:")
    assert said in refused


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ("@command('go')\n@staticmethod\ndef go(a: int): ...", "marks go, a staticmethod: write it as a method"),
        ("@staticmethod\n@command('go')\ndef go(a: int): ...", "marks go, a staticmethod: write it as a method"),
        ("@classmethod\n@command('go')\ndef go(cls): ...", "marks go, a classmethod: write it as a method"),
        ("@property\n@command('go')\ndef go(self): ...", "marks go, a property: write it as a method"),
        ("@command('go')\nclass go: ...", "marks go, a type: write it as a method"),
        ("@command('go')\ndef go(self):\n    yield 1", "M.go: @command('go') marks a generator, which would never run"),
        ("@command('go')\nasync def go(self):\n    yield 1", "marks a generator, which would never run"),
        ("@command('go')\ndef go(): ...", "M.go: a handler takes self first"),
        ("@command\ndef go(self): ...", 'M.go: @command needs a name: write @command("go")'),
        ("@command(5)\ndef go(self): ...", "@command(5): the name is a text that is not empty"),
        ("@event(name='go')\ndef go(self): ...", "model.py: M: @event(name='go') is for a ReactorModel"),
        ("@connected\ndef on_connect(self): ...", "@connected on on_connect is for a ReactorModel"),
    ],
)
def test_a_handler_that_no_client_could_reach_is_refused(members: str, said: str, project: Path) -> None:  # noqa: F811
    declare(project, members)
    assert said in refusal(project)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("a: int, frame: np.ndarray", "M.go: frame: numpy.ndarray cannot be checked; write a type that JSON can carry"),
        ("a: int, b: str = Field('x', pattern='[')", "M.go: b: str cannot be checked"),
        ("a: int, b: int = Field(3, gt='q')", "'gt' must be coercible to an integer"),
        ("a: 'Missing'", "M.go: a: the annotation 'Missing' cannot be resolved"),
        ("a: int = InputField(default=3, ge=0)", "M.go: a = InputField(...) belongs to an @event of generation 2"),
    ],
)
def test_a_parameter_that_cannot_be_checked_is_named_in_one_line(
    parameters: str,
    said: str,
    project: Path,  # noqa: F811
) -> None:
    declare(project, f"@command('go')\ndef go(self, {parameters}): ...")
    refused = refusal(project)
    assert said in refused
    assert refused.count("\n") == 0
    assert "errors.pydantic.dev" not in refused


def test_what_a_handler_returns_may_be_annotated_with_a_name_for_type_checkers_only(project: Path) -> None:  # noqa: F811
    declare(project, "@command('go')\ndef go(self, a: 'int') -> 'torch.Tensor': ...")
    [command] = load_definition(Setup(str(project))).contract.commands
    assert command.schema["properties"] == {"a": {"type": "integer"}}


def test_a_description_of_none_is_none(project: Path) -> None:  # noqa: F811
    write(
        project,
        """
        @model(name="m", description=None)
        class M(VideoModel):
            @command("go", None)
            def go(self): ...
            def start_session(self): ...
        """,
    )
    contract = load_definition(Setup(str(project))).contract
    assert (contract.description, contract.commands[0].description) == ("", "")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("@model", 'model.py: MyModel: @model needs a name: write @model(name="my-model")'),
        ("@model(name='m', config={'fps': 3})", "MyModel: @model(config={'fps': 3}): write the path of a YAML file"),
        ("@model(name='m', weights='vae')", "MyModel: @model(weights='vae'): write a list of names"),
        ("@model(name='m', weights=[1])", "MyModel: @model(weights=[1]): write a list of names"),
    ],
)
def test_a_declaration_of_wrong_types_is_refused(written: str, said: str, project: Path) -> None:  # noqa: F811
    write(project, f"{written}\nclass MyModel(VideoModel):\n    def start_session(self): ...")
    assert said in refusal(project)


def test_a_track_that_is_a_class_is_refused(project: Path) -> None:  # noqa: F811
    declare(project, "video = VideoOut")
    assert refusal(project).endswith("model.py: M: video = VideoOut: write video = VideoOut()")


def test_one_track_of_two_classes_and_names_is_refused(project: Path) -> None:  # noqa: F811
    write(
        project,
        """
        line = VideoOut()
        class First(VideoModel):
            wide = line
        @model(name="m")
        class Second(VideoModel):
            narrow = line
            def start_session(self): ...
        """,
    )
    assert "Second: narrow and wide are one VideoOut object; write one for each" in refusal(project)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("runtime: {import: 'model:M', config: {fps: 3}}", "config: {'fps': 3} is no text"),
        ("runtime: {import: 'model:M', weights_path: [a]}", "weights_path: ['a'] is no text"),
        ("runtime: {import: 'model:M', weights_store: 5}", "weights_store: 5 is no text"),
        ("runtime: {import: 'model:M'}\nmodel: {name: [a]}", "name: ['a'] is no text"),
        ("runtime: {import: './model:M'}", "Invalid spec './model:M'. Expected 'module:ClassName'."),
        ("runtime: {import: 'json:M'}", "Class 'M' not found in module 'json', which is "),
    ],
)
def test_a_manifest_with_the_wrong_thing_under_a_key_is_refused(
    manifest: str,
    said: str,
    project: Path,  # noqa: F811
) -> None:
    declare(project, "")
    (project / "reactor.yaml").write_text(manifest)
    assert said in refusal(project)


def test_a_manifest_that_cannot_be_read_is_told_as_such(project: Path) -> None:  # noqa: F811
    declare(project, "")
    (project / "reactor.yaml").mkdir()
    assert refusal(project) == f"cannot read {project}/reactor.yaml: Is a directory"


def test_a_file_that_python_has_another_module_for_is_named(project: Path) -> None:  # noqa: F811
    declare(project, "")
    (project / "model.py").rename(project / "types.py")
    with pytest.raises(LoadError, match=r"Failed to import: types\.py\.") as refused:
        load_definition(Setup(str(project)))
    assert f"not {project}/types.py; rename your file" in str(refused.value.__cause__)


def test_without_a_model_the_files_that_failed_or_the_folder_are_named(project: Path) -> None:  # noqa: F811
    assert refusal(project).endswith(f"Looked at the .py files in {project}.")
    write(project, "import no_such_package\n")
    assert refusal(project).endswith("Failed to import: model.py.")


def test_several_models_are_told_by_file_and_class(project: Path) -> None:  # noqa: F811
    declare(project, "")
    (project / "other.py").write_text((project / "model.py").read_text())
    assert refusal(project).endswith("They are model.py: M, other.py: M.")


def test_an_override_that_does_not_fit_the_configuration_is_named(project: Path) -> None:  # noqa: F811
    write(project, "@model(name='m', config='c.yaml')\nclass M(VideoModel):\n    def start_session(self): ...")
    (project / "c.yaml").write_text("sizes: [1, 2]\n")
    with pytest.raises(OperatorError, match=r"--model\.sizes\[0\]=9 does not fit the configuration"):
        load_definition(Setup(str(project), None, ("sizes[0]=9",)))


def test_a_model_without_start_session_is_told_before_it_is_constructed(project: Path) -> None:  # noqa: F811
    write(
        project,
        """
        @model(name="m")
        class M(VideoModel):
            def __init__(self, config):
                raise MemoryError("weights were read")
            def start_sesion(self): ...
        """,
    )
    driver = load_definition(Setup(str(project))).make_driver()
    with pytest.raises(ContractError, match=r"model\.py: M: M has no start_session, but start_sesion: write def"):
        contextvars.copy_context().run(driver.load, cast(Outlet, None))  # which model runs stays this test's affair
