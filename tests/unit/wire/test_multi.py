"""Reading frames of the family "multi": limits, and bytes that nobody meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.limits import MAX_BYTES, MAX_DEPTH
from reactor_runtime.wire.messages import Command
from reactor_runtime.wire.multi import decode

channels = st.sampled_from(["data", "control", "chat"])
envelope = ["scope", "type", "data", "id", "uploads", "event", "method", "request_id", "name", "size", "sent_at_ms"]
meanings = ["application", "runtime", "ping", "requestClip", "duration_seconds", "fileUploaded", "frameShown", "clock"]
verbs = ["request", "notification", "publish_track", "resume_track"]
words = st.sampled_from([*envelope, *meanings, *verbs])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)


def is_read_or_refused(channel: str, data: str | bytes) -> bool:
    try:
        decode(channel, data)
    except ClientError as error:
        return error.code == "unreadable" and str(error) != ""
    return True


@given(channels, st.text() | st.binary())
def test_noise_is_never_more_than_a_client_error(channel: str, data: str | bytes) -> None:
    assert is_read_or_refused(channel, data)


@settings(max_examples=300)
@given(channels, values)
def test_json_of_any_shape_is_never_more_than_a_client_error(channel: str, value: object) -> None:
    assert is_read_or_refused(channel, json.dumps(value))


def command_with(value_text: str) -> str:
    return '{"type":"draw","data":{"x":' + value_text + "}}"


@pytest.mark.parametrize("half", ['{"type":"\udc80"}', b'{"type":"\xff"}', '{"type":"\\ud800"}'])
def test_text_that_is_no_utf_8_is_unreadable(half: str | bytes) -> None:
    with pytest.raises(ClientError):
        decode("data", half)


def test_a_frame_of_the_greatest_size_is_read_and_one_byte_more_is_not() -> None:
    text = command_with('"' + "x" * (MAX_BYTES - len(command_with('""'))) + '"')
    assert isinstance(decode("data", text), Command)
    with pytest.raises(ClientError, match="at most 262144"):
        decode("data", text + " ")


def test_size_is_counted_in_bytes_not_characters() -> None:
    with pytest.raises(ClientError, match="at most"):
        decode("data", command_with('"' + "✓" * (MAX_BYTES // 2) + '"'))


@pytest.mark.parametrize("depth", [MAX_DEPTH, 5_000, 100_000])
def test_deep_nesting_is_refused_before_anybody_recurses_into_it(depth: int) -> None:
    with pytest.raises(ClientError, match="nests deeper"):
        decode("data", command_with("[" * depth + "]" * depth))


def test_nesting_up_to_the_limit_is_read() -> None:
    inner = MAX_DEPTH - 3  # the frame, its data, and the value in the innermost list
    assert isinstance(decode("data", command_with("[" * inner + "1" + "]" * inner)), Command)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**40])
def test_whole_numbers_that_the_pipe_cannot_carry_are_refused(number: int) -> None:
    with pytest.raises(ClientError, match="64 bit"):
        decode("data", command_with(str(number)))


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 0.1, 1e300])
def test_numbers_are_carried_as_written(number: float) -> None:
    command = decode("data", command_with(json.dumps(number)))
    assert isinstance(command, Command)
    assert command.arguments == {"x": number}
    assert type(command.arguments["x"]) is type(number)
