"""The documents of whole models pass a validator of OpenAPI 3.1, and their schemas judge as the model does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from reactor_runtime.authoring.openapi import openapi
from reactor_runtime.cli.scaffold import TEMPLATES, Style
from reactor_runtime.loader import load_definition
from reactor_runtime.worker.messages import Setup
from tests.seeds.extract import reactor_model_classes, video_model_classes
from tests.unit.authoring.test_documents import REACTOR_HEAD, VIDEO_HEAD

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/model.py"))

EVERY_TYPE = dedent('''
    import enum
    from dataclasses import dataclass
    from typing import Any, Literal

    from reactor_runtime import (
        InputField, MessageField, ModelMessage, Output, ReactorModel, UploadedFile, Video, event,
    )


    class Weather(enum.Enum):
        SUN = "sun"
        RAIN = "rain"


    @dataclass
    class Point:
        x: float
        y: float = 0.0


    @dataclass
    class Shape:
        centre: Point
        edge: list[Point] | None = None
        texture: UploadedFile | None = None


    class StateUpdate(ModelMessage):
        """How it stands.

        In full.
        """

        step: int = MessageField(description="Steps so far")
        points: list[Point] = MessageField()
        weather: Weather = Weather.SUN
        anything: Any = None


    class Out(Output):
        main_video: Video


    class EveryType(ReactorModel):
        """Takes everything."""

        @event(name="take", description="Take it all.")
        def take(
            self, bare, anything: Any, n: int, f: float, s: str, b: bool, word: Literal["a", "b"],
            mixed: Literal[1, "x", None], maybe: int | None, items: list[int], loose: list, table: dict[str, float],
            free: dict, weather: Weather,
            point: Point, shape: Shape, file: UploadedFile, files: list[UploadedFile],
            limited: float = InputField(default=1, ge=0, le=2, description="How far"),
            perhaps: int | None = InputField(default=None, ge=0),
            short: str = InputField(default="", min_length=0, max_length=10, moderate=True),
            few: list[str] | None = InputField(default=None, max_length=3),
            chosen: str = InputField(default="x", choices=["x", "y"]),
            rain: Weather = Weather.RAIN,
            old_file: UploadedFile | None = None,
        ) -> StateUpdate:
            pass

        @event(name="rest")
        def rest(self):
            pass
''')

NESTED_PYDANTIC = dedent('''
    from typing import Annotated, Literal

    from pydantic import BaseModel, Field

    from reactor_runtime import AudioOut, VideoModel, VideoOut, command, model


    class Tree(BaseModel):
        """Refers to itself."""

        name: str
        children: list["Tree"] = []


    class Cat(BaseModel):
        kind: Literal["cat"]
        tree: Tree | None = None


    class Dog(BaseModel):
        kind: Literal["dog"]


    @model(name="nested")
    class Nested(VideoModel):
        picture = VideoOut(rate=24)
        sound = AudioOut()

        @command("plant", "Plant a tree")
        def plant(self, tree: Tree, depth: int = Field(default=1, ge=0, le=9)):
            pass

        @command("adopt")
        def adopt(
            self, pet: Annotated[Cat | Dog, Field(discriminator="kind")], anything=None, sizes: tuple[int, int] = (1, 2)
        ):
            pass

        def start_session(self):
            pass
''')


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(
            (str(tmp_path), str(ROOT / "examples"), str(TEMPLATES))
        ):
            del sys.modules[name]


def document_of(folder: Path) -> dict[str, Any]:
    return openapi(load_definition(Setup(str(folder))).contract)


def pointers(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (ref for key, ref in value.items() if key == "$ref" and isinstance(ref, str))
        yield from value.get("discriminator", {}).get("mapping", {}).values()
        for item in value.values():
            yield from pointers(item)
    elif isinstance(value, list):
        for item in value:
            yield from pointers(item)


def assert_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    for pointer in pointers(document):
        root, *path = pointer.split("/")
        assert root == "#"
        found: Any = document
        for part in path:
            found = found[part.replace("~1", "/").replace("~0", "~")]


def accepts(document: dict[str, Any], command: str, arguments: object) -> bool:
    """Judge arguments by the published document alone."""
    body = f"#/paths/~1events~1{command}/post/requestBody/content/application~1json/schema"
    return Draft202012Validator({**document, "$ref": body}).is_valid(arguments)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_the_document_of_every_example_is_valid(folder: Path, project: Path) -> None:
    assert_valid(document_of(folder))


@pytest.mark.parametrize("style", list(Style))
def test_the_document_of_every_template_is_valid(style: Style, project: Path) -> None:
    document = document_of(TEMPLATES / style)
    assert_valid(document)
    assert accepts(document, "set_red", {"red": 255})
    assert not accepts(document, "set_red", {"red": 256})


def test_the_document_of_the_reactor_model_page_is_valid(project: Path) -> None:
    blocks = [block for block in reactor_model_classes() if "(Output)" in block or "async def run" in block]
    (project / "model.py").write_text(
        REACTOR_HEAD + "\n\n".join([blocks[0], next(b for b in blocks if "async def run" in b)])
    )
    (project / "reactor.yaml").write_text("model: model:MyModel\nname: my-model\n")
    document = document_of(project)
    assert_valid(document)
    assert document["info"]["title"] == "my-model"


@pytest.mark.parametrize("block", video_model_classes())
def test_the_documents_of_the_model_page_are_valid(block: str, project: Path) -> None:
    (project / "model.py").write_text(VIDEO_HEAD + block)
    for name in ("default", "production"):
        (project / "configs").mkdir(exist_ok=True)
        (project / f"configs/{name}.yaml").write_text("fps: 30\n")
    assert_valid(document_of(project))


def test_every_field_type_is_published_validly(project: Path) -> None:
    (project / "model.py").write_text(EVERY_TYPE)
    document = document_of(project)
    assert_valid(document)
    assert document["info"]["description"] == "Takes everything."
    assert document["components"]["schemas"].keys() == {"StateUpdate", "ReactorUploadReference"}
    take = document["paths"]["/events/take"]["post"]
    assert take["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/StateUpdate"
    }
    assert document["webhooks"]["state_update"]["post"]["summary"] == "How it stands."
    found = take["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert all("x-reactor-moderate" in schema for schema in found.values())
    assert (found["bare"], found["chosen"]["enum"], found["rain"]["default"]) == (
        {"x-reactor-moderate": False}, ["x", "y"], "rain"
    )  # fmt: skip
    reference = {"$ref": "#/components/schemas/ReactorUploadReference"}
    assert found["file"] == {**reference, "x-reactor-moderate": False}
    assert found["old_file"] == {"anyOf": [reference, {"type": "null"}], "default": None, "x-reactor-moderate": False}
    assert found["shape"]["properties"]["texture"]["anyOf"][0] == reference


def test_nested_pydantic_models_judge_by_the_published_document_alone(project: Path) -> None:
    (project / "model.py").write_text(NESTED_PYDANTIC)
    document = document_of(project)
    assert_valid(document)
    assert document["components"]["schemas"].keys() == {"Tree", "Cat", "Dog"}
    assert accepts(document, "plant", {"tree": {"name": "oak", "children": [{"name": "acorn"}]}, "depth": 2})
    assert not accepts(document, "plant", {"tree": {"name": "oak", "children": [{"children": []}]}})
    assert not accepts(document, "plant", {"tree": {"name": "oak"}, "depth": 10})
    assert accepts(document, "adopt", {"pet": {"kind": "cat", "tree": {"name": "oak"}}})
    assert not accepts(document, "adopt", {"pet": {"kind": "cow"}})
