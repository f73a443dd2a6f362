"""`InputState` and its setters, and the step-by-step executor of 2.2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from reactor_runtime.interface import (
    ClientInfo,
    Idle,
    Input,
    InputField,
    InputFrame,
    InputState,
    ModelMessage,
    Output,
    PipelineExecutor,
    ReactorPipeline,
    UploadedFile,
    Video,
    event,
)
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import picture, refusal


@dataclass
class Frames(Output):
    main_video: Video


@dataclass
class Webcam(Input):
    webcam: Video


@dataclass
class Note(ModelMessage):
    text: str


class Still(ReactorPipeline):
    """Shows nothing; its state is what counts."""

    def inference(self) -> Iterator[Any]:
        while True:
            yield Idle


class Painter(ReactorPipeline):
    class State(InputState):
        level: int = InputField(default=1, ge=0, le=9)

    state: State
    camera: Webcam

    def inference(self) -> Iterator[Any]:
        while True:
            seen = self.camera.webcam.try_read(1)
            yield (
                Frames(main_video=picture(self.state.level) if seen is None else seen[0]) if self.state.level else None
            )

    @event(name="say")
    async def say(self, text: str) -> None:
        await self.send(Note(text=text))

    @event(name="who")
    async def who(self, client: ClientInfo) -> None:
        await client.send(Note(text=f"you are {client.id}"))


def with_state(declared: type[InputState], **members: Any) -> type[Still]:
    return type("World", (Still,), {"state_class": declared, "__module__": __name__, **members})


@table(
    "11",
    "2",
    "a state declared {} works",
    "decorate",
    ("with `@dataclass`", dataclass),
    ("without", lambda cls: cls),
)
def test_a_state_may_be_a_dataclass_or_not(decorate: Callable[[type], type]) -> None:
    @decorate
    class State(InputState):
        prompt: str = "calm"
        level: int = InputField(default=3, ge=0)

    with ModelHarness(with_state(State)) as m:
        m.command("set_prompt", prompt="wild")
        assert (m.state.prompt, m.state.level) == ("wild", 3)


@fact("1.2", "2", "each public field makes a `set_<field>` event; a field `_x` is the author's own")
def test_public_fields_have_setters() -> None:
    class State(InputState):
        prompt: str = ""
        _cache: dict[str, int] = {}

    with ModelHarness(with_state(State)) as m:
        assert [command.name for command in m.contract.commands] == ["set_prompt"]
        assert m.state._cache == {}


@fact("4.4", "2", 'a setter is described "Set <field>"', better="the field's own description, where it has one")
def test_a_setter_is_described_by_its_field() -> None:
    class State(InputState):
        prompt: str = InputField(default="", description="What to show")
        level: int = 1

    with ModelHarness(with_state(State)) as m:
        assert [command.description for command in m.contract.commands] == ["What to show", "Set level"]


@fact("4.2", "2", "a setter sent without its argument resets the field to its default")
def test_a_setter_without_argument_resets_the_field() -> None:
    class State(InputState):
        level: int = 3

    with ModelHarness(with_state(State)) as m:
        m.command("set_level", level=9)
        m.command("set_level")
        assert m.state.level == 3


@fact("4.4", "2", "a hand-written `@event` of a setter's name wins")
def test_a_handler_takes_the_place_of_the_setter() -> None:
    class State(InputState):
        level: int = 3

    @event(name="set_level", description="Twice as much")
    def twice(self: Any, level: int) -> None:
        self.state.level = 2 * level

    with ModelHarness(with_state(State, twice=twice)) as m:
        m.command("set_level", level=4)
        assert m.state.level == 8


@fact(
    "4.4",
    "2",
    "a setter does nothing while there is no state",
    better="there always is one; without a client the next one finds it fresh",
)
def test_there_is_a_state_without_a_client() -> None:
    class State(InputState):
        level: int = 3

    with ModelHarness(with_state(State), clients=0) as m:
        assert m.state.level == 3


@fact("4.4", "2", "the limits of a field hold for its setter", better="the client is told why")
def test_a_setter_keeps_to_the_limits_of_its_field() -> None:
    with ModelHarness(Painter) as m:
        assert refusal(m, "set_level", level=10) == "invalid_command: set_level: level: 10 > le(9)"
        assert m.state.level == 1


@fact("1.2", "2", "a field typed `UploadedFile` is an upload slot, None at first")
def test_an_upload_field_begins_empty() -> None:
    class State(InputState):
        image: UploadedFile

    with ModelHarness(with_state(State)) as m:
        assert vars(m.state) == {"image": None}
        m.command("set_image", image=UploadedFile("a.png", "image/png", b"abc"))
        assert m.state.image.data == b"abc"


@fact("1.2", "2", "a private field may be made by `field(default_factory=...)`, anew for each state")
def test_a_private_field_is_made_for_each_state() -> None:
    @dataclass
    class State(InputState):
        _seen: list[int] = field(default_factory=list)

    with ModelHarness(with_state(State)) as m:
        m.state._seen.append(1)
        m.client.leave()
        m.join()
        assert m.state._seen == []


@fact(
    "1.2",
    "2",
    "`PipelineExecutor`: `connect()`, then `next()` gives a StepResult of output, compute_time and messages",
)
def test_the_executor_takes_one_step_at_a_time() -> None:
    with PipelineExecutor(Painter, {}) as executor:
        executor.connect()
        step = next(executor)
        assert isinstance(step.output, Frames)
        assert (int(step.output.main_video.flat[0]), step.messages) == (1, [])  # type: ignore[attr-defined]
        assert step.compute_time >= 0


@fact("1.2", "2", "a step that yields Idle or None has no output")
def test_a_step_of_nothing_has_no_output() -> None:
    with PipelineExecutor(Painter) as executor:
        executor.connect()
        executor.send_event("set_level", level=0)
        assert next(executor).output is None
        assert executor.state.level == 0


@fact("1.2", "2", "each call of the executor returns the messages that the model sent")
def test_the_executor_returns_what_the_model_said() -> None:
    with PipelineExecutor(Painter) as executor:
        assert executor.connect() == []
        assert [note.text for note in executor.send_event("say", text="x")] == ["x"]


@fact("1.2", "2", "`push_media(track, array | InputFrame)` feeds an input track")
def test_the_executor_feeds_input_tracks() -> None:
    with PipelineExecutor(Painter) as executor:
        executor.connect()
        for media in picture(5), InputFrame(picture(6)):
            executor.push_media("webcam", media)
            assert int(next(executor).output.main_video.flat[0]) == int(media.flat[0])  # type: ignore[union-attr]


@table(
    "1.2",
    "2",
    "`send_event`: {}",
    "name, arguments, error, said",
    (
        "ValueError \"Unknown event 'x'. Available events: [...]\"",
        "jump",
        {},
        ValueError,
        r"Unknown event 'jump'. Available events: \['say', 'set_level', 'who'\]",
    ),
    (
        "TypeError \"Invalid arguments for event 'x': ...\"",
        "say",
        {},
        TypeError,
        r"Invalid arguments for event 'say': ",
    ),
    (
        "ValueError \"Validation failed for event 'x': ...\"",
        "set_level",
        {"level": 10},
        ValueError,
        r"Validation failed for event 'set_level': ",
    ),
)
def test_the_executor_refuses_a_wrong_event(name: str, arguments: Any, error: type[Exception], said: str) -> None:
    with PipelineExecutor(Painter) as executor:
        executor.connect()
        with pytest.raises(error, match=said):
            executor.send_event(name, **arguments)


@table(
    "1.2",
    "2",
    'RuntimeError "{}"',
    "first, then",
    ("connect() called on an already-connected executor. Call disconnect() first.", ["connect"], "connect"),
    ("disconnect() called without an active session. Call connect() first.", [], "disconnect"),
)
def test_the_executor_refuses_a_call_out_of_order(first: list[str], then: str) -> None:
    with PipelineExecutor(Painter) as executor:
        for call in first:
            getattr(executor, call)()
        with pytest.raises(RuntimeError, match=rf"^{then}\(\) called .* Call \w+\(\) first\.$"):
            getattr(executor, then)()
