"""What was measured, as tables, ratios, limits and plots: RESULTS.md and the PNG files beside it."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib
import psutil
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from rig import HERE, OURS, REACTOR3, markdown, peer_python

matplotlib.use("agg")

COLUMNS = {
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "first_frame_ms": "first frame ms",
    "server_cores": "server cores",
    "cpu_ms": "CPU ms per frame",
    "kbps": "kbit/s each",
    "stolen": "cores stolen",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """The reports of all contestants on one workload, in turns; None where a run failed."""

    name: str
    title: str
    frames_per_second: float
    runs: Mapping[str, list[dict[str, Any] | None]]

    def median(self, contestant: str, figure: str) -> float | None:
        """Return the middle of a figure over the runs that have it."""
        values = [run[figure] for run in self.runs.get(contestant, ()) if run and run[figure] is not None]
        return statistics.median(values) if values else None

    def ratio(self, other: str, figure: str) -> float | None:
        """Return the middle of ours over another's in the same turn."""
        turns = zip(self.runs.get(OURS, ()), self.runs.get(other, ()), strict=False)
        pairs = [(mine[figure], its[figure]) for mine, its in turns if mine and its]
        return (
            statistics.median(mine / its for mine, its in pairs) if all(all(pair) for pair in pairs) and pairs else None
        )

    def delivered(self, contestant: str) -> float | None:
        """Return the middle rate of delivered pictures, of all viewers together."""
        rates = [run["frames"] / run["seconds"] for run in self.runs.get(contestant, ()) if run]
        return statistics.median(rates) if rates else None

    def table(self) -> str:
        """Return a row for each contestant and one for each ratio."""
        rows: list[list[object]] = []
        for name, runs in self.runs.items():
            done = [run for run in runs if run]
            if not done:
                rows.append([name, "failed", *[""] * (len(COLUMNS) + 2)])
                continue
            lost = statistics.median(run["lost"] for run in done)
            codec = done[-1]["codec"].removeprefix("video/") if done[-1]["codec"] else ""
            shown = name if len(done) == len(runs) else f"{name} ({len(runs) - len(done)} of {len(runs)} runs failed)"
            figures = [_cell(self.median(name, key)) for key in COLUMNS]
            rows.append([shown, f"{self.delivered(name):.1f}", f"{lost:.0f}", *figures, codec])
        for name in self.runs:
            if name != OURS and self.ratio(name, "p50_ms") is not None:
                ratios = ("" if key == "stolen" else _cell(self.ratio(name, key)) for key in COLUMNS)
                rows.append([f"ours / {name}", "", "", *ratios, ""])
        return markdown(["", f"fps of {self.frames_per_second:g}", "lost", *COLUMNS.values(), "codec"], rows)


def _cell(figure: float | None) -> float | str:
    return "" if figure is None else float(figure)


def limits(measured: Mapping[str, Measured]) -> str:
    """Return what must hold beside what was measured."""

    def ratio(workload: str, figure: str) -> float | None:
        return measured[workload].ratio(REACTOR3, figure) if workload in measured else None

    def fps(workload: str) -> float | None:
        return measured[workload].delivered(OURS) if workload in measured else None

    def ours(workload: str, figure: str) -> float | None:
        return measured[workload].median(OURS, figure) if workload in measured else None

    fewest, pushed = (ours("fan-out-64", figure) for figure in ("fewest", "pushed"))

    def with_eight(figure: str, audience: str = "fan-out-8") -> float | None:
        """Return the middle of eight viewers' figure over one's in the same turn."""
        alone, eight = (measured[name].runs[OURS] if name in measured else [] for name in ("fan-out-1", audience))
        ratios = [more[figure] / one[figure] for one, more in zip(alone, eight, strict=False) if one and more]
        return statistics.median(ratios) if ratios else None

    cores = with_eight("server_cores")
    rows = [
        ("720p30: p50 / reactor-runtime 3.x", ratio("720p30", "p50_ms"), "<=", 0.25),
        ("720p30: p95 / reactor-runtime 3.x", ratio("720p30", "p95_ms"), "<=", 0.33),
        ("720p30: CPU per frame / reactor-runtime 3.x", ratio("720p30", "cpu_ms"), "<=", 0.6),
        ("720p30: frames lost", ours("720p30", "lost"), "<=", 0.0),
        ("720p60: fps delivered", fps("720p60"), ">=", 59.5),
        ("1080p30: fps delivered", fps("1080p30"), ">=", 29.5),
        ("1080p30: p50 / reactor-runtime 3.x", ratio("1080p30", "p50_ms"), "<=", 0.3),
        ("eager at 30 fps: p50 / reactor-runtime 3.x", ratio("eager-30", "p50_ms"), "<=", 0.1),
        ("eager at 16 fps: p50 / reactor-runtime 3.x", ratio("eager-16", "p50_ms"), "<=", 0.1),
        ("each viewer after the first / the first, cores", cores and (cores - 1) / 7, "<=", 0.07),
        ("8 viewers: p95 / one viewer's", with_eight("p95_ms"), "<=", 1.4),
        ("8 viewers, 7 of them count only: p95 / one viewer's", with_eight("p95_ms", "fan-out-8-one"), "<=", 1.4),
        ("64 viewers: server cores", ours("fan-out-64", "server_cores"), "<=", 1.0),
        ("64 viewers: frames lost by those that decode", ours("fan-out-64", "lost"), "<=", 0.0),
        # Those that only count have no numbers; at the window's edges they may be a picture or two off.
        ("64 viewers: what the worst got of what was pushed", pushed and fewest and fewest / pushed, ">=", 0.99),
    ]
    table = [
        [what, value, f"{sign} {bound:g}", "yes" if (value <= bound if sign == "<=" else value >= bound) else "**no**"]
        for what, value, sign, bound in rows
        if value is not None
    ]
    return markdown(["what must hold", "measured", "limit", "holds"], table)


def where(present: Sequence[str]) -> str:
    """Return machine, versions and date."""
    model = next((line.split(":")[1].strip() for line in _read("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = psutil.virtual_memory().total / 2**30
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout
    own = ", ".join(f"{name} {version(name)}" for name in ("wrtc", "av", "numpy"))
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return "\n".join(
        [
            f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f} when this was written",
            f"- {os.cpu_count()} cores ({model}), {memory:.0f} GiB, {system}",
            f"- ours: commit {commit.strip()}, Python {platform.python_version()}, {own}",
            *(f"- {name}: {peer}" for name in present if name != OURS and (peer := _versions(name))),
        ]
    )


def _read(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _versions(name: str) -> str:
    command = [peer_python(name), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    told = ("reactor-runtime", "reactor-webrtc", "fastrtc", "aiortc", "av")
    return ", ".join(f"{one['name']} {one['version']}" for one in listed if one["name"] in told)


def plot(folder: Path, measured: Mapping[str, Measured]) -> list[str]:
    """Draw what there is to draw; return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    alone = [one for name, one in measured.items() if not name.startswith("fan-out")]
    if alone:
        rows = -(-len(alone) // 3)
        figure = Figure(figsize=(13, 3.6 * rows), layout="constrained")
        for place, one in enumerate(alone, 1):
            _draw_latency(figure.add_subplot(rows, 3, place), one)
        figure.savefig(folder / "latency.png", dpi=80)
        drawn.append("latency.png")
    audiences = {name: name.removeprefix("fan-out-") for name in measured}
    shared = {int(audiences[name]): one for name, one in measured.items() if audiences[name].isdigit()}
    if len(shared) > 1:
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        for axes, key, label in zip(
            figure.subplots(1, 2), ("server_cores", "p95_ms"), ("cores", "p95, ms"), strict=True
        ):
            for name in next(iter(shared.values())).runs:
                points = [(n, y) for n, one in shared.items() if (y := one.median(name, key)) is not None]
                axes.plot(*zip(*points, strict=True), marker="o", label=name) if points else None
            axes.set(xscale="log", yscale="log", xlabel="viewers", ylabel=label, xticks=list(shared))
            axes.set_xticks(list(shared), [str(viewers) for viewers in shared])
            axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
        figure.savefig(folder / "viewers.png", dpi=80)
        drawn.append("viewers.png")
    return drawn


def _draw_latency(axes: Any, one: Measured) -> None:
    for name, runs in one.runs.items():
        pooled = sorted(latency for run in runs if run for latency in run["latencies_ms"])
        if pooled:
            axes.plot(pooled, [100 * (i + 1) / len(pooled) for i in range(len(pooled))], label=name)
    axes.set(title=one.title, xscale="log", xlabel="push to decoded, ms", ylabel="% of pictures")
    axes.title.set_size(9)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=7)


def write(
    folder: Path,
    measured: Sequence[Measured],
    said: Mapping[str, str],
    present: Sequence[str],
    seconds: float,
    turns: int,
) -> str:
    """Write RESULTS.md and its plots into a folder; return the text.

    Args:
        folder: Made if missing.
        measured: The compared workloads.
        said: What the other scripts printed, by name.
        present: The contestants.
        seconds: Length of each run.
        turns: Runs of each.
    """
    by_name = {one.name: one for one in measured}
    images = [f"![{Path(name).stem}](plots/{name})" for name in plot(folder / "plots", by_name)]
    parts = ["# Results", where(present), "How this is measured: [README.md](README.md)."]
    if measured:
        parts += [f"Median of {turns} runs of {seconds:g} s each; ratios are the median of the ratios within a turn."]
        parts += [limits(by_name), *images]
        parts += [f"## {one.name}: {one.title}\n\n{one.table()}" for one in measured]
    parts += [f"## {name}\n\n{text.strip()}" for name, text in said.items()]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.md").write_text(text)
    return text
