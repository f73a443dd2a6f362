"""The built page that is served at `/`; its source is `page/`."""

from __future__ import annotations

from pathlib import Path

from reactor_runtime.log import get_logger

__all__ = ["assets"]

log = get_logger("reactor.playground")


def assets() -> Path | None:
    """Return the folder with `index.html` and its assets.

    None, with a warning, where the page was not built, which only happens in a source checkout: everything else works.
    """
    folder = Path(__file__).parent / "static"
    if (folder / "index.html").is_file():
        return folder
    log.warning("the page is not built, so / is empty: run `npm ci && npm run build` in page/")
    return None
