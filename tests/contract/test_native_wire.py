"""The frames of the protobuf family "native", as published clients send and expect them.

Literals only, taken from real runs: a failure here breaks clients that exist.
"""

from __future__ import annotations

import pytest
from google.protobuf.json_format import MessageToDict

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.messages import (
    Command,
    CommandAnswered,
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
    SessionStateChanged,
    TrackAnswered,
    Unreadable,
)
from reactor_runtime.wire.native import decode, encode
from reactor_runtime.wire.native_schema import ControlServerMessage, DataClientMessage, DataServerMessage

FROM_CLIENTS: list[tuple[str, str, Inbound]] = [
    ("control", "1003 5200", Ping()),
    ("control", "1003 8a010c 0a0a6d61696e5f766964656f", ResumeTrack("main_video")),
    ("control", "1003 82010c 0a0a6d61696e5f766964656f", PauseTrack("main_video")),
    ("control", "0a066374726c5f31 1001 5a00", RequestSchema("ctrl_1")),
    ("control", "0a066374726c5f32 1001 7a08 0a0677656263616d", PublishTrack("webcam", "ctrl_2")),
    ("control", "0a066374726c5f33 1001 6a09 090000000000000040", RequestRecording(2.0, "ctrl_3")),
    (
        "data",
        "0a06646174615f34 1001 5214 0a03736179 120d0a0b0a047465787412031a0164",
        Command("say", {"text": "d"}, "data_4"),
    ),
]

TO_CLIENTS: list[tuple[Outbound, str, str]] = [
    (TrackAnswered("webcam", "ctrl_2"), "control", "0a066374726c5f32 1002 7200"),
    (CommandAnswered("data_1", "set_color"), "data", "0a06646174615f31 1002"),
    (
        CommandAnswered("data_5", "set_color", error_code="invalid_command", error_message="r: 999.0 > le(255)"),
        "data",
        "0a06646174615f35 1002 c20225 0a0f696e76616c69645f636f6d6d616e64 1212723a203939392e30203e206c652832353529",
    ),
    (ModelSaid({"n": 1}, "tick"), "data", "1003 5218 0a047469636b 12100a0e0a016e120911000000000000f03f"),
    (SessionEnded("probe asks stop"), "control", "1003 7a11 0a0f70726f62652061736b732073746f70"),
]


@pytest.mark.parametrize(("channel", "frame", "message"), FROM_CLIENTS)
def test_what_clients_send_is_understood(channel: str, frame: str, message: Inbound) -> None:
    assert decode(channel, bytes.fromhex(frame)) == message


@pytest.mark.parametrize(("message", "channel", "frame"), TO_CLIENTS)
def test_what_clients_expect_is_said(message: Outbound, channel: str, frame: str) -> None:
    assert encode(message) == [(channel, bytes.fromhex(frame))]


def test_a_reply_with_a_body_is_the_answer_to_its_request() -> None:
    expected = "0a06646174615f34 1002 5225 0a0473616964 121d0a0b0a047465787412031a01640a0e0a016e120911000000000000f03f"
    ((channel, data),) = encode(CommandAnswered("data_4", "say", "said", {"text": "d", "n": 1}))
    assert channel == "data"
    # A Struct's fields have no order.
    assert DataServerMessage.FromString(data) == DataServerMessage.FromString(bytes.fromhex(expected))


def test_what_a_request_asks_for_comes_as_its_response() -> None:
    ((channel, data),) = encode(Schema({"openapi": "3.1.0", "paths": {"/events/say": {}}}, "ctrl_1"))
    answer = ControlServerMessage.FromString(data)
    assert (channel, answer.request_id, answer.kind) == ("control", "ctrl_1", 2)
    assert answer.model_schema.openapi["openapi"] == "3.1.0"
    ((_, data),) = encode(RecordingRefused("recording is off", "ctrl_3"))
    assert ControlServerMessage.FromString(data).clip_failed.reason == "recording is off"
    ((_, data),) = encode(TrackAnswered("webcam", "ctrl_2", "publish_refused", "taken"))
    assert ControlServerMessage.FromString(data).error.code == "publish_refused"


def test_moderation_and_plain_data_are_told() -> None:
    ((channel, data),) = encode(Moderation("terminate", "prompt", "set_prompt", ["violence"], "no"))
    told = ControlServerMessage.FromString(data).moderation
    assert (channel, told.action, list(told.categories)) == ("control", "terminate", ["violence"])
    assert encode(Moderation("terminate")) == [("control", bytes.fromhex("1003 6a0b 0a09") + b"terminate")]
    for said, kind, body in [
        (ModelSaid({"type": "tick", "data": {"n": 1}}), "tick", {"n": 1}),
        (ModelSaid([1, "two"]), "", {"value": [1, "two"]}),
        (ModelSaid({"n": None}, "tick"), "tick", {"n": None}),
    ]:
        ((_, data),) = encode(said)
        message = DataServerMessage.FromString(data).message
        assert (message.type, MessageToDict(message.data)) == (kind, body)


@pytest.mark.parametrize("message", [SessionStateChanged("STREAMING"), CommandAnswered(None, "x"), Unreadable("noise")])
def test_what_this_family_has_no_word_for_is_not_said(message: Outbound) -> None:
    assert encode(message) == []


def test_whole_numbers_are_whole_again_and_others_stay() -> None:
    frame = DataClientMessage(request_id="data_1", kind=1)
    frame.command.type = "go"
    frame.command.data.update({"n": 7, "x": 7.5, "big": 2.0**60, "deep": {"list": [1, True, None, "s"]}})
    message = decode("data", frame.SerializeToString())
    assert isinstance(message, Command)
    assert message.arguments == {"n": 7, "x": 7.5, "big": 2.0**60, "deep": {"list": [1, True, None, "s"]}}
    assert [type(message.arguments[name]) for name in ("n", "x", "big")] == [int, float, float]


def test_uploads_come_by_the_name_of_their_parameter() -> None:
    frame = bytes.fromhex("1001 5221 0a05696d616765 1a18 0a05696d616765 120f 0a0434393332 12016e 1a0174 20c30b")
    message = decode("data", frame)
    assert isinstance(message, Command)
    assert message.uploads == {"image": {"upload_id": "4932", "name": "n", "mime_type": "t", "size": 1475}}


@pytest.mark.parametrize("frame", ["ff", "5214", "1001 52ff01", "00" * 9])
def test_what_is_no_message_is_refused(frame: str) -> None:
    with pytest.raises(ClientError) as refused:
        decode("data", bytes.fromhex(frame))
    assert refused.value.code == "unreadable"


def test_a_request_with_a_value_json_has_not_is_answered_by_its_id() -> None:
    frame = DataClientMessage(request_id="data_9", kind=1)
    frame.command.type = "go"
    frame.command.data["x"] = float("nan")
    with pytest.raises(ClientError) as refused:
        decode("data", frame.SerializeToString())
    assert refused.value.request_id == "data_9"
    ((channel, data),) = encode(Unreadable(str(refused.value), refused.value.request_id))
    answer = DataServerMessage.FromString(data)
    assert (channel, answer.request_id, answer.error.code) == ("data", "data_9", "invalid_command")


def test_payloads_and_fields_of_later_versions_are_skipped() -> None:
    assert decode("control", bytes.fromhex("1003 9a0102 0a00")) is None
    assert decode("control", bytes.fromhex("1003 5200 ba3e0178")) == Ping()
    assert decode("other", b"") is None
