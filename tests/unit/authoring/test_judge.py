"""How a refusal reads: one line, in JSON's words, naming the argument (reference §4.2)."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from reactor_runtime import InputField, ReactorModel, event
from reactor_runtime.authoring.contract import Contract
from reactor_runtime.authoring.judge import refusal, same
from reactor_runtime.errors import InvalidArgument


class Model(ReactorModel):
    @event(name="set_seed")
    def set_seed(self, seed: int) -> None: ...

    @event(name="set_all")
    def set_all(
        self,
        prompt: str = InputField("", min_length=0, max_length=10),
        a: int | None = InputField(None, ge=1, le=3),
        mode: str = InputField("a", choices=["a", "b"]),
        kind: Literal["x", None, True] = "x",
        tags: list[str] | None = InputField(None, min_length=1),
        deep: dict[str, list[bool]] | None = None,
        loose=None,  # type: ignore[no-untyped-def]
    ) -> None: ...


CONTRACT = Contract("m", "reactor_model", commands=tuple(c.spec for c in Model._handlers.commands.values()))


@pytest.mark.parametrize(
    ("command", "arguments", "text"),
    [
        ("set_seed", {"seed": None}, "set_seed: seed: expected integer, got null"),
        ("set_seed", {"seed": True}, "set_seed: seed: expected integer, got boolean"),
        ("set_seed", {"seed": "3"}, "set_seed: seed: expected integer, got string"),
        ("set_seed", {"seed": 2.5}, "set_seed: seed: expected integer, got 2.5"),
        ("set_seed", {"seed": float("inf")}, "set_seed: seed: expected a finite number, got inf"),
        ("set_seed", {"seed": 2**64}, "set_seed: seed: the number does not fit 64 bits"),
        ("set_seed", {}, "set_seed: seed: missing required argument"),
        ("set_seed", {"seed": 1, "sed": 2}, "set_seed: sed: unexpected argument"),
        ("set_all", {"prompt": "hello world"}, "set_all: prompt: length 11 > max_length(10)"),
        ("set_all", {"a": 5}, "set_all: a: 5 > le(3)"),
        ("set_all", {"a": 0}, "set_all: a: 0 < ge(1)"),
        ("set_all", {"mode": "zzz"}, "set_all: mode: 'zzz' not in choices ['a', 'b']"),
        ("set_all", {"kind": False}, "set_all: kind: false not in choices ['x', null, true]"),
        ("set_all", {"tags": []}, "set_all: tags: length 0 < min_length(1)"),
        ("set_all", {"tags": ["a", 1]}, "set_all: tags[1]: expected string, got 1"),
        ("set_all", {"deep": {"x": [True, 0]}}, "set_all: deep.x[1]: expected boolean, got 0"),
        ("set_all", {"deep": []}, "set_all: deep: expected object, got array"),
        ("set_all", {"loose": [{"n": 2**70}]}, "set_all: loose[0].n: the number does not fit 64 bits"),
        ("set_all", {"loose": {"\ud800": 1}}, r"set_all: loose.'\ud800': the text holds half a character (a lone sur"),
    ],
)
def test_a_refusal_names_the_argument_and_the_reason(command: str, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument) as there:
        CONTRACT.check(command, arguments)
    assert str(there.value).startswith(text)
    with pytest.raises(InvalidArgument) as here:
        Model._handlers.commands[command].call(Model(), arguments, None)
    assert str(here.value) == str(there.value)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("set_seed", {"seed": 2.0}),
        ("set_seed", {"seed": 2**64 - 1}),
        ("set_all", {}),
        ("set_all", {"a": None, "tags": None, "kind": None}),
        ("set_all", {"loose": {"anything": [1, None, "é", {"x": True}]}}),
    ],
)
def test_what_fits_is_let_pass(command: str, arguments: dict[str, Any]) -> None:
    CONTRACT.check(command, arguments)


def test_a_long_value_does_not_make_a_long_refusal() -> None:
    why = refusal({"enum": ["a"]}, "x" * 10_000)
    assert why is not None
    assert len(why) < 150


def test_values_are_the_same_as_in_json() -> None:
    assert same([1, {"a": 2}], (1.0, {"a": 2.0}))
    for one, other in ((1, True), (0, False), (1, "1"), ([1], [1, 2]), ({"a": 1}, {"b": 1}), (None, 0)):
        assert not same(one, other)
