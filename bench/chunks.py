"""Chunks of 12 pictures, half a second of computing each, played at 16 fps: gaps between the pictures a viewer sees.

`python bench/chunks.py [--seconds 40] [--repeats 3]`. Exits with 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from playback import Work, play
from rig import print_table, say_where

LIMITS = {
    Work("500 ms a step", 832, 480, 16, 12, 500, 500): 1.3,
    Work("every tenth step 700 ms", 832, 480, 16, 12, 500, 700): 2.0,
    Work("every tenth step 1000 ms", 832, 480, 16, 12, 500, 1000): 2.0,
}
"""Most frame intervals that the p99 gap may last; an even stream has 1."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40.0, help="length of each run, after the second slow step")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, interleaved")
    options = parser.parse_args()
    say_where()
    runs = [[play(work, options.seconds) for work in LIMITS] for _ in range(options.repeats)]
    rows, missed = [], False
    for (work, limit), seen in zip(LIMITS.items(), zip(*runs, strict=True), strict=True):
        p50, p99, most = (statistics.median(getattr(s, key) for s in seen) for key in ("gap_p50", "gap_p99", "gap_max"))
        missed = missed or p99 > limit
        delivered, lost = sum(s.delivered for s in seen), sum(s.lost for s in seen)
        rows.append([work.name, delivered, lost, p50, p99, most, f"{limit:g}", "missed" if p99 > limit else "kept"])
    columns = ("the model", "pictures", "lost", "p50 gap", "p99 gap", "longest", "limit of p99", "")
    print_table(f"Gaps in frame intervals, median of {options.repeats} runs of {options.seconds:.0f} s", columns, rows)
    sys.exit(missed)


if __name__ == "__main__":
    main()
