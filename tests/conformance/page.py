"""Writes the conformance table as a page: `python -m tests.conformance.page > docs/reference/compatibility.md`."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.facts import Row, rows

TITLES = {
    "1.1": "Public names, generation 1",
    "1.2": "Public names, generation 2",
    "2.1": "Declaring, finding and configuring a model of generation 1",
    "2.2": "Declaring, finding and configuring a model of generation 2",
    "3.1": "Sessions",
    "3.2": "Sessions, generation 1",
    "3.3": "Sessions, generation 2",
    "4.1": "Declaring commands",
    "4.2": "Checking and converting arguments",
    "4.3": "Replies",
    "4.4": "Setters of a state",
    "4.5": "Uploads",
    "4.6": "Messages to clients",
    "5.1": "Tracks, generation 1",
    "5.2": "Tracks, generation 2",
    "5.3": "Pictures, sound and batches",
    "5.4": "Input buffers",
    "6": "Buffering and pacing",
    "7.3": "Profiling",
    "7.5": "Logging",
    "7.6": "Moderation",
    "7.7": "Documents",
    "8.2": "Command line, generation 1",
    "8.3": "Command line, generation 2",
    "10.1": "Weaknesses of generation 1 that we do not have",
    "10.2": "Weaknesses of generation 2 that we do not have",
    "11": "What published models rely on",
}
HOLDS, DIFFERS, FAILS = "holds", "differs on purpose", "**does not hold**"
HEAD = """\
# Compatibility

What model code of generation 1 (1.x) and generation 2 (2.x) relies on, row by row, and whether it holds here. Each row
is a test in `tests/conformance`, which runs small models written as authors of that generation write them. `§` is the
section of the reference that the fact was taken from. A row that *differs on purpose* says what holds instead.

Not of this table: recordings and clips (§7.1), metrics (§7.4), the wire families and routes that clients speak (§9),
what came with generation 3, and parts of the published packages that were closed (Redis reporters, the moderation
package, GStreamer, `reactor_runtime.distributed` and `.realtime`).

This page is made by `python -m tests.conformance.page > docs/reference/compatibility.md`.
"""


class Outcomes:
    """Notes for every test whether it passed."""

    def __init__(self) -> None:
        self.passed: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        test = report.nodeid.rpartition("/")[2]
        self.passed[test] = self.passed.get(test, True) and report.passed


def run() -> dict[str, bool]:
    """Run the tests of the table; returns for each, with its case in brackets, whether it passed."""
    outcomes = Outcomes()
    with contextlib.redirect_stdout(sys.stderr):
        folder = Path(__file__).parent
        pytest.main(["-q", "--no-header", str(folder), f"--ignore={folder / 'test_page.py'}"], plugins=[outcomes])
    return outcomes.passed


def state(row: Row, passed: Mapping[str, bool]) -> str:
    """Return what the outcome of its test says of a row."""
    name = f"{row.test}[{row.case}]" if row.case else row.test
    # A test of one fact may be run with several parameters: all of them count.
    outcomes = [ok for test, ok in passed.items() if test == name or (not row.case and test.startswith(f"{name}["))]
    if not outcomes or not all(outcomes):
        return FAILS
    return DIFFERS if row.fact.better else HOLDS


def written(table: list[Row], passed: Mapping[str, bool]) -> str:
    """Return the page."""
    states = [state(row, passed) for row in table]
    hold, differ = states.count(HOLDS), states.count(DIFFERS)
    lines = [
        HEAD,
        f"{len(table)} rows: {hold} hold, {differ} differ on purpose, {len(table) - hold - differ} do not hold.",
    ]
    for section, group in itertools.groupby(zip(table, states, strict=True), key=lambda pair: pair[0].fact.section):
        lines += ["", f"## {TITLES[section]} (§{section})", "", "| generation | fact | here |", "|---|---|---|"]
        lines += [line(row, is_so) for row, is_so in group]
    return "\n".join(lines) + "\n"


def line(row: Row, is_so: str) -> str:
    """Return one row as Markdown."""
    text = row.fact.text.replace("|", "\\|")
    better = f": {row.fact.better}".replace("|", "\\|") if row.fact.better else ""
    return f"| {row.fact.generations} | {text} | {is_so}{better} |"


if __name__ == "__main__":
    sys.stdout.write(written(rows(), run()))
