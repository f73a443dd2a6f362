"""Models in the manner of published ones, whole: what they rely on together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact
from tests.conformance.staging import folder, levels, picture
from tests.running import eventually

EARLY = '''
    """A model of 1.x, as its template had it."""
    from omegaconf import DictConfig, OmegaConf
    from pydantic import Field
    from reactor_runtime import VideoModel, command, get_ctx
    from reactor_runtime.model_api import model
    import numpy as np

    DEFAULTS = {"size": 4, "steps": 2}

    # @model(name="dreamer", config="config.yml", weights=[])
    class Dreamer(VideoModel):
        name: str = "dreamer"

        def __init__(self, config: DictConfig):
            self.config = OmegaConf.merge(OmegaConf.create(DEFAULTS), config)
            self._level = 0

        @command("set_level", description="How bright it is")
        def set_level(self, level: int = Field(..., ge=0, le=255, description="Brightness")):
            self._level = level

        def start_session(self):
            get_ctx().enable_monitoring()
            try:
                while not get_ctx()._stop_evt.is_set():
                    size = self.config.size
                    frames = np.full((self.config.steps, size, size, 3), self._level, dtype=np.uint8)
                    get_ctx().get_track().emit(frames)
            finally:
                get_ctx().disable_monitoring()
'''

KEYBOARD = '''
    """A world model of 2.x that is played with a keyboard and a mouse."""
    import time
    from dataclasses import dataclass, field
    import numpy as np
    from reactor_runtime.interface import (
        Idle, InputField, InputState, ModelMessage, Output, ReactorPipeline, Video, connected, disconnected, event,
    )
    from reactor_runtime.interface.pipeline.idle import _IdleType
    from reactor_runtime.utils.log import get_logger

    logger = get_logger(__name__)

    @dataclass
    class WorldOutput(Output):
        main_video: Video

    @dataclass
    class WorldState(InputState):
        paused: bool = InputField(default=False, description="Hold the world")
        _keyboard: dict[str, bool] = field(default_factory=dict)
        _mouse: tuple[float, float] = (0.0, 0.0)

    @dataclass
    class StateUpdate(ModelMessage):
        step: int
        keys: list[str]

    class World(ReactorPipeline):
        state: WorldState
        fps = 20
        buffer_size = 8

        def load(self, config: dict) -> None:
            self.size = config.get("size", 4)
            logger.info("loaded", size=self.size)

        @connected
        async def on_connect(self) -> None:
            await self.send(StateUpdate(step=0, keys=[]))

        @event(name="keyboard", description="Keys that are held")
        async def keyboard(self, w: bool = False, a: bool = False, s: bool = False, d: bool = False) -> None:
            self.state._keyboard = {"w": w, "a": a, "s": s, "d": d}
            await self.send(StateUpdate(step=1, keys=[key for key, held in self.state._keyboard.items() if held]))

        @event(name="mouse", dedupe=True)
        def mouse(self, dx: float = InputField(default=0.0, ge=-1, le=1), dy: float = 0.0) -> None:
            self.state._mouse = (dx, dy)

        def inference(self):
            step = 0
            while True:
                if self.state.paused:
                    yield Idle
                    continue
                began = time.monotonic()
                step += 1 + sum(self.state._keyboard.values())
                yield WorldOutput(main_video=np.full((self.size, self.size, 3), step % 256, np.uint8))
                time.sleep(max(0.0, 0.001 - (time.monotonic() - began)))
'''

VOICE = '''
    """An audio-only model of 2.x."""
    import numpy as np
    from reactor_runtime.interface import Audio, Input, InputState, Output, ReactorPipeline, ReadMode

    class Ear(Input):
        mic: Audio

    class Mouth(Output):
        voice: Audio

    class State(InputState):
        gain: float = 1.0

    class Persona(ReactorPipeline):
        state: State
        input: Ear
        fps = 12.5
        buffer_size = 4

        async def inference(self):
            while True:
                [block] = await self.input.mic.read(1, mode=ReadMode.FIFO)
                yield Mouth(voice=(block * self.state.gain).astype(np.int16))
'''

MESSAGES = '''
    """A model of 2.x with no output track at all."""
    from dataclasses import dataclass
    from reactor_runtime.interface import Input, MessageField, ModelMessage, ReactorModel, ReadMode, Video

    @dataclass(frozen=True)
    class Step:
        values: list[list[float]]
        counts: dict[str, int]

    class CommandError(ModelMessage):
        reason: str = MessageField(default="", description="Why")

    class Action(ModelMessage):
        step: Step
        note: str = None

    class Eye(Input):
        camera: Video

    class Robot(ReactorModel):
        eye: Eye

        async def run(self):
            while True:
                [frame] = await self.eye.camera.read(1, mode=ReadMode.LATEST)
                await self.send(Action(step=Step([[float(frame.mean())]], {"seen": self.eye.camera.total_received})))
'''


@fact(
    "11",
    "1",
    "a model of 1.x as its template had it: `model_api`, OmegaConf.merge, Field, `_stop_evt`, `name`",
)
def test_a_template_of_generation_1_runs_unchanged(project: Path) -> None:
    with ModelHarness(folder(project, model_py=EARLY), config={"steps": 3}) as m:
        assert m.contract.model_name == "dreamer"
        m.command("set_level", level="9")
        m.skip()
        assert levels(m.frames(3)) == [9, 9, 9]


@fact(
    "11",
    "2",
    "a world of 2.x played with keys: dataclasses, private caches, Idle, `time.sleep` in `inference`, `config.get`",
)
def test_a_world_with_a_keyboard_runs_unchanged(project: Path) -> None:
    manifest = "runtime: {import: 'model:World'}\nmodel: {name: world}\nbuild: {runtime_version: 2.8.0}"
    with ModelHarness(folder(project, model_py=KEYBOARD, reactor_yaml=manifest)) as m:
        assert (m.contract.model_name, m.contract.fps, m.contract.buffer_size) == ("world", 20, 8)
        assert m.message().keys == []
        assert levels(m.frames(3)) == [1, 2, 3]
        m.command("keyboard", w=True, d=True)
        assert m.message().keys == ["w", "d"]
        m.command("mouse", dx=0.5)
        assert m.state._mouse == (0.5, 0.0)
        m.command("set_paused", paused=True)


@fact("11", "2", "an audio-only pipeline: sound in, sound out, `fps` 12.5, FIFO reads inside the generator")
def test_a_voice_without_pictures_runs_unchanged(project: Path) -> None:
    with ModelHarness(folder(project, model_py=VOICE, reactor_yaml="model: model:Persona")) as m:
        m.command("set_gain", gain=2.0)
        for _ in range(5):
            m.push("mic", np.full((1, 960), 100, np.int16))
        heard = m.audio(0.08)
        assert set(heard[0, 480:].tolist()) == {200}


@fact("11", "2", "a model with messages only: pictures in, nested dataclasses out, a message called CommandError")
def test_a_model_without_outputs_runs_unchanged(project: Path) -> None:
    with ModelHarness(folder(project, model_py=MESSAGES, reactor_yaml="model: model:Robot")) as m:
        assert [(track.name, track.direction) for track in m.contract.tracks] == [("camera", "in")]
        m.push("camera", picture(6))
        action: Any = m.message("action")
        assert (action.step.values, action.step.counts, action.note) == ([[6.0]], {"seen": 1}, None)
        assert eventually(lambda: [spec.name for spec in m.contract.messages]) == ["command_error", "action"]
