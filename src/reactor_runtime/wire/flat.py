"""The families of the oldest clients, on the channel `data` alone: "flat", "scoped" and "named".

A flat client's frame is a command as it stands. Those of scoped and named clients are as in "multi", with the commands
of the model by name. Until a client has spoken nobody knows which it is; what the model says is then wrapped for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reactor_runtime.wire import multi
from reactor_runtime.wire.messages import (
    Capabilities,
    Command,
    CommandAnswered,
    Inbound,
    ModelSaid,
    Outbound,
    RequestCapabilities,
)
from reactor_runtime.wire.multi import Frame


def decode(channel: str, data: str | bytes) -> Inbound | None:
    """Read one frame of a flat client; see `multi.decode`."""
    said = multi.decode(channel, data) if channel == "data" else None
    if isinstance(said, Command) and said.name == "requestCapabilities":
        return RequestCapabilities()
    return said


def encode(message: Outbound) -> list[Frame]:
    """Say to a flat client what the model says and offers; it has no word for anything else."""
    match message:
        case ModelSaid():
            return [_frame({"type": "application", "data": _said(message.name, message.data)})]
        case CommandAnswered(error_code=None) if message.name is not None or message.data is not None:
            return [_frame({"type": "application", "data": _said(message.name, message.data)})]
        case Capabilities(document=document):
            return [_frame(_by_name(document))]
    return []


def encode_for_either(message: Outbound) -> list[Frame]:
    """Say what flat and scoped clients both understand."""
    match message:
        case ModelSaid():
            wrapped = {"type": "application", "scope": "application", "data": _said(message.name, message.data)}
            return [_frame(wrapped)]
    return []


def encode_scoped(message: Outbound) -> list[Frame]:
    """Say something to a scoped or named client."""
    match message:
        case Capabilities(document=document):
            return multi.encode(Capabilities(_by_name(document)))
    return multi.encode(message)


def _said(name: str | None, data: Any) -> Any:
    return data if name is None else {"type": name, "data": data}


def _by_name(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the capabilities as these clients read them: commands by name, without the tracks."""
    commands = document.get("commands") or ()
    return {
        "commands": {
            command["name"]: {key: value for key, value in command.items() if key != "name"} for command in commands
        }
    }


def _frame(value: Mapping[str, Any]) -> Frame:
    return "data", msgspec.json.encode(value).decode()
