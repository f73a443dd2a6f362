"""What the constructors of outputs and messages are given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def by_name(cls: type, fields: Collection[str], in_order: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by field, as a dataclass takes them: some in the order of the fields, others by name.

    Raises:
        TypeError: There are too many, one has no field, or one field has two.
    """
    given = dict(zip(fields, in_order, strict=False))
    if len(in_order) > len(given):
        raise TypeError(f"{cls.__name__} takes {len(given)} values, for {list(fields)}, got {len(in_order)}")
    for name, value in named.items():
        if name not in fields:
            raise TypeError(f"{cls.__name__} has no field {name!r}; it has {list(fields)}")
        if name in given:
            raise TypeError(f"{cls.__name__} got two values for {name!r}")
        given[name] = value
    return given
