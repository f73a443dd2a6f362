"""The JSON family "multi": the channels `control` and `data`, text frames.

`control` carries the track verbs. `data` carries everything else as `{"scope", "data": {"type", "data"}}`; a frame
without a scope is an application command as it stands. Five things go beyond the published family, and published
clients neither send nor see them: an application command may carry an `id` beside its `type`; it is then answered by
`commandAccepted`, right after its reply where it has one (`replied`); one that also carries `sent_at_ms`, the client's
clock, is followed to the client's screen (`clock`, `frameAnswers`, `frameShown`, `commandTraced`); `requestFigures` is
answered by `figures`; and what the family has no word for (a refused command, the session's state, a failed model) is
told in runtime-scope messages of our own, which those clients ignore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.limits import MAX_ID, check_size, check_values, too_deep, unreadable
from reactor_runtime.wire.messages import (
    AskClock,
    Capabilities,
    ClockTold,
    Command,
    CommandAnswered,
    CommandTraced,
    Figures,
    FileUploaded,
    FrameAnswers,
    FrameShown,
    Inbound,
    LoadingProgress,
    ModelFailed,
    ModelSaid,
    Moderation,
    Outbound,
    PauseTrack,
    Ping,
    PublishTrack,
    RecordingRefused,
    RequestCapabilities,
    RequestFigures,
    RequestRecording,
    RequestSchema,
    ResumeTrack,
    Schema,
    SessionEnded,
    SessionStateChanged,
    TrackAnswered,
    UnpublishTrack,
    Unreadable,
)

Channel = Literal["control", "data"]
Frame = tuple[Channel, str | bytes]
_Id = Annotated[str, msgspec.Meta(max_length=MAX_ID)]


class _Said(msgspec.Struct):
    """The inner object of a `data` frame."""

    type: str
    data: dict[str, Any] | None = None
    id: _Id | None = None
    uploads: dict[str, dict[str, Any]] | None = None
    sent_at_ms: float | None = None


class _Scoped(msgspec.Struct):
    scope: Literal["application", "runtime"]
    data: _Said


class _Verb(msgspec.Struct):
    """A `control` frame; requests name a method, notifications an event."""

    type: str
    method: str = ""
    event: str = ""
    request_id: _Id | None = None
    data: dict[str, Any] | None = None


class _Track(msgspec.Struct):
    name: str


class _Clip(msgspec.Struct):
    duration_seconds: float


class _Clock(msgspec.Struct):
    asked_at_ms: float
    client_at_ms: float


class _Shown(msgspec.Struct):
    command_ids: list[str]
    shown_at_ms: float
    received_at_ms: float | None = None
    decode_ms: float | None = None


def decode(channel: str, data: str | bytes) -> Inbound | None:
    """Read one frame.

    Returns:
        What the client said, or None for a legal frame that means nothing here (an unknown verb, runtime message or
        channel), which is to be ignored.

    Raises:
        ClientError: Code `unreadable`: too large or too deep, no JSON object, or a field of a wrong type.
    """
    try:
        frame = _parse(data)
        match channel:
            case "data":
                return _read_data(frame)
            case "control":
                return _read_control(frame)
    except msgspec.MsgspecError as error:
        raise unreadable(str(error)) from None
    return None


def decode_either(_channel: str, data: str | bytes) -> Inbound | None:
    """Read one frame where both channels are one: with a scope it is of `data`, without of `control`; see `decode`."""
    try:
        frame = _parse(data)
        return _read_data(frame) if "scope" in frame else _read_control(frame)
    except msgspec.MsgspecError as error:
        raise unreadable(str(error)) from None


def encode(message: Outbound) -> list[Frame]:
    """Return the frames that say this, in order; none where the family has no way to say it."""
    match message:
        case ModelSaid(data=data, name=None):
            return [_frame("data", {"scope": "application", "data": data})]
        case ModelSaid(data=data, name=name):
            return [_frame("data", {"scope": "application", "data": {"type": name, "data": data}})]
        case CommandAnswered():
            return _answer(message)
        case TrackAnswered():
            return _track_answer(message)
        case Schema(document=document):
            return [_runtime("modelSchema", document)]
        case Capabilities(document=document):
            return [_runtime("modelCapabilities", document)]
        case SessionStateChanged(state=state, reason=reason):
            return [_runtime("sessionState", {"state": state, "reason": reason})]
        case SessionEnded(reason=reason):
            return [_runtime("sessionEnded", {"reason": reason})]
        case RecordingRefused(reason=reason):
            return [_runtime("clipFailed", {"reason": reason})]
        case Moderation():
            return [_runtime("moderation", msgspec.to_builtins(message))]
        case ModelFailed(where=where, summary=summary):
            return [_runtime("modelFailed", {"where": where, "summary": summary})]
        case LoadingProgress(text=text, fraction=fraction):
            return [_runtime("loading", {"text": text, "fraction": fraction})]
        case Unreadable(reason=reason):
            return [_runtime("unreadable", {"reason": reason})]
        case FrameAnswers(track=track, rtp_timestamp=ticks, command_ids=ids):
            return [_runtime("frameAnswers", {"track": track, "rtp_timestamp": ticks, "command_ids": ids})]
        case AskClock(asked_at=asked_at):
            return [_runtime("clock", {"asked_at_ms": asked_at * 1000})]
        case CommandTraced(request_id=request_id, command=command, stages=stages):
            stages_ms = {stage: round(seconds * 1000, 2) for stage, seconds in stages.items()}
            return [_runtime("commandTraced", {"id": request_id, "command": command, "stages_ms": stages_ms})]
        case Figures():
            return [_runtime("figures", _figures(message))]


def has_scope(data: str | bytes) -> bool:
    """Tell whether a frame names its scope, as those of all families but the oldest do."""
    try:
        return "scope" in _parse(data)
    except (ClientError, msgspec.MsgspecError):
        return False


# ---- reading --------------------------------------------------------------------------------------------------


def _parse(data: str | bytes) -> dict[str, Any]:
    try:
        raw = data.encode() if isinstance(data, str) else data
        check_size(len(raw))
        frame = msgspec.json.decode(raw, type=dict[str, Any])
    except UnicodeError:
        raise unreadable("the frame is not UTF-8") from None
    except RecursionError:
        raise too_deep() from None
    check_values(frame)
    return frame


def _read_data(frame: dict[str, Any]) -> Inbound | None:
    if "scope" not in frame:
        return _command(msgspec.convert(frame, _Said))
    scoped = msgspec.convert(frame, _Scoped)
    if scoped.scope == "application":
        return _command(scoped.data)
    said, body = scoped.data, scoped.data.data or {}
    match said.type:
        case "ping":
            return Ping()
        case "requestCapabilities":
            return RequestCapabilities()
        case "requestSchema":
            return RequestSchema(said.id)
        case "requestFigures":
            return RequestFigures(said.id)
        case "fileUploaded":
            return msgspec.convert(body, FileUploaded)
        case "requestClip":
            return RequestRecording(msgspec.convert(body, _Clip).duration_seconds, said.id)
        case "requestRecording":
            return RequestRecording(None, said.id)
        case "clock":
            clock = msgspec.convert(body, _Clock)
            return ClockTold(clock.asked_at_ms / 1000, clock.client_at_ms / 1000)
        case "frameShown":
            shown = msgspec.convert(body, _Shown)
            received_at, decode = _seconds(shown.received_at_ms), _seconds(shown.decode_ms)
            return FrameShown(shown.command_ids, shown.shown_at_ms / 1000, received_at, decode)
    return None


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _command(said: _Said) -> Command:
    return Command(said.type, said.data or {}, said.id, said.uploads or {}, _seconds(said.sent_at_ms))


def _read_control(frame: dict[str, Any]) -> Inbound | None:
    verb = msgspec.convert(frame, _Verb)
    match verb.type, verb.method or verb.event:
        case "request", "publish_track":
            return PublishTrack(_track(verb), verb.request_id)
        case "notification", "unpublish_track":
            return UnpublishTrack(_track(verb))
        case "notification", "resume_track":
            return ResumeTrack(_track(verb))
        case "notification", "pause_track":
            return PauseTrack(_track(verb))
    return None


def _track(verb: _Verb) -> str:
    return msgspec.convert(verb.data or {}, _Track).name


# ---- writing --------------------------------------------------------------------------------------------------


def _frame(channel: Channel, value: Mapping[str, Any]) -> Frame:
    return channel, msgspec.json.encode(value).decode()


def _runtime(kind: str, data: Mapping[str, Any]) -> Frame:
    return _frame("data", {"scope": "runtime", "data": {"type": kind, "data": data}})


def _answer(answer: CommandAnswered) -> list[Frame]:
    """A reply's body is an application message to published clients, so the acceptance stays a frame of its own."""
    about = {"id": answer.request_id, "command": answer.command}
    if answer.error_code is not None:
        return [_runtime("commandRejected", {**about, "code": answer.error_code, "message": answer.error_message})]
    body = [] if answer.data is None and answer.name is None else encode(ModelSaid(answer.data, answer.name))
    if answer.request_id is None:
        return body
    # So that its sender may tell a reply from what the model says to all.
    return [*body, _runtime("commandAccepted", {**about, "replied": True} if body else about)]


def _figures(figures: Figures) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(figures)
    at, lead, request_id = (said.pop(name) for name in ("at", "lead", "request_id"))
    return {"id": request_id, "at_ms": round(at * 1000, 1), "lead_ms": round(lead * 1000, 1), **said}


def _track_answer(answer: TrackAnswered) -> list[Frame]:
    if answer.request_id is None:
        return []
    head = {"type": "response", "method": "publish_track", "request_id": answer.request_id}
    if answer.error_code is None:
        return [_frame("control", {**head, "data": {}})]
    return [_frame("control", {**head, "error": {"code": answer.error_code, "message": answer.error_message}})]
