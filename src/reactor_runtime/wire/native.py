"""The family "native": the channels `control` and `data`, one protobuf message of `reactor_wire.v1` per frame.

Every command is a request and is answered. What this family has no word for (the session's state, the progress of
loading) is not said; a client that is lost in loading waits for its first picture.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.limits import MAX_ID, check_size, check_values, unreadable
from reactor_runtime.wire.messages import (
    Command,
    CommandAnswered,
    FileUploaded,
    Inbound,
    ModelSaid,
    Moderation,
    Outbound,
    PauseTrack,
    Ping,
    PublishTrack,
    RecordingRefused,
    RequestRecording,
    RequestSchema,
    ResumeTrack,
    Schema,
    SessionEnded,
    TrackAnswered,
    UnpublishTrack,
    Unreadable,
)
from reactor_runtime.wire.multi import Channel, Frame
from reactor_runtime.wire.native_schema import (
    NOTIFICATION,
    REQUEST,
    RESPONSE,
    ControlClientMessage,
    ControlServerMessage,
    DataClientMessage,
    DataServerMessage,
)

LARGEST_EXACT = 2**53
"""Whole numbers up to this are exact as doubles, the only numbers a Struct has."""


def decode(channel: str, data: str | bytes) -> Inbound | None:
    """Read one frame; see `multi.decode`.

    Raises:
        ClientError: Code `unreadable`: too large or too deep, no message of the channel, or a value JSON has not. Where
            the frame is a request, the text is told to the client as the answer to it.
    """
    kinds = {"data": DataClientMessage, "control": ControlClientMessage}
    if channel not in kinds:
        return None
    try:
        raw = data.encode() if isinstance(data, str) else data
        check_size(len(raw))
        frame = kinds[channel].FromString(raw)
    except (DecodeError, ValueError) as error:
        raise unreadable(f"no protobuf message of {channel!r}: {error}") from None
    if len(frame.request_id) > MAX_ID:
        raise unreadable(f"request_id is longer than {MAX_ID} characters")
    request_id = frame.request_id if frame.kind == REQUEST and frame.request_id else None
    try:
        return _read(frame, request_id)
    except ClientError as error:
        error.request_id = request_id
        raise


def encode(message: Outbound) -> list[Frame]:
    """Return the frames that say this; see `multi.encode`."""
    match message:
        case ModelSaid():
            return [_data(NOTIFICATION, "", message=_said(message.name, message.data))]
        case CommandAnswered(request_id=None) | TrackAnswered(request_id=None):
            return []
        case CommandAnswered(request_id=str(request_id), error_code=str(code)):
            return [_data(RESPONSE, request_id, error={"code": code, "message": message.error_message})]
        case CommandAnswered(request_id=str(request_id), name=None, data=None):
            return [_data(RESPONSE, request_id)]
        case CommandAnswered(request_id=str(request_id)):
            return [_data(RESPONSE, request_id, message=_said(message.name, message.data))]
        case Unreadable(reason=reason, request_id=str(request_id)):
            return [_data(RESPONSE, request_id, error={"code": "invalid_command", "message": reason})]
        case TrackAnswered(request_id=str(request_id), error_code=None):
            return [_control(RESPONSE, request_id, publish_track={})]
        case TrackAnswered(request_id=str(request_id), error_code=str(code)):
            return [_control(RESPONSE, request_id, error={"code": code, "message": message.error_message})]
        case Schema(document=document, request_id=request_id):
            return [_control(RESPONSE, request_id or "", model_schema={"openapi": _plain(document)})]
        case RecordingRefused(reason=reason, request_id=request_id):
            return [_control(RESPONSE, request_id or "", clip_failed={"reason": reason})]
        case SessionEnded(reason=reason):
            return [_control(NOTIFICATION, "", session_ended={"reason": reason})]
        case Moderation():
            return [_control(NOTIFICATION, "", moderation=msgspec.to_builtins(message))]
    return []


# ---- reading --------------------------------------------------------------------------------------------------


def _read(frame: Any, request_id: str | None) -> Inbound | None:
    payload = frame.WhichOneof("payload")
    match payload:
        case "command":
            said = frame.command
            uploads = {upload.key: _reference(upload.value) for upload in said.uploads}
            arguments = _json_struct(said.data)
            check_values(arguments)
            return Command(said.type, arguments, request_id, uploads)
        case "ping":
            return Ping()
        case "request_schema":
            return RequestSchema(request_id)
        case "file_uploaded":
            return FileUploaded(**_reference(frame.file_uploaded))
        case "request_clip":
            return RequestRecording(_finite(frame.request_clip.duration_seconds), request_id)
        case "request_recording":
            return RequestRecording(None, request_id)
        case "publish_track":
            return PublishTrack(frame.publish_track.name, request_id)
        case "unpublish_track":
            return UnpublishTrack(frame.unpublish_track.name)
        case "resume_track":
            return ResumeTrack(frame.resume_track.name)
        case "pause_track":
            return PauseTrack(frame.pause_track.name)
        case "request_step":
            raise unreadable("this runtime has no stepped sessions")
    return None


def _reference(upload: Any) -> dict[str, Any]:
    return {
        "upload_id": upload.upload_id,
        "name": upload.name,
        "mime_type": upload.mime_type,
        "size": upload.size,
    }


def _json_struct(struct: Any) -> dict[str, Any]:
    return {name: _json(value) for name, value in struct.fields.items()}


def _json(value: Any) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            number = _finite(value.number_value)
            # The sender wrote 7; a Struct made it 7.0.
            return int(number) if number.is_integer() and abs(number) <= LARGEST_EXACT else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _json_struct(value.struct_value)
        case "list_value":
            return [_json(item) for item in value.list_value.values]
    return None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise unreadable(f"{number} is no number that JSON has")
    return number


# ---- writing --------------------------------------------------------------------------------------------------


def _said(name: str | None, data: Any) -> dict[str, Any]:
    """Return a message's type and body. Plain data of generation 1 carries both itself, or is a value."""
    plain = _plain(data)
    if name is None and isinstance(plain, dict) and isinstance(plain.get("type"), str) and "data" in plain:
        name, plain = plain["type"], plain["data"]
    if plain is None:
        plain = {}
    return {"type": name or "", "data": plain if isinstance(plain, dict) else {"value": plain}}


def _plain(data: Any) -> Any:
    """Return what JSON would make of it."""
    return msgspec.json.decode(msgspec.json.encode(data))


def _data(kind: int, request_id: str, **payload: Any) -> Frame:
    return _frame("data", DataServerMessage, kind, request_id, payload)


def _control(kind: int, request_id: str, **payload: Any) -> Frame:
    return _frame("control", ControlServerMessage, kind, request_id, payload)


def _frame(channel: Channel, cls: Any, kind: int, request_id: str, payload: dict[str, Any]) -> Frame:
    frame = cls(request_id=request_id, kind=kind)
    for name, body in payload.items():
        part = getattr(frame, name)
        part.SetInParent()
        for field, value in body.items():
            if isinstance(value, dict):
                getattr(part, field).SetInParent()
                getattr(part, field).update(value)
            elif isinstance(value, list | tuple):
                getattr(part, field).extend(value)
            else:
                setattr(part, field, value)
    return channel, frame.SerializeToString()
