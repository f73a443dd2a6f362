"""mypy --strict and pyright accept the examples, each as its own project, and infer what authors rely on.

Files in `cases/` say what is inferred; a line that ends in `# refused` is one that a checker has to complain about.
"""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYRIGHT = ROOT / "page/node_modules/pyright/index.js"
CASES = sorted((ROOT / "tests/types/cases").glob("*.py"))
EXAMPLES = sorted(folder for folder in (ROOT / "examples").iterdir() if (folder / "model.py").exists())
PROJECTS = [*CASES, *EXAMPLES]

Complaints = dict[Path, dict[int, list[str]]]


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def complaints(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Complaints:
    """What a checker says of everything, by file and line."""
    folder = tmp_path_factory.mktemp("checked")
    return said_by_mypy() if request.param == "mypy" else said_by_pyright(folder)


def said_by_mypy() -> Complaints:
    cache = ROOT / ".mypy_cache/types"  # kept: most of the time goes into other people's stubs, which stay as they are
    # Modules of one folder find each other only in a run of their own; the others share one.
    alone = [folder for folder in EXAMPLES if len(list(folder.glob("*.py"))) > 1]
    together = [*CASES, *(folder / "model.py" for folder in EXAMPLES if folder not in alone)]
    said: Complaints = {}
    for cwd, files in [(ROOT, together), *((folder, sorted(folder.glob("*.py"))) for folder in alone)]:
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", "--no-pretty"]
        command += ["--hide-error-context", "--explicit-package-bases", f"--cache-dir={cache}"]
        done = subprocess.run([*command, *map(str, files)], cwd=cwd, capture_output=True, text=True, timeout=150)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        for file, line, text in re.findall(r"^(.+?):(\d+): error: (.*)$", done.stdout, re.MULTILINE):
            said.setdefault((cwd / file).resolve(), {}).setdefault(int(line), []).append(text)
    return said


def said_by_pyright(folder: Path) -> Complaints:
    assert PYRIGHT.exists(), "pyright is not installed: cd page && npm ci"
    # Pyright takes only relative paths.
    paths = [os.path.relpath(path, folder.resolve()) for path in PROJECTS]
    roots = [{"root": path} for path in paths if not path.endswith(".py")]
    settings = {"include": paths, "exclude": [], "typeCheckingMode": "standard", "executionEnvironments": roots}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = ["node", str(PYRIGHT), "--pythonpath", sys.executable, "-p", str(folder), "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] >= len(PROJECTS)
    said: Complaints = {}
    for found in report["generalDiagnostics"]:
        line = found["range"]["start"]["line"] + 1
        said.setdefault(Path(found["file"]).resolve(), {}).setdefault(line, []).append(found["message"])
    return said


@pytest.mark.timeout(180)
@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.stem)
def test_a_checker_complains_of_nothing_but_what_is_wrong(complaints: Complaints, project: Path) -> None:
    for file in [project] if project.is_file() else sorted(project.glob("*.py")):
        lines = file.read_text().splitlines()
        wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}
        said = complaints.get(file, {})
        assert {number: said[number] for number in said.keys() - wrong} == {}
        assert [lines[number - 1] for number in sorted(wrong - said.keys())] == []


@pytest.mark.parametrize("file", CASES, ids=lambda path: path.stem)
def test_what_checkers_accept_can_be_defined(file: Path) -> None:
    assert runpy.run_path(str(file))["__doc__"]
