"""Install what the benches compare against, each in an environment of its own in `build/peers/`.

`python bench/peers/install.py [--python312 PATH]`. The compared versions are pinned, so that a table can be made again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

VENVS = Path(__file__).parents[2] / "build" / "peers"
PINS = {
    "aiortc": ["aiortc==1.16.0", "fastapi", "numpy", "uvicorn"],
    # Its gradio imports what huggingface_hub 1 has no more, and does not say so.
    "fastrtc": ["fastrtc==0.0.34", "aiortc==1.16.0", "fastapi", "huggingface_hub<1", "numpy", "uvicorn"],
    "reactor-runtime": ["reactor-runtime==3.10.0", "numpy"],
}


def _output(*command: str) -> str:
    """Return what a command prints, nothing when it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def python312() -> str:
    """Return a Python 3.12 of this machine, on the path or known to pyenv; an empty text when there is none."""
    where = _output("python3.12", "-c", "import sys; print(sys.executable)")
    return where or (f"{prefix}/bin/python" if (prefix := _output("pyenv", "prefix", "3.12")) else "")


def install(python: str) -> None:
    """Make or complete the environments.

    Args:
        python: A Python 3.12, which reactor-runtime 3.x asks for; without one that environment is left out.
    """
    for name, requirements in PINS.items():
        maker = python if name == "reactor-runtime" else sys.executable
        if not maker:
            print(f"{name} is left out: no Python 3.12 was found; name one with --python312", file=sys.stderr)
            continue
        venv = VENVS / name
        subprocess.run([maker, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", *requirements], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python312", default=python312(), help="for reactor-runtime 3.x (%(default)s)")
    install(parser.parse_args().python312)
