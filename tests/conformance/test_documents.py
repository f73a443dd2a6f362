"""Capabilities and schema: the documents that clients read."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from reactor_runtime import VideoModel, command, model
from reactor_runtime.authoring.openapi import openapi
from reactor_runtime.interface import (
    Audio,
    Idle,
    Input,
    InputField,
    InputState,
    MessageField,
    ModelMessage,
    Output,
    ReactorPipeline,
    UploadedFile,
    Video,
    event,
)
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table


@model("lamp")
class Lamp(VideoModel):
    def start_session(self) -> None: ...

    @command("set_b", description="set b")
    def set_b(self, b: float = Field(..., ge=0, le=2, description="bb")) -> None: ...


@fact(
    "7.7",
    "1",
    "capabilities: protocol 1.0, tracks with `recvonly`, commands with flat parameters and `required`, `emission_fps`",
)
def test_the_capabilities_are_as_published() -> None:
    described = {"description": "bb", "maximum": 2, "minimum": 0, "type": "number", "required": True}
    assert Lamp.capabilities() == {
        "protocol_version": "1.0",
        "tracks": [{"name": "main_video", "kind": "video", "direction": "recvonly"}],
        "commands": [{"name": "set_b", "description": "set b", "schema": {"b": described}}],
        "emission_fps": None,
    }


class Webcam(Input):
    webcam: Video


class Show(Output):
    main_video: Video
    main_audio: Audio


class Kind(enum.Enum):
    A = "a"
    B = "b"


@dataclass
class Point:
    x: float
    y: float = 0.0


class Note(ModelMessage):
    """A note.

    With more about it.
    """

    k: int = MessageField(description="K")


class State(InputState):
    ref: UploadedFile


class Demo(ReactorPipeline):
    """Shows what it is sent."""

    state: State
    camera: Webcam

    @event(name="jump", description="Jump once.")
    def jump(
        self,
        point: Point,
        h: float = InputField(default=1.0, ge=0, le=2),
        kind: Kind = Kind.A,
        mode: Literal["x", "y"] = "x",
        tags: list[str] | None = None,
    ) -> None: ...

    def inference(self) -> Iterator[Any]:
        yield Idle


DOCUMENT = openapi(ModelHarness(Demo).contract)
JUMP = DOCUMENT["paths"]["/events/jump"]["post"]
SCHEMA = JUMP["requestBody"]["content"]["application/json"]["schema"]


def argument(name: str) -> Any:
    return {key: value for key, value in SCHEMA["properties"][name].items() if key != "x-reactor-moderate"}


@fact("7.7", "2", "`openapi` is 3.1.0; `info` has title, version (v0.0.0 by default) and description")
def test_the_document_introduces_itself() -> None:
    described = {"title": "demo", "version": "v0.0.0", "description": "Shows what it is sent."}
    assert (DOCUMENT["openapi"], DOCUMENT["info"]) == ("3.1.0", described)


@fact("7.7", "2", "`x-reactor.tracks` lists name, kind and direction, inputs first")
def test_the_document_lists_tracks_inputs_first() -> None:
    tracks = [("webcam", "video", "in"), ("main_video", "video", "out"), ("main_audio", "audio", "out")]
    listed = [dict(zip(("name", "kind", "direction"), track, strict=True)) for track in tracks]
    assert DOCUMENT["x-reactor"]["tracks"] == listed


@fact("7.7", "2", "an event is `/events/<name>`, its `operationId` the name and its summary the description")
def test_an_event_is_a_path() -> None:
    assert (JUMP["operationId"], JUMP["summary"], JUMP["requestBody"]["required"]) == ("jump", "Jump once.", True)


@fact("7.7", "2", 'an event answers 202 "Event accepted"')
def test_an_event_is_accepted() -> None:
    assert JUMP["responses"] == {"202": {"description": "Event accepted"}}


@fact("7.7", "2", "`required` are the parameters without a default")
def test_required_are_the_parameters_without_a_default() -> None:
    assert SCHEMA["required"] == ["point"]


@table(
    "7.7",
    "2",
    "{}",
    "name, schema",
    ("limits and default of a number", "h", {"type": "number", "default": 1.0, "minimum": 0, "maximum": 2}),
    (
        "an Enum is the enum of its values, its default a value",
        "kind",
        {"type": "string", "enum": ["a", "b"], "default": "a"},
    ),
    ("a Literal is an enum", "mode", {"type": "string", "enum": ["x", "y"], "default": "x"}),
    (
        "Optional is `anyOf` with null",
        "tags",
        {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None},
    ),
)
def test_a_parameter_is_described(name: str, schema: dict[str, Any]) -> None:
    assert argument(name) == schema


@fact("7.7", "2", "a dataclass is a nested object with its own `required`")
def test_a_dataclass_is_a_nested_object() -> None:
    described = argument("point")
    assert (described["type"], list(described["properties"]), described["required"]) == ("object", ["x", "y"], ["x"])


@fact("7.7", "2", "a message is a webhook under its wire name, summed up by its first line, its properties inline")
def test_a_message_is_a_webhook() -> None:
    webhook = DOCUMENT["webhooks"]["note"]["post"]
    body = webhook["requestBody"]["content"]["application/json"]["schema"]
    assert (webhook["operationId"], webhook["summary"]) == ("note", "A note.")
    assert (body["properties"], body["required"]) == ({"k": {"type": "integer", "description": "K"}}, ["k"])


@fact("7.7", "2", "an upload refers to the component `ReactorUploadReference`: upload_id (uuid), name, mime_type, size")
def test_an_upload_is_a_reference() -> None:
    component = DOCUMENT["components"]["schemas"]["ReactorUploadReference"]
    assert component["format"] == "reactor-upload-reference"
    assert component["required"] == ["upload_id", "name", "mime_type", "size"]
    body = DOCUMENT["paths"]["/events/set_ref"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["ref"]["anyOf"][0] == {"$ref": "#/components/schemas/ReactorUploadReference"}
    assert body["properties"]["ref"]["default"] is None


@fact(
    "7.6",
    "2",
    "`x-reactor-moderate` shows only where a field opted out (2.7.10)",
    better="it is on every field, true where it is asked for",
)
def test_every_field_says_whether_it_is_moderated() -> None:
    assert {field["x-reactor-moderate"] for field in SCHEMA["properties"].values()} == {False}
