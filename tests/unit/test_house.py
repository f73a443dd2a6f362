"""The rules of the house: what may import, call, grow and be named how. See docs/architecture."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import reactor_runtime

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src/reactor_runtime"
MODULES = sorted(SRC.rglob("*.py"))
PURE = [path for room in ("media", "session", "wire") for path in sorted((SRC / room).rglob("*.py"))]

IMPURE = {"asyncio", "threading", "socket", "time", "os"}
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns"}
HEAVY = {"torch", "cv2", "av", "fastapi", "google.protobuf"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "handler", "handlers", "misc"}

# Each exception says why.
MAY_READ_THE_CLOCK = {
    "authoring/profiling.py": "a stopwatch on the author's code, in the worker",
    "runtime/clock.py": "the server's one clock",
}
MAY_BE_CALLED_SO = {"utils/__init__.py": "an import path of published models", "utils/log.py": "the same"}
LONG_FILES: dict[str, str] = {}
BROAD_CLASSES: dict[str, str] = {}
MAX_LINES = 400
MAX_PUBLIC_METHODS = 20


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imported(path: Path) -> Iterator[str]:
    """Every module named by an import statement, wherever it stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def uses(path: Path, module: str, names: set[str]) -> list[int]:
    """Lines that say `module.name` or import the name from the module."""
    return [
        node.lineno
        for node in ast.walk(tree(path))
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == module
            and node.attr in names
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == module
            and any(alias.name in names for alias in node.names)
        )
    ]


def tracked(*suffixes: str) -> list[Path]:
    """The sources people read: the folders of the house, without what is installed or built."""
    rooms = [ROOT / name for name in ("src", "tests", "bench", "examples", "page/src", "docs")]
    found = [path for room in rooms for path in room.rglob("*") if path.suffix in suffixes]
    return sorted(p for p in found if not {"node_modules", "static", "__pycache__", ".venvs"} & set(p.parts))


@pytest.mark.parametrize("path", named(PURE))
def test_a_pure_room_imports_no_clock_loop_thread_or_socket(path: Path) -> None:
    assert IMPURE.isdisjoint(name.split(".")[0] for name in imported(path))


def test_only_the_configuration_reads_the_environment() -> None:
    names = {"environ", "environb", "getenv", "getenvb"}
    found = [str(path.relative_to(SRC)) for path in MODULES if uses(path, "os", names)]
    assert found == ["config.py"]


def test_only_the_clock_reads_the_time_on_the_server_side() -> None:
    found = {
        str(path.relative_to(SRC)): lines
        for path in MODULES
        if path.parent.name != "worker" and (lines := uses(path, "time", CLOCKS))
    }
    assert found.keys() == MAY_READ_THE_CLOCK.keys()


def test_no_file_outgrows_a_reader() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in tracked(".py", ".ts")}
    assert {name for name, lines in lengths.items() if lines > MAX_LINES} == LONG_FILES.keys()


def test_no_class_does_too_much() -> None:
    found = {
        f"{path.relative_to(SRC)}:{node.name}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and sum(
            isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and not item.name.startswith("_")
            for item in node.body
        )
        > MAX_PUBLIC_METHODS
    }
    assert found == BROAD_CLASSES.keys()


def test_modules_are_named_for_their_job() -> None:
    banned = {
        str(module) for path in MODULES if BANNED_NAMES & set((module := path.relative_to(SRC)).with_suffix("").parts)
    }
    assert banned == MAY_BE_CALLED_SO.keys()


@pytest.mark.parametrize("path", named(sorted([*ROOT.glob("*.md"), *tracked(".md")])))
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(\s*<?([^)>\s#]+)", prose) + re.findall(r'<img[^>]*\bsrc="([^"]+)"', prose)
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, reactor_runtime; print([m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists() -> None:
    names = reactor_runtime.__all__
    assert len(set(names)) == len(names) > 0
    assert [name for name in names if not hasattr(reactor_runtime, name)] == []
    homes = vars(reactor_runtime)
    assert {*homes["_HOME_OF"], *homes["_ALIASES"], "__version__"} == set(names)
