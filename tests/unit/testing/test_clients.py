"""What clients send to a model under test, and what they hear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from reactor_runtime import (
    ClientInfo,
    ReactorModel,
    UploadedFile,
    connected,
    disconnected,
    event,
    file_uploaded,
)
from reactor_runtime.testing import CommandRefused, ManualClock, ModelHarness
from tests.unit.testing.authors import Camera, Counter, Note, Picture, flat


class Host(ReactorModel):
    """Greets each client, and tells all who came."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    @connected
    async def welcome(self, client: ClientInfo) -> None:
        await client.send(Note(text=f"welcome {client.id}"))
        await self.send(Note(text=f"{client.id} came"))

    @disconnected
    async def goodbye(self, client: ClientInfo) -> None:
        await self.send(Note(text=f"{client.id} left"))

    @event(name="who")
    def who(self, client: ClientInfo) -> Note:
        return Note(text=str(client.id))


def test_each_client_hears_what_is_meant_for_it() -> None:
    with ModelHarness(Host) as m:
        first, second = m.client, m.join()
        assert [note.text for note in first.messages] == ["welcome 1", "1 came", "2 came"]
        assert [note.text for note in second.messages] == ["welcome 2", "2 came"]
        assert second.command("who").text == "2"
        first.leave()
        assert second.message(Note).text == "welcome 2"
        assert [note.text for note in m.messages][-1] == "1 left"
        assert m.client is second
        assert m.command("who").text == "2"


def test_a_message_is_waited_for_by_class_or_name_and_taken_once() -> None:
    with ModelHarness(Host) as m:
        assert m.message(Note).text == "welcome 1"
        assert m.message("note").text == "1 came"
        with pytest.raises(TimeoutError, match="in vain for message Note"):
            m.message(Note, timeout=0.05)


def test_a_reply_comes_as_the_authors_message() -> None:
    with ModelHarness(Counter) as m:
        reply = m.command("jump", to=3)
        assert isinstance(reply, Note)
        assert (reply.text, reply.where) == ("jumped", [3])


class Mirror(ReactorModel):
    input: Camera

    async def run(self) -> None:
        while True:
            [frame] = await self.input.webcam.read()
            await self.send(Note(text=f"{frame.pts:.3f} {frame.capture_time_us}"))
            await self.emit(Picture(main_video=frame))


def test_pushed_media_reaches_the_model_as_a_client_sends_it() -> None:
    with ModelHarness(Mirror) as m:
        for value in (3, 4):
            m.push("webcam", flat(value), capture_time_us=5)
            assert m.frames(1)[0].max() == value
        assert [note.text for note in m.messages] == ["0.000 5", "0.033 5"]
        with pytest.raises(ValueError, match=r"'webcam' takes \(H, W, 3\) uint8 RGB, got \(4, 4\) float64"):
            m.push("webcam", np.zeros((4, 4)))
        with pytest.raises(ValueError, match="no input track 'lens'; there is: 'webcam', 'mic'"):
            m.push("lens", flat(1))


class Patient(ReactorModel):
    input: Camera

    @event(name="snap")
    async def snap(self) -> Note:
        [frame] = await self.input.webcam.read()
        return Note(text=str(frame.max()))


def test_a_command_is_posted_while_its_handler_waits_for_what_the_test_does_next() -> None:
    with ModelHarness(Patient, clock=ManualClock()) as m:
        answer = m.client.post("snap")
        m.push("webcam", flat(8))
        assert answer.wait().text == "8"
        answer = m.post("snap")
        m.clock.settle()
        m.client.stop_sending("webcam")
        with pytest.raises(CommandRefused, match="input_closed"):
            answer.wait()


class Album(ReactorModel):
    @event(name="set_image")
    def set_image(self, image: UploadedFile, others: list[UploadedFile] | None = None) -> Note:
        return Note(text=f"{image.name} {image.mime_type} {image.data!r}", where=[len(others or [])])

    @file_uploaded
    async def arrived(self, uploaded_file: UploadedFile) -> None:
        await self.send(Note(text=uploaded_file.name))


def test_files_are_uploaded_with_a_command_or_alone(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"png")
    with ModelHarness(Album) as m:
        given = UploadedFile("a.txt", "text/plain", b"hi")
        assert m.command("set_image", image=given, others=[given]).text == "a.txt text/plain b'hi'"
        assert m.command("set_image", image=tmp_path / "cat.png").text == "cat.png image/png b'png'"
        m.client.upload(tmp_path / "cat.png")
        assert m.message(Note).text == "cat.png"
