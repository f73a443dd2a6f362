"""Where a set of weights lies: the places looked at in order, and the store that fills the first of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

Progress = Callable[[str, float | None], None]
"""Takes what is being done, and the fraction (0..1) that is done where it can be told. Called from any thread."""

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.@-]*")
_ENDINGS = (".part", ".lock")


def silent(text: str, fraction: float | None) -> None:
    """Report progress to nobody."""


@dataclass(slots=True)
class Surroundings:
    """What one model's folder, manifest and operator say about its weights.

    Attributes:
        folder: The model's folder; weights may lie in its `weights`.
        root: `runtime.weights_path` of reactor.yaml.
        store: Where missing weights come from: a URL, an S3 bucket's name or a path.
        progress: Hears of downloads.
    """

    folder: Path | None = None
    root: Path | None = None
    store: str | None = None
    progress: Progress = silent


_surroundings: ContextVar[Surroundings] = ContextVar("weights_surroundings")
_latest = Surroundings()


def declare(folder: Path, *, root: Path | None = None, store: str | None = None) -> None:
    """Say whose weights this context, and every thread without a context of its own, asks for from here on."""
    global _latest
    _latest = Surroundings(folder, root, store)
    _surroundings.set(_latest)


def report_to(progress: Progress) -> None:
    """Have the downloads of the model declared in this context reported."""
    surroundings().progress = progress


def surroundings() -> Surroundings:
    """Return what holds here. A thread that the author started knows the model declared last."""
    return _surroundings.get(_latest)


def get_weights_path(name: str | None = None) -> Path:
    """Return the folder under which weights lie, or with a name the folder of that set of weights.

    The root is `$REACTOR_WEIGHTS_PATH`, else `runtime.weights_path` of reactor.yaml, else the user's cache. A named
    set is looked for there, in `weights` beside the model and in the cache, then downloaded into the root.

    Args:
        name: Name of a set, or a URL (`hf://org/repo`).

    Raises:
        ValueError: The name cannot be a folder's.
        FileNotFoundError: The set is in none of the places, which the message names.
        OperatorError: It could not be downloaded.
    """
    from reactor_runtime import config  # 25 ms that few models need at import

    return find(name) if name is not None else config.weights_roots(surroundings().root)[0]


def roots(folder: Path | None = None) -> tuple[Path, ...]:
    """Return the folders under which weights may lie, the nearest first; `folder` stands in for the model's."""
    here = surroundings()
    folder = folder or here.folder
    from reactor_runtime import config  # 25 ms that few models need at import

    return config.weights_roots(here.root, folder / "weights" if folder else None)


def find(name: str, folder: Path | None = None) -> Path:
    """Return the folder of one set of weights, downloaded where it lies nowhere yet. See `get_weights_path`."""
    place = lying(name, folder)
    if place is not None:
        return place
    url = source_of(name)
    local = local_name(name)
    looked = ", ".join(str(root / local) for root in roots(folder))
    if url is None:
        raise FileNotFoundError(
            f"no weights {name!r}; looked in {looked}; no store to download from is set (REACTOR_WEIGHTS_STORE)"
        )
    from reactor_runtime.weights.download import pull

    try:
        return pull(url, get_weights_path() / local, surroundings().progress)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"no weights {name!r}; looked in {looked}, {url}") from error


def lying(name: str, folder: Path | None = None) -> Path | None:
    """Return the nearest folder of a set that lies here already."""
    local = local_name(name)
    return next((root / local for root in roots(folder) if (root / local).exists()), None)


def source_of(name: str) -> str | None:
    """Return the URL of a set in the store, None where no store is set. A name that is a URL is its own."""
    if "://" in name:
        return name
    from reactor_runtime import config  # 25 ms that few models need at import

    store = surroundings().store or config.weights_store()
    if not store:
        return None
    url = store_url(store)
    return f"{url}{'' if url.endswith('/') else '/'}{name}"


def store_url(store: str) -> str:
    """Return the URL that an operator's word for a store stands for: a URL, a path, or an S3 bucket's name."""
    if "://" in store:
        return store
    return f"file://{Path(store).expanduser().resolve()}" if store[0] in "/.~" else f"s3://{store}"


def local_name(name: str) -> str:
    """Return the path of a set under a root: its name, or host and path of its URL.

    Raises:
        ValueError: It would not be a plain path below the root.
    """
    url = urlsplit(name)
    local = f"{url.netloc.replace(':', '_')}/{unquote(url.path).strip('/')}".strip("/") if "://" in name else name
    parts = local.split("/")
    if url.query or url.fragment or not all(_PART.fullmatch(part) and not part.endswith(_ENDINGS) for part in parts):
        raise ValueError(
            f"{name!r} cannot name weights: letters, digits, '_', '-', and '.' or '@' within, as in org/name"
        )
    return local
