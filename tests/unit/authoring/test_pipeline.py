"""What a `ReactorPipeline` promises: cycles, state, setters, and what it may yield."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
import pytest

from reactor_runtime import Idle, InputField, InputState, Output, ReactorModel, ReactorPipeline, Video, connected, event
from reactor_runtime.authoring.configuration import Configuration
from reactor_runtime.authoring.pipeline import new_state
from reactor_runtime.authoring.reactor_model import contract_of
from reactor_runtime.errors import AuthorError, ContractError
from reactor_runtime.worker.reactor_model_driver import ReactorModelDriver
from tests.running import eventually
from tests.unit.authoring.recording import Running, running


def picture(value: int = 0) -> Any:
    return np.full((4, 4, 3), value, np.uint8)


def driver(cls: type[ReactorModel]) -> Any:
    contract = contract_of(cls, name=None, description="", version="v0.0.0")
    return running(lambda: ReactorModelDriver(cls, contract, Configuration({})))


def shown(model: Running) -> list[int]:
    """The value of every picture emitted, in order."""
    return [int(next(iter(payloads.values()))[..., 0].flat[0]) for payloads, _ in model.outlet.of("emit")]


def test_each_public_field_has_a_setter_and_a_private_one_is_the_authors() -> None:
    class State(InputState):
        prompt: str = InputField("calm", max_length=10, description="What to show")
        level: int = 3
        _cache: dict[str, int] = {}

    class Frames(Output):
        main_video: Video

    class World(ReactorPipeline):
        state: State

        def inference(self) -> Iterator[Frames | Any]:
            while True:
                yield Frames(main_video=picture(self.state.level))

    commands = {c.name: c for c in contract_of(World, name=None, description="", version="").commands}
    assert commands.keys() == {"set_prompt", "set_level"}
    assert commands["set_prompt"].description == "What to show"
    with driver(World) as model:
        model.begin(1)
        model.outlet.until(lambda: 3 in shown(model), "a picture of level 3")
        assert model.ask("set_level", level=7)[1].get("error_code") is None
        model.outlet.flush()
        model.outlet.until(lambda: 7 in shown(model), "a picture of level 7")
        assert model.ask("set_level")[1].get("error_code") is None, "without an argument it is set to its default"
        model.outlet.flush()
        model.outlet.until(lambda: shown(model)[-1:] == [3], "a picture of level 3 again")
        assert model.ask("set_level", level="high")[1]["error_code"] == "invalid_command"


@pytest.mark.parametrize("decorate", [lambda cls: cls, dataclass], ids=["plain", "dataclass"])
def test_a_state_is_fresh_whether_it_is_a_dataclass_or_not(decorate: Any) -> None:
    @decorate
    class State(InputState):
        count: int = InputField(0, ge=0)
        prompt: str = InputField(min_length=1)
        strength: float = InputField(ge=0.5, le=1)
        _seen: list[int] = field(default_factory=list)
        _last: str | None = None

    one, two = new_state(State), new_state(State)
    one._seen.append(1)
    assert (two.count, two.prompt, two.strength, two._seen, two._last) == (0, "", 0.5, [], None)


def test_a_private_mutable_default_is_not_shared_between_states() -> None:
    class State(InputState):
        _cache: dict[str, int] = {}

    new_state(State)._cache["a"] = 1
    assert new_state(State)._cache == {}


def test_fields_of_a_base_state_are_inherited() -> None:
    class Base(InputState):
        prompt: str = "calm"
        level: int = 1

    class Child(Base):
        level = 5
        extra: bool = False

    state = new_state(Child)
    assert (state.prompt, state.level, state.extra) == ("calm", 5, False)
    assert list(Child._public) == ["prompt", "level", "extra"]


def test_a_handler_of_the_authors_takes_the_place_of_a_setter() -> None:
    class State(InputState):
        prompt: str = ""

    class World(ReactorPipeline):
        state: State

        @event(name="set_prompt")
        def loud(self, prompt: str) -> None:
            self.state.prompt = prompt.upper()

        def inference(self) -> Iterator[Any]:
            while True:
                yield Idle

    with driver(World) as model:
        model.begin(1)
        model.ask("set_prompt", prompt="sun")
        assert model.driver._model.state.prompt == "SUN"


def test_a_pipeline_without_a_state_is_refused_at_import() -> None:
    class World(ReactorPipeline):
        pass

    with pytest.raises(ContractError, match="World must declare 'state: MyState' where MyState is an InputState"):
        contract_of(World, name=None, description="", version="")


def test_the_older_spelling_of_the_state_works() -> None:
    class State(InputState):
        prompt: str = ""

    class World(ReactorPipeline):
        state_class = State

    assert contract_of(World, name=None, description="", version="").command("set_prompt")


def test_a_bare_array_goes_out_on_the_only_track() -> None:
    class State(InputState):
        pass

    class Frames(Output):
        only: Video

    class World(ReactorPipeline):
        state: State

        def inference(self) -> Iterator[Any]:
            yield None
            yield Idle
            while True:
                yield picture(9)

    with driver(World) as model:
        model.begin(1)
        assert list(model.outlet.wait("emit")[0][0]) == ["only"]


def test_a_bare_array_that_could_mean_two_tracks_ends_the_model_and_names_them() -> None:
    class State(InputState):
        pass

    class Pair(Output):
        left: Video
        right: Video

    class World(ReactorPipeline):
        state: State

        def inference(self) -> Iterator[Any]:
            while True:
                yield picture()

    with driver(World) as model:
        model.begin(1)
        error = model.finished()
        assert isinstance(error, AuthorError)
        assert "Pair(left, right)" in str(error)


def test_state_and_generator_last_from_the_first_client_in_to_the_last_one_out() -> None:
    class State(InputState):
        level: int = 1

    class World(ReactorPipeline):
        state: State
        closed_with: list[int] = []

        def inference(self) -> Iterator[Any]:
            try:
                while True:
                    yield picture(self.state.level)
            finally:
                self.closed_with.append(self.state.level)

    class Frames(Output):
        main_video: Video

    with driver(World) as model:
        model.begin(1, 2)
        model.ask("set_level", level=50)
        model.leave(1)
        model.outlet.flush()
        model.outlet.until(lambda: shown(model)[-1:] == [50], "the state outlives the first client")
        model.leave(2)
        model.outlet.flush()
        eventually(lambda: World.closed_with == [50])
        before = len(model.outlet.of("emit"))
        model.join(3)
        model.outlet.until(lambda: len(shown(model)) > before, "a picture for the third client")
        assert shown(model)[before] == 1, "the next client finds a fresh state"


def test_the_connected_hook_is_done_before_the_first_step() -> None:
    class State(InputState):
        level: int = 1

    class Frames(Output):
        main_video: Video

    class World(ReactorPipeline):
        state: State

        @connected
        async def greet(self) -> None:
            await asyncio.sleep(0.02)
            self.state.level = 30

        def inference(self) -> Iterator[Any]:
            while True:
                yield picture(self.state.level)

    with driver(World) as model:
        model.begin(1)
        model.outlet.wait("emit")
        assert shown(model)[0] == 30


def test_handlers_run_only_between_two_yields_of_an_async_generator() -> None:
    class State(InputState):
        level: int = 1

    class Frames(Output):
        main_video: Video

    class World(ReactorPipeline):
        state: State

        async def inference(self) -> AsyncIterator[Any]:
            while True:
                before = self.state.level
                await asyncio.sleep(0.005)
                assert self.state.level == before
                yield picture(before)

    with driver(World) as model:
        model.begin(1)
        for level in range(20):
            model.ask("set_level", level=level)
        model.outlet.flush()
        model.outlet.until(lambda: 19 in shown(model), "the last level")
        assert model.error is None


def test_a_generator_that_ends_is_begun_anew_and_without_a_hot_loop() -> None:
    class State(InputState):
        pass

    class World(ReactorPipeline):
        state: State
        begun = 0

        def inference(self) -> Iterator[Any]:
            World.begun += 1
            yield from ()

    began = monotonic()
    with driver(World) as model:
        model.begin(1)
        eventually(lambda: World.begun == 6)
        assert monotonic() - began > 0.005 * (2**5 - 1), "the pause doubles while it shows nothing"


def test_load_may_choose_the_generator() -> None:
    class State(InputState):
        pass

    class Frames(Output):
        main_video: Video

    class World(ReactorPipeline):
        state: State

        def load(self, config: Any) -> None:
            self.inference = self.fast  # type: ignore[method-assign]

        def fast(self) -> Iterator[Any]:
            while True:
                yield picture(77)

    with driver(World) as model:
        model.begin(1)
        model.outlet.wait("emit")
        assert shown(model)[0] == 77


def test_an_inference_that_is_no_generator_is_named() -> None:
    class State(InputState):
        pass

    class World(ReactorPipeline):
        state: State

        async def inference(self) -> Any:  # type: ignore[override]
            return picture()

    with driver(World) as model:
        model.begin(1)
        assert "World.inference() is no generator" in str(model.finished())
