"""The examples load and answer their commands with other pixels."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reactor_runtime.testing import ModelHarness

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(autouse=True)
def leave_no_modules() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(EXAMPLES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


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
    with ModelHarness(EXAMPLES / example) as model:
        assert (model.contract.model_name, model.contract.fps) == (example, 24)
        [before] = model.frames(1)
        assert (before.shape, before.dtype) == ((360, 640, 3), np.uint8)
        model.command(command, **arguments)
        model.skip()
        after = model.frames(3)[-1]
        assert np.abs(before.astype(int) - after).mean() > 5
