"""Where a model's weights lie."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

declared_root: ContextVar[Path | None] = ContextVar("declared_root", default=None)
"""`runtime.weights_path` of the model that this thread of work belongs to."""


def get_weights_path() -> Path:
    """Return the folder under which weights lie.

    `$REACTOR_WEIGHTS_PATH`, else `runtime.weights_path` of reactor.yaml, else the user's cache.
    """
    from reactor_runtime.config import weights_root

    return weights_root(declared_root.get())


def find_weights(name: str, model_folder: Path) -> Path:
    """Return the folder of one set of weights.

    Raises:
        FileNotFoundError: It is in none of the places, which the message names.
    """
    from reactor_runtime.config import weights_root

    beside = model_folder / "weights"
    # The first is the environment's folder where one is given; the last is then the same.
    places = dict.fromkeys(root / name for root in (weights_root(beside), beside, weights_root()))
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"no weights {name!r}; looked in {', '.join(str(place) for place in places)}")
