"""`reactor send`: one command to a running model, and its reply."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reactor_runtime.cli.verdict import refuse, tell
from reactor_runtime.errors import OperatorError

if TYPE_CHECKING:
    from reactor_runtime.client import Client, CommandSpec

UPLOAD = "ReactorUploadReference"
"""How a model's document calls a parameter that is a file."""
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}

Url = Annotated[str, typer.Argument(help="Address of the server, as http://127.0.0.1:8080.", metavar="URL")]
Session = Annotated[
    str | None, typer.Option("--session", help="A running session, where the server has several.", metavar="ID")
]


def send(
    url: Url,
    command: Annotated[
        str | None, typer.Argument(help="Without it, the model's commands are listed.", metavar="COMMAND")
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="Its arguments; JSON where they are no text, @FILE for a file.", metavar="KEY=VALUE"),
    ] = None,
    session: Session = None,
) -> None:
    """Send a running model a command and print its reply; alone, list its commands."""
    raise typer.Exit(spoken(_send(url, command, arguments or [], session)))


def spoken(work: Coroutine[Any, Any, int]) -> int:
    """Run what speaks with a server, and return its exit status: 1 refused, 2 out of reach."""
    from reactor_runtime.client import NotConnected, Refused

    try:
        return asyncio.run(work)
    except Refused as refused:
        return tell(refused)
    except (NotConnected, OSError, ValueError) as wrong:
        return refuse(str(wrong))


async def _send(url: str, command: str | None, arguments: Sequence[str], session: str | None) -> int:
    from reactor_runtime.client import Client

    async with Client(url, session_id=session) as client:
        if command is None:
            print(*_listed(client.commands, client.schema), sep="\n")
            return 0
        spec = client.commands.get(command)
        values = await _values(client, dict(spec.parameters) if spec else {}, arguments)
        reply = await client.send(command, **values)
    if reply.name is not None or reply.data is not None:
        print(json.dumps({"type": reply.name, "data": reply.data}, ensure_ascii=False))
    elif not reply.confirmed:
        print("sent; this server does not say what becomes of commands", file=sys.stderr)
    return 0


async def _values(client: Client, parameters: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """Return the arguments as the schema has them; a key that is given several times makes a list."""
    given: dict[str, list[str]] = {}
    for argument in arguments:
        key, is_given, text = argument.partition("=")
        if not is_given or not key:
            raise OperatorError(f"{argument!r} is no KEY=VALUE")
        given.setdefault(key, []).append(text)
    values: dict[str, Any] = {}
    for key, texts in given.items():
        schema = parameters.get(key, {})
        if _is_file(_item(schema, client.schema), client.schema):
            uploads = [await client.upload(Path(text.removeprefix("@"))) for text in texts]
            values[key] = uploads if _has_items(schema, client.schema) else uploads[-1]
        elif len(texts) > 1:
            values[key] = [read_value(_item(schema, client.schema), client.schema, key, text) for text in texts]
        else:
            values[key] = read_value(schema, client.schema, key, texts[0])
    return values


def read_value(schema: Mapping[str, Any], document: Mapping[str, Any], key: str, text: str) -> Any:
    """Return what a person wrote for a parameter as the type that its schema asks for.

    Raises:
        OperatorError: It is none.
    """
    types = {str(part["type"]) for part in _parts(schema, document) if "type" in part}
    if types == {"string"}:
        return text
    try:
        value = json.loads(text, parse_constant=lambda word: None)
    except ValueError:
        value = text
    kind = _JSON_TYPES.get(type(value), "string")
    if not types or kind in types or (kind == "integer" and "number" in types):
        return value
    if "string" in types:
        return text
    raise OperatorError(f"{key}={text}: expected {' or '.join(sorted(types))}")


def _parts(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and its alternatives, each of one type."""
    if (reference := str(schema.get("$ref", ""))).startswith("#/"):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target.get(step, {})
        yield from _parts({**target, "$ref": reference.rpartition("/")[2]}, document)
        return
    for alternative in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _parts(alternative, document)
    kind = schema.get("type")
    for one in kind if isinstance(kind, list) else [kind]:
        yield {**schema, "type": one} if one else {key: value for key, value in schema.items() if key != "type"}


def _is_file(schema: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    return any(part.get("$ref") == UPLOAD for part in _parts(schema, document))


def _has_items(schema: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    return any(part.get("type") == "array" for part in _parts(schema, document))


def _item(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of one entry of a list, or the schema itself."""
    arrays = (part for part in _parts(schema, document) if part.get("type") == "array")
    found: Mapping[str, Any] = next((part.get("items", {}) for part in arrays), schema)
    return found


def _listed(commands: Mapping[str, CommandSpec], document: Mapping[str, Any]) -> Iterator[str]:
    if not commands:
        yield "The model has no commands."
    for spec in commands.values():
        yield f"{spec.name}  {spec.description}".rstrip()
        for name, schema in spec.parameters.items():
            yield f"    {name}={_told(schema, document, is_required=name in spec.required)}"
        if spec.reply:
            yield f"    replies {spec.reply}"


def _told(schema: Mapping[str, Any], document: Mapping[str, Any], *, is_required: bool) -> str:
    item = _item(schema, document)
    kinds = sorted({str(part["type"]) for part in _parts(item, document) if part.get("type") not in (None, "null")})
    kind = "@FILE" if _is_file(item, document) else "|".join(kinds) or "JSON"
    if "enum" in schema:
        kind = "|".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    if "default" in schema:
        limits.append(f"default {json.dumps(schema['default'], ensure_ascii=False)}")
    elif is_required:
        limits.append("required")
    several = " ..." if item is not schema else ""
    return f"{kind}{several}" + (f"  ({', '.join(limits)})" if limits else "")


_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "minLength": "at least letters",
    "maxLength": "at most letters",
}
