"""What a model says: message classes as authors write them (reference §4.6, §11.4)."""

from __future__ import annotations

import enum
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from reactor_runtime import MessageField, ModelMessage
from reactor_runtime.authoring.messages import content_of, name_of, spec_of
from reactor_runtime.errors import ContractError
from reactor_runtime.worker.plain import plain

if TYPE_CHECKING:
    from decimal import Decimal  # an import that only type checkers see, as authors have for torch


class Mood(enum.Enum):
    CALM = "calm"


@dataclass(frozen=True)
class Pose:
    at: tuple[float, float] = (1.0, 2.0)
    mood: Mood = Mood.CALM


@dataclass
class State(ModelMessage):
    """Everything at once."""

    pose: Pose
    seed: int = None  # type: ignore[assignment]
    grid: list[list[float]] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    text: str = MessageField(default="", description="What it says")

    @classmethod
    def of(cls, seed: int) -> State:
        return cls(Pose(), seed, [[0.5]], {1: 2})

    @property
    def loud(self) -> str:
        return self.text.upper()


def sent(message: ModelMessage) -> Any:
    return plain(content_of(message), name_of(type(message)))


def test_what_real_messages_hold_is_sent() -> None:
    expected = {
        "pose": {"at": [1.0, 2.0], "mood": "calm"},
        "seed": 7,
        "grid": [[0.5]],
        "counts": {"1": 2},
        "text": "",
    }
    assert sent(State.of(7)) == expected
    assert sent(State(Pose(), grid=np.zeros((1, 2)), seed=np.int64(3))) == {  # type: ignore[arg-type]
        **expected,
        "seed": 3,
        "grid": [[0.0, 0.0]],
        "counts": {},
    }


def test_a_typed_field_may_hold_none() -> None:
    assert sent(State(Pose()))["seed"] is None


def test_a_field_of_any_type_is_described_as_far_as_it_can_be() -> None:
    class Odd(ModelMessage):
        price: Decimal
        both: int | str
        missing: NoSuchType  # type: ignore[name-defined]  # noqa: F821
        many: set[int]
        seed: int = MessageField(default=1, description="Seed")

    assert spec_of(Odd).schema == {
        "type": "object",
        "properties": {
            "price": {},
            "both": {},
            "missing": {},
            "many": {},
            "seed": {"type": "integer", "description": "Seed"},
        },
        "required": ["price", "both", "missing", "many"],
    }
    assert sent(Odd(price=1, both="x", missing=None, many={1})) == {
        "price": 1,
        "both": "x",
        "missing": None,
        "many": [1],
        "seed": 1,
    }


def test_types_defined_beside_a_message_are_known() -> None:
    class Colour(enum.Enum):
        RED = "red"

    class Painted(ModelMessage):
        colour: Colour

    assert spec_of(Painted).schema["properties"] == {"colour": {"type": "string", "enum": ["red"]}}


def test_messages_inherit_fields() -> None:
    class Note(ModelMessage):
        text: str = MessageField(description="What")
        level: int = 1

    class Timed:
        at: float = 0.5

    class Caution(Timed, Note):
        level = 2
        text: str | None
        code: str = "w"

    assert sent(Caution(text="a")) == {"text": "a", "level": 2, "at": 0.5, "code": "w"}
    assert spec_of(Caution).schema["properties"]["text"] == {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "description": "What",
    }
    assert spec_of(Caution).schema["required"] == ["text"]


def test_every_kind_of_dataclass_is_a_message() -> None:
    @dataclass(slots=True)
    class Slotted(ModelMessage):
        text: str = MessageField(default="a", description="What")

    @dataclass(frozen=True, kw_only=True)
    class Frozen(ModelMessage):
        size: int = 1
        text: str

    @dataclass
    class Computed(ModelMessage):
        kind: ClassVar[str] = "x"
        scale: InitVar[int]
        total: int = 0
        _cache: int = 5

        def __post_init__(self, scale: int) -> None:
            self.total = scale * 2

    assert sent(Slotted()) == {"text": "a"}
    assert spec_of(Slotted).schema["properties"]["text"]["description"] == "What"
    assert sent(Frozen(text="t")) == {"size": 1, "text": "t"}
    assert sent(Computed(3)) == {"total": 6}


def test_one_message_does_not_change_the_next() -> None:
    class Listed(ModelMessage):
        items: list[int] = []
        more: list[int] = field(default_factory=list)

    first = Listed()
    first.items.append(1)
    first.more.append(1)
    assert sent(Listed()) == {"items": [], "more": []}


def test_a_message_may_be_called_as_our_exception() -> None:
    @dataclass
    class CommandError(ModelMessage):
        command: str
        reason: str

    assert name_of(CommandError) == "command_error"
    assert sent(CommandError("a", "b")) == {"command": "a", "reason": "b"}


def test_a_field_called_name_is_content() -> None:
    class Player(ModelMessage):
        name: str

    class Renamed(ModelMessage):
        name = "other_player"
        size: int = 1

    assert (name_of(Player), sent(Player(name="Ann"))) == ("player", {"name": "Ann"})
    assert (name_of(Renamed), sent(Renamed())) == ("other_player", {"size": 1})


def test_a_default_made_by_a_factory_is_declared_as_dataclasses_do() -> None:
    with pytest.raises(ContractError, match=r"Listed\.items: .*use a literal default, or dataclasses\.field"):

        class Listed(ModelMessage):
            items: list[int] = MessageField(default_factory=list)
