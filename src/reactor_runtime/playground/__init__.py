"""The built page that is served at `/`; its source is `page/`."""

from __future__ import annotations

from pathlib import Path

from reactor_runtime.errors import OperatorError

__all__ = ["assets"]


def assets() -> Path:
    """Return the folder with `index.html` and its assets.

    Raises:
        OperatorError: The page was not built, which only happens in a source checkout.
    """
    folder = Path(__file__).parent / "static"
    if not (folder / "index.html").is_file():
        raise OperatorError("the page is not built: run `npm ci && npm run build` in page/")
    return folder
