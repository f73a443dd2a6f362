import asyncio
import enum
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reactor_runtime import (
    Audio,
    ClientInfo,
    InputField,
    MessageField,
    ModelMessage,
    Output,
    ReactorModel,
    Video,
    connected,
    event,
)
from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.authoring.messages import content_of, name_of, spec_of
from reactor_runtime.authoring.reactor_model import contract_of
from reactor_runtime.authoring.tracks import payloads_of
from reactor_runtime.errors import ContractError, InvalidArgument, UnknownCommand


class Speech(Audio):
    sample_rate = 16_000


class Plain(Output):
    main_video: Video
    main_audio: Audio


@dataclass
class Decorated(Output):
    main_video: Video
    main_audio: Audio


class Mode(enum.Enum):
    CALM = "calm"


def compiled(cls: type[ReactorModel]) -> Contract:
    return contract_of(cls, name=None, description="", version="v0.0.0")


@pytest.mark.parametrize("output", [Plain, Decorated])
def test_an_output_carries_its_tracks_with_and_without_dataclass(output: Any) -> None:
    for made in (output(main_audio=1, main_video=2), output(2, 1), output(2, main_audio=1)):
        assert payloads_of(made) == {"main_video": 2, "main_audio": 1}
    for positional, named in (((), {"main_video": 2}), ((2, 1, 0), {}), ((2, 1), {"main_audio": 1})):
        with pytest.raises(TypeError):
            output(*positional, **named)


def test_an_output_says_which_payloads_it_wants() -> None:
    with pytest.raises(TypeError, match=r"Plain expects payloads for \['main_video', 'main_audio'\], got \['w'\]"):
        Plain(w=1)
    with pytest.raises(TypeError, match=r"expects payloads for .*, got 1 in order and \[\]"):
        Plain(1)


def test_a_field_of_an_output_is_a_track() -> None:
    with pytest.raises(ContractError, match="field 'size' is annotated <class 'int'>; a field of an Output is Video"):

        class Wrong(Output):
            size: int


def make_other() -> type[ReactorModel]:
    class Other(ReactorModel):
        pass

    return Other


def test_the_contract_holds_tracks_commands_and_messages_of_one_model_only() -> None:
    class Mine(Output):
        voice: Speech

    class Hello(ModelMessage):
        """Said at the door."""

        who: str = MessageField(description="the name")
        mode: Mode | None = None

    class Model(ReactorModel):
        """Does things."""

        fps = 12
        buffer_size = 2

        @event(name="jump", description="Jump once.")
        def jump(self, h: float = InputField(default=1.0, ge=0, le=2)) -> Hello | None: ...

    contract = compiled(Model)
    # The outputs of this module are seen by every class in it; `Mine` only by those in this function.
    voice = TrackSpec("voice", "audio", rate=16_000)
    assert voice in contract.tracks
    assert voice not in compiled(make_other()).tracks
    assert (contract.model_name, contract.fps, contract.buffer_size) == ("model", 12, 2)
    assert contract.description == "Does things."
    [command] = contract.commands
    assert (command.name, command.description, command.reply) == ("jump", "Jump once.", "hello")
    hello = contract.messages[-1]
    assert (hello.name, hello.description) == ("hello", "Said at the door.")
    assert hello not in compiled(make_other()).messages
    assert hello.schema == {
        "type": "object",
        "properties": {
            "who": {"type": "string", "description": "the name"},
            "mode": {"anyOf": [{"type": "string", "enum": ["calm"]}, {"type": "null"}]},
        },
        "required": ["who"],
    }


def test_the_servers_check_agrees_with_the_declaration() -> None:
    class Model(ReactorModel):
        @event(name="seed")
        def seed(self, seed: int | None = InputField(default=None, ge=0), *, tag: str) -> None: ...

    contract = compiled(Model)
    for good in ({"tag": "x"}, {"tag": "x", "seed": None}, {"tag": "x", "seed": 2.0}):
        contract.check("seed", good)
    for bad in ({}, {"tag": 1}, {"tag": "x", "seed": -1}, {"tag": "x", "seed": True}, {"tag": "x", "more": 1}):
        with pytest.raises(InvalidArgument):
            contract.check("seed", bad)
    with pytest.raises(UnknownCommand, match="this model has: seed"):
        contract.check("sed", {})


def test_a_rate_declared_on_any_class_below_counts_as_pinned() -> None:
    class Base(ReactorModel):
        fps = 9

    class Child(Base):
        pass

    assert compiled(Child).fps == 9
    assert Child().output_buffer.pinned() == 9
    assert ReactorModel().output_buffer.pinned() is None


def test_a_rate_set_on_the_instance_wins() -> None:
    model = ReactorModel()
    model.fps = 24
    assert model.output_buffer.pinned() == 24
    model.output_buffer.set_fps(12.5)
    assert (model.output_buffer.pinned(), model.output_buffer.fps) == (12.5, 12.5)
    with pytest.raises(ValueError, match="fps must be positive, got 0"):
        model.output_buffer.set_fps(0)


def test_an_author_need_not_call_our_constructor() -> None:
    class Model(ReactorModel):
        def __init__(self) -> None:
            self.own = 1

    assert isinstance(Model().connected, asyncio.Event)


async def test_a_model_that_nobody_runs_says_so() -> None:
    with pytest.raises(RuntimeError, match="ReactorModel is not running"):
        await ReactorModel().emit(Plain(main_video=1, main_audio=2))


def test_an_override_counts_for_what_it_overrides() -> None:
    class Base(ReactorModel):
        @event(name="set")
        def set(self, a: int = 1) -> None: ...

    class Child(Base):
        def set(self, a: int = 1, b: int = 2) -> None: ...

    [command] = compiled(Child).commands
    assert list(command.schema["properties"]) == ["a", "b"]


def test_wrong_handlers_are_refused_when_the_class_is_defined() -> None:
    with pytest.raises(ContractError, match=r"test_reactor_model\.py:\d+: .*Model\.f: a: unsupported field type set"):

        class Model(ReactorModel):
            @event(name="f")
            def f(self, a: set) -> None: ...  # type: ignore[type-arg]

    with pytest.raises(ContractError, match="reserved for a lifecycle hook; use @connected / @disconnected"):

        class Reserved(ReactorModel):
            @event(name="connected")
            def f(self) -> None: ...

    with pytest.raises(ContractError, match="duplicate command name 'x'; f has it already"):

        class Twice(ReactorModel):
            @event(name="x")
            def f(self) -> None: ...

            @event(name="x")
            def g(self) -> None: ...

    with pytest.raises(ContractError, match=r"\*\*rest cannot be filled by name"):

        class Rest(ReactorModel):
            @event(name="x")
            def f(self, **rest: int) -> None: ...

    with pytest.raises(ContractError, match=r"a @connected handler takes no parameter but 'client', got \['who'\]"):

        class Hook(ReactorModel):
            @connected
            def f(self, who: ClientInfo) -> None: ...

    with pytest.raises(ContractError, match="the annotation 'Nowhere' cannot be resolved"):

        class Unknown(ReactorModel):
            @event(name="x")
            def f(self, a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


def test_wrong_class_attributes_are_refused_when_the_class_is_defined() -> None:
    with pytest.raises(ContractError, match="fps must be positive, got 0"):

        class Still(ReactorModel):
            fps = 0

    with pytest.raises(ContractError, match="buffer_size must be positive, got -1"):

        class Negative(ReactorModel):
            buffer_size = -1

    with pytest.raises(ContractError, match="run must be written `async def run"):

        class Sync(ReactorModel):
            def run(self) -> None: ...  # type: ignore[override]


def test_a_video_track_may_declare_the_range_of_its_floats() -> None:
    class Signed(Video):
        float_range = (-1, 1)

    class Frames(Output):
        line: Signed
        depth: Video

    assert Frames._tracks == (TrackSpec("line", "video", float_range=(-1.0, 1.0)), TrackSpec("depth", "video"))

    class Second(Output):
        line: Video

    class Model(ReactorModel):
        pass

    with pytest.raises(ContractError, match=r"as video at 0 with floats -1..1 and, in Second, as video at 0;"):
        compiled(Model)


@pytest.mark.parametrize("declared", [1, (1, 0), (0, 0), (0, float("nan")), (0, float("inf")), (0, 1, 2), "ab"])
def test_a_range_of_floats_is_two_numbers_the_lower_one_first(declared: Any) -> None:
    annotation = type("Frames", (Video,), {"float_range": declared})
    with pytest.raises(ContractError, match=r"Frames.float_range = .*: write the floats that mean black and white"):
        type("Out", (Output,), {"__annotations__": {"main_video": annotation}})


def test_one_name_is_one_track() -> None:
    class First(Output):
        line: Video

    class Second(Output):
        line: Audio

    class Model(ReactorModel):
        pass

    with pytest.raises(ContractError, match="track 'line' is declared as video at 0 and, in Second, as audio at 48000"):
        compiled(Model)


@dataclass
class StateUpdate(ModelMessage):
    seed: int = MessageField(default=3)
    text: str = MessageField(description="what")


class HTTPStatus(ModelMessage):
    code: int
    text: str = "ok"


class Named(ModelMessage):
    name = "another_name"


def test_messages_work_with_and_without_dataclass() -> None:
    assert content_of(StateUpdate(text="a")) == {"seed": 3, "text": "a"}
    assert content_of(HTTPStatus(code=1)) == {"code": 1, "text": "ok"}
    assert [name_of(cls) for cls in (StateUpdate, HTTPStatus, Named)] == ["state_update", "http_status", "another_name"]
    assert spec_of(StateUpdate).description == ""
    with pytest.raises(TypeError, match="HTTPStatus needs a value for 'code'"):
        HTTPStatus()
    with pytest.raises(TypeError, match="HTTPStatus has no field 'cod'"):
        HTTPStatus(cod=1)


def test_messages_are_constructed_in_order_or_by_name_as_dataclasses_are() -> None:
    assert content_of(HTTPStatus(2)) == {"code": 2, "text": "ok"}
    assert content_of(HTTPStatus(2, "no")) == content_of(HTTPStatus(2, text="no")) == {"code": 2, "text": "no"}
    with pytest.raises(TypeError, match=r"HTTPStatus takes 2 values, for \['code', 'text'\], got 3"):
        HTTPStatus(1, "a", 3)
    with pytest.raises(TypeError, match="HTTPStatus got two values for 'code'"):
        HTTPStatus(1, code=1)


def test_a_message_field_needs_an_annotation() -> None:
    with pytest.raises(ContractError, match=r"Bare\.size: a message field needs an annotation"):

        class Bare(ModelMessage):
            size = MessageField(default=1)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    sys.path.insert(0, str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_model_sees_the_outputs_of_the_modules_it_uses_and_no_others(project: Path) -> None:
    declare = "from reactor_runtime import Output, Video\nclass {}(Output):\n    {}: Video\n"
    (project / "seen_directly.py").write_text(declare.format("A", "a"))
    (project / "seen_as_module.py").write_text(declare.format("B", "b"))
    (project / "seen_by_a_helper.py").write_text(declare.format("C", "c") + "def make():\n    return C(c=1)\n")
    (project / "unrelated.py").write_text(declare.format("D", "d"))
    (project / "the_model.py").write_text(
        textwrap.dedent("""
            import seen_as_module
            from seen_by_a_helper import make
            from seen_directly import A
            from reactor_runtime import ReactorModel

            class M(ReactorModel):
                pass
        """)
    )
    import unrelated  # type: ignore[import-not-found]  # noqa: F401
    from the_model import M  # type: ignore[import-not-found]

    assert {track.name for track in compiled(M).tracks} == {"a", "b", "c"}
