"""Whatever a client's data channel carries is read or refused, in every family and in any order."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from bench.hostile import LABELS, conversations, frames, native_frames, nested_struct
from hypothesis import event, given, settings
from hypothesis import strategies as st

from reactor_runtime.errors import ClientError
from reactor_runtime.wire import flat, multi, native
from reactor_runtime.wire import messages as wire
from reactor_runtime.wire.dialect import Dialect, Way
from reactor_runtime.wire.limits import MAX_DEPTH

INBOUND = get_args(wire.Inbound)
DECODERS = [multi.decode, flat.decode, native.decode]


def read(decode, label: str, data: str | bytes) -> wire.Inbound | None:
    """Return what was read; a refusal has its one code, and words for the client."""
    said: wire.Inbound | ClientError | None
    try:
        said = decode(label, data)
    except ClientError as error:
        said = error
    if isinstance(said, ClientError):
        event("refused")
        assert said.code == "unreadable"
        assert str(said)
        return None
    assert said is None or isinstance(said, INBOUND)
    event("ignored" if said is None else "read")
    return said


@settings(max_examples=250)
@given(st.sampled_from(DECODERS), LABELS, frames)
def test_a_frame_is_read_or_refused(decode, label: str, data: str | bytes) -> None:
    said = read(decode, label, data)
    if isinstance(said, wire.Command):
        # Schema checks recurse, and the control pipe carries no more than JSON does.
        json.dumps(said.arguments, allow_nan=False)


@settings(max_examples=250)
@given(st.sampled_from(["data", "control"]), native_frames)
def test_a_protobuf_frame_is_read_or_refused(label: str, data: bytes) -> None:
    said = read(native.decode, label, data)
    if isinstance(said, wire.Command):
        json.dumps(said.arguments, allow_nan=False)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100, 1_000])
def test_a_struct_in_a_struct_is_refused_before_anybody_recurses_into_it(depth: int) -> None:
    with pytest.raises(ClientError) as refused:
        native.decode("data", nested_struct(depth))
    assert refused.value.code == "unreadable"


@pytest.mark.parametrize("decode", DECODERS)
def test_text_that_no_engine_should_deliver_is_unreadable(decode) -> None:
    with pytest.raises(ClientError) as refused:
        decode("data", '{"type": "\udc80"}')
    assert refused.value.code == "unreadable"


answers = st.one_of(
    st.builds(wire.ModelSaid, st.none() | st.dictionaries(st.text(), st.integers() | st.text()), st.none() | st.text()),
    st.builds(
        wire.CommandAnswered,
        request_id=st.none() | st.text(),
        command=st.text(),
        name=st.none() | st.text(),
        data=st.none() | st.dictionaries(st.text(), st.floats()),
        error_code=st.none() | st.text(),
        error_message=st.text(),
    ),
    st.builds(wire.Unreadable, st.text(), st.none() | st.text()),
    st.builds(wire.TrackAnswered, st.text(), st.none() | st.text(), st.none() | st.text(), st.text()),
    st.builds(wire.RecordingRefused, st.text(), st.none() | st.text()),
    st.builds(wire.SessionEnded, st.text()),
    st.builds(wire.Capabilities, st.just({"commands": [{"name": "n", "description": ""}]})),
)


@settings(max_examples=200)
@given(st.sampled_from(get_args(Way)), conversations, st.lists(answers, max_size=4))
def test_a_conversation_settles_on_one_family_and_never_breaks(way: Way, said, answered) -> None:
    dialect = Dialect(way)
    families = []
    for label, data in said:
        for message in answered:
            are_frames(dialect.say(message))
        read(dialect.hear, label, data)
        are_frames(dialect.release())
        families.append(dialect.family)
    assert len(set(families)) <= 1, "the first frame decides, for good"


def are_frames(found: list[multi.Frame]) -> None:
    for label, data in found:
        assert label in ("data", "control")
        if isinstance(data, str):
            json.loads(data)
