"""What `load(config)` is given: one object for models that expect a dict and for those that expect a path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Configuration(dict[str, Any]):
    """The model's parsed configuration as a dict, which also works as the `Path` of the file it came from.

    Attributes:
        path: The file, None when the model has none.
    """

    def __init__(self, values: Mapping[str, Any], path: Path | None = None) -> None:
        super().__init__(values)
        self.path = path

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return the values, overrides included, as YAML."""
        import yaml

        return yaml.safe_dump(dict(self), sort_keys=False, allow_unicode=True)

    def __fspath__(self) -> str:
        return str(self._file())

    def __str__(self) -> str:
        return str(self.path) if self.path else dict.__repr__(self)

    def __truediv__(self, name: str) -> Path:
        return self._file() / name

    def __getattr__(self, name: str) -> Any:
        """Answer as the path does: `parent`, `name`, `suffix`, `exists`, ..."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._file(), name)

    def _file(self) -> Path:
        if self.path is None:
            raise FileNotFoundError("this model has no configuration file")
        return self.path
