"""The client's words: the mirror of what the server reads and writes, and what a document says of commands."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from reactor_runtime.client import values
from reactor_runtime.client import wire as client
from reactor_runtime.client.server import base_of
from reactor_runtime.client.sitting import backoff
from reactor_runtime.wire import messages as wire
from reactor_runtime.wire import multi

FILE = {"upload_id": "u1", "name": "a.png", "mime_type": "image/png", "size": 3}


@pytest.mark.parametrize(
    "said",
    [
        wire.Command("set", {"a": [1, "é", None]}, "c1", {"image": FILE}),
        wire.Command("go", {}),
        wire.Ping(),
        wire.RequestSchema(),
        wire.FileUploaded(**FILE),
        wire.PublishTrack("webcam", "ctrl_1"),
        wire.UnpublishTrack("webcam"),
        wire.ResumeTrack("main_video"),
        wire.PauseTrack("main_video"),
    ],
)
def test_the_server_reads_what_the_client_says(said: wire.Inbound) -> None:
    assert multi.decode(*client.encode(said)) == said


def test_what_no_client_says_is_refused() -> None:
    with pytest.raises(TypeError):
        client.encode(wire.RequestCapabilities())


@pytest.mark.parametrize(
    "told",
    [
        wire.ModelSaid({"text": "é", "n": 7}, "said"),
        wire.ModelSaid({"step": 3}),
        wire.ModelSaid([1, 2]),
        wire.CommandAnswered("c1", "warp", error_code="invalid_command", error_message="unknown command 'warp'"),
        wire.Schema({"openapi": "3.1.0"}),
        wire.SessionStateChanged("RECOVERING", "the model is gone"),
        wire.SessionEnded("stopped"),
        wire.ModelFailed("step", "ValueError"),
        wire.Unreadable("no JSON"),
    ],
)
def test_the_client_reads_what_the_server_says(told: wire.Outbound) -> None:
    ((_, text),) = multi.encode(told)
    assert client.decode(text) == told


def test_a_reply_comes_right_before_the_word_that_there_is_one() -> None:
    body, accepted = multi.encode(wire.CommandAnswered("c1", "say", "said", {"n": 1}))
    assert client.decode(body[1]) == wire.ModelSaid({"n": 1}, "said")
    assert client.decode(accepted[1]) == wire.CommandAnswered("c1", "say", data=True)
    ((_, bare),) = multi.encode(wire.CommandAnswered("c2", "say"))
    assert client.decode(bare) == wire.CommandAnswered("c2", "say", data=False)


def test_an_answer_about_a_track_is_read() -> None:
    for answer in (wire.TrackAnswered("", "ctrl_1"), wire.TrackAnswered("", "ctrl_2", "publish_refused", "taken")):
        ((_, text),) = multi.encode(answer)
        assert client.decode(text) == answer


@pytest.mark.parametrize(
    "text",
    ["", "{", "7", "[]", '{"scope":"runtime"}', '{"scope":"runtime","data":{"type":"later","data":{}}}', b"\xff"],
)
def test_what_means_nothing_is_ignored(text: str | bytes) -> None:
    assert client.decode(text) is None


def test_a_message_without_a_scope_is_the_models() -> None:
    assert client.decode('{"type":"tick","data":{"n":1}}') == wire.ModelSaid({"n": 1}, "tick")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://host/models/a/", "https://host/models/a"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_address_may_be_written_short(written: str, meant: str) -> None:
    assert base_of(written) == meant


@pytest.mark.parametrize("written", ["", "ftp://host", "file:///etc/passwd", "http://"])
def test_what_is_no_address_of_a_server_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no address of a server"):
        base_of(written)


def test_the_waits_double_to_four_seconds() -> None:
    assert [backoff(attempt, 0.5) for attempt in range(7)] == [0, 0.25, 0.5, 1, 2, 4, 4]
    assert backoff(3, 0) == pytest.approx(0.9)
    assert backoff(3, 1) == pytest.approx(1.1)


def document(responses: dict[str, Any]) -> dict[str, Any]:
    """As a published server writes it (reference §4.2)."""

    def body(schema: dict[str, Any]) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": schema}}}

    said = {"$ref": "#/components/schemas/Said"}
    parameters = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    return {
        "paths": {"/events/say": {"post": {"operationId": "say", "summary": "Say it", "requestBody": body(parameters),
                                           "responses": responses}}},
        "webhooks": {"said": {"post": {"requestBody": body(said)}}},
    }  # fmt: skip


def test_a_document_tells_which_message_answers_a_command() -> None:
    answers = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Said"}}}}}
    say = values.command_specs(document(answers))["say"]
    assert say == values.CommandSpec("say", "Say it", {"text": {"type": "string"}}, frozenset({"text"}), "said")
    assert values.command_specs(document({"202": {}}))["say"].reply is None


def test_no_document_has_no_commands() -> None:
    assert values.command_specs({}) == {}


def test_importing_the_client_loads_nothing_heavy() -> None:
    heavy = ["av", "cv2", "fastapi", "numpy", "webrtc", "reactor_runtime.runtime", "reactor_runtime.authoring"]
    code = f"import sys, reactor_runtime.client; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
