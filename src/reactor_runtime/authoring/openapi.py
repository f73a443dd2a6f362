"""A contract as the documents that clients ask for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from reactor_runtime.authoring.contract import CommandSpec, Contract, MessageSpec
from reactor_runtime.authoring.uploads import REFERENCE_FORMAT, REFERENCE_SCHEMA

_UPLOAD = "ReactorUploadReference"
_UPLOAD_REFERENCE = {
    **REFERENCE_SCHEMA,
    "properties": {**REFERENCE_SCHEMA["properties"], "upload_id": {"type": "string", "format": "uuid"}},
    "required": list(REFERENCE_SCHEMA["properties"]),
}
_BESIDE_AN_UPLOAD = ("description", "default", "x-reactor-moderate")
_HOLDS_DATA = ("default", "enum", "const", "example", "examples")
_MAPS_NAMES_TO_SCHEMAS = ("properties", "patternProperties", "dependentSchemas")
_ACCEPTED = {"video_model": "Command accepted"}  # generation 2 calls its commands events


def openapi(contract: Contract) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a model: a path per command, a webhook per message.

    What JSON cannot say, as an infinite default, becomes null.
    """
    tracks = sorted(contract.tracks, key=lambda track: track.direction != "in")
    components = _Components()
    messages = {message.name: components.add_message(message) for message in contract.messages}
    document = {
        "openapi": "3.1.0",
        "info": {"title": contract.model_name, "version": contract.version, "description": contract.description},
        "x-reactor": {"tracks": [{"name": t.name, "kind": t.kind, "direction": t.direction} for t in tracks]},
        "paths": {
            f"/events/{command.name}": {
                "post": {
                    "operationId": command.name,
                    "summary": command.description or f"Trigger {command.name}",
                    "requestBody": {"required": True, "content": _json(_arguments(command, components))},
                    "responses": _responses(messages.get(command.reply or ""), contract.generation),
                }
            }
            for command in contract.commands
        },
        "webhooks": {
            message.name: {"post": _webhook(message, messages[message.name], components)}
            for message in contract.messages
        },
        "components": {"schemas": components.schemas},
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


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
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {
        name: {**spec, **(definitions if "$ref" in str(spec) else {}), "required": name in required}
        for name, spec in schema.get("properties", {}).items()
    }


class _Components:
    """The schemas that a document refers to, each under a name of its own."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def add_message(self, message: MessageSpec) -> str:
        """Add a message's schema under the name of its class, as far as the wire name tells it."""
        words = re.split(r"[^A-Za-z0-9]+", message.name)
        name = "".join(word[:1].upper() + word[1:] for word in words) or "Message"
        schema = self.embedded(message.schema)
        taken = {_UPLOAD, *self.schemas}
        unique = next(n for n in _numbered(name) if n not in taken)
        self.schemas[unique] = schema
        return unique

    def embedded(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a schema that holds in the document: its own definitions become components."""
        definitions: dict[str, Any] = schema.get("$defs", {})
        for suffix in _numbered(""):
            names = {name: name + suffix for name in definitions}
            added = {names[name]: self._renamed(inner, names) for name, inner in definitions.items()}
            # Two commands share what they define alike, and only that.
            if all(self.schemas.get(name, inner) == inner for name, inner in added.items()):
                break
        self.schemas |= added
        renamed: dict[str, Any] = self._renamed({k: v for k, v in schema.items() if k != "$defs"}, names)
        return renamed

    def _renamed(self, schema: Any, names: Mapping[str, str]) -> Any:
        if isinstance(schema, list):
            return [self._renamed(item, names) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if schema.get("format") == REFERENCE_FORMAT:
            self.schemas[_UPLOAD] = _UPLOAD_REFERENCE
            own = {k: schema[k] for k in _BESIDE_AN_UPLOAD if k in schema and schema[k] != _UPLOAD_REFERENCE.get(k)}
            return {**_reference(_UPLOAD), **own}
        made: dict[str, Any] = {}
        for key, value in schema.items():
            if key in _HOLDS_DATA or key.startswith("x-"):
                made[key] = value
            elif key in _MAPS_NAMES_TO_SCHEMAS:
                made[key] = {name: self._renamed(inner, names) for name, inner in value.items()}
            elif key == "discriminator":
                mapping = {word: _moved(ref, names) for word, ref in value.get("mapping", {}).items()}
                made[key] = {**value, "mapping": mapping}
            else:
                made[key] = _moved(value, names) if key == "$ref" else self._renamed(value, names)
        return made


def _numbered(name: str) -> itertools.chain[str]:
    return itertools.chain((name,), (f"{name}{number}" for number in itertools.count(2)))


def _moved(pointer: str, names: Mapping[str, str]) -> str:
    name = pointer.removeprefix("#/$defs/")
    return _reference(names[name])["$ref"] if name in names else pointer


def _arguments(command: CommandSpec, components: _Components) -> dict[str, Any]:
    # Every command is closed to unknown arguments, so the published document does not repeat it.
    schema = {key: value for key, value in command.schema.items() if key != "additionalProperties"}
    schema["properties"] = {
        name: {**argument, "x-reactor-moderate": argument.get("x-reactor-moderate", False)}
        for name, argument in schema.get("properties", {}).items()
    }
    return components.embedded(schema)


def _responses(reply: str | None, generation: str) -> dict[str, Any]:
    if reply:
        return {"200": {"description": reply, "content": _json(_reference(reply))}}
    return {"202": {"description": _ACCEPTED.get(generation, "Event accepted")}}


def _webhook(message: MessageSpec, component: str, components: _Components) -> dict[str, Any]:
    # Readers of generation 2 look for the properties right here; later ones follow the reference.
    body = {**_reference(component), **components.schemas[component]}
    return {
        "operationId": message.name,
        "requestBody": {"required": True, "content": _json(body)},
        **({"summary": message.description.splitlines()[0]} if message.description else {}),
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
