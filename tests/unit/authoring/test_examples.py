"""The examples load and answer their commands with other pixels."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reactor_runtime.loader import load_definition
from reactor_runtime.worker.messages import Setup
from tests.unit.authoring.recording import Running, running

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(autouse=True)
def leave_no_modules() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(EXAMPLES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def next_frame(model: Running) -> Any:
    """Return the first frame begun after everything that was emitted so far."""
    before = len(model.outlet.of("emit"))
    model.outlet.flush()
    return model.outlet.wait("emit", before + 3)[before + 2][0]["main_video"]


@pytest.mark.parametrize(
    ("example", "command", "arguments"),
    [
        ("meadow", "set_prompt", {"prompt": "a starry night"}),
        ("meadow", "set_prompt", {"prompt": "snow"}),
        ("brightness", "set_brightness", {"brightness": 0.0}),
        ("brightness", "set_prompt", {"prompt": "an ember glows"}),
    ],
)
def test_a_command_changes_the_picture(example: str, command: str, arguments: dict[str, Any]) -> None:
    loaded = load_definition(Setup(str(EXAMPLES / example)))
    assert (loaded.contract.model_name, loaded.contract.fps) == (example, 24)
    with running(loaded.make_driver) as model:
        model.begin(1)
        before = next_frame(model)
        assert (before.shape, before.dtype) == ((360, 640, 3), np.uint8)
        model.ask(command, **arguments)
        after = next_frame(model)
        assert np.abs(before.astype(int) - after).mean() > 5
        model.end()
