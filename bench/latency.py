"""From push to decoded picture: 1280x720 at 30 fps, one viewer, beside aiortc in the same run.

`python bench/latency.py [--seconds 20] [--repeats 3] [--json]`
"""

from __future__ import annotations

import argparse
import json

from rig import OURS, THEIRS, free_port, medians, print_table, receive, say_where, serving, stamped

WIDTH, HEIGHT, FPS = 1280, 720, 30.0


def run(name: str, seconds: float) -> dict[str, object]:
    """Measure one contestant once, on a fresh server."""
    port = free_port()
    with serving(stamped(name, width=WIDTH, height=HEIGHT, fps=FPS, port=port), port) as server:
        report = receive(server, width=WIDTH, seconds=seconds)
    report["cpu_ms"] = 1000 * report["server_cores"] * report["seconds"] / max(report["frames"], 1)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run, after 3 s of warm-up")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, interleaved")
    parser.add_argument("--json", action="store_true", help="print every run as JSON instead of the table")
    options = parser.parse_args()
    runs: dict[str, list[dict[str, object]]] = {OURS: [], THEIRS: []}
    if not options.json:
        say_where()
    for _ in range(options.repeats):
        for name in runs:
            runs[name].append(run(name, options.seconds))
    if options.json:
        print(json.dumps(runs))
        return
    ours, theirs = medians(runs[OURS]), medians(runs[THEIRS])
    keys = ("p50_ms", "p95_ms", "p99_ms", "first_frame_ms", "kbps", "cpu_ms")
    expected = round(FPS * options.seconds)
    rows = [[n, f"{m['frames']:.0f} of {expected}", *(m[k] for k in keys)] for n, m in ((OURS, ours), (THEIRS, theirs))]
    rows.append([f"{OURS} / {THEIRS}", ours["frames"] / max(theirs["frames"], 1), *(ours[k] / theirs[k] for k in keys)])
    columns = ("", "delivered", "p50 ms", "p95 ms", "p99 ms", "first frame ms", "kbit/s", "server CPU ms per frame")
    title = f"{WIDTH}x{HEIGHT} at {FPS:.0f} fps, 1 viewer, median of {options.repeats} runs of {options.seconds:.0f} s"
    print_table(title, columns, rows)


if __name__ == "__main__":
    main()
