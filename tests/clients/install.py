"""Installs the published clients under build/clients, each in an environment of its own.

    python tests/clients/install.py

Does nothing for one that is there already as it is described here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "build/clients"
BUNDLER = ROOT / "page/node_modules/.bin/rolldown"

AIORTC = ("aiortc==1.16.0", "aiohttp==3.14.5", "av==18.1.0", "numpy==2.4.6")
"""What `reactor-sdk` 0.x stands on: 200 MB, so its environments share them."""
PYTHON = ("0.1.2", "0.3.1", "0.6.0", "0.8.0", "1.1.1", "1.13.0")
NODE: dict[str, dict[str, str]] = {
    version: {"@reactor-team/js-sdk": version, "react": "19.2.0", "zustand": "5.0.8"} for version in ("2.2.1", "2.9.0")
}

STANDARD = {"whip-whep": "1.2.0"}
"""The client of WHEP and WHIP by their author."""

ENTRY = 'import * as sdk from "@reactor-team/js-sdk";\nglobalThis.sdk = sdk;\n'
STANDARD_ENTRY = 'export {WHEPClient} from "whip-whep/whep.js";\nexport {WHIPClient} from "whip-whep/whip.js";\n'
PAGE = '<!doctype html><meta charset="utf-8"><script>process = {env: {}}</script><script src="bundle.js"></script>\n'


def python_of(version: str) -> Path:
    """Return the interpreter that has this version of `reactor-sdk`."""
    return PLACE / f"python-{version}" / "bin/python"


def page_of(version: str) -> Path:
    """Return the page that has this version of the JavaScript SDK as its global `sdk`."""
    return PLACE / f"js-{version}" / "index.html"


def standard_page() -> Path:
    """Return the page that has the clients of WHEP and WHIP in its global `standard`."""
    return PLACE / "whip-whep/index.html"


def main() -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(_install, PLACE / "aiortc", AIORTC, _shared)]
        jobs += [pool.submit(_install, python_of(v).parents[1], (v, AIORTC), _python) for v in PYTHON]
        jobs += [pool.submit(_install, page_of(v).parent, NODE[v], _node) for v in NODE]
        jobs.append(pool.submit(_install, standard_page().parent, (STANDARD, STANDARD_ENTRY), _standard))
        for job in jobs:
            job.result()


def _install(folder: Path, wanted: object, make: Callable[[Path], None]) -> None:
    stamp, text = folder / "installed.json", json.dumps([wanted, ENTRY, PAGE])
    if stamp.exists() and stamp.read_text() == text:
        return
    print(f"installing {folder.name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(folder)
    stamp.write_text(text)


def _shared(folder: Path) -> None:
    _pip("--target", folder, *AIORTC)


def _python(folder: Path) -> None:
    version = folder.name.removeprefix("python-")
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    if version.startswith("0."):
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "aiortc.pth").write_text(str(PLACE / "aiortc"))
    _pip("--no-deps", f"reactor-sdk=={version}", python=folder / "bin/python")


def _pip(*arguments: str | Path, python: Path = Path(sys.executable)) -> None:
    quietly = ("--quiet", "--disable-pip-version-check", "--no-warn-conflicts")
    _run(sys.executable, "-m", "pip", "--python", python, "install", *quietly, *arguments)


def _node(folder: Path) -> None:
    _bundle(folder, NODE[folder.name.removeprefix("js-")], ENTRY)


def _standard(folder: Path) -> None:
    _bundle(folder, STANDARD, STANDARD_ENTRY, "--name", "standard")


def _bundle(folder: Path, wanted: dict[str, str], entry: str, *options: str) -> None:
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": wanted}))
    (folder / "entry.js").write_text(entry)
    (folder / "index.html").write_text(PAGE)
    _run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error", cwd=folder)
    _run(BUNDLER, "entry.js", "--format", "iife", "--file", "bundle.js", "--platform", "browser", *options, cwd=folder)


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
