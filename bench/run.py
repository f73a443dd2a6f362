"""Every workload against this runtime and its peers, in turns within one run; writes RESULTS.md and its plots.

    python bench/run.py [--install] [--seconds 20] [--repeats 5] [--only 720p30 fan-out-8 chunks] [--peers aiortc]

Contestants take turns on fresh servers. A ratio compares neighbours in one turn; the table has medians over the turns.
A contestant that fails is reported and left out. Then come the benches of this runtime alone, each its own script.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import install
from results import Measured, write
from rig import (
    AIORTC,
    CONTESTANTS,
    FASTRTC,
    HERE,
    OURS,
    REACTOR3,
    REACTOR3_DEFAULT,
    free_port,
    peer_python,
    receive,
    serving,
    stamped,
)

TIMEOUT = 1800.0  # seconds that a script may take


@dataclass(frozen=True, slots=True)
class Workload:
    """A picture, how often it changes, and who watches. An eager model makes pictures as fast as they are taken."""

    name: str
    width: int
    height: int
    fps: float
    contestants: Sequence[str]
    eager: bool = False
    viewers: int = 1
    count_only: int = 0

    def measure(self, contestant: str, seconds: float) -> dict[str, Any]:
        """Run one contestant once, on a fresh server."""
        port = free_port()
        picture = {"width": self.width, "height": self.height, "fps": self.fps}
        with serving(stamped(contestant, port=port, eager=self.eager, **picture), port) as server:
            # The more viewers, the longer until the last of them has found its rate.
            audience = {"viewers": self.viewers, "count_only": self.count_only, "warmup": 3 + self.viewers / 5}
            return receive(server, width=self.width, seconds=seconds, **audience)


_ALL = (OURS, REACTOR3, AIORTC, FASTRTC)
WORKLOADS = (
    Workload("720p30", 1280, 720, 30, CONTESTANTS),
    Workload("720p60", 1280, 720, 60, _ALL),
    Workload("1080p30", 1920, 1080, 30, _ALL),
    # A peer that takes each picture when it is due has no model that could be faster.
    Workload("eager-30", 1280, 720, 30, (OURS, REACTOR3, REACTOR3_DEFAULT), eager=True),
    Workload("eager-16", 1280, 720, 16, (OURS, REACTOR3), eager=True),
    *(Workload(f"fan-out-{viewers}", 512, 512, 16, _ALL, viewers=viewers) for viewers in (1, 4, 8)),
    # What the server gives eight, where seven of them leave the machine's cores to it.
    Workload("fan-out-8-one", 512, 512, 16, (OURS,), viewers=8, count_only=7),
    Workload("fan-out-64", 512, 512, 16, (OURS,), viewers=64, count_only=56),
)
SCRIPTS = {
    "chunks": ["chunks.py"],
    "lead": ["lead.py"],
    "photon": ["photon.py"],
    "inbound": ["inbound.py"],
    "network": ["network.py"],
    "fallback": ["fallback.py"],
    "quality": ["quality.py"],
    "gpu": ["gpu.py"],
    "gil": ["gil.py"],
    "startup": ["startup.py"],
}


def compare(workloads: Sequence[Workload], present: Sequence[str], seconds: float, repeats: int) -> list[Measured]:
    """Measure workloads with all their contestants in turns, each turn begun by another contestant."""
    measured = [
        Measured(
            one.name, _title(one), one.fps * one.viewers, {name: [] for name in one.contestants if name in present}
        )
        for one in workloads
    ]
    for turn in range(repeats):
        for workload, found in zip(workloads, measured, strict=True):
            names = list(found.runs)
            for place in range(len(names)):
                contestant = names[(turn + place) % len(names)]
                print(f"turn {turn + 1} of {repeats}: {workload.name}, {contestant}", file=sys.stderr)
                try:
                    report = workload.measure(contestant, seconds)
                except (subprocess.SubprocessError, TimeoutError) as error:
                    print(f"{contestant} failed: {error}", file=sys.stderr)
                    report = None
                found.runs[contestant].append(report)
    return measured


def _title(workload: Workload) -> str:
    model = ", a model faster than that" if workload.eager else ""
    viewers = f", {workload.viewers} viewers" if workload.viewers > 1 else ""
    counting = f" ({workload.count_only} of them count only)" if workload.count_only else ""
    return f"{workload.width}x{workload.height} at {workload.fps:g} fps{model}{viewers}{counting}"


def run_script(command: Sequence[str]) -> str:
    """Return what a script printed, and how it ended if not well."""
    print(f"running {' '.join(command)}", file=sys.stderr)
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / command[0]), *command[1:]], stdout=subprocess.PIPE, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return f"It did not end within {TIMEOUT:.0f} s.\n"
    return done.stdout if done.returncode == 0 else f"{done.stdout}\nIt ended with status {done.returncode}.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [workload.name for workload in WORKLOADS] + list(SCRIPTS)
    parser.add_argument("--install", action="store_true", help="install the peers first")
    parser.add_argument("--python312", default=install.python312(), help="for reactor-runtime 3.x (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run, after 3 s of warm-up or more")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each contestant")
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--peers", nargs="*", choices=CONTESTANTS[1:], default=CONTESTANTS[1:], metavar="PEER")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of RESULTS.md and plots (%(default)s)")
    parser.add_argument("--json", type=Path, help="file for every report as it came")
    options = parser.parse_args()
    if options.install:
        install.install(options.python312)
    present = [OURS, *(name for name in options.peers if peer_python(name).exists())]
    for name in set(options.peers) - set(present):
        print(f"{name} is not installed; see --install", file=sys.stderr)
    chosen = [workload for workload in WORKLOADS if workload.name in options.only]
    measured = compare(chosen, present, options.seconds, options.repeats)
    if options.json:
        options.json.write_text(json.dumps({one.name: one.runs for one in measured}))
    said = {name: run_script(command) for name, command in SCRIPTS.items() if name in options.only}
    print(write(options.out, measured, said, present, options.seconds, options.repeats))


if __name__ == "__main__":
    main()
