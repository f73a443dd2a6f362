"""The documents made of a contract, literal by literal: reference §7.7."""

from __future__ import annotations

from typing import Any

import pytest

from reactor_runtime.authoring.contract import CommandSpec, Contract, MessageSpec, TrackSpec
from reactor_runtime.authoring.openapi import capabilities, openapi
from reactor_runtime.authoring.uploads import REFERENCE_SCHEMA

ACCEPTED = {"202": {"description": "Event accepted"}}
NOTE = {"type": "object", "properties": {"k": {"type": "integer", "description": "K"}}, "required": ["k"]}
JUMP = {"type": "object", "properties": {"h": {"type": "number", "default": 1.0, "x-reactor-moderate": False}}}

CONTRACT = Contract(
    model_name="my-model",
    generation="reactor_model",
    tracks=(TrackSpec("main_video", "video"), TrackSpec("webcam", "video", "in"), TrackSpec("main_audio", "audio")),
    commands=(
        CommandSpec("jump", "Jump once.", {**JUMP, "additionalProperties": False}, reply="note"),
        CommandSpec("land"),
    ),
    messages=(MessageSpec("note", "A note.\n\nAt length.", NOTE),),
    description="Does things.",
    version="v1.2.3",
)


def test_the_document_has_the_published_shape() -> None:
    assert openapi(CONTRACT) == {
        "openapi": "3.1.0",
        "info": {"title": "my-model", "version": "v1.2.3", "description": "Does things."},
        "x-reactor": {
            "tracks": [
                {"name": "webcam", "kind": "video", "direction": "in"},
                {"name": "main_video", "kind": "video", "direction": "out"},
                {"name": "main_audio", "kind": "audio", "direction": "out"},
            ]
        },
        "paths": {
            "/events/jump": {
                "post": {
                    "operationId": "jump",
                    "summary": "Jump once.",
                    "requestBody": {"required": True, "content": {"application/json": {"schema": JUMP}}},
                    "responses": {
                        "200": {
                            "description": "Note",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}},
                        }
                    },
                }
            },
            "/events/land": {
                "post": {
                    "operationId": "land",
                    "summary": "Trigger land",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"type": "object", "properties": {}}}},
                    },
                    "responses": ACCEPTED,
                }
            },
        },
        "webhooks": {
            "note": {
                "post": {
                    "operationId": "note",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note", **NOTE}}},
                    },
                    "summary": "A note.",
                }
            }
        },
        "components": {"schemas": {"Note": NOTE}},
    }


def commanding(*schemas: dict[str, Any], generation: Any = "reactor_model", messages: tuple[str, ...] = ()) -> Contract:
    commands = tuple(CommandSpec(f"c{number}", schema=schema) for number, schema in enumerate(schemas))
    return Contract(
        "m", generation, commands=commands, messages=tuple(MessageSpec(name, schema=NOTE) for name in messages)
    )


def properties(document: dict[str, Any], command: str = "c0") -> dict[str, Any]:
    body = document["paths"][f"/events/{command}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "$defs" not in body
    found: dict[str, Any] = body["properties"]
    return found


def taking(**arguments: Any) -> dict[str, Any]:
    return {"type": "object", "properties": arguments}


def test_message_bodies_are_both_referenced_and_inline_since_generation_2_readers_look_for_properties() -> None:
    document = openapi(CONTRACT)
    content = document["webhooks"]["note"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert content["$ref"] == "#/components/schemas/Note"
    assert content["properties"] == document["components"]["schemas"]["Note"]["properties"]


def test_generation_1_speaks_of_commands_and_marks_every_argument() -> None:
    document = openapi(commanding(taking(x={"type": "integer"}), generation="video_model"))
    assert document["paths"]["/events/c0"]["post"]["responses"] == {"202": {"description": "Command accepted"}}
    assert properties(document) == {"x": {"type": "integer", "x-reactor-moderate": False}}


def test_a_reply_that_the_model_does_not_declare_is_a_bare_acknowledgement() -> None:
    contract = Contract("m", "reactor_model", commands=(CommandSpec("go", reply="unknown"),))
    assert openapi(contract)["paths"]["/events/go"]["post"]["responses"] == ACCEPTED


def test_upload_references_at_any_depth_become_one_component() -> None:
    upload = {**REFERENCE_SCHEMA, "x-reactor-moderate": False}
    reference = {"$ref": "#/components/schemas/ReactorUploadReference"}
    document = openapi(
        commanding(
            taking(
                file={**upload, "description": "The first picture"},
                perhaps={"anyOf": [REFERENCE_SCHEMA, {"type": "null"}], "default": None, "x-reactor-moderate": False},
                many={"type": "array", "items": REFERENCE_SCHEMA},
                nested=taking(inner={"type": "object", "additionalProperties": upload}),
            )
        )
    )
    found = properties(document)
    assert found["file"] == {**reference, "description": "The first picture", "x-reactor-moderate": False}
    assert found["perhaps"] == {
        "anyOf": [reference, {"type": "null"}], "default": None, "x-reactor-moderate": False
    }  # fmt: skip
    assert found["many"]["items"] == reference
    assert found["nested"]["properties"]["inner"]["additionalProperties"] == {**reference, "x-reactor-moderate": False}
    component = document["components"]["schemas"]["ReactorUploadReference"]
    assert (component["format"], component["required"]) == (
        "reactor-upload-reference",
        ["upload_id", "name", "mime_type", "size"],
    )
    assert component["properties"]["upload_id"] == {"type": "string", "format": "uuid"}


def test_the_upload_component_is_there_only_when_something_refers_to_it() -> None:
    assert openapi(CONTRACT)["components"]["schemas"].keys() == {"Note"}


def test_definitions_of_commands_become_components_shared_only_when_alike() -> None:
    inner, other = taking(a={"$ref": "#/$defs/Leaf"}), taking(b={"type": "string"})
    leaf, other_leaf = {"type": "integer"}, {"type": "boolean"}
    argument = {"x": {"$ref": "#/$defs/Inner"}}
    document = openapi(
        commanding(
            {**taking(**argument), "$defs": {"Inner": inner, "Leaf": leaf}},
            {**taking(**argument), "$defs": {"Inner": inner, "Leaf": leaf}},
            {**taking(**argument), "$defs": {"Inner": other}},
            {**taking(**argument), "$defs": {"Inner": inner, "Leaf": other_leaf}},
            generation="video_model",
        )
    )
    refs = [properties(document, f"c{n}")["x"]["$ref"].rpartition("/")[2] for n in range(4)]
    assert refs == ["Inner", "Inner", "Inner2", "Inner3"]
    schemas = document["components"]["schemas"]
    assert schemas["Inner"]["properties"]["a"] == {"$ref": "#/components/schemas/Leaf"}
    assert schemas["Inner3"]["properties"]["a"] == {"$ref": "#/components/schemas/Leaf3"}
    assert (schemas["Inner2"], schemas["Leaf"], schemas["Leaf3"]) == (other, leaf, other_leaf)


def test_a_definition_never_takes_the_place_of_a_message() -> None:
    schema = {**taking(x={"$ref": "#/$defs/Note"}), "$defs": {"Note": {"type": "integer"}}}
    document = openapi(commanding(schema, messages=("note",)))
    assert properties(document)["x"]["$ref"] == "#/components/schemas/Note2"
    assert document["components"]["schemas"] == {"Note": NOTE, "Note2": {"type": "integer"}}


@pytest.mark.parametrize(
    ("names", "components"),
    [
        (("state_update",), {"StateUpdate"}),
        (("my message!",), {"MyMessage"}),
        (("reactor_upload_reference",), {"ReactorUploadReference2"}),
        (("note", "Note", "no_te"), {"Note", "Note2", "NoTe"}),
        (("!",), {"Message"}),
    ],
)
def test_each_message_has_a_component_of_its_own_named_like_its_class(
    names: tuple[str, ...], components: set[str]
) -> None:
    document = openapi(commanding(messages=names))
    assert document["components"]["schemas"].keys() == components
    assert document["webhooks"].keys() == set(names)


def test_values_that_look_like_schemas_are_left_alone() -> None:
    looks = {"$ref": "#/$defs/Leaf"}
    argument = {"default": looks, "enum": [looks], "const": looks, "examples": [looks], "x-note": looks}
    schema = {**taking(x=argument, default={"$ref": "#/$defs/Leaf"}), "$defs": {"Leaf": {"type": "integer"}}}
    found = properties(openapi(commanding(schema)))
    assert found["x"] == {**argument, "x-reactor-moderate": False}
    assert found["default"]["$ref"] == "#/components/schemas/Leaf"


def test_the_words_of_a_tagged_union_lead_to_components() -> None:
    union = {
        "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/$defs/Cat"}},
        "oneOf": [{"$ref": "#/$defs/Cat"}],
    }
    schema = {**taking(pet=union), "$defs": {"Cat": taking(kind={"const": "cat"})}}
    pet = properties(openapi(commanding(schema, generation="video_model")))["pet"]
    assert pet["discriminator"]["mapping"] == {"cat": "#/components/schemas/Cat"}
    assert pet["oneOf"] == [{"$ref": "#/components/schemas/Cat"}]


def test_a_number_that_json_does_not_have_becomes_null() -> None:
    document = openapi(commanding(taking(x={"type": "number", "default": float("inf")})))
    assert properties(document)["x"]["default"] is None


def test_making_the_document_leaves_the_contract_as_it_was() -> None:
    schema = {**taking(x={"$ref": "#/$defs/A"}), "$defs": {"A": {"type": "integer"}}}
    contract = commanding(schema)
    assert openapi(contract) == openapi(contract)
    assert contract.commands[0].schema == {**taking(x={"$ref": "#/$defs/A"}), "$defs": {"A": {"type": "integer"}}}


def test_capabilities_carry_the_definitions_that_an_argument_refers_to() -> None:
    definitions = {"A": {"type": "integer"}}
    schema = {**taking(x={"$ref": "#/$defs/A"}, y={"type": "string"}), "$defs": definitions, "required": ["x"]}
    [command] = capabilities(commanding(schema, generation="video_model"))["commands"]
    assert command["schema"] == {
        "x": {"$ref": "#/$defs/A", "$defs": definitions, "required": True},
        "y": {"type": "string", "required": False},
    }


def test_capabilities_tell_directions_from_the_clients_side_and_arguments_one_by_one() -> None:
    assert capabilities(CONTRACT) == {
        "protocol_version": "1.0",
        "tracks": [
            {"name": "main_video", "kind": "video", "direction": "recvonly"},
            {"name": "webcam", "kind": "video", "direction": "sendonly"},
            {"name": "main_audio", "kind": "audio", "direction": "recvonly"},
        ],
        "commands": [
            {
                "name": "jump",
                "description": "Jump once.",
                "schema": {"h": {**JUMP["properties"]["h"], "required": False}},
            },
            {"name": "land", "description": "", "schema": {}},
        ],
        "emission_fps": None,
    }
