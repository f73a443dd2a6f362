"""The client's side of the JSON family "multi": the mirror of `reactor_runtime.wire.multi`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from reactor_runtime.wire import messages as wire

Channel = Literal["control", "data"]


def encode(message: wire.Inbound) -> tuple[Channel, str]:
    """Return the channel and the frame that say this.

    Raises:
        TypeError: An argument of a command is no JSON.
    """
    match message:
        case wire.Command(name, arguments, request_id, uploads):
            said: dict[str, Any] = {"type": name, "data": arguments}
            if request_id is not None:
                said["id"] = request_id
            if uploads:
                said["uploads"] = uploads
            return _frame("data", {"scope": "application", "data": said})
        case wire.Ping():
            return _runtime("ping", {})
        case wire.RequestSchema():
            return _runtime("requestSchema", {})
        case wire.FileUploaded(upload_id, name, mime_type, size):
            return _runtime(
                "fileUploaded", {"upload_id": upload_id, "name": name, "mime_type": mime_type, "size": size}
            )
        case wire.PublishTrack(track, request_id):
            request = {"type": "request", "method": "publish_track", "request_id": request_id}
            return _frame("control", {**request, "data": {"name": track}})
        case wire.UnpublishTrack(track):
            return _notice("unpublish_track", track)
        case wire.ResumeTrack(track):
            return _notice("resume_track", track)
        case wire.PauseTrack(track):
            return _notice("pause_track", track)
    raise TypeError(f"this client does not say {message!r}")


def decode(text: str | bytes) -> wire.Outbound | None:
    """Read one frame of either channel.

    Returns:
        What the server said; None for what means nothing here. `commandAccepted` is a `CommandAnswered` without a
        body: True in its `data` says that the `ModelSaid` before it is the body.
    """
    try:
        frame = json.loads(text)
    except ValueError:
        return None
    if not isinstance(frame, dict):
        return None
    if frame.get("type") == "response" and "method" in frame:
        return _track_answer(frame)
    # A frame without a scope is the model's own, as in the first published families.
    if frame.get("scope") != "runtime":
        return _said(frame["data"] if frame.get("scope") == "application" else frame)
    inner = frame.get("data")
    if not isinstance(inner, dict):
        return None
    data = inner.get("data")
    return _told(str(inner.get("type")), data if isinstance(data, dict) else {})


def _told(kind: str, data: Mapping[str, Any]) -> wire.Outbound | None:
    match kind:
        case "commandAccepted":
            return wire.CommandAnswered(data.get("id"), str(data.get("command")), data=bool(data.get("replied")))
        case "commandRejected":
            code, why = str(data.get("code") or "refused"), str(data.get("message") or "")
            return wire.CommandAnswered(data.get("id"), str(data.get("command")), error_code=code, error_message=why)
        case "modelSchema":
            return wire.Schema(data)
        case "sessionState":
            return wire.SessionStateChanged(str(data.get("state", "")).upper(), str(data.get("reason") or ""))
        case "sessionEnded":
            return wire.SessionEnded(str(data.get("reason") or ""))
        case "modelFailed":
            return wire.ModelFailed(str(data.get("where") or ""), str(data.get("summary") or ""))
        case "moderation":
            return wire.Moderation(str(data.get("action") or "warn"), message=str(data.get("message") or ""))
        case "unreadable":
            return wire.Unreadable(str(data.get("reason") or ""))
    return None


def _said(body: Any) -> wire.ModelSaid:
    if isinstance(body, dict) and isinstance(body.get("type"), str):
        return wire.ModelSaid(body.get("data"), body["type"])
    return wire.ModelSaid(body)


def _track_answer(frame: Mapping[str, Any]) -> wire.TrackAnswered:
    error = frame.get("error")
    request_id = str(frame.get("request_id"))
    if not isinstance(error, dict):
        return wire.TrackAnswered("", request_id)
    return wire.TrackAnswered("", request_id, str(error.get("code") or "refused"), str(error.get("message") or ""))


def _frame(channel: Channel, value: Mapping[str, Any]) -> tuple[Channel, str]:
    return channel, json.dumps(value, ensure_ascii=False, allow_nan=False)


def _runtime(kind: str, data: Mapping[str, Any]) -> tuple[Channel, str]:
    return _frame("data", {"scope": "runtime", "data": {"type": kind, "data": data}})


def _notice(event: str, track: str) -> tuple[Channel, str]:
    return _frame("control", {"type": "notification", "event": event, "data": {"name": track}})
