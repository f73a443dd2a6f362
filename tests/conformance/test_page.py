"""The table is whole, and the page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.facts import all_tests, facts_of, rows
from tests.conformance.page import line

PAGE = Path(__file__).parents[2] / "docs/reference/compatibility.md"


def test_every_test_of_the_table_shows_a_fact() -> None:
    assert [test.__qualname__ for test in all_tests() if not facts_of(test)] == []


def test_no_fact_stands_twice() -> None:
    texts = [(row.fact.section, row.fact.generations, row.fact.text) for row in rows()]
    assert [text for text in texts if texts.count(text) > 1] == []


@pytest.mark.parametrize(("section", "count"), [("10.1", 16), ("10.2", 19)])
def test_each_weakness_of_a_generation_has_a_row_that_says_what_we_do(section: str, count: int) -> None:
    found = [row.fact for row in rows() if row.fact.section == section]
    numbers = {int(fact.text.partition(".")[0]) for fact in found}
    assert numbers == set(range(1, count + 1))
    assert all(fact.better for fact in found)


def test_the_page_lists_exactly_the_rows_there_are() -> None:
    listed = [text for text in PAGE.read_text().splitlines() if text.startswith("| ") and "| fact |" not in text]
    stems = [(line(row, "?").partition(" | ?")[0], row.fact.better) for row in rows()]
    assert len(listed) == len(stems)
    wrong = [
        (row, stem)
        for row, (stem, better) in zip(listed, stems, strict=True)
        if not row.startswith(f"{stem} | ") or better.replace("|", "\\|") not in row
    ]
    assert wrong == []
