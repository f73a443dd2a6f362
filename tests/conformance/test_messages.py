"""What a model says to its clients, and the files that clients hand in."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from reactor_runtime.errors import AuthorError
from reactor_runtime.interface import (
    ClientInfo,
    MessageField,
    ModelMessage,
    ReactorModel,
    UploadedFile,
    disconnected,
    event,
    file_uploaded,
)
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import refusal


@dataclass(frozen=True)
class Place:
    x: float
    name: str | None = None


class Mood(enum.Enum):
    CALM = "calm"


class Sender(ReactorModel):
    """Says what the test puts there."""

    message: ModelMessage

    @event(name="say")
    async def say(self) -> None:
        await self.send(self.message)


def said(message: ModelMessage) -> tuple[str | None, Any]:
    """Return the wire name and the content of a message, as they cross the wire."""
    with ModelHarness(Sender) as m:
        m.model.message = message
        m.command("say")
        [sent] = m._running.witness.said
        return sent.name, sent.data


@table(
    "4.6",
    "2",
    "a message declared {} works",
    "decorate",
    ("with `@dataclass`", dataclass),
    ("with `@dataclass(frozen=True)`", dataclass(frozen=True)),
    ("without", lambda cls: cls),
)
def test_a_message_may_be_a_dataclass_or_not(decorate: Callable[[type], type]) -> None:
    @decorate
    class StateUpdate(ModelMessage):
        level: int
        note: str = MessageField(default="", description="What happened")

    assert said(StateUpdate(level=3)) == ("state_update", {"level": 3, "note": ""})


@fact("4.6", "2", "the wire name is the class name in snake_case, or the class attribute `name`")
def test_a_message_may_name_itself() -> None:
    class HTTPState(ModelMessage):
        level: int = 1

    class Other(ModelMessage):
        name = "renamed"
        level: int = 1

    assert [said(HTTPState())[0], said(Other())[0]] == ["http_state", "renamed"]


class Anything(ModelMessage):
    value: Any = None


@table(
    "4.6",
    "2",
    "a field may hold {}",
    "value, sent",
    ("nested frozen dataclasses", [Place(1.0, "a")], [{"x": 1.0, "name": "a"}]),
    ("`list[list[float]]`", [[0.5, 1.0]], [[0.5, 1.0]]),
    ("`dict[str, int]`", {"a": 1}, {"a": 1}),
)
def test_what_published_messages_hold_can_be_sent(value: Any, sent: Any) -> None:
    assert said(Anything(value=value))[1] == {"value": sent}


@table(
    "4.6",
    "2",
    "a message that holds {} is lost silently",
    "value, sent",
    ("a numpy scalar", np.float32(0.5), 0.5),
    ("a numpy array", np.arange(3), [0, 1, 2]),
    ("an enum", Mood.CALM, "calm"),
    ("a set", {3}, [3]),
    ("a float that is not finite", float("nan"), None),
    better="it is sent",
)
def test_what_once_was_lost_is_sent(value: Any, sent: Any) -> None:
    assert said(Anything(value=value))[1] == {"value": sent}


@fact("4.6", "2", "a field of any type may be None, and a class method of a message may build it")
def test_a_message_may_build_itself() -> None:
    class Update(ModelMessage):
        level: int
        place: Place

        @classmethod
        def empty(cls) -> Update:
            return cls(level=0, place=None)  # type: ignore[arg-type]

    assert said(Update.empty())[1] == {"level": 0, "place": None}


@fact("11", "2", "a message class may be called `CommandError`, as the exception is")
def test_a_message_may_be_called_like_our_exception() -> None:
    class CommandError(ModelMessage):
        code: str

    assert said(CommandError(code="busy")) == ("command_error", {"code": "busy"})


@fact("4.6", "2", "`ClientInfo.send` to a client that is gone is dropped")
def test_a_message_to_a_gone_client_is_dropped() -> None:
    class Late(ReactorModel):
        @disconnected
        async def leaves(self, client: ClientInfo) -> None:
            await client.send(Anything(value=1))

    with ModelHarness(Late, clients=2) as m:
        m.client.leave()
        assert m.client.messages == []


class Gallery(ReactorModel):
    """Keeps the files it was given."""

    got: Any = None

    @event(name="show")
    def show(self, image: UploadedFile, mask: UploadedFile | None = None) -> None:
        self.got = (image, mask)

    @event(name="show_all")
    def show_all(self, images: list[UploadedFile], by_name: dict[str, UploadedFile]) -> None:
        self.got = (images, by_name)

    @file_uploaded
    def arrives(self, uploaded_file: UploadedFile, client: ClientInfo | None = None) -> None:
        self.got = (uploaded_file, client and client.id)


FILE = UploadedFile(name="a.png", mime_type="image/png", data=b"abc", size=3)


@fact("4.5", "2", "an UploadedFile has `name`, `mime_type`, `size` and `data`, and may be constructed with all four")
def test_an_uploaded_file_has_name_type_size_and_data() -> None:
    assert (FILE.name, FILE.mime_type, FILE.size, FILE.data) == ("a.png", "image/png", 3, b"abc")


@fact("4.5", "2", "a reference in a parameter becomes the file")
def test_a_reference_becomes_the_file() -> None:
    with ModelHarness(Gallery) as m:
        m.command("show", image=FILE)
        assert m.model.got == (FILE, None)


@fact("4.5", "2", "references inside lists and dicts are not resolved", better="they are, at any depth")
def test_references_inside_lists_and_dicts_become_files() -> None:
    with ModelHarness(Gallery) as m:
        m.command("show_all", images=[FILE], by_name={"a": FILE})
        assert m.model.got == ([FILE], {"a": FILE})


@fact("4.5", "2", "a reference to a file that is not there never reaches the handler", better="the client is told")
def test_a_reference_to_nothing_is_refused() -> None:
    with ModelHarness(Gallery) as m:
        assert "the upload nowhere is not there" in refusal(m, "show", image={"upload_id": "nowhere"})
        assert m.model.got is None


@fact("4.5", "2", "what is no reference is refused: \"expected an upload reference with a string 'upload_id'\"")
def test_what_is_no_reference_is_refused() -> None:
    with ModelHarness(Gallery) as m:
        assert "image: expected an upload reference with a string 'upload_id'" in refusal(m, "show", image="a.png")


@fact("4.5", "2", "`@file_uploaded` gets the file when a client says that it is complete")
def test_the_hook_gets_the_file() -> None:
    with ModelHarness(Gallery) as m:
        m.client.upload(FILE)
        assert m.model.got == (FILE, 1)


@fact("4.1", "2", "\"@file_uploaded handler must take exactly one parameter named 'uploaded_file' ...\"")
def test_the_hook_takes_the_file_by_its_name() -> None:
    expected = r"@file_uploaded handler must take exactly one parameter named 'uploaded_file' .*got: \['file'\]"
    with pytest.raises(TypeError, match=expected):

        class Sim(ReactorModel):
            @file_uploaded
            def arrives(self, file: UploadedFile) -> None: ...


@fact("4.6", "2", "what no wire can carry is lost silently", better="the author is told which field, by an error")
def test_what_cannot_be_sent_is_an_error_that_names_the_field() -> None:
    with ModelHarness(Sender) as m:
        m.model.message = Anything(value=[object()])
        with pytest.raises(AuthorError, match=r"value\[0\] is a object, which cannot be sent"):
            m.command("say")
        assert m.messages == []
