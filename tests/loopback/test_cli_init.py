"""`reactor init`: what it writes runs as it stands, in every style. Reference §10.1.12: the published one did not."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from reactor_runtime.cli.scaffold import TEMPLATES, Style
from tests.running import REACTOR

ROOT = Path(__file__).parents[2]
FILES = {"README.md", "config.yaml", "model.py", "reactor.yaml", "requirements.txt", "test_model.py"}


def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=cwd)


@pytest.fixture(scope="module", params=list(Style))
def scaffold(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("scaffold")
    done = run(REACTOR, "init", "my-wave", "--style", request.param, cwd=where)
    assert done.returncode == 0, done.stderr
    folder = where / "my-wave"
    [listed, *_] = done.stdout.splitlines()
    assert set(listed.removeprefix("Wrote my-wave: ").split(", ")) == {path.name for path in folder.iterdir()} == FILES
    return folder


def test_a_fresh_model_runs_under_its_name(scaffold: Path) -> None:
    done = run(
        REACTOR, "run", "-p", "my-wave", "--runtime", "headless", "--frames", "5", "-o", "out", cwd=scaffold.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((scaffold.parent / "out").glob("*.png"))) == 5
    schema = json.loads(run(REACTOR, "schema", "-p", "my-wave", cwd=scaffold.parent).stdout)
    assert schema["info"]["title"] == "my-wave"
    assert list(schema["paths"]) == ["/events/set_red"]


def test_the_test_of_a_fresh_model_passes(scaffold: Path) -> None:
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "my-wave", cwd=scaffold.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_everything_a_fresh_model_says_of_itself_is_true(scaffold: Path) -> None:
    assert "my-model" not in "".join(path.read_text() for path in scaffold.iterdir())
    manifest = yaml.safe_load((scaffold / "reactor.yaml").read_text())
    assert manifest["runtime"]["import"] == "model:Wave"
    readme = (scaffold / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in FILES - {"README.md"})


def test_the_wheel_ships_every_file_of_every_template_and_its_types(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "reactor_runtime/py.typed" in names
    shipped = {name for name in names if "/templates/" in name}
    expected = {f"reactor_runtime/cli/templates/{style}/{name}" for style in Style for name in FILES}
    assert shipped == expected
    assert {path.name for path in TEMPLATES.iterdir()} == set(Style)
