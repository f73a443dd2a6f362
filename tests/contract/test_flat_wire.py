"""The frames of the oldest families, "flat", "scoped" and "named", as published clients send and expect them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.dialect import Dialect, Way
from reactor_runtime.wire.messages import (
    Capabilities,
    Command,
    CommandAnswered,
    ModelSaid,
    Outbound,
    Ping,
    RequestCapabilities,
    ResumeTrack,
    SessionStateChanged,
)

FLAT_COMMAND = '{"type":"set_color","data":{"r":220,"g":30,"b":40}}'
SCOPED_COMMAND = '{"scope":"application","data":{"type":"set_color","data":{"r":220,"g":30,"b":40}}}'
SCOPED_PING = '{"scope":"runtime","data":{"type":"ping","data":{}}}'
COMMAND = Command("set_color", {"r": 220, "g": 30, "b": 40})
SAID = ModelSaid({"text": "héllo ✓", "n": 7}, "said")
CAPABILITIES = Capabilities(
    {"protocol_version": "1.0", "tracks": [], "commands": [{"name": "go", "description": "Go", "schema": {"x": {}}}]}
)
BY_NAME = {"commands": {"go": {"description": "Go", "schema": {"x": {}}}}}


def said(dialect: Dialect, message: Outbound) -> list[tuple[str, Any]]:
    return [(channel, json.loads(data)) for channel, data in dialect.say(message)]


def test_a_flat_client_is_known_by_its_first_command() -> None:
    dialect = Dialect("unnamed")
    assert dialect.hear("data", FLAT_COMMAND) == COMMAND
    assert dialect.family.name == "flat"
    wrapped = {"type": "application", "data": {"type": "said", "data": {"text": "héllo ✓", "n": 7}}}
    assert said(dialect, SAID) == [("data", wrapped)]
    assert said(dialect, CommandAnswered(None, "set_color", "said", {"n": 7})) == [
        ("data", {"type": "application", "data": {"type": "said", "data": {"n": 7}}})
    ]
    assert dialect.hear("data", '{"type":"requestCapabilities","data":{}}') == RequestCapabilities()
    assert said(dialect, CAPABILITIES) == [("data", BY_NAME)]
    assert not dialect.family.pings


@pytest.mark.parametrize(("way", "family"), [("unnamed", "scoped"), ("named", "named")])
def test_a_scoped_or_named_client_speaks_in_scopes(way: Way, family: str) -> None:
    dialect = Dialect(way)
    assert dialect.hear("data", SCOPED_PING) == Ping()
    assert dialect.family.name == family
    assert dialect.hear("data", SCOPED_COMMAND) == COMMAND
    assert said(dialect, ModelSaid({"n": 1}, "tick")) == [
        ("data", {"scope": "application", "data": {"type": "tick", "data": {"n": 1}}})
    ]
    assert said(dialect, CAPABILITIES) == [
        ("data", {"scope": "runtime", "data": {"type": "modelCapabilities", "data": BY_NAME}})
    ]
    assert dialect.family.pings


def test_before_its_first_word_both_understand_what_the_model_says() -> None:
    dialect = Dialect("unnamed")
    ((channel, frame),) = said(dialect, SAID)
    inner = {"type": "said", "data": {"text": "héllo ✓", "n": 7}}
    assert channel == "data"
    assert (frame["type"], frame["data"]) == ("application", inner), "flat"
    assert (frame["scope"], frame["data"]) == ("application", inner), "scoped"
    assert said(dialect, SessionStateChanged("STREAMING")) == []


@pytest.mark.parametrize(
    "message", [SessionStateChanged("STREAMING"), CommandAnswered("c1", "x", error_code="invalid_command")]
)
def test_a_flat_client_is_not_told_what_it_has_no_word_for(message: Outbound) -> None:
    dialect = Dialect("unnamed")
    dialect.hear("data", FLAT_COMMAND)
    assert said(dialect, message) == []


def test_on_a_numbered_connection_nothing_is_said_before_the_first_frame() -> None:
    for first, family in [
        ('{"type":"notification","event":"resume_track","data":{"name":"main_video"}}', "multi"),
        (b' \n{"type":"notification","event":"resume_track","data":{"name":"main_video"}}', "multi"),
        (bytes.fromhex("10038a010c0a0a6d61696e5f766964656f"), "native"),
    ]:
        dialect = Dialect("numbered")
        assert dialect.say(SAID) == dialect.release() == []
        assert dialect.hear("control", first) == ResumeTrack("main_video")
        assert dialect.family.name == family
        ((channel, data),) = dialect.release()
        assert (channel, type(data)) == ("data", bytes if family == "native" else str)
        assert dialect.release() == []
        assert len(dialect.say(SAID)) == 1


@pytest.mark.parametrize("way", ["unnamed", "named", "v1", "numbered"])
@pytest.mark.parametrize("noise", ["", "{", "[]", "null", b"\xff\xfe", b"\x00", '{"scope":"nowhere","data":{}}'])
def test_noise_is_refused_and_settles_a_family_at_worst(way: Way, noise: str | bytes) -> None:
    dialect = Dialect(way)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            dialect.hear("data", noise)
        assert refused.value.code == "unreadable"
