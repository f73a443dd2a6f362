"""The conformance table: facts of the reference about generations 1 and 2, each shown by a test.

A row is written above the test that shows it, with `fact`, or, where facts are alike, as one parameter of a test that
shows several, with `table`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Fact:
    """One row.

    Attributes:
        section: Of the reference.
        generations: "1", "2" or "1, 2".
        text: What the reference says.
        better: What holds here instead, where we differ on purpose.
    """

    section: str
    generations: str
    text: str
    better: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A fact and the test that shows it; `case` is its id where one test shows several."""

    fact: Fact
    test: str
    case: str = ""


def fact(section: str, generations: str, text: str, *, better: str = "") -> Callable[[F], F]:
    """Say which fact a test shows."""

    def mark(test: F) -> F:
        test.__facts__ = {"": Fact(section, generations, text, better)}  # type: ignore[attr-defined]
        return test

    return mark


def table(
    section: str, generations: str, text: str, arguments: str, *cases: tuple[Any, ...], better: str = ""
) -> Callable[[F], F]:
    """Say that a test shows one fact per case.

    Args:
        section: Of the reference.
        generations: Those concerned.
        text: What is alike; `{}` stands for what the case is of.
        arguments: Names of the test's parameters, as for `pytest.mark.parametrize`.
        cases: What the case is of, then the values of the parameters.
        better: What holds here instead, for all of them.
    """

    def mark(test: F) -> F:
        facts = {_slug(case[0]): Fact(section, generations, text.format(case[0]), better) for case in cases}
        assert len(facts) == len(cases), f"two cases of {test.__name__} are called alike"
        parameters = [pytest.param(*case[1:], id=_slug(case[0])) for case in cases]
        marked = pytest.mark.parametrize(arguments, parameters)(test)
        marked.__facts__ = facts
        return marked  # type: ignore[no-any-return]

    return mark


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-")


def facts_of(test: object) -> dict[str, Fact]:
    """Return the facts that a test shows, by case."""
    found: dict[str, Fact] = getattr(test, "__facts__", {})
    return found


def all_tests() -> Iterator[FunctionType]:
    """Yield every test of this folder, in order, but those of the table itself."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.stem != "test_page":
            module = importlib.import_module(f"{__package__}.{path.stem}")
            named = (value for name, value in vars(module).items() if name.startswith("test_"))
            yield from (test for test in named if isinstance(test, FunctionType))


def rows() -> list[Row]:
    """Return the whole table, ordered by section."""
    found = [
        Row(fact, f"{test.__module__.rpartition('.')[2]}.py::{test.__name__}", case)
        for test in all_tests()
        for case, fact in facts_of(test).items()
    ]
    return sorted(found, key=_order)


def _order(row: Row) -> list[int]:
    """Order by section; weaknesses have numbers of their own."""
    numbers = [*row.fact.section.split("."), re.split(r"\. ", row.fact.text)[0]]
    return [int(number) for number in numbers if number.isdigit()]
