"""What authors may write as a parameter, and what they are told where it cannot work (reference §4.1)."""

from __future__ import annotations

import enum
import re
from dataclasses import InitVar, dataclass, field
from typing import Annotated, Any, Literal, NewType

import numpy as np
import pytest

from reactor_runtime import InputField, ReactorModel, UploadedFile, event
from reactor_runtime.authoring.fields import MISSING, Field, compile_field, convert_fields
from reactor_runtime.errors import ContractError

Seed = NewType("Seed", int)


class Mode(enum.Enum):
    CALM = "calm"
    WILD = "wild"


class Resolution(enum.Enum):
    SMALL = (320, 240)
    LARGE = (1280, 720)


class Empty(enum.Enum):
    pass


class Opaque(enum.Enum):
    THING = object()


@dataclass
class Point:
    x: int = 1
    y: float = InputField(default=0.5, ge=0)


@dataclass
class Limited:
    x: int = InputField(default=5, le=3)


@dataclass
class Odd:
    x: set[int]


@dataclass
class Made:
    x: list[int] = InputField(default_factory=list)


@dataclass
class Seeded:
    seed: InitVar[int]


@dataclass
class Positive:
    x: int

    def __post_init__(self) -> None:
        if self.x <= 0:
            raise ValueError(f"{self.x} is not positive")


@dataclass
class Lost:
    x: NoSuchType  # type: ignore[name-defined]  # noqa: F821


def compiled(annotation: Any, default: Any = MISSING) -> Field:
    return compile_field("a", annotation, default, "model.py:3: M.f")


@pytest.mark.parametrize(
    ("annotation", "default", "text"),
    [
        (bytes, MISSING, "a: unsupported field type bytes. Supported: int, float, str, bool, Literal[...], T | None, "),
        (tuple[int, int], MISSING, "a: unsupported field type tuple[int, int]. Supported: "),
        (int | str, MISSING, "a: unsupported field type int | str. Supported: "),
        (int | str | None, MISSING, "a: unsupported field type int | str | None. Supported: "),
        (dict[int, str], MISSING, "a: unsupported field type dict[int, str]. Supported: "),
        (list[set], MISSING, "a: unsupported field type set. Supported: "),
        (None, MISSING, "a: unsupported field type None. Supported: "),
        (np.ndarray, MISSING, "a: unsupported field type ndarray. Supported: "),
        (Empty, MISSING, "a: enum Empty has no members, so no value would fit"),
        (Opaque, MISSING, "a: <object object at "),
        (Literal[b"x"], MISSING, "a: b'x' cannot be written as JSON"),
        (Odd, MISSING, "a: test_definitions.py: Odd: x: unsupported field type set[int]. Supported: "),
        (list[Limited], MISSING, "a: test_definitions.py: Limited: default for 'x' violates its own InputField cons"),
        (Made, MISSING, "a: test_definitions.py: Made: x: InputField(default_factory=...) is not supported. Defaults"),
        (Seeded, MISSING, "a: test_definitions.py: Seeded: its constructor needs 'seed', which is no field clients"),
        (Lost, MISSING, "a: test_definitions.py: Lost: name 'NoSuchType' is not defined; define or import every ann"),
        (dict[str, int], {}, "default for 'a' is a mutable dict, which cannot be a static default. Annotate it `..."),
        (int, "3", "default '3' for 'a' does not fit its type: expected integer, got string"),
        (int, True, "default True for 'a' does not fit its type: expected integer, got boolean"),
        (Mode, "loud", "default 'loud' for 'a' does not fit its type: 'loud' not in choices ['calm', 'wild']"),
        (Positive, Positive, "default <class "),
        (UploadedFile, UploadedFile("a", "b", b""), "default UploadedFile("),
        (Any, object(), "default for 'a': <object object at "),
        (int, 2**64, "default 18446744073709551616 for 'a' does not fit its type: "),
        (float, float("nan"), "default nan for 'a' does not fit its type: nan cannot be written as JSON"),
        (str, InputField(ge=0), "a: ge=0 needs a number, but the type is string"),
        (str | None, InputField(le=0), "a: le=0 needs a number, but the type is string"),
        (bool, InputField(ge=0), "a: ge=0 needs a number, but the type is boolean"),
        (int, InputField(min_length=1), "a: min_length=1 needs a str, a list or a dict, but the type is integer"),
        (UploadedFile, InputField(max_length=9), "a: max_length=9 needs a str, a list or a dict, but the type is re"),
        (int, InputField(ge="0"), "a: ge='0' is no number"),  # type: ignore[arg-type]
        (str, InputField(max_length=-1), "a: max_length=-1 is no whole number from 0 up"),
        (str, InputField(min_length=1.5), "a: min_length=1.5 is no whole number from 0 up"),  # type: ignore[arg-type]
        (int, InputField(ge=3, le=1), "a: ge=3, le=1 leaves no value that would fit"),
        (str, InputField(min_length=3, max_length=1), "a: min_length=3, max_length=1 leaves no value that would fit"),
        (str, InputField(choices=[]), "a: choices is empty, so no value would fit"),
        (int, InputField(choices=["a"]), "a: one of choices=['a'] does not fit: expected integer, got string"),
        (int, InputField(choices=[1, 9], le=3), "a: one of choices=[1, 9] does not fit: 9 > le(3)"),
        (Literal["x"], InputField(choices=["y"]), "a: one of choices=['y'] does not fit: 'y' not in choices ['x']"),
        (Annotated[int, InputField(ge=0)], InputField(le=1), "a: more than one InputField; write one, in Annotated or"),
        (list[Annotated[int, InputField(3)]], MISSING, "a: the InputField inside "),
    ],
)
def test_a_definition_that_cannot_work_says_what_is_wrong(annotation: Any, default: Any, text: str) -> None:
    with pytest.raises(ContractError, match=f"^{re.escape(f'model.py:3: M.f: {text}')}") as raised:
        compiled(annotation, default)
    assert isinstance(raised.value, TypeError)


def test_a_wrong_event_is_refused_where_it_is_written() -> None:
    with pytest.raises(
        ContractError,
        match=r"^test_definitions\.py:\d+: test_a_wrong.*\.Model\.go: at: test_definitions\.py: Odd: x: unsupported",
    ):

        class Model(ReactorModel):
            @event(name="go")
            def go(self, at: Odd) -> None: ...


def test_an_annotation_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ContractError, match=r"Model\.go: the annotation 'Nothing' cannot be resolved \(name 'Nothing'"):

        class Model(ReactorModel):
            @event(name="go")
            def go(self, at: Nothing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def test_types_defined_inside_the_model_are_known() -> None:
    class Model(ReactorModel):
        class Speed(enum.Enum):
            FAST = 2

        @event(name="go")
        def go(self, speed: Speed) -> None: ...

    class Child(Model):
        pass

    assert convert_fields(Child._handlers.commands["go"].fields, {"speed": 2}) == {"speed": Model.Speed.FAST}


def test_types_defined_beside_the_model_are_known() -> None:
    class Colour(enum.Enum):
        RED = "red"

    @dataclass
    class Brush:
        colour: Colour | None = None

    class Model(ReactorModel):
        @event(name="paint")
        def paint(self, brush: Brush, mode: list[Colour]) -> None: ...

    command = Model._handlers.commands["paint"]
    sent = {"brush": {"colour": "red"}, "mode": ["red"]}
    assert convert_fields(command.fields, sent) == {"brush": Brush(Colour.RED), "mode": [Colour.RED]}


@pytest.mark.parametrize(
    ("annotation", "default", "published", "received"),
    [
        (float, 1, 1.0, 1.0),
        (int, 2.0, 2, 2),
        (float, np.float32(0.5), 0.5, 0.5),
        (float, np.float64(0.5), 0.5, 0.5),
        (int, np.int64(3), 3, 3),
        (bool, np.bool_(True), True, True),
        (str, np.str_("a"), "a", "a"),
        (Mode, Mode.WILD, "wild", Mode.WILD),
        (Mode, "wild", "wild", Mode.WILD),
        (Resolution, Resolution.SMALL, [320, 240], Resolution.SMALL),
        (Literal[1, 2], 2.0, 2, 2),
        (list[int], (1, 2), [1, 2], [1, 2]),
        (Point, Point(2, 1), {"x": 2, "y": 1.0}, Point(2, 1.0)),
        (Point, Point(), {"x": 1, "y": 0.5}, Point(1, 0.5)),
        (Any, Mode.CALM, "calm", Mode.CALM),
        (int, None, None, None),
        (UploadedFile, None, None, None),
    ],
)
def test_a_default_is_published_as_json_and_received_as_annotated(
    annotation: Any, default: Any, published: Any, received: Any
) -> None:
    compiled_field = compiled(annotation, default)
    assert compiled_field.schema["default"] == published
    assert type(compiled_field.schema["default"]) is type(published)
    assert compiled_field.default == received
    assert type(compiled_field.default) is type(received)


def test_a_handler_cannot_change_a_default() -> None:
    field_ = compiled(list[int], (1,))
    convert_fields([field_], {})["a"].append(2)
    assert convert_fields([field_], {}) == {"a": [1]}


@pytest.mark.parametrize(
    ("annotation", "default", "schema"),
    [
        (Annotated[int, InputField(ge=0, description="n")], 3, {"minimum": 0, "description": "n", "default": 3}),
        (Annotated[Seed, "a note for others"], MISSING, {}),
        (int, InputField(ge=np.int64(1), le=np.float32(2.5)), {"minimum": 1, "maximum": 2.5}),
        (int, InputField(0, moderate=True), {"default": 0, "x-reactor-moderate": True}),
    ],
)
def test_limits_may_be_written_in_several_ways(annotation: Any, default: Any, schema: dict[str, Any]) -> None:
    assert compiled(annotation, default).schema == {"type": "integer", "x-reactor-moderate": False, **schema}


def test_limits_reach_the_items_of_a_list() -> None:
    field_ = compiled(list[Annotated[int, InputField(ge=0)]], InputField(max_length=2))
    assert field_.schema["items"] == {"type": "integer", "minimum": 0}
    with pytest.raises(ValueError, match=r"^a\[1\]: -1 < ge\(0\)$"):
        convert_fields([field_], {"a": [1, -1]})


def test_choices_need_not_be_hashable_and_leave_null_alone() -> None:
    field_ = compiled(list[int] | None, InputField(None, choices=[[1], [2, 3], None]))
    assert field_.schema["anyOf"][0]["enum"] == [[1], [2, 3]]
    assert [field_.convert(value) for value in ([2.0, 3], None)] == [[2, 3], None]
    with pytest.raises(ValueError, match=r"^\[1, 2\] not in choices \[\[1\], \[2, 3\]\]$"):
        field_.convert([1, 2])


def test_an_enum_of_tuples_arrives_as_its_member() -> None:
    assert compiled(Resolution).convert([1280, 720]) is Resolution.LARGE


def test_a_dataclass_may_refuse_what_its_types_let_pass() -> None:
    with pytest.raises(ValueError, match=r"^a: -1 is not positive$"):
        convert_fields([compiled(Positive)], {"a": {"x": -1}})


def test_what_a_factory_makes_may_be_left_out() -> None:
    @dataclass
    class Drawing:
        lines: list[list[float]] = field(default_factory=list)

    assert compiled(Drawing).convert({}) == Drawing([])
    assert compiled(Drawing).convert({"lines": [[1, 2.5]]}) == Drawing([[1.0, 2.5]])
