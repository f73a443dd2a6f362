"""What generation 2 got wrong, and what happens here instead. One row per item of the reference's list."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from reactor_runtime.errors import AuthorError, OutputError
from reactor_runtime.interface import (
    Audio,
    BufferClosed,
    ClientInfo,
    Idle,
    Input,
    InputField,
    InputState,
    ModelMessage,
    Output,
    PipelineExecutor,
    ReactorModel,
    ReactorPipeline,
    Video,
    disconnected,
    event,
)
from reactor_runtime.testing import ManualClock, ModelHarness
from tests.conformance.facts import fact
from tests.conformance.staging import levels, picture, post, refusal
from tests.running import eventually


class Frames(Output):
    main_video: Video


class Empty(InputState): ...


class Still(ReactorPipeline):
    state: Empty

    def inference(self) -> Iterator[Any]:
        while True:
            yield Idle


class Mood(enum.Enum):
    CALM = "calm"


@dataclass
class Point:
    x: float


class Webcam(Input):
    webcam: Video


class Reader(ReactorPipeline):
    """Waits for a camera."""

    class State(InputState):
        level: int = 1

    state: State
    camera: Webcam
    reads = False
    closed = left = 0

    async def inference(self) -> AsyncIterator[Any]:
        while True:
            self.reads = True
            try:
                await self.camera.webcam.read(1)
            except BufferClosed:
                self.closed += 1
                raise
            yield Idle

    @disconnected
    def leaves(self) -> None:
        self.left += 1


@fact(
    "10.2",
    "2",
    "1. validation failures never reach the client",
    better="the client is told which argument is wrong, and why",
)
def test_an_invalid_command_is_refused() -> None:
    class Sim(Still):
        @event(name="go")
        def go(self, far: int = InputField(ge=0)) -> None: ...

    with ModelHarness(Sim) as m:
        assert refusal(m, "go", far=-1) == "invalid_command: go: far: -1 < ge(0)"


@fact(
    "10.2",
    "2",
    "2. one unannotated parameter or message field breaks the schema and every event",
    better="it takes anything; the schema says {}",
)
def test_what_is_not_annotated_takes_anything() -> None:
    class Note(ModelMessage):
        what: Any

    class Sim(Still):
        @event(name="go")
        def go(self, what):  # type: ignore[no-untyped-def]
            return Note(what=what)

    with ModelHarness(Sim) as m:
        assert m.command("go", what=[1, None]).what == [1, None]
        body = m.schema["paths"]["/events/go"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["properties"]["what"] == {"x-reactor-moderate": False}


@fact(
    "10.2",
    "2",
    "3. an Enum arrives as its value, a dataclass as a dict, an int as 2.0",
    better="each arrives as annotated, at any depth",
)
def test_arguments_arrive_as_annotated() -> None:
    class Sim(Still):
        @event(name="go")
        def go(self, mood: Mood, points: list[Point], n: int) -> None:
            self.got = (mood, points, n, type(n))

    with ModelHarness(Sim) as m:
        m.command("go", mood="calm", points=[{"x": 1}], n=2.0)
        assert m.model.got == (Mood.CALM, [Point(1.0)], 2, int)


@fact(
    "10.2",
    "2",
    "4. a required field of an InputState ends the process at start-up",
    better="it begins as the zero of its type, and its setter needs a value",
)
def test_a_required_field_begins_as_zero() -> None:
    class State(InputState):
        prompt: str
        level: int = InputField(ge=3)

    class Sim(ReactorPipeline):
        state: State
        inference = Still.inference

    with ModelHarness(Sim) as m:
        assert (m.state.prompt, m.state.level) == ("", 3)
        assert "missing required argument" in refusal(m, "set_prompt")


@fact(
    "10.2",
    "2",
    "6. a parked read() holds up @disconnected, and the last client's state leaks into the next one's",
    better="the read ends with its client; the next finds a fresh state",
)
def test_a_parked_read_ends_with_its_client() -> None:
    with ModelHarness(Reader) as m:
        eventually(lambda: m.model.reads)
        m.command("set_level", level=7)
        m.client.leave()
        assert (m.model.left, m.model.connected.is_set()) == (1, False)
        m.join()
        assert m.state.level == 1


@fact(
    "10.2",
    "2",
    "7. BufferClosed is documented, but nothing ever closes a buffer",
    better="a read that waits raises it when its sender leaves",
)
def test_a_read_is_told_that_its_sender_left() -> None:
    with ModelHarness(Reader) as m:
        eventually(lambda: m.model.reads)
        m.command("set_level", level=7)  # is handled once the read waits
        m.client.stop_sending("webcam")
        eventually(lambda: m.model.closed == 1)


@fact(
    "10.2",
    "2",
    "8. batches larger than buffer_size serialise compute and playback",
    better="the next is made while one plays",
)
def test_a_batch_is_made_while_another_plays() -> None:
    class Batches(Still):
        made = 0

        def inference(self) -> Iterator[Any]:
            while True:
                self.made += 1
                yield Frames(main_video=picture(self.made, count=12))

    with ModelHarness(Batches) as m:
        assert levels(m.frames(1)) == [1]
        assert eventually(lambda: m.model.made >= 2)
        assert levels(m.frames(11)) == [1] * 11


@fact(
    "10.2",
    "2",
    "9. None or another thing that is no picture ends the process",
    better="`emit` raises an error that the model may handle",
)
def test_a_wrong_frame_is_an_error_that_can_be_handled() -> None:
    class Careless(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            try:
                await self.emit(Frames(main_video=None))
            except OutputError as error:
                self.error = str(error)
            await self.emit(Frames(main_video=picture(5)))
            await asyncio.Event().wait()

    with ModelHarness(Careless) as m:
        assert levels(m.frames(1)) == [5]
        assert "main_video" in m.model.error


@fact(
    "10.2",
    "2",
    "10. a message with a value that cannot be serialised is lost silently",
    better="`send` raises an error that names the field; numpy, enums and dataclasses are sent",
)
def test_a_message_is_sent_or_its_author_told() -> None:
    class Note(ModelMessage):
        value: Any

    class Sim(ReactorModel):
        @event(name="say")
        async def say(self, bad: bool) -> None:
            await self.send(Note(value=object() if bad else {"a": np.float32(0.5), "m": Mood.CALM}))

    with ModelHarness(Sim) as m:
        m.command("say", bad=False)
        assert m.message(Note).value == {"a": 0.5, "m": "calm"}
        with pytest.raises(AuthorError, match=r"value"):
            m.command("say", bad=True)


@fact(
    "10.2", "2", "11. `fps` declared on a base class is ignored", better="it is pinned, however far up it is declared"
)
def test_a_rate_of_a_base_class_is_pinned() -> None:
    class Slow(Still):
        fps = 12

    class Sim(Slow): ...

    with ModelHarness(Sim) as m:
        assert m.contract.fps == 12


@fact(
    "10.2",
    "2",
    "12. a finite generator restarts in a hot loop of 5 ms",
    better="one that shows nothing waits longer each time, up to a third of a second",
)
def test_a_generator_that_shows_nothing_is_not_a_hot_loop() -> None:
    class Brief(Still):
        begun = 0

        def inference(self) -> Iterator[Any]:
            self.begun += 1
            yield from ()

    clock = ManualClock()
    with ModelHarness(Brief, clock=clock) as m:
        clock.advance(10)
        assert 10 < m.model.begun < 60


@fact(
    "10.2",
    "2",
    "13. run() returning is a silent, dead model",
    better="it is reported as an error, and the model is started again",
)
def test_a_run_that_returns_is_reported() -> None:
    class Done(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()

    with pytest.raises(AuthorError, match=r"run\(\) of Done returned"), ModelHarness(Done) as m:
        m.message()


@fact(
    "10.2", "2", "16. dedupe reorders events across types", better="the newest keeps its place; all others keep theirs"
)
def test_dedupe_keeps_the_order_of_other_events() -> None:
    class Sim(Still):
        def load(self, config: Any) -> None:
            self.told: list[Any] = []

        @event(name="wait")
        async def wait(self) -> None:
            await asyncio.sleep(0.01)

        @event(name="slide", dedupe=True)
        def slide(self, to: int) -> None:
            self.told.append(to)

        @event(name="mark")
        def mark(self, at: str) -> None:
            self.told.append(at)

    with ModelHarness(Sim) as m:
        post(m, "wait")
        for name, arguments in (("slide", 1), ("mark", "a"), ("slide", 2), ("mark", "b")):
            post(m, name, **{"to" if name == "slide" else "at": arguments})
        m.command("mark", at="c")
        assert m.model.told == ["a", 2, "b", "c"]


@fact(
    "10.2",
    "2",
    "18. PipelineExecutor never passes `client`, and validates after constructing",
    better="it runs the real worker: handlers get their client, and a wrong class is refused first",
)
def test_the_executor_is_the_real_thing() -> None:
    class Sim(Still):
        constructed = 0

        def __init__(self) -> None:
            type(self).constructed += 1

        @event(name="who")
        def who(self, client: ClientInfo) -> None:
            self.asked = client.id

    class Stateless(ReactorPipeline):
        __init__ = Sim.__init__
        constructed = 0

    with PipelineExecutor(Sim) as executor:
        executor.connect()
        executor.send_event("who")
        assert executor._harness.model.asked == 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=r"must declare 'state: MyState'"):
        PipelineExecutor(Stateless)
    assert Stateless.constructed == 0


@fact(
    "10.2",
    "2",
    "19. audio is played as 48 kHz, whatever `sample_rate` says",
    better="any declared rate is resampled and keeps its pitch",
)
def test_sound_of_another_rate_keeps_its_pitch() -> None:
    class Phone(Audio):
        sample_rate = 16_000

    class Voice(Output):
        voice: Phone

    class Sim(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
            for block in np.split(tone.astype(np.int16), 10):
                await self.emit(Voice(voice=block))
            await asyncio.Event().wait()

    with ModelHarness(Sim) as m:
        heard = m.audio(0.9, track="voice")[0, 4800:].astype(float)
    hertz = np.argmax(np.abs(np.fft.rfft(heard))) * 48_000 / heard.size
    assert hertz == pytest.approx(440, abs=3)
