"""A model that is faster than its rate, with default settings: how old is a picture when a viewer sees it?

A queue of ten pictures, always full, makes it ten frame intervals. `python bench/lead.py [--seconds 20] [--repeats 3]`.
Exits with 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from playback import Work, play
from rig import print_table, say_where

OLDEST = 1.1
"""Frame intervals that the p50 age of a steady model's pictures may be: a tenth of a full queue of ten, and the way."""
LIMITS = {
    Work("5 ms a step, 30 fps", 1280, 720, 30, 1, 5, 5): (OLDEST, 1.5),
    Work("5 ms a step, 16 fps", 1280, 720, 16, 1, 5, 5): (OLDEST, 1.5),
    Work("20 ms a step, every tenth 80 ms, 30 fps", 1280, 720, 30, 1, 20, 80): (4.0, 2.0),
}
"""Most frame intervals of the p50 age, from emit to decoded, and of the p99 gap between pictures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run, after the second slow step")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, interleaved")
    options = parser.parse_args()
    say_where()
    runs = [[play(work, options.seconds) for work in LIMITS] for _ in range(options.repeats)]
    rows, missed = [], False
    for (work, (oldest, widest)), seen in zip(LIMITS.items(), zip(*runs, strict=True), strict=True):
        p50, p95, gap = (statistics.median(getattr(s, key) for s in seen) for key in ("age_p50", "age_p95", "gap_p99"))
        age = p50 / 1000 * work.fps
        is_missed = age > oldest or gap > widest
        missed = missed or is_missed
        rows.append([work.name, p50, p95, age, f"{oldest:g}", gap, f"{widest:g}", "missed" if is_missed else "kept"])
    columns = ("the model", "p50 ms", "p95 ms", "p50 in intervals", "limit", "p99 gap", "limit", "")
    title = f"From emit to decoded picture, 1280x720, median of {options.repeats} runs of {options.seconds:.0f} s"
    print_table(title, columns, rows)
    sys.exit(missed)


if __name__ == "__main__":
    main()
