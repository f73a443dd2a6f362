"""Handlers of generation 2 beyond a single call: superseded commands, uploads, clients, and what `events()` tells."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reactor_runtime import (
    ClientInfo,
    Connected,
    Disconnected,
    Event,
    FileUploaded,
    Input,
    InputField,
    MessageField,
    ModelMessage,
    Output,
    ReactorModel,
    UploadedFile,
    Video,
    connected,
    event,
    file_uploaded,
)
from reactor_runtime.authoring.reactor_model import contract_of
from reactor_runtime.errors import AuthorError, ContractError
from reactor_runtime.worker.messages import FileArrived, Invoke, Uploaded
from tests.unit.authoring.test_pipeline import driver


@dataclass
class Point:
    x: int
    y: int


class Seen(ModelMessage):
    text: str
    where: Point | None = MessageField(None)


def test_of_commands_that_pile_up_only_the_newest_of_each_client_is_handled_in_its_place() -> None:
    class Slider(ReactorModel):
        def load(self, config: Any) -> None:
            self.handled: list[str] = []
            self.gate = asyncio.Event()

        @event(name="hold")
        async def hold(self) -> None:
            await self.gate.wait()

        @event(name="open")
        def open(self) -> None:
            self.gate.set()

        @event(name="set_angle", dedupe=True)
        def set_angle(self, client: ClientInfo, angle: int) -> None:
            self.handled.append(f"{client.id}:{angle}")

        @event(name="press")
        def press(self, key: str) -> None:
            self.handled.append(key)

    with driver(Slider) as model:
        model.begin(1, 2)
        author = model.driver._model
        model.send("hold")
        ids = [
            model.send("set_angle", angle=1),
            model.send("press", key="a"),
            model.send("set_angle", client=2, angle=9),
            model.send("set_angle", angle=2),
            model.send("press", key="b"),
            model.send("set_angle", angle=3),
        ]
        model.driver._loop.call_soon_threadsafe(author.gate.set)
        model.outlet.wait("reply", 1 + len(ids))
        assert author.handled == ["a", "2:9", "b", "1:3"]
        assert not any("error_code" in rest for _, _, rest in model.outlet.of("reply")), "superseded is not refused"


def test_a_handler_gets_the_files_its_arguments_refer_to_at_any_depth(tmp_path: Path) -> None:
    class Albums(ReactorModel):
        @event(name="show")
        def show(
            self, cover: UploadedFile, pages: list[UploadedFile], notes: dict[str, UploadedFile] | None = None
        ) -> Seen:
            assert notes is not None
            return Seen(text=" ".join(f.name for f in (cover, *pages, *notes.values())), where=Point(1, cover.size))

    path = tmp_path / "0"
    path.write_bytes(b"pixels")
    files = {name: Uploaded(f"{name}.png", "image/png", 6, str(path)) for name in "abc"}
    with driver(Albums) as model:
        model.begin(1)
        arguments = {
            "cover": {"upload_id": "a"},
            "pages": [{"upload_id": "b"}, {"upload_id": "a"}],
            "notes": {"x": {"upload_id": "c", "name": "other.png"}},
        }
        model.driver.deliver(Invoke(1, "show", arguments, 1, uploads=files))
        ((_, data, rest),) = model.outlet.wait("reply")
        assert rest["name"] == "seen"
        assert data == {"text": "a.png b.png a.png c.png", "where": Point(1, 6)}


def test_a_file_that_is_gone_refuses_the_command_that_names_it() -> None:
    class Albums(ReactorModel):
        @event(name="show")
        def show(self, cover: UploadedFile) -> None:
            raise AssertionError("there is nothing to show")

    with driver(Albums) as model:
        model.begin(1)
        gone = Uploaded("a.png", "image/png", 6, "/nowhere/at/all")
        model.driver.deliver(Invoke(1, "show", {"cover": {"upload_id": "a"}}, 1, uploads={"a": gone}))
        ((_, _, rest),) = model.outlet.wait("reply")
        assert rest["error_code"] == "unresolved_upload"


def test_the_upload_hook_gets_the_file_and_who_sent_it(tmp_path: Path) -> None:
    class Albums(ReactorModel):
        got: list[Any]

        @file_uploaded
        async def arrived(self, uploaded_file: UploadedFile, client: ClientInfo) -> None:
            await client.send(Seen(text=uploaded_file.data.decode()))

    path = tmp_path / "0"
    path.write_bytes(b"pixels")
    with driver(Albums) as model:
        model.begin(1)
        model.driver.deliver(FileArrived(1, Uploaded("a.png", "image/png", 6, str(path))))
        assert model.outlet.wait("say") == [({"text": "pixels", "where": None}, "seen", 1)]


def test_an_upload_hook_of_another_shape_is_refused_at_import() -> None:
    with pytest.raises(ContractError, match=r"exactly one parameter named 'uploaded_file' \(plus optional reserved"):

        class Albums(ReactorModel):
            @file_uploaded
            def arrived(self, file: UploadedFile) -> None: ...


def test_events_tells_everything_in_order_and_handlers_run_as_ever(tmp_path: Path) -> None:
    class Watched(ReactorModel):
        def load(self, config: Any) -> None:
            self.told: list[Any] = []

        async def run(self) -> None:
            async for happened in self.events():
                self.told.append(happened)
                await self.send(Seen(text=type(happened).__name__))

        @event(name="press")
        def press(self, key: str) -> Seen:
            return Seen(text=key)

    (tmp_path / "0").write_bytes(b"x")
    with driver(Watched) as model:
        model.begin(1)
        assert model.ask("press", key="a")[0] == {"text": "a", "where": None}
        model.driver.deliver(FileArrived(1, Uploaded("a", "text/plain", 1, str(tmp_path / "0"))))
        model.leave(1)
        said = [data["text"] for data, _, _ in model.outlet.wait("say", 4)]
        assert said == ["Connected", "Event", "FileUploaded", "Disconnected"]
        joined, pressed, uploaded, left = model.driver._model.told
        assert isinstance(joined, Connected)
        assert isinstance(left, Disconnected)
        assert isinstance(uploaded, FileUploaded)
        assert isinstance(pressed, Event)
        assert (joined.client.id, left.client.id, uploaded.uploaded_file.name) == (1, 1, "a")
        assert (pressed.name, pressed.arguments, pressed.client) == ("press", {"key": "a"}, joined.client)


def test_a_rate_faster_than_can_be_kept_is_refused_at_import() -> None:
    with pytest.raises(ContractError, match="fps is at most 240, got 1000"):

        class Fast(ReactorModel):
            fps = 1000


def test_one_name_cannot_be_an_input_and_an_output() -> None:
    class Camera(Input):
        webcam: Video

    class Picture(Output):
        webcam: Video

    class Confused(ReactorModel):
        camera: Camera

    with pytest.raises(ContractError, match="track name 'webcam' is declared as both input and output"):
        contract_of(Confused, name=None, description="", version="")


def test_inputs_come_first_and_any_attribute_may_hold_them() -> None:
    class Camera(Input):
        webcam: Video

    class Picture(Output):
        main_video: Video

    class Model(ReactorModel):
        eyes: Camera

    contract = contract_of(Model, name=None, description="", version="")
    assert [(t.name, t.direction) for t in contract.tracks] == [("webcam", "in"), ("main_video", "out")]
    with driver(Model) as model:
        assert model.driver._model.eyes.webcam.available == 0


def test_a_message_that_cannot_be_encoded_is_told_to_its_author_before_the_command_is_acknowledged() -> None:
    class Odd(ModelMessage):
        value: object

    class Sends(ReactorModel):
        @event(name="bad")
        async def bad(self) -> None:
            await self.send(Odd(value=object()))

        @event(name="reply_bad")
        def reply_bad(self) -> Odd:
            return Odd(value={"deep": [np.float32(1), object()]})

        @connected
        async def joined(self, client: ClientInfo) -> None:
            await client.send(Seen(text="hello"))

    with driver(Sends) as model:
        from reactor_runtime.worker.plain import plain

        say = model.outlet.say

        def encoding(data: object, *, name: str | None = None, client_id: int | None = None) -> None:
            say(plain(data, name or "message"), name=name, client_id=client_id)

        model.driver._stage.say = encoding
        model.begin(1)
        _, rest = model.ask("bad")
        assert rest["error_code"] == "internal_error"
        ((where, error),) = model.outlet.of("failed")
        assert where == "handler"
        assert isinstance(error, AuthorError)
        assert "odd.value is a object" in str(error)


def test_constraints_of_an_optional_parameter_do_not_bind_null() -> None:
    class Seeds(ReactorModel):
        @event(name="seed")
        def seed(self, seed: int | None = InputField(None, ge=0)) -> Seen:
            return Seen(text=repr(seed))

    with driver(Seeds) as model:
        model.begin(1)
        assert model.ask("seed", seed=None)[0]["text"] == "None"
        assert model.ask("seed", seed=3.0)[0]["text"] == "3"
