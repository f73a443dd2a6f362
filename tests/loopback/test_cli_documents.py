"""`reactor schema` and `reactor capabilities` as a build script runs them: redirected, over models that make noise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.running import REACTOR

NOISE = dedent("""
    import atexit, ctypes, os, subprocess, sys, threading, time
    print("noise: print")
    sys.__stdout__.write("noise: original stdout\\n")
    os.write(1, b"noise: descriptor\\n")
    ctypes.CDLL(None).puts(b"noise: C")
    subprocess.run(["echo", "noise: child"])
    atexit.register(print, "noise: exit handler")
    threading.Thread(target=time.sleep, args=(3600,)).start()
    os.chdir("/")
""")

REACTOR_MODEL = dedent("""
    from reactor_runtime import Output, ReactorModel, Video, event

    class Out(Output):
        main_video: Video

    class Noisy(ReactorModel):
        fps = 25

        def __init__(self):
            raise AssertionError("constructed")

        def load(self, config):
            raise AssertionError("loaded")

        @event(name="go", description="Go on.")
        def go(self, far: int = 3):
            pass
""")

VIDEO_MODEL = dedent("""
    from reactor_runtime import VideoModel, command, model

    @model(name="noisy", config="config.yaml")
    class Noisy(VideoModel):
        emission_fps = 25

        def __init__(self, config):
            raise AssertionError("constructed")

        @command("go", "Go on.")
        def go(self, far: int = 3):
            pass

        def start_session(self):
            pass
""")


@pytest.fixture(params=[REACTOR_MODEL, VIDEO_MODEL], ids=["generation 2", "generation 1"])
def noisy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "noisy.py").write_text(NOISE + request.param)
    (tmp_path / "config.yaml").write_text("weights: 1\n")
    return tmp_path


def reactor(*argv: str, cwd: Path | None = None, module: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module] if module else [REACTOR]
    return subprocess.run(
        [*command, *argv], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, cwd=cwd
    )


def test_the_schema_is_all_there_is_on_stdout_whatever_the_import_prints_and_nothing_is_loaded(noisy: Path) -> None:
    done = reactor("schema", "-p", str(noisy))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["openapi"], document["info"]["title"], document["info"]["version"]) == ("3.1.0", "noisy", "v0.0.0")
    assert document["paths"]["/events/go"]["post"]["summary"] == "Go on."
    for kind in ("print", "original stdout", "descriptor", "child"):
        assert f"noise: {kind}\n" in done.stderr
    assert "noise" not in done.stdout


def test_the_schema_goes_to_a_file_with_the_version_asked_for(noisy: Path, tmp_path: Path) -> None:
    done = reactor("schema", "-v", "1.2.3-g0a1b", "-o", "schema.json", cwd=noisy)
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads((noisy / "schema.json").read_text())["info"]["version"] == "v1.2.3-g0a1b"


def test_capabilities_are_those_of_generation_1_for_either_generation(noisy: Path) -> None:
    done = reactor("capabilities", "-p", str(noisy))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    [command] = told["commands"]
    assert (command["name"], command["description"]) == ("go", "Go on.")
    assert {key: command["schema"]["far"][key] for key in ("type", "default", "required")} == {
        "type": "integer",
        "default": 3,
        "required": False,
    }
    assert {key: value for key, value in told.items() if key != "commands"} == {
        "protocol_version": "1.0",
        "tracks": [{"name": "main_video", "kind": "video", "direction": "recvonly"}],
        "emission_fps": 25,
    }


@pytest.mark.parametrize(
    ("module", "argv"),
    [
        ("reactor_runtime", ("schema",)),
        ("reactor_runtime.schema", ()),
        ("reactor_runtime.serve", ("schema",)),
    ],
)
def test_every_published_way_to_ask_gives_the_same_schema(module: str, argv: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(REACTOR_MODEL)
    script = reactor("schema", "--version", "v1.0.0", cwd=tmp_path)
    done = reactor(*argv, "--version", "v1.0.0", module=module, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == script.stdout
    assert json.loads(done.stdout)["info"]["title"] == "noisy"


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ({}, 1, "No @model decorated class found in project."),
        ({"reactor.yaml": "model: gone:M"}, 1, "Module 'gone' not found."),
        ({"reactor.yaml": "[]"}, 1, "reactor.yaml must be a YAML mapping"),
        ({"reactor.yaml": "model: m:M", "m.py": "import no_such_package"}, 1, "missing dependency 'no_such_package'"),
        ({"m.py": VIDEO_MODEL.replace('"noisy"', '"Bad Name"')}, 1, "lowercase letters, numbers and hyphens"),
        ({"m.py": VIDEO_MODEL}, 2, "config.yaml"),
        ({"m.py": VIDEO_MODEL, "config.yaml": "[1, 2"}, 2, "is not valid YAML"),
        ({"reactor.yaml": "model: m:M", "m.py": "import sys; sys.exit(0)"}, 1, "SystemExit"),
    ],
)
def test_a_model_that_cannot_be_described_gives_no_output_one_verdict_and_a_status(
    files: dict[str, str], status: int, said: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = reactor("capabilities" if "gone" in said else "schema", "-p", str(tmp_path))
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    [verdict] = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert said in verdict


def test_an_import_that_fails_is_shown_with_the_authors_own_traceback(tmp_path: Path) -> None:
    (tmp_path / "reactor.yaml").write_text("model: m:M")
    (tmp_path / "m.py").write_text("def broken():\n    raise ValueError('too large')\n\n\nbroken()\n")
    done = reactor("schema", "-p", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "raise ValueError('too large')" in done.stderr
    assert "importlib" not in done.stderr
    assert done.stderr.splitlines()[-1] == "Error: Module 'm' failed to import: ValueError: too large"


def test_a_model_that_parses_arguments_when_it_is_imported_finds_none(tmp_path: Path) -> None:
    parsing = "import argparse\nargparse.ArgumentParser().parse_args()\n"
    (tmp_path / "m.py").write_text(parsing + REACTOR_MODEL)
    done = reactor("schema", "-p", str(tmp_path))
    assert (done.returncode, json.loads(done.stdout)["info"]["title"]) == (0, "noisy"), done.stderr


def test_an_import_that_kills_the_process_gives_no_output_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "reactor.yaml").write_text("model: m:M")
    (tmp_path / "m.py").write_text("import ctypes\nctypes.string_at(0)\n")
    done = reactor("schema", "-p", str(tmp_path))
    assert done.returncode != 0
    assert done.stdout == ""
    assert 'm.py", line 2' in done.stderr


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(REACTOR_MODEL)
    done = reactor("schema", "-p", str(tmp_path), "-o", str(tmp_path / "nowhere" / "schema.json"))
    assert done.returncode == 2
    assert "nowhere/schema.json (from --out): No such file or directory" in done.stderr
