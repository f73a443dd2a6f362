"""Whatever goes wrong on the command line ends it with a status other than 0; reference §10.1.2: it was 0."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models import HEAD, PAINTER, write_model
from tests.running import REACTOR, eventually

MODEL = HEAD + "class M(ReactorModel):\n    pass\n"


def run(
    folder: Path, *flags: str, command: tuple[str, ...] = (REACTOR, "run"), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *flags],
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("name: m", "reactor.yaml must declare a model entrypoint, either as 'runtime.import'"),
        ("model: M", "Invalid spec 'M'. Expected 'module:ClassName'."),
        ("model: needy:M", "Module 'needy' failed to import: missing dependency 'no_such_package'."),
        ("model: broken:M", "Module 'broken' failed to import: ZeroDivisionError"),
        ("model: model:Other", "Class 'Other' not found in module 'model'"),
        ("model: model:Out", "'Out' is not a subclass of"),
        ("model: model:M\nconfig: missing.yaml", "missing.yaml"),
        ("runtime:\n  import: model:M\n  config: broken.yaml", "is not valid YAML"),
    ],
)
def test_a_project_of_generation_2_that_cannot_start_ends_with_one_verdict(
    manifest: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "needy.py").write_text("import no_such_package\n")
    (tmp_path / "broken.py").write_text("{1 / 0: 1}\n")
    (tmp_path / "broken.yaml").write_text("[1, 2")
    (tmp_path / "reactor.yaml").write_text(manifest)
    for flags in ("--port", "0"), ("--runtime", "headless", "--frames", "1"):
        done = run(tmp_path, *flags)
        assert done.returncode == 1, done.stdout + done.stderr
        [verdict] = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert said in verdict


@pytest.mark.parametrize("arguments", [("60",), ("--model.fps=30", "60"), ("--config-help",), ("--debug-port", "1")])
def test_what_run_does_not_know_is_named_with_where_to_look(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(write_model(tmp_path, PAINTER), *arguments)
    assert done.returncode == 2
    unknown = " ".join(argument for argument in arguments if not argument.startswith("--model."))
    assert done.stderr == (
        f"Error: Unrecognized arguments: {unknown}\nRun 'reactor run --help' to see available options.\n"
    )


def test_a_model_value_may_stand_beside_its_key_where_it_once_was_unrecognized(tmp_path: Path) -> None:
    source = (
        "class M(ReactorModel):\n    def load(self, config):\n        raise ValueError(f'fps is {config[\"fps\"]}')\n"
    )
    done = run(write_model(tmp_path, source, name="M"), "--model.fps", "60", "--runtime", "headless", "--frames", "1")
    assert done.returncode == 1
    assert "fps is 60" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [(sys.executable, "-m", "reactor_runtime"), (sys.executable, "-m", "reactor_runtime.serve")],
    ids=["package", "serve"],
)
def test_failures_of_the_modules_end_like_those_of_the_script(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run(tmp_path, "run", "-p", "nowhere", command=command)
    assert (done.returncode, done.stderr) == (2, "Error: folder nowhere not found (from --path)\n")


def test_serve_without_arguments_takes_everything_from_the_manifest_and_the_environment(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "reactor_runtime.serve")
    write_model(tmp_path, PAINTER)
    refused = run(tmp_path, command=command, PORT="many")
    assert (refused.returncode, refused.stderr) == (2, "Error: PORT must be a whole number (got 'many')\n")
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert re.match(r"Open http://127\.0\.0\.1:\d+", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert eventually(lambda: process.poll() is not None, what="the end")
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
