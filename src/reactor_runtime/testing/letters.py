"""What a model says, as the test reads it: instances of the author's own message classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reactor_runtime.authoring.fields import shape_of
from reactor_runtime.authoring.judge import refusal
from reactor_runtime.authoring.messages import ModelMessage, name_of
from reactor_runtime.authoring.names import visible


class Letters:
    """Turns what crossed the wire back into the messages that a model declares."""

    def __init__(self, model: type) -> None:
        self._model = model
        self._declared: dict[str, type[ModelMessage]] = {}

    def read(self, data: Any, name: str | None) -> Any:
        """Return the message of that name, or what came where the model declares none."""
        if name is None or not isinstance(data, dict):
            return data
        if name not in self._declared:  # a class may be defined by the time its message is sent only
            self._declared = {name_of(message): message for message in visible(ModelMessage, self._model)}
        declared = self._declared.get(name)
        if declared is None:
            return data
        message = declared.__new__(declared)
        for field, value in data.items():
            hint, _ = declared._fields.get(field, (Any, None))
            object.__setattr__(message, field, _typed(hint, value))
        return message


def _typed(hint: Any, value: Any) -> Any:
    """Return a value as it was declared, or as it came where it does not fit."""
    try:
        shape = shape_of(hint)
    except TypeError:
        return value
    return value if refusal(shape.schema, value) else shape.convert(value)


class Inbox:
    """Messages in the order they were sent. Each is there for good; `take` gives each once."""

    def __init__(self, read: Callable[[], list[tuple[str | None, Any]]]) -> None:
        """Make an inbox of what `read` returns: (wire name, message)."""
        self._read = read
        self._taken: set[int] = set()

    @property
    def all(self) -> list[Any]:
        """Every message so far."""
        return [message for _, message in self._read()]

    def take(self, kind: type[ModelMessage] | str | None) -> tuple[Any] | None:
        """Return the oldest message of a kind that was not taken yet, in a tuple; None where there is none."""
        wanted = kind if isinstance(kind, str) or kind is None else name_of(kind)
        for index, (name, message) in enumerate(self._read()):
            if index not in self._taken and wanted in (None, name):
                self._taken.add(index)
                return (message,)
        return None
