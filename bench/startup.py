"""How long an author waits: `import reactor_runtime`, and from the command to a model that is ready.

`python bench/startup.py [--repeats 10]` exits with 1 when a median is over its limit or the import drags
in a heavy package.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rig import REACTOR, free_port, print_table, say_where, serving

IMPORT_LIMIT_MS, READY_LIMIT_MS = 150.0, 1500.0
HEAVY = ("torch", "cv2", "av", "fastapi", "google.protobuf")
IMPORT = """
import json, sys, time
began = time.perf_counter()
import reactor_runtime
print(json.dumps([1000 * (time.perf_counter() - began), sorted(sys.modules)]))
"""
MODEL = """
from reactor_runtime.interface import Output, ReactorModel, Video

class Trivial(ReactorModel):
    pass

class Picture(Output):
    main_video: Video
"""


def import_ms() -> tuple[float, list[str]]:
    """Return the milliseconds of an import in a fresh interpreter and the heavy packages it loaded."""
    done = subprocess.run([sys.executable, "-c", IMPORT], stdout=subprocess.PIPE, check=True, timeout=60)
    milliseconds, modules = json.loads(done.stdout)
    return milliseconds, [name for name in HEAVY if name in modules]


def ready_ms(folder: str) -> float:
    """Return the milliseconds from `reactor run` to an answer of `/health` that says ready."""
    port = free_port()
    with serving([REACTOR, "run", "-p", folder, "--port", str(port)], port) as server:
        return 1000 * server.ready_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    say_where()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.py").write_text(MODEL)
        Path(folder, "reactor.yaml").write_text("model: model:Trivial\nname: trivial\n")
        imports = [import_ms() for _ in range(options.repeats)]
        readies = [ready_ms(folder) for _ in range(options.repeats)]
    heavy = imports[0][1]
    figures = [
        ("import reactor_runtime", [ms for ms, _ in imports], IMPORT_LIMIT_MS),
        ("reactor run of a trivial model, until ready", readies, READY_LIMIT_MS),
    ]
    rows = [[what, statistics.median(values), max(values), limit] for what, values, limit in figures]
    print_table(f"Median of {options.repeats}", ("", "median ms", "worst ms", "limit ms"), rows)
    print(f"Heavy packages that the import loads: {', '.join(heavy) or 'none'}")
    if heavy or any(statistics.median(values) > limit for _, values, limit in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
