"""The command starts fast, and costs only what it uses."""

from __future__ import annotations

import subprocess
import sys

from tests.running import REACTOR

HEAVY = ("fastapi", "uvicorn", "av", "cv2", "torch", "numpy", "omegaconf", "pydantic", "rich", "yaml")


def test_the_command_tells_its_version() -> None:
    done = subprocess.run([REACTOR, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["reactor", "0.1.0"]


def test_reading_the_command_line_loads_no_server_codec_or_array_library() -> None:
    code = f"import sys, reactor_runtime.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


def test_help_lists_the_documented_flags() -> None:
    told = subprocess.run([REACTOR, "run", "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    for flag in ("--path", "-p", "--runtime", "--config", "-c", "--model.KEY", "--host", "--port", "-v", "--workers",
                 "--in-process", "--script", "--frames", "--seconds", "--output"):  # fmt: skip
        assert flag in told
