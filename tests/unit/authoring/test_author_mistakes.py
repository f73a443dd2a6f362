"""Declarations of generation 2 as authors write them in a hurry: they work, or the message says what would be right."""

from __future__ import annotations

import collections
import copy
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import pytest

from reactor_runtime import (
    ClientInfo,
    Idle,
    Input,
    InputBuffer,
    InputField,
    InputFrame,
    InputState,
    Output,
    ReactorModel,
    ReactorPipeline,
    UploadedFile,
    Video,
    connected,
    event,
)
from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.authoring.inputs import CAPACITY, live_input
from reactor_runtime.authoring.pipeline import new_state
from reactor_runtime.authoring.reactor_model import contract_of
from reactor_runtime.errors import AuthorError, ContractError, OutputError
from reactor_runtime.testing import ModelHarness
from tests.unit.authoring.test_pipeline import driver

if TYPE_CHECKING:
    from nowhere import Tensor  # type: ignore[import-not-found]

S = TypeVar("S")


def compiled(cls: type[ReactorModel]) -> Contract:
    return contract_of(cls, name=None, description="", version="v0.0.0")


# ---- states ----------------------------------------------------------------------------------------------------


def test_a_private_field_may_be_annotated_with_what_only_type_checkers_import() -> None:
    class State(InputState):
        prompt: str = "x"
        _latent: Tensor | None = None

    assert vars(new_state(State)) == {"prompt": "x", "_latent": None}


def test_a_state_may_be_a_dataclass_with_slots() -> None:
    @dataclass(slots=True)
    class State(InputState):
        prompt: str = "x"
        level: int = InputField(3, ge=0)
        _seen: list[int] = field(default_factory=list)

        def __post_init__(self) -> None:
            self.level = 7

    state: Any = new_state(State)
    assert (state.prompt, state.level, state._seen) == ("x", 7, [])


def test_a_public_field_may_spell_its_default_as_dataclasses_do() -> None:
    @dataclass
    class State(InputState):
        level: int = field(default=3)

    assert vars(new_state(State)) == {"level": 3}
    with pytest.raises(ContractError, match=r"Tagged: tags: field\(default_factory=...\) is not supported"):

        class Tagged(InputState):
            tags: list[str] = field(default_factory=list)


def test_a_frozen_state_is_refused() -> None:
    @dataclass(frozen=True)
    class State(InputState):
        level: int = 3

    class World(ReactorPipeline):
        state: State

    with pytest.raises(ContractError, match="State: a state changes; declare it without frozen=True"):
        compiled(World)


def test_a_public_field_that_no_client_could_set_is_shown_the_way_out() -> None:
    with pytest.raises(ContractError, match=r"frame: unsupported field type ndarray.* with an underscore: _frame"):

        class State(InputState):
            frame: np.ndarray | None = None


def test_no_container_of_a_private_field_is_shared_between_sessions() -> None:
    class State(InputState):
        _frames: collections.deque[int] = collections.deque()
        _nested: dict[str, list[int]] = {"a": []}
        _noise: Any = np.zeros(3)

    one, two = new_state(State), new_state(State)
    one._frames.append(1)  # type: ignore[attr-defined]
    one._nested["a"].append(1)  # type: ignore[attr-defined]
    one._noise += 1  # type: ignore[attr-defined]
    assert repr(vars(two)) == "{'_frames': deque([]), '_nested': {'a': []}, '_noise': array([0., 0., 0.])}"


def test_the_state_of_a_generic_base_is_declared_by_those_who_use_it() -> None:
    class Base(ReactorPipeline, Generic[S]):
        state: S

    class State(InputState):
        level: int = 0

    class World(Base[State]):
        state: State

    assert [command.name for command in compiled(World).commands] == ["set_level"]


def test_a_state_and_an_input_may_be_annotated_as_if_they_could_be_none() -> None:
    class State(InputState):
        level: int = 0

    class Camera(Input):
        webcam: Video

    class World(ReactorPipeline):
        state: State | None = None
        input: Camera | None = None

        def inference(self) -> Iterator[Any]:
            while True:
                yield Idle

    with driver(World) as model:
        assert model.driver._model.input.webcam.available == 0
        model.begin(1)
        assert model.ask("set_level", level=2)[1].get("error_code") is None


def test_names_may_be_any_and_fields_many() -> None:
    names = ["state", "items", "höhe", *(f"f{i}" for i in range(300))]

    class World(ReactorPipeline):
        state_class = type("State", (InputState,), {"__annotations__": dict.fromkeys(names, int)})

        def inference(self) -> Iterator[Any]:
            while True:
                yield Idle

    with driver(World) as model:
        model.begin(1)
        for name in ("state", "items", "höhe", "f299"):
            assert model.ask(f"set_{name}", **{name: 7})[1].get("error_code") is None
            assert getattr(model.driver._model.state, name) == 7


def test_a_pipeline_without_inference_is_told_at_load_and_not_to_the_first_client() -> None:
    class State(InputState):
        level: int = 0

    class World(ReactorPipeline):
        state: State

    with pytest.raises(AuthorError, match=r"World must define inference\(\)"), driver(World):
        pass


# ---- models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"fps": property(lambda self: 24)}, "fps must be a class attribute and a number"),
        ({"fps": "24"}, "fps must be a class attribute and a number, got '24'"),
        ({"fps": 0}, "fps must be positive, got 0"),
        ({"buffer_size": 0}, "buffer_size must be positive, got 0"),
        ({"buffer_size": 0.5}, "buffer_size must be a class attribute and whole, got 0.5"),
        ({"connected": connected(lambda self: None)}, "self.connected is the event that the runtime sets"),
    ],
)
def test_attributes_that_would_do_something_else_are_refused(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=f"World: {message}"):
        type("World", (ReactorModel,), attributes)


def test_a_rate_may_be_any_number() -> None:
    for fps in (12.5, np.float32(12.5)):
        assert compiled(type("World", (ReactorModel,), {"fps": fps})).fps == 12.5


def test_a_constructor_that_wants_the_configuration_is_shown_where_it_comes() -> None:
    class World(ReactorModel):
        def __init__(self, config: dict[str, Any], device: str = "cpu") -> None:
            self.config = config

    with pytest.raises(ContractError, match=r"World: __init__ needs config, .* is given to `load\(self, config\)`"):
        compiled(World)


def test_the_configuration_may_be_taken_by_name() -> None:
    class World(ReactorModel):
        def load(self, *, config: dict[str, Any]) -> None:
            self.config = config

    with driver(World) as model:
        assert model.driver._model.config == {}


def test_handlers_that_could_not_be_called_are_refused() -> None:
    with pytest.raises(ContractError, match=r"World\.count: a handler that yields would never run"):

        class World(ReactorModel):
            @event(name="count")
            def count(self) -> Any:
                yield 1

    with pytest.raises(ContractError, match=r"Static\.count: a handler takes self"):

        class Static(ReactorModel):
            @event(name="count")
            @staticmethod
            def count(n: int) -> None:
                pass

    with pytest.raises(ContractError, match=r"Named\.greet: the parameter name 'client' is reserved"):

        class Named(ReactorModel):
            @event(name="greet")
            def greet(self, client: str) -> None:
                pass


def test_a_client_may_be_annotated_in_any_way_that_means_the_client() -> None:
    class World(ReactorModel):
        @event(name="a")
        def a(self, client: Any) -> None:
            pass

        @event(name="b")
        def b(self, client=None) -> None:  # type: ignore[no-untyped-def]
            pass

        @event(name="c")
        def c(self, image: UploadedFile, client: ClientInfo | None = None) -> None:
            pass

    assert [list(c.schema["properties"]) for c in compiled(World).commands] == [[], [], ["image"]]


def test_a_track_given_none_has_nothing_in_its_chunk_and_all_of_them_none_is_a_mistake() -> None:
    class State(InputState):
        all_of_them: bool = False

    class Pair(Output):
        left: Video
        right: Video

    class World(ReactorPipeline):
        state: State

        def inference(self) -> Iterator[Any]:
            while True:
                yield Pair(left=None if self.state.all_of_them else np.zeros((4, 4, 3), np.uint8), right=None)

    with ModelHarness(World) as model:
        [chunk] = model.chunks(1)
        assert list(chunk.payloads) == ["left"]
        model.command("set_all_of_them", all_of_them=True)
        with pytest.raises(OutputError, match=r"Pair\(left=None, right=None\): give at least one track"):
            model.chunks(1000)


# ---- input -----------------------------------------------------------------------------------------------------


def test_an_input_may_be_any_dataclass() -> None:
    for options in ({}, {"frozen": True}, {"slots": True}, {"frozen": True, "slots": True}):

        @dataclass(**options)
        class Camera(Input):
            webcam: Video

        buffer = InputBuffer(Camera.__tracks__["webcam"])
        assert live_input(Camera, [buffer]).webcam is buffer  # type: ignore[attr-defined]


def test_a_frame_keeps_its_times_when_copied_cut_or_pickled_and_its_figures_are_plain() -> None:
    frame = InputFrame(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), pts=1.5, metadata=b"m", capture_time_us=9)
    for other in (frame.copy(), copy.deepcopy(frame), frame[:2], pickle.loads(pickle.dumps(frame)), frame / 2):
        assert isinstance(other, InputFrame)
        assert (other.pts, other.metadata, other.capture_time_us) == (1.5, b"m", 9)
    assert round(frame.mean()) == 24
    assert type(frame.max()) is np.uint8
    assert frame[:2].data.shape == (2, 4, 3)


async def test_as_many_frames_as_were_asked_for_are_kept_however_big_they_are() -> None:
    class Big(np.ndarray):
        nbytes = 64 * 1024 * 1024

    buffer = InputBuffer(TrackSpec("webcam", "video", "in"))
    big: Any = np.zeros(1).view(Big)
    for _ in range(10):
        buffer.put(big)
    assert buffer.available == 4
    with pytest.raises(TimeoutError, match=r"6 frame.* on input track 'webcam'"):
        await buffer.read(6, timeout=0)
    for _ in range(10):
        buffer.put(big)
    assert len(await buffer.read(6, timeout=0)) == 6


async def test_reads_that_time_out_leave_nothing_behind() -> None:
    buffer = InputBuffer(TrackSpec("webcam", "video", "in"))
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await buffer.read(timeout=0.001)
    assert buffer._waiting == []
    with pytest.raises(ValueError, match=f"'webcam' for 1 to {CAPACITY}"):
        buffer.try_read(0)
