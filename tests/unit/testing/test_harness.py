"""What `ModelHarness` promises authors, on models of all three styles."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reactor_runtime import (
    Audio,
    AudioOut,
    ClientInfo,
    CommandError,
    Input,
    InputField,
    InputState,
    ModelMessage,
    Output,
    ReactorModel,
    ReactorPipeline,
    UploadedFile,
    Video,
    VideoModel,
    VideoOut,
    command,
    connected,
    disconnected,
    event,
    file_uploaded,
    get_ctx,
    model,
)
from reactor_runtime.errors import OutputError
from reactor_runtime.testing import CommandRefused, ManualClock, ModelHarness, SessionOver


def flat(value: int, height: int = 4, width: int = 6) -> np.ndarray[Any, Any]:
    return np.full((height, width, 3), value, np.uint8)


class Picture(Output):
    main_video: Video


class Note(ModelMessage):
    text: str
    where: list[int] | None = None


class Counter(ReactorModel):
    """Counts frames; clients set where it counts on."""

    buffer_size = 3

    def load(self, config: dict[str, Any]) -> None:
        self.step: int = config.get("start", 0)

    async def run(self) -> None:
        while True:
            await self.connected.wait()
            while self.connected.is_set():
                await self.emit(Picture(main_video=flat(self.step)))
                self.step += 1

    @event(name="jump")
    def jump(self, to: int = InputField(ge=0, le=200)) -> Note:
        self.step = to
        return Note(text="jumped", where=[to])

    @event(name="refuse")
    async def refuse(self) -> None:
        raise CommandError("too_late", "the show is over")

    @event(name="fail")
    def fail(self) -> None:
        raise ValueError("a secret path")


class State(InputState):
    level: int = InputField(default=10, ge=0, le=255)


class Levels(ReactorPipeline):
    """Shows the level that clients set."""

    state: State

    async def inference(self) -> AsyncIterator[Picture]:
        while True:
            yield Picture(main_video=flat(self.state.level))
            await asyncio.sleep(0)


@model(name="old")
class Old(VideoModel):
    """Shows the brightness that clients set."""

    def __init__(self, config: Any) -> None:
        self.brightness = config.get("brightness", 7)

    @command("set_brightness")
    def set_brightness(self, value: int) -> dict[str, int]:
        self.brightness = value
        return {"value": value}

    def start_session(self) -> None:
        while not get_ctx().should_stop():
            get_ctx().emit_block(flat(self.brightness))


@pytest.mark.parametrize(
    ("author", "config", "name", "arguments", "before", "after"),
    [
        (Counter, {"start": 5}, "jump", {"to": 100}, 5, 100),
        (Levels, None, "set_level", {"level": 77}, 10, 77),
        (Old, {"brightness": 20}, "set_brightness", {"value": 99}, 20, 99),
    ],
)
def test_a_model_of_any_style_is_tested_in_three_lines(
    author: Any, config: Any, name: str, arguments: dict[str, int], before: int, after: int
) -> None:
    with ModelHarness(author, config=config) as m:
        assert m.frames(1)[0].max() == before
        m.command(name, **arguments)
        m.skip()
        assert all(frame.max() >= after for frame in m.frames(10))


def test_no_frame_is_lost_and_the_model_is_no_further_ahead_than_its_buffer() -> None:
    with ModelHarness(Counter) as m:
        assert [frame[0, 0, 0] for frame in m.frames(5)] == [0, 1, 2, 3, 4]
        assert m.model.step <= 5 + Counter.buffer_size
        assert [frame[0, 0, 0] for frame in m.frames(3)] == [5, 6, 7]


def test_pixels_are_exact_as_viewers_get_them() -> None:
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (5, 7, 3), np.uint8)
    shown: list[Any] = [rgb, rgb / 255, np.dstack([rgb, rgb[..., :1]]), rgb[..., 0]]

    class Emits(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            for payload in shown:
                await self.emit(Picture(main_video=payload))
            await asyncio.Event().wait()

    with ModelHarness(Emits) as m:
        frames = m.frames(len(shown))
    even = np.pad(rgb, ((0, 1), (0, 1), (0, 0)), mode="edge")
    for frame in frames[:3]:
        np.testing.assert_array_equal(frame, even)
    np.testing.assert_array_equal(frames[3], np.repeat(even[..., :1], 3, axis=2))


def test_what_is_no_picture_fails_the_test_with_the_runtimes_own_words() -> None:
    class Wrong(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            await self.emit(Picture(main_video=np.zeros((3, 4, 4), np.int64)))

    with pytest.raises(OutputError, match=r"track 'main_video': got numpy.ndarray of shape"), ModelHarness(Wrong) as m:
        m.frames(1)


def test_a_reply_comes_as_the_authors_message() -> None:
    with ModelHarness(Counter) as m:
        reply = m.command("jump", to=3)
        assert isinstance(reply, Note)
        assert (reply.text, reply.where) == ("jumped", [3])


def test_a_refusal_raises_its_code_and_text() -> None:
    with ModelHarness(Counter) as m:
        for name, arguments, code, text in [
            ("jump", {"to": 201}, "invalid_command", "to"),
            ("jump", {"too": 1}, "invalid_command", "too"),
            ("nope", {}, "invalid_command", "this model has: fail, jump, refuse"),
            ("refuse", {}, "too_late", "the show is over"),
        ]:
            with pytest.raises(CommandRefused, match=text) as refused:
                m.command(name, **arguments)
            assert refused.value.code == code


def test_what_a_handler_raises_is_raised_where_it_was_called() -> None:
    with ModelHarness(Counter) as m:
        with pytest.raises(ValueError, match="a secret path") as raised:
            m.command("fail")
        assert "in a command handler" in raised.value.__notes__[0]
        assert m.command("jump", to=1).where == [1]


def test_an_error_that_nobody_looked_at_is_raised_at_the_end() -> None:
    class Clumsy(Counter):
        @connected
        def on_connect(self) -> None:
            raise KeyError("seat")

    with pytest.raises(KeyError, match="seat"), ModelHarness(Clumsy) as m:
        m.frames(1)
    with ModelHarness(Clumsy) as m:
        assert [type(error) for error in m.errors] == [KeyError]


def test_a_failing_test_is_told_what_the_model_had_raised() -> None:
    class Clumsy(Counter):
        @connected
        def on_connect(self) -> None:
            raise KeyError("seat")

    with pytest.raises(AssertionError) as failed, ModelHarness(Clumsy):
        raise AssertionError("wrong picture")
    assert failed.value.__notes__ == ["the model had raised KeyError('seat')"]


@pytest.mark.parametrize("where", ["construct", "load", "run"])
def test_what_the_model_raises_reaches_the_test(where: str) -> None:
    class Broken(ReactorModel):
        def __init__(self) -> None:
            if where == "construct":
                raise RuntimeError("no memory")

        def load(self, config: Any) -> None:
            if where == "load":
                raise RuntimeError("no memory")

        async def run(self) -> None:
            await self.connected.wait()
            raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"), ModelHarness(Broken) as m:
        m.message()


def test_a_model_that_hangs_is_named_with_the_line_it_stands_at() -> None:
    release = threading.Event()

    class Hangs(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            await self.wait_for_weather()

        async def wait_for_weather(self) -> None:
            await asyncio.Event().wait()  # the weather never comes

        @event(name="block")
        def block(self) -> None:
            release.wait(20)  # the handler blocks here

    try:
        with ModelHarness(Hangs, timeout=0.2) as m:
            with pytest.raises(TimeoutError, match=r"waited 0.2 s in vain for 2 frames of 'main_video'") as waited:
                m.frames(2)
            assert "the weather never comes" in str(waited.value)
            with pytest.raises(TimeoutError, match="in vain for an answer to 'block'") as waited:
                m.command("block")
            assert "the handler blocks here" in str(waited.value)
            release.set()
    finally:
        release.set()


def test_a_pipelines_generator_is_named_with_the_line_it_stands_at() -> None:
    class Waits(Levels):
        async def inference(self) -> AsyncIterator[Picture]:
            muse = asyncio.Event()
            releases.append(lambda: loop.call_soon_threadsafe(muse.set))
            loop = asyncio.get_running_loop()
            await muse.wait()  # for the muse
            yield Picture(main_video=flat(1))

    releases: list[Any] = []
    with ModelHarness(Waits, timeout=0.2) as m:
        with pytest.raises(TimeoutError) as waited:
            m.frames(1)
        releases[0]()
    assert "for the muse" in str(waited.value)


def test_a_model_that_does_not_end_is_named_with_the_line_it_stands_at() -> None:
    release = threading.Event()

    class Stubborn(VideoModel):
        def start_session(self) -> None:
            get_ctx().emit_block(flat(1))
            release.wait(20)  # deaf to should_stop

    with (
        pytest.raises(TimeoutError, match="in vain for the model to end") as waited,
        ModelHarness(Stubborn, timeout=0.2) as m,
    ):
        m.frames(1)
    release.set()
    assert "deaf to should_stop" in str(waited.value)


class Sung(Output):
    main_video: Video
    voice: Audio


class Singer(ReactorModel):
    fps = 25

    async def run(self) -> None:
        await self.connected.wait()
        for step in range(1, 5):
            sound = np.full((2, 1920 * 2), step, np.int16)
            await self.emit(Sung(main_video=np.stack([flat(step), flat(step + 100)]), voice=sound))
        await asyncio.Event().wait()


def test_chunks_carry_every_track_and_the_rate() -> None:
    with ModelHarness(Singer) as m:
        first, second = m.chunks(2)
        assert first["main_video"].shape == (2, 4, 6, 3)
        assert first["main_video"][:, 0, 0, 0].tolist() == [1, 101]
        assert (first["voice"].shape, first["voice"].dtype) == ((2, 3840), np.int16)
        assert (second["voice"] == 2).all()
        assert (first.fps, first.pinned) == (25, True)


def test_sound_and_pictures_are_taken_apart_and_nothing_is_lost() -> None:
    with ModelHarness(Singer) as m:
        assert [f[0, 0, 0] for f in m.frames(3)] == [1, 101, 2]
        assert m.audio(0.1).shape == (2, 4800)
        rest = m.audio(samples=4800)
        assert (rest.shape, set(rest.flat)) == ((2, 4800), {2, 3})
        assert [f[0, 0, 0] for f in m.frames(5)] == [102, 3, 103, 4, 104]


def test_sound_of_another_rate_is_heard_at_48_khz() -> None:
    class Speech(VideoModel):
        voice = AudioOut(rate=16_000)

        def start_session(self) -> None:
            self.voice.emit(np.zeros((1, 16_000), np.int16))
            while not get_ctx().should_stop():
                self.voice.emit(np.zeros((1, 1600), np.int16))

    with ModelHarness(Speech) as m:
        assert m.audio(1.0).shape == (1, 48_000)


def test_tracks_are_named_where_there_are_several() -> None:
    class Two(VideoModel):
        left = VideoOut()
        right = VideoOut()

        def start_session(self) -> None:
            while not get_ctx().should_stop():
                self.left.emit(flat(1))
                self.right.emit(flat(2))

    with ModelHarness(Two) as m:
        assert m.frames(1, "right")[0].max() == 2
        assert m.frames(2, "left")[0].max() == 1
        with pytest.raises(ValueError, match=r"more than one video output track; name one; there is: 'left', 'right'"):
            m.frames(1)
        with pytest.raises(ValueError, match="no video output track 'middle'"):
            m.frames(1, "middle")


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


def test_sessions_follow_one_another_and_what_was_not_taken_is_gone() -> None:
    with ModelHarness(Counter) as m:
        m.frames(2)
        m.end_session()
        assert (m.clients, m.flushes) == ([], [False])
        m.model.step = 50
        m.start_session()
        m.join()
        assert m.frames(1)[0].max() in (50, 51)


def test_a_session_that_the_model_ends_is_told() -> None:
    class Brief(VideoModel):
        def start_session(self) -> None:
            get_ctx().emit_block(flat(9))

    with ModelHarness(Brief) as m:
        assert m.frames(1)[0].max() == 9
        with pytest.raises(SessionOver, match="no 1 frames of 'main_video' will come: the model ended the session"):
            m.frames(1)
        assert m.ended == "the model ended the session"
        m.end_session()
        m.start_session()
        m.join()
        assert m.frames(1)[0].max() == 9


class Camera(Input):
    webcam: Video
    mic: Audio


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


@dataclass
class Kept(InputState):
    level: int = 1
    _seen: int = 0


class Keeper(ReactorPipeline):
    state: Kept

    def inference(self) -> Iterator[Picture]:
        while True:
            self.state._seen += 1
            yield Picture(main_video=flat(self.state.level))


def test_the_model_and_its_state_are_there_to_look_at() -> None:
    with ModelHarness(Keeper) as m:
        m.frames(1)
        m.command("set_level", level=5)
        assert (type(m.model), m.state.level) == (Keeper, 5)
        assert m.state._seen >= 1
        assert "/events/set_level" in m.schema["paths"]
        m.client.leave()
        assert m.state.level == 1


def test_a_folder_is_run_as_reactor_run_takes_it(tmp_path: Path) -> None:
    (tmp_path / "grey.py").write_text(
        "import numpy as np\n"
        "from reactor_runtime import VideoModel, get_ctx, model\n"
        "@model(name='grey', config='c.yaml')\n"
        "class Grey(VideoModel):\n"
        "    def __init__(self, config):\n"
        "        self.config = config\n"
        "    def start_session(self):\n"
        "        get_ctx().emit_block(np.full((4, 4, 3), self.config.level, np.uint8))\n"
    )
    (tmp_path / "c.yaml").write_text("level: 3\nother: 4\n")
    with ModelHarness(tmp_path) as m:
        assert (m.contract.model_name, m.frames(1)[0].max()) == ("grey", 3)
    with ModelHarness(tmp_path, config={"level": 8}) as m:
        assert (m.frames(1)[0].max(), m.model.config.other) == (8, 4)
