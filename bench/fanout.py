"""What more viewers cost: 512x512 at 16 fps, 1, 4 and 8 of them, beside aiortc in the same run.

`python bench/fanout.py [--viewers 1 4 8] [--seconds 15] [--repeats 1] [--json]`
"""

from __future__ import annotations

import argparse
import json

from rig import OURS, THEIRS, free_port, medians, print_table, receive, say_where, serving, stamped

WIDTH, HEIGHT, FPS = 512, 512, 16.0


def run(name: str, viewers: int, seconds: float) -> dict[str, object]:
    """Measure one contestant once, on a fresh server."""
    port = free_port()
    with serving(stamped(name, width=WIDTH, height=HEIGHT, fps=FPS, port=port), port) as server:
        return receive(server, width=WIDTH, seconds=seconds, viewers=viewers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each run, after 3 s of warm-up")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each, interleaved")
    parser.add_argument("--json", action="store_true", help="print every run as JSON instead of the table")
    options = parser.parse_args()
    runs: dict[tuple[str, int], list[dict[str, object]]] = {
        (name, viewers): [] for viewers in options.viewers for name in (OURS, THEIRS)
    }
    if not options.json:
        say_where()
    for _ in range(options.repeats):
        for (name, viewers), reports in runs.items():
            reports.append(run(name, viewers, options.seconds))
    if options.json:
        print(json.dumps([report | {"server": name} for (name, _), reports in runs.items() for report in reports]))
        return
    rows = []
    for (name, viewers), reports in runs.items():
        middle, expected = medians(reports), round(FPS * options.seconds * viewers)
        figures = (middle[key] for key in ("server_cores", "p50_ms", "p95_ms", "kbps"))
        rows.append([name, viewers, f"{middle['frames']:.0f} of {expected}", *figures])
    columns = ("", "viewers", "delivered", "server cores", "p50 ms", "p95 ms", "kbit/s each")
    print_table(f"{WIDTH}x{HEIGHT} at {FPS:.0f} fps, runs of {options.seconds:.0f} s", columns, rows)


if __name__ == "__main__":
    main()
