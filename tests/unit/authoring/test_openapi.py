from reactor_runtime.authoring.contract import CommandSpec, Contract, MessageSpec, TrackSpec
from reactor_runtime.authoring.openapi import capabilities, openapi

NOTE = {"type": "object", "properties": {"k": {"type": "integer", "description": "K"}}, "required": ["k"]}
JUMP = {"type": "object", "properties": {"h": {"type": "number", "default": 1.0}}}

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
                            "description": "note",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/note"}}},
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
                    "responses": {"202": {"description": "Command accepted"}},
                }
            },
        },
        "webhooks": {
            "note": {
                "post": {
                    "operationId": "note",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/note"}}},
                    },
                    "summary": "A note.",
                }
            }
        },
        "components": {"schemas": {"note": NOTE}},
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
                "schema": {"h": {"type": "number", "default": 1.0, "required": False}},
            },
            {"name": "land", "description": "", "schema": {}},
        ],
        "emission_fps": None,
    }
