"""Whatever a message holds is delivered as plain JSON, or the author is told which field cannot be."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from reactor_runtime import MessageField, ModelMessage
from reactor_runtime.authoring.messages import content_of, name_of, spec_of
from reactor_runtime.errors import AuthorError
from reactor_runtime.worker.plain import plain
from tests.property.declared import annotations
from tests.property.oracle import Refused, exactly, round_trips


class Mood(enum.Enum):
    CALM = "calm"
    PAIR = (1, 2.5)


@dataclasses.dataclass(frozen=True)
class Pose:
    at: Any
    mood: Any = Mood.CALM


class Note(ModelMessage):
    held: Any = MessageField(description="Anything at all")
    also: object = None


_dtypes = st.sampled_from([np.int8, np.uint8, np.int64, np.uint64, np.float16, np.float32, np.float64, np.bool_])
_keys = st.text(max_size=3) | st.integers(-3, 3) | st.booleans() | st.none() | st.sampled_from([0.5, (1,), Mood.CALM])
_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([Mood.CALM, Mood.PAIR, 2**53 + 1])
    | _dtypes.flatmap(lambda kind: st_numpy.from_dtype(np.dtype(kind)))
    | _dtypes.flatmap(lambda kind: st_numpy.arrays(kind, st_numpy.array_shapes(max_dims=2, max_side=2)))
    | st.sampled_from([1j, object(), Pose, print])
)
_held = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_keys, inner, max_size=3)
        | st.builds(Pose, at=inner, mood=inner)
    ),
    max_leaves=6,
)


def delivered(value: Any) -> Any:
    """Return what a client gets for a value."""
    match value:
        case enum.Enum():
            return delivered(value.value)
        case np.ndarray() | np.generic():
            return delivered(value.tolist())
        case None | bool() | str():
            return value
        case int() if -(2**63) <= value < 2**64:
            return value
        case float():
            return value if math.isfinite(value) else None
        case list() | tuple():
            return [delivered(item) for item in value]
        case dict():
            keys = [_key(key) for key in value]
            if len(set(keys)) < len(keys):
                raise Refused
            return dict(zip(keys, map(delivered, value.values()), strict=True))
        case Pose():
            return {"at": delivered(value.at), "mood": delivered(value.mood)}
    raise Refused


def _key(key: Any) -> str:
    match key:
        case str():
            return key
        case enum.Enum():
            return _key(key.value)
        case None:
            return "null"
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
    raise Refused


@given(_held, _held)
def test_what_a_message_holds_is_delivered_or_its_field_is_named(held: Any, also: Any) -> None:
    message = Note(held=held, also=also)
    try:
        right = {"held": delivered(held), "also": delivered(also)}
    except Refused:
        event("refused")
        with pytest.raises(AuthorError, match=r"note\.(held|also)"):
            plain(content_of(message), name_of(Note))
    else:
        event("delivered")
        sent = plain(content_of(message), name_of(Note))
        assert exactly(sent) == exactly(right)
        for carry in round_trips:
            assert exactly(carry(sent)) == exactly(sent)


@given(st.lists(annotations, max_size=3))
def test_a_message_of_any_types_is_described(types: list[Any]) -> None:
    fields = {f"f{i}": annotation for i, annotation in enumerate(types)}
    described = spec_of(type("Typed", (ModelMessage,), {"__annotations__": fields, "__module__": __name__}))
    assert list(described.schema["properties"]) == list(fields)
    for carry in round_trips:
        assert exactly(carry(described.schema)) == exactly(described.schema)
