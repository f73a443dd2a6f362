"""The README tells the truth: its model runs as printed, and it stays short."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.running import REACTOR

README = (Path(__file__).parents[2] / "README.md").read_text()


def block(language: str) -> str:
    """The first code block of a language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_model_of_the_readme_runs_as_printed(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(block("python"))
    (tmp_path / "reactor.yaml").write_text(block("yaml"))
    (tmp_path / "script.txt").write_text('cmd set_red {"red": 200}\n')
    done = subprocess.run(
        [REACTOR, "run", "--runtime", "headless", "--script", "script.txt", "--frames", "3", "--output", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 150
    lines = [line for line in block("python").splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 20
