"""`reactor init`: a new model's folder, complete and ready to run."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reactor_runtime.errors import OperatorError

TEMPLATES = Path(__file__).parent / "templates"

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PLACEHOLDER = "my-model"


class Style(StrEnum):
    """How the model is written; each has a folder of templates."""

    REACTOR_MODEL = "reactor-model"
    PIPELINE = "pipeline"
    VIDEO_MODEL = "video-model"


def init(
    name: Annotated[str, typer.Argument(help="Folder to create; its last part becomes the model's name.")],
    style: Annotated[
        Style,
        typer.Option(
            help="reactor-model: your own run() loop; pipeline: an inference() generator, its state made into "
            "commands; video-model: @model and start_session()."
        ),
    ] = Style.REACTOR_MODEL,
) -> None:
    """Create a folder with a model that runs: code, configuration, manifest, requirements, a test and a README."""
    folder = Path(name)
    if not _NAME.fullmatch(folder.name):
        raise OperatorError(
            f"{folder.name or name!r} is no name for a model: use lowercase letters, numbers and hyphens, "
            "a letter first, as in my-model"
        )
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OperatorError(f"{folder} exists and is not an empty folder; nothing was written")
        folder.mkdir(parents=True, exist_ok=True)
        written = [
            _write(source, folder / source.name, folder.name)
            for source in sorted((TEMPLATES / style).iterdir())
            if source.is_file()
        ]
    except OSError as error:
        raise OperatorError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    print(f"Wrote {folder}: {', '.join(path.name for path in written)}")
    print(f"Run it:  reactor run -p {folder}")
    print(f"Test it: pytest {folder}")


def _write(source: Path, target: Path, name: str) -> Path:
    target.write_text(source.read_text(encoding="utf-8").replace(_PLACEHOLDER, name), encoding="utf-8")
    return target
