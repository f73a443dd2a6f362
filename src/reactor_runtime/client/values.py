"""What the client hands out and takes: pictures, sound, messages, replies, uploads, and why something failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from reactor_runtime.errors import ReactorError

if TYPE_CHECKING:  # 80 ms that a client which only sends need not pay
    import numpy as np
    import numpy.typing as npt

Kind = Literal["video", "audio"]
State = Literal["connecting", "connected", "recovering", "lost", "ended", "closed"]
"""`connecting`: not yet connected · `connected` · `recovering`: the model restarts, the connection holds · `lost`: the
connection is gone and is being replaced · `ended`: the session is over · `closed`: by this client."""


class Refused(ReactorError):
    """The server does not do what was asked of it.

    Attributes:
        code: A stable word, as `publish_refused`.
        message: Why, for people.
        http_status: Of the answer, where it came over HTTP.
        retry_after: Seconds after which the server wants to be asked again; None where it did not say.
    """

    def __init__(
        self, code: str, message: str, *, http_status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code
        self.http_status = http_status
        self.retry_after = retry_after


class CommandRefused(Refused):
    """The model, or the runtime in its place, does not take a command; code `no_answer`: nobody said anything."""


class NotConnected(ReactorError):
    """There is no connection to the server: none was made, it is being replaced, or it is over."""


@dataclass(frozen=True, slots=True)
class Track:
    """One named line of media of the model; `out` is what it puts out, `in` is what clients send it."""

    name: str
    kind: Kind
    direction: Literal["in", "out"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        data: (height, width, 3) uint8 RGB, fresh memory.
        pts: Seconds since the client connected, on one clock for all tracks; the pictures' own spacing, without the
            network's jitter.
        skipped: Pictures that came since the one before and were left out.
        rtp_timestamp: 90 kHz, 32 bit.
    """

    data: npt.NDArray[np.uint8]
    pts: float
    track: str
    skipped: int = 0
    rtp_timestamp: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A run of sound, 10 ms; silence where the model makes none.

    Attributes:
        data: (channels, samples) int16.
        rate: Samples per second.
        pts: As that of a `Frame`.
    """

    data: npt.NDArray[np.int16]
    rate: int
    pts: float
    track: str


@dataclass(frozen=True, slots=True)
class Message:
    """What the model said. `name` is None where it gave plain data (generation 1)."""

    name: str | None
    data: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a command that was not refused.

    Attributes:
        name: Type of the message that the handler returned; None where it returned nothing.
        data: Its content.
        confirmed: The server said that the command was handled. False where a server says nothing of commands.
    """

    name: str | None = None
    data: Any = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the server holds for this session; may stand for one in the arguments of commands."""

    upload_id: str
    name: str
    mime_type: str
    size: int

    def reference(self) -> dict[str, Any]:
        """Return it as commands carry it."""
        return {"upload_id": self.upload_id, "name": self.name, "mime_type": self.mime_type, "size": self.size}


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command of the model.

    Attributes:
        parameters: Name to JSON schema.
        required: Parameters that have no default.
        reply: Name of the message that it answers with; None where it answers with none.
    """

    name: str
    description: str
    parameters: Mapping[str, Mapping[str, Any]]
    required: frozenset[str]
    reply: str | None


@dataclass(frozen=True, slots=True)
class TrackFigures:
    """One received track over the time since the figures before.

    Attributes:
        codec: As `VP8`.
        width: 0 for sound, as `height` and `fps`.
        delay: Seconds from the first packet of a picture to its pixels.
        lost: Packets lost so far.
    """

    kind: Kind
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    bps: float = 0.0
    delay: float = 0.0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """How a connection does.

    Attributes:
        path: What carries it, as `udp host`, `udp relay`.
        round_trip: Seconds.
        tracks: By name, those that are watched.
    """

    path: str = ""
    round_trip: float = 0.0
    tracks: Mapping[str, TrackFigures] = field(default_factory=dict)


def command_specs(schema: Mapping[str, Any]) -> dict[str, CommandSpec]:
    """Return the commands of an OpenAPI document, in its order."""
    message_of = {_ref(body): name for name, hook in schema.get("webhooks", {}).items() if _ref(body := _body(hook))}
    specs = {}
    for path, item in schema.get("paths", {}).items():
        operation = item.get("post", {})
        name = operation.get("operationId") or path.removeprefix("/events/")
        parameters = _body(item)
        reply = _json_schema(operation.get("responses", {}).get("200", {}))
        specs[name] = CommandSpec(
            name,
            operation.get("summary", "") or operation.get("description", ""),
            parameters.get("properties", {}),
            frozenset(parameters.get("required", ())),
            message_of.get(_ref(reply)) if reply else None,
        )
    return specs


def _body(item: Mapping[str, Any]) -> dict[str, Any]:
    return _json_schema(item.get("post", {}).get("requestBody", {}))


def _json_schema(content: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _ref(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", ""))
