"""What clients and the runtime say to each other, whatever family puts it on the wire.

`request_id` is the client's own word for a request; it comes back unchanged in the answer, and is None where the
client wants none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# ---- client -> runtime ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """Steer the model.

    Attributes:
        uploads: Parameter name to the reference of a file uploaded over HTTP.
        sent_at: When it was sent, seconds on the client's clock, if the client wants to be told which frame answers it
            (`FrameAnswers`) and tells in turn when that was shown (`FrameShown`); else None.
    """

    name: str
    arguments: dict[str, Any]
    request_id: str | None = None
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """The client is alive. Never answered."""


@dataclass(frozen=True, slots=True)
class RequestSchema:
    """Answered by `Schema`."""

    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class RequestCapabilities:
    """Answered by `Capabilities`."""


@dataclass(frozen=True, slots=True)
class PublishTrack:
    """Claim an input track. Answered by `TrackAnswered`."""

    track: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnpublishTrack:
    """Give an input track back."""

    track: str


@dataclass(frozen=True, slots=True)
class ResumeTrack:
    """Send this output track. May be said twice."""

    track: str


@dataclass(frozen=True, slots=True)
class PauseTrack:
    """Stop sending this output track."""

    track: str


@dataclass(frozen=True, slots=True)
class FileUploaded:
    """An upload over HTTP is complete. `size` is in bytes."""

    upload_id: str
    name: str
    mime_type: str
    size: int


@dataclass(frozen=True, slots=True)
class RequestRecording:
    """Ask for the last `duration` seconds, or for the whole session (None)."""

    duration: float | None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClockTold:
    """The answer to `AskClock`, at once: what that said, and seconds on the client's clock."""

    asked_at: float
    client_at: float


@dataclass(frozen=True, slots=True)
class FrameShown:
    """The frame of a `FrameAnswers` is on the screen. Times are seconds on the client's clock.

    Attributes:
        command_ids: As they came.
        shown_at: When it is seen.
        received_at: When its last packet came; None where the client cannot tell.
        decode_s: From the decoder's input to its output; None where the client cannot tell.
    """

    command_ids: Sequence[str]
    shown_at: float
    received_at: float | None = None
    decode_s: float | None = None


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """Answered by `Figures`, once; who wants to follow them asks again and again."""

    request_id: str | None = None


Inbound = (
    Command
    | Ping
    | RequestSchema
    | RequestCapabilities
    | PublishTrack
    | UnpublishTrack
    | ResumeTrack
    | PauseTrack
    | FileUploaded
    | RequestRecording
    | ClockTold
    | FrameShown
    | RequestFigures
)

# ---- runtime -> client ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelSaid:
    """A message of the model. `name` is its type; None where the model gave plain data (generation 1)."""

    data: Any
    name: str | None = None


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """The answer to one `Command`, for its sender only.

    Attributes:
        name: Type of the reply's body; None where the handler returned nothing.
        data: The reply's body.
        error_code: Why the command was refused; None where it was accepted.
    """

    request_id: str | None
    command: str
    name: str | None = None
    data: Any = None
    error_code: str | None = None
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """The model's OpenAPI document."""

    document: Mapping[str, Any]
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The model's tracks and commands, as `/start_session` tells them."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrackAnswered:
    """The answer to `PublishTrack`. `error_code` None means the track is the client's."""

    track: str
    request_id: str | None
    error_code: str | None = None
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class SessionStateChanged:
    """The session went on to `state`."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session is over; the wire closes next."""

    reason: str


@dataclass(frozen=True, slots=True)
class RecordingRefused:
    """The answer to `RequestRecording` that failed."""

    reason: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Moderation:
    """What a client said was found unfit.

    Attributes:
        action: `warn`, or `terminate`, which the end of the session follows.
        input_kind: What was looked at, as `prompt`.
        command: The command that carried it.
        categories: What it was found to be.
    """

    action: str
    input_kind: str = ""
    command: str = ""
    categories: Sequence[str] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The author's code raised. `summary` is one line that is safe to show."""

    where: str
    summary: str


@dataclass(frozen=True, slots=True)
class LoadingProgress:
    """What loading is busy with. `fraction` is 0..1, or None when it cannot be told."""

    text: str
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The answer to bytes that say nothing. `request_id` is that of the request they were, where it could be read."""

    reason: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class FrameAnswers:
    """The frame with this RTP timestamp (90 kHz, 32 bit) is the first that shows these commands' effect.

    Only for the client that sent them, and only where it said when. Answered by `FrameShown`.

    Attributes:
        command_ids: The request ids that the client gave its commands.
    """

    track: str
    rtp_timestamp: int
    command_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class AskClock:
    """Asks a client that wants its commands followed for its time. Answered by `ClockTold`."""

    asked_at: float


@dataclass(frozen=True, slots=True)
class CommandTraced:
    """Where the time of one command went, once its `FrameShown` has come; for its sender only.

    Attributes:
        stages: Name of the stage to seconds, in the order of time; `total` is all of it.
    """

    request_id: str
    command: str
    stages: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RungTold:
    """The encoded version of a track that a client gets.

    Attributes:
        place: From the best down, the best is 0; `of` is how many are open that this client could get.
        bitrate_bps: The rate that it keeps.
        viewers: Clients that get it.
    """

    place: int
    of: int
    codec: str
    width: int
    height: int
    bitrate_bps: int
    viewers: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How the stream and one client's connection do; for that client only.

    Attributes:
        at: When, in seconds on the server's clock, so that rates can be taken between two.
        version: The server's.
        generated: Frames that the model emitted; `shown` those that were shown at their time, `dropped` those that
            never were, `queued` those that wait.
        rate: Frames per second that are played.
        lead: Seconds from when a frame is made to its time, of late.
        rungs: By video track that the client watches.
        estimate_bps: What its network carries, None while unknown.
        units_lost: Encoded frames that there was no room for on the way to it.
    """

    at: float
    version: str
    generated: int
    shown: int
    dropped: int
    queued: int
    rate: float
    lead: float
    rungs: Mapping[str, RungTold]
    estimate_bps: float | None
    units_lost: int
    request_id: str | None = None


Outbound = (
    ModelSaid
    | CommandAnswered
    | Schema
    | Capabilities
    | TrackAnswered
    | SessionStateChanged
    | SessionEnded
    | RecordingRefused
    | Moderation
    | ModelFailed
    | LoadingProgress
    | Unreadable
    | FrameAnswers
    | AskClock
    | CommandTraced
    | Figures
)
