"""A contract as the documents that clients ask for."""

from __future__ import annotations

from typing import Any

from reactor_runtime.authoring.contract import CommandSpec, Contract


def openapi(contract: Contract) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a model: a path per command, a webhook per message."""
    tracks = sorted(contract.tracks, key=lambda track: track.direction != "in")
    return {
        "openapi": "3.1.0",
        "info": {"title": contract.model_name, "version": contract.version, "description": contract.description},
        "x-reactor": {"tracks": [{"name": t.name, "kind": t.kind, "direction": t.direction} for t in tracks]},
        "paths": {f"/events/{command.name}": {"post": _operation(command)} for command in contract.commands},
        "webhooks": {
            message.name: {
                "post": {
                    "operationId": message.name,
                    "requestBody": {"required": True, "content": _json(_reference(message.name))},
                    **({"summary": message.description.splitlines()[0]} if message.description else {}),
                }
            }
            for message in contract.messages
        },
        "components": {"schemas": {message.name: message.schema for message in contract.messages}},
    }


def capabilities(contract: Contract) -> dict[str, Any]:
    """Return what published clients call capabilities; directions are the client's, as its peer sees them."""
    directions = {"in": "sendonly", "out": "recvonly"}
    return {
        "protocol_version": "1.0",
        "tracks": [{"name": t.name, "kind": t.kind, "direction": directions[t.direction]} for t in contract.tracks],
        "commands": [
            {"name": c.name, "description": c.description, "schema": _parameters(c.schema)} for c in contract.commands
        ],
        "emission_fps": contract.fps,
    }


def _parameters(schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {name: {**spec, "required": name in required} for name, spec in schema.get("properties", {}).items()}


def _operation(command: CommandSpec) -> dict[str, Any]:
    # Every command is closed to unknown arguments, so the published document does not repeat it.
    schema = {key: value for key, value in command.schema.items() if key != "additionalProperties"}
    reply: dict[str, Any] = {"202": {"description": "Command accepted"}}
    if command.reply:
        reply = {"200": {"description": command.reply, "content": _json(_reference(command.reply))}}
    return {
        "operationId": command.name,
        "summary": command.description or f"Trigger {command.name}",
        "requestBody": {"required": True, "content": _json(schema)},
        "responses": reply,
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
