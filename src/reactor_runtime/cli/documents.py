"""`reactor schema` and `reactor capabilities`: what a model offers, as JSON and nothing else on stdout."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer

from reactor_runtime.cli.verdict import tell
from reactor_runtime.errors import AuthorError, OperatorError

if TYPE_CHECKING:
    from reactor_runtime.authoring.contract import Contract

_RELEASE = re.compile(r"v?\d+\.\d+\.\d+(-g[0-9a-f]+)?")

Folder = Annotated[Path, typer.Option("--path", "-p", help="Folder of the model.", metavar="DIR", show_default=False)]


def schema(
    path: Folder = Path(),
    version: Annotated[
        str | None, typer.Option("--version", "-v", help="Version to publish, as in 1.2.3.", metavar="X.Y.Z")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write instead of stdout.", metavar="FILE")
    ] = None,
) -> None:
    """Print the model's OpenAPI 3.1 document; loads no weights."""
    from reactor_runtime.authoring.openapi import openapi

    if version is not None and not _RELEASE.fullmatch(version):
        raise OperatorError(
            f"--version {version!r} is not a release tag: format 'X.Y.Z' or 'X.Y.Z-g<hex>', with an optional 'v' "
            "prefix, as in v1.2.3"
        )

    def document(contract: Contract) -> dict[str, Any]:
        made: dict[str, Any] = openapi(contract)
        if version is not None:
            made["info"]["version"] = f"v{version.removeprefix('v')}"
        return made

    _publish(path, document, out)


def capabilities(path: Folder = Path()) -> None:
    """Print the model's tracks, commands and rate, as generation 1 describes them; loads no weights."""
    from reactor_runtime.authoring.openapi import capabilities

    _publish(path, capabilities, None)


def existing(folder: Path) -> Path:
    """Return a model's folder.

    Raises:
        OperatorError: It is not there, or no folder.
    """
    if not folder.is_dir():
        told = f"{folder} is a file; give its folder" if folder.exists() else f"folder {folder} not found"
        raise OperatorError(f"{told} (from --path)")
    return folder


def _publish(folder: Path, make: Callable[[Contract], dict[str, Any]], out: Path | None) -> NoReturn:
    """Import the model of a folder, write what `make` says of it, and end the process."""
    setup_dir, out = str(existing(folder).resolve()), out and out.absolute()  # an author's module may change directory
    del sys.argv[1:]  # an author's module that parses arguments as it is imported finds none
    stdout = _claim_stdout()
    faulthandler.enable()
    try:
        from reactor_runtime.loader import load_definition
        from reactor_runtime.worker.messages import Setup

        text = json.dumps(make(load_definition(Setup(setup_dir)).contract), indent=2, ensure_ascii=False) + "\n"
        if out is None:
            stdout.write(text)
            stdout.flush()
        else:
            _write(out, text)
        status = 0
    except (AuthorError, OperatorError) as wrong:
        status = tell(wrong)
    sys.stderr.flush()
    # What was asked for is done: threads and exit handlers of the author's must neither keep nor change it.
    os._exit(status)


def _claim_stdout() -> TextIO:
    """Return stdout, for the document alone: what anybody else prints from here on, C code included, goes to stderr."""
    sys.stdout.flush()
    stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return stdout


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperatorError(f"cannot write {path} (from --out): {error.strerror}") from None
