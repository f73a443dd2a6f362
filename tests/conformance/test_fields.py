"""Parameters of an `@event`: types, limits, defaults."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from reactor_runtime import UploadedFile
from reactor_runtime.interface import InputField, ReactorModel, event
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import refusal


class Mode(enum.Enum):
    CALM = "calm"
    WILD = "wild"


@dataclass
class Point:
    x: float
    y: float = 0.0


class Recorder(ReactorModel):
    """Keeps what its handler was given."""

    got: Any = None


def taking(annotation: Any, default: Any = ...) -> type[Recorder]:
    """Return a model with one command, `take`, of one parameter, `value`."""

    def take(self: Recorder, value) -> None:  # type: ignore[no-untyped-def]
        self.got = value

    take.__annotations__["value"] = annotation
    take.__defaults__ = () if default is ... else (default,)
    return type("Taker", (Recorder,), {"take": event(name="take")(take), "__module__": __name__})


def handled(annotation: Any, value: Any, default: Any = ...) -> Any:
    with ModelHarness(taking(annotation, default)) as m:
        m.command("take", value=value)
        return m.model.got


FILE = UploadedFile("a.txt", "text/plain", b"abc")


@table(
    "4.1",
    "2",
    "a parameter may be `{}`, and the handler gets it as annotated",
    "annotation, sent, got",
    ("int", int, 3, 3),
    ("float", float, 1.5, 1.5),
    ("str", str, "x", "x"),
    ("bool", bool, True, True),
    ("Literal['a', 'b']", Literal["a", "b"], "b", "b"),
    ("int | None", int | None, None, None),
    ("list[int]", list[int], [1, 2], [1, 2]),
    ("dict[str, float]", dict[str, float], {"a": 0.5}, {"a": 0.5}),
    ("list[list[float]], nested", list[list[float]], [[0.5]], [[0.5]]),
    ("UploadedFile", UploadedFile, FILE, FILE),
    ("UploadedFile | None", UploadedFile | None, None, None),
)
def test_a_type_of_generation_2_arrives_as_annotated(annotation: Any, sent: Any, got: Any) -> None:
    assert handled(annotation, sent) == got


@table(
    "4.2",
    "2",
    "{}",
    "annotation, sent, got",
    ("an `Enum` parameter receives the raw value", Mode, "wild", Mode.WILD),
    better="the handler gets the member",
)
def test_an_enum_arrives_as_its_member(annotation: Any, sent: Any, got: Any) -> None:
    assert handled(annotation, sent) is got


@fact("4.2", "2", "a dataclass parameter is a plain dict", better="the handler gets the instance")
def test_a_dataclass_arrives_as_an_instance() -> None:
    assert handled(Point, {"x": 1}) == Point(1.0, 0.0)


@fact("4.2", "2", "`int` accepts 2.0, and the handler receives the float", better="the handler gets the int 2")
def test_a_whole_float_arrives_as_an_int() -> None:
    got = handled(int, 2.0)
    assert (got, type(got)) == (2, int)


@fact("4.2", "2", "`Literal[1, 2]` given 2.0 is 2.0", better="the handler gets the member, the int 2")
def test_a_whole_float_for_a_literal_arrives_as_its_member() -> None:
    assert type(handled(Literal[1, 2], 2.0)) is int


@table(
    "4.2",
    "2",
    "{} is rejected",
    "annotation, sent, said",
    ('"3" for an int', int, "3", "value: expected integer, got string"),
    ("true for an int", int, True, "value: expected integer, got boolean"),
    ("2.5 for an int", int, 2.5, "value: expected integer, got 2.5"),
    ("1 for a str", str, 1, "value: expected string, got 1"),
    ("a value that no member has", Mode, "z", "value: 'z' not in choices ['calm', 'wild']"),
    ("null where the type is not Optional", int, None, "value: expected integer, got null"),
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(annotation: Any, sent: Any, said: str) -> None:
    with ModelHarness(taking(annotation)) as m:
        assert refusal(m, "take", value=sent) == f"invalid_command: take: {said}"
        assert m.model.got is None


@fact("4.2", "2", "an unexpected argument drops the event with a warning", better="the client is told which one")
def test_an_unexpected_argument_is_named() -> None:
    with ModelHarness(taking(int)) as m:
        assert refusal(m, "take", value=1, colour="red") == "invalid_command: take: colour: unexpected argument"


@fact("4.2", "2", "a missing argument without default is rejected")
def test_a_missing_argument_is_named() -> None:
    with ModelHarness(taking(int)) as m:
        assert refusal(m, "take") == "invalid_command: take: value: missing required argument"


@fact("4.2", "2", "an argument left out takes its declared default")
def test_an_argument_left_out_takes_its_default() -> None:
    with ModelHarness(taking(int, InputField(default=7, ge=0))) as m:
        m.command("take")
        assert m.model.got == 7


@table(
    "4.2",
    "2",
    "null is fine for {}",
    "annotation, limits",
    ("`int | None` with `ge`", int | None, {"ge": 1}),
    ("`str | None` with `max_length`", str | None, {"max_length": 3}),
    ("`int | None` with `le` and `choices`", int | None, {"le": 9, "choices": [1, 2]}),
)
def test_null_passes_the_limits_of_an_optional(annotation: Any, limits: dict[str, Any]) -> None:
    assert handled(annotation, None, InputField(default=None, **limits)) is None


@table(
    "4.1",
    "2",
    "`InputField({}=...)` limits the argument",
    "annotation, limits, fits, wrong, said",
    ("ge", int, {"ge": 3}, 3, 2, "2 < ge(3)"),
    ("le", float, {"le": 3}, 3.0, 3.5, "3.5 > le(3)"),
    ("min_length", str, {"min_length": 2}, "ab", "a", "length 1 < min_length(2)"),
    ("max_length", list[int], {"max_length": 1}, [1], [1, 2], "length 2 > max_length(1)"),
    ("choices", str, {"choices": ["a", "b"]}, "a", "z", "'z' not in choices ['a', 'b']"),
)
def test_a_limit_of_an_argument_holds(annotation: Any, limits: Any, fits: Any, wrong: Any, said: str) -> None:
    with ModelHarness(taking(annotation, InputField(**limits))) as m:
        m.command("take", value=fits)
        assert m.model.got == fits
        assert refusal(m, "take", value=wrong) == f"invalid_command: take: value: {said}"


@fact("4.1", "2", "`None` is always allowed as a default")
def test_none_is_a_default_of_any_type() -> None:
    with ModelHarness(taking(int, None)) as m:
        m.command("take")
        assert m.model.got is None


@table(
    "4.1",
    "2",
    "{} is TypeError when the class is defined",
    "annotation, default, said",
    ("a union other than Optional", int | str, ..., r"unsupported field type int \| str. Supported: int, float, str"),
    ("a set", set, ..., "unsupported field type set"),
    ("a tuple", tuple[int, int], ..., "unsupported field type"),
    ("a datetime", datetime.datetime, ..., "unsupported field type datetime"),
    ("a dict whose keys are no text", dict[int, int], ..., "unsupported field type"),
    (
        "`InputField(default_factory=...)`",
        list[int],
        InputField(default_factory=list),  # type: ignore[call-overload]
        r"InputField\(default_factory=\.\.\.\) is not supported\. Defaults must be statically representable",
    ),
    ("a mutable default", list[int], [], "default for 'value' is a mutable list, which cannot be a static default"),
    (
        "a default outside its own limits",
        int,
        InputField(default=5, le=3),
        r"default for 'value' violates its own InputField constraints \(value: 5 > le\(3\)\)",
    ),
)
def test_a_wrong_parameter_is_refused_where_it_is_written(annotation: Any, default: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        taking(annotation, default)


@fact("4.1", "2", "a required parameter may follow an optional one")
def test_a_required_parameter_may_follow_an_optional_one() -> None:
    class Mover(ReactorModel):
        @event(name="move")
        async def move(self, speed: int = 2, where: str = InputField(max_length=9)) -> None:
            self.moved = (speed, where)

    with ModelHarness(Mover) as m:
        m.command("move", where="north")
        assert m.model.moved == (2, "north")


@fact("7.6", "2", "`InputField(moderate=...)` shows in the schema as `x-reactor-moderate`")
def test_moderated_text_is_marked_in_the_schema() -> None:
    with ModelHarness(taking(str, InputField(moderate=True))) as m:
        body = m.schema["paths"]["/events/take"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["value"]["x-reactor-moderate"] is True
