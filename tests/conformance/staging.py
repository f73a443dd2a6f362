"""What the rows share: pictures, projects written as authors write them, and what a client was told."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from reactor_runtime.loader import LoadedModel, load_definition
from reactor_runtime.testing import Client, CommandRefused, ModelHarness
from reactor_runtime.worker.messages import Invoke, Setup

COLUMNS = 4
_posted = itertools.count(1_000_000)


def picture(value: int = 0, count: int | None = None) -> Any:
    """Return a small grey picture, or `count` of them."""
    shape = (COLUMNS, COLUMNS, 3) if count is None else (count, COLUMNS, COLUMNS, 3)
    return np.full(shape, value, np.uint8)


def levels(frames: Iterable[Any]) -> list[int]:
    """Return how bright each picture is."""
    return [int(frame.flat[0]) for frame in frames]


def refusal(model: ModelHarness[Any] | Client, name: str, **arguments: Any) -> str:
    """Send a command that the client is refused, and return what it is told."""
    with pytest.raises(CommandRefused) as refused:
        model.command(name, **arguments)
    return str(refused.value)


def folder(root: Path, **files: str) -> Path:
    """Write a project: `model_py="..."` becomes `model.py`, `reactor_yaml="..."` becomes `reactor.yaml`."""
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (root / f"{stem}.{suffix}").write_text(dedent(text))
    return root


def loaded(root: Path, *overrides: str, config: Path | None = None) -> LoadedModel:
    """Find, import and configure the model of a project, as a worker does."""
    return load_definition(Setup(str(root), str(config) if config else None, overrides))


def post(model: ModelHarness[Any], name: str, **arguments: Any) -> None:
    """Send a command as the first client without waiting for its answer."""
    model._running.deliver(Invoke(next(_posted), name, arguments, model.client.id))
