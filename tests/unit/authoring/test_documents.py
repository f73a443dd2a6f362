"""The classes of both product documents, unchanged, each run by its driver."""

from pathlib import Path

import numpy as np
import pytest

from reactor_runtime.loader import load_definition
from reactor_runtime.worker.messages import Setup
from tests.seeds.extract import reactor_model_classes, video_model_classes
from tests.unit.authoring.recording import running
from tests.unit.authoring.test_loader import project  # noqa: F401

REACTOR_HEAD = """
from dataclasses import dataclass
from reactor_runtime.interface import Output, Video, Audio, ReactorModel, event, connected, disconnected, InputField


def load_checkpoint(path):
    class Pipe:
        def forward(self, *, prompt, step):
            return path, prompt, step
    return Pipe()
"""

VIDEO_HEAD = """
import numpy as np
from omegaconf import DictConfig
from reactor_runtime import VideoModel, model, command, get_ctx
"""

STUBS = """
RealtimeDiffusionModel._load_pipeline = lambda self: None
RealtimeDiffusionModel.generate = lambda self: np.full((2, 4, 4, 3), self.num_steps, np.uint8)
"""


def test_the_reactor_model_document_runs_unchanged(project: Path) -> None:  # noqa: F811
    whole = next(block for block in reactor_model_classes() if "async def run" in block)
    output = next(block for block in reactor_model_classes() if "(Output)" in block)
    (project / "model.py").write_text(f"{REACTOR_HEAD}\n\n{output}\n\n{whole}")
    (project / "reactor.yaml").write_text("model: model:MyModel\nname: my-model\nconfig: config.yml\n")
    (project / "config.yml").write_text("checkpoint: meadow.ckpt\n")
    loaded = load_definition(Setup(str(project)))
    assert (loaded.contract.model_name, loaded.contract.fps) == ("my-model", None)
    [command] = loaded.contract.commands
    assert (command.name, command.description) == ("set_prompt", "Change the scene prompt")
    assert command.schema["properties"]["prompt"] == {"type": "string", "default": "", "x-reactor-moderate": False}
    with running(loaded.make_driver) as model:
        model.begin(1)
        frames = [payloads["main_video"] for payloads, _ in model.outlet.wait("emit", 3)]
        assert frames[:2] == [("meadow.ckpt", "a sunny meadow", 0), ("meadow.ckpt", "a sunny meadow", 1)]
        assert model.ask("set_prompt", prompt="a volcano") == (None, {})
        model.outlet.flush()
        seen = lambda: [p["main_video"] for p, _ in model.outlet.of("emit")]  # noqa: E731
        model.outlet.until(lambda: any(prompt == "a volcano" for _, prompt, _ in seen()), "the new prompt")
        model.leave(1)
        model.outlet.wait("flush", 2)
        before = len(seen())
        model.join(2)
        # The loop as documented may count one step between the reset and the first picture that is made after it.
        model.outlet.until(
            lambda: any(prompt == "a sunny meadow" and step < 2 for _, prompt, step in seen()[before:]), "a fresh start"
        )
        model.end()


@pytest.mark.parametrize("block", video_model_classes())
def test_every_class_of_the_model_document_is_declared_as_written(project: Path, block: str) -> None:  # noqa: F811
    (project / "model.py").write_text(VIDEO_HEAD + block)
    for name in ("default", "production"):
        (project / "configs").mkdir(exist_ok=True)
        (project / f"configs/{name}.yaml").write_text("fps: 30\nnum_steps: 8\nguidance_scale: 7.5\n")
    loaded = load_definition(Setup(str(project), None, ("fps=60",)))
    assert f'name="{loaded.contract.model_name}"' in block
    assert loaded.config.fps == 60
    assert loaded.config.get("num_steps") == (8 if "config=" in block else None)
    if "version=" in block:
        assert (loaded.contract.version, loaded.contract.description) == ("v1.0.0", "A real-time diffusion model")


@pytest.mark.parametrize("steps", [5, 8])
def test_the_complete_example_of_the_model_document_runs_unchanged(project: Path, steps: int) -> None:  # noqa: F811
    block = next(block for block in video_model_classes() if "RealtimeDiffusionModel" in block)
    (project / "model.py").write_text(VIDEO_HEAD + block + STUBS)
    (project / "configs").mkdir()
    (project / "configs/production.yaml").write_text(f"num_steps: {steps}\n" if steps != 5 else "")
    loaded = load_definition(Setup(str(project)))
    assert loaded.contract.model_name == "realtime-diffusion"
    with running(loaded.make_driver) as model:
        model.begin(1)
        [(payloads, _), *_] = model.outlet.wait("emit", 1)
        np.testing.assert_array_equal(payloads["main_video"], np.full((2, 4, 4, 3), steps, np.uint8))
        assert model.ask("set_prompt", prompt="the sea") == (None, {})
        assert model.driver._model.current_prompt == "the sea"  # type: ignore[attr-defined]
        model.end()
