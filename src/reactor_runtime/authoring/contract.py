"""What a model offers, as plain data: the only thing the server ever knows of an author's class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from reactor_runtime.authoring.judge import refusal
from reactor_runtime.errors import ContractError, InvalidArgument, UnknownCommand

Kind = Literal["video", "audio"]
Direction = Literal["in", "out"]
"""Seen from the model: `out` is what the model emits, `in` is what clients send."""


class TrackSpec(msgspec.Struct, frozen=True):
    """One named line of media.

    Attributes:
        rate: Declared frames per second (0 when measured) for video, samples per second for audio.
        float_range: The floats that mean black and white, where pictures are floats.
    """

    name: str
    kind: Kind
    direction: Direction = "out"
    rate: float = 0.0
    float_range: tuple[float, float] = (0.0, 1.0)


def float_range(where: str, declared: Any) -> tuple[float, float]:
    """Return the floats that an author declared to mean black and white.

    Raises:
        ContractError: They are no two finite numbers, the lower one first.
    """
    try:
        low, high = map(float, declared)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ContractError(f"{where} = {declared!r}: write the floats that mean black and white, as (-1, 1)")
    return low, high


class CommandSpec(msgspec.Struct, frozen=True):
    """One command clients may send.

    Attributes:
        schema: JSON Schema (2020-12) of the arguments, always an object.
        checked_by: `server` when the schema decides; `worker` when only the author's own types can (generation 1
            coerces leniently through pydantic).
        reply: Name of the message the handler answers with, None for a bare acknowledgement.
    """

    name: str
    description: str = ""
    schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})
    checked_by: Literal["server", "worker"] = "server"
    reply: str | None = None


class MessageSpec(msgspec.Struct, frozen=True):
    """One message the model may send to clients."""

    name: str
    description: str = ""
    schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object"})


class Contract(msgspec.Struct, frozen=True):
    """Everything a model offers.

    Attributes:
        generation: The authoring style; it decides session rules, never how media flows.
        fps: Playout rate pinned by the author, None when it is measured.
        buffer_size: Ceiling on frames generated ahead of what is shown (never below one chunk).
        max_lead_ms: Ceiling on how long they last (never below one chunk); None leaves it to `buffer_size`.
    """

    model_name: str
    generation: Literal["video_model", "reactor_model"]
    tracks: tuple[TrackSpec, ...] = ()
    commands: tuple[CommandSpec, ...] = ()
    messages: tuple[MessageSpec, ...] = ()
    description: str = ""
    version: str = "v0.0.0"
    fps: float | None = None
    buffer_size: int = 4
    max_lead_ms: float | None = None

    def outputs(self, kind: Kind | None = None) -> tuple[TrackSpec, ...]:
        """Return the output tracks in declaration order, of one kind if asked."""
        return tuple(t for t in self.tracks if t.direction == "out" and kind in (None, t.kind))

    def command(self, name: str) -> CommandSpec:
        """Return the named command.

        Raises:
            UnknownCommand: The model declares none of that name; the message lists those it has.
        """
        for spec in self.commands:
            if spec.name == name:
                return spec
        known = ", ".join(sorted(c.name for c in self.commands)) or "none"
        raise UnknownCommand(f"unknown command {name!r}; this model has: {known}")

    def check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Accept or refuse one command before it reaches the model.

        Raises:
            UnknownCommand: No such command.
            InvalidArgument: An argument is missing, unexpected, of a wrong type or out of range; names the argument.
        """
        spec = self.command(name)
        if spec.checked_by == "worker":
            return
        if why := refusal(spec.schema, arguments):
            raise InvalidArgument(f"{name}: {why}")
