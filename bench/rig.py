"""What every bench shares: start a server, send the receiver, take medians, print a table."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from rich import box
from rich.console import Console
from rich.table import Table

from peers.install import VENVS

HERE = Path(__file__).parent
REACTOR = str(Path(sys.executable).with_name("reactor"))
OURS, AIORTC, FASTRTC, REACTOR3 = "ours", "aiortc", "fastrtc", "reactor-runtime 3.x"
REACTOR3_DEFAULT = f"{REACTOR3} as it comes"
CONTESTANTS = (OURS, REACTOR3, REACTOR3_DEFAULT, AIORTC, FASTRTC)
READY_TIMEOUT, STOP_TIMEOUT = 60.0, 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on loopback and has its model ready. `said` returns what it has printed."""

    url: str
    pid: int
    ready_s: float
    said: Callable[[], str]


def stamped(name: str, *, width: int, height: int, fps: float, port: int, eager: bool = False) -> list[str]:
    """Return the command that serves the stamped picture with one of the contestants.

    Args:
        name: One of CONTESTANTS.
        eager: The model makes pictures as fast as they are taken from it, not at `fps`.
    """
    if name == OURS:
        sizes = [f"--model.width={width}", f"--model.height={height}", f"--model.fps={fps}", f"--model.eager={eager}"]
        return [REACTOR, "run", "-p", str(HERE / "model"), "--port", str(port), *sizes]
    python = str(peer_python(name))
    if name.startswith(REACTOR3):
        # It takes no arguments, and without a STUN server of its own it would ask one on the internet.
        settings = ["HOST=127.0.0.1", f"PORT={port}", f"STAMPED={json.dumps([width, height, fps, eager])}"]
        if name == REACTOR3:  # the codec and the ceiling that all others have
            settings += ["WEBRTC_VIDEO_CODECS=VP8", "WEBRTC_SENDER_MAX_KBPS=4000"]
        where = f"--chdir={HERE / 'peers' / 'reactor3_model'}"
        # Our own package has the same name.
        return ["env", "--unset=PYTHONPATH", where, *settings, "STUN_SERVERS=", python, "-m", "reactor_runtime.serve"]
    sizes = ["--width", str(width), "--height", str(height), "--fps", str(fps)]
    return [python, str(HERE / "peers" / f"{name}_peer.py"), "--port", str(port), *sizes]


def peer_python(name: str) -> Path:
    """Return the interpreter of a contestant other than ours, whether or not it is installed."""
    return VENVS / name.split()[0] / "bin" / "python"


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[Server]:
    """Run a server, wait until it is ready, end it with all its children. Its output is shown if the bench fails."""
    with tempfile.TemporaryFile() as log:

        def said() -> str:
            # Read in place: the server writes where this file's own position is.
            return os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")

        began = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "NO_COLOR": "1"})
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_ready(process, url, began + READY_TIMEOUT)
            yield Server(url, process.pid, time.monotonic() - began, said)
        except BaseException:
            print(f"---- the server's last words\n{said()[-4000:]}\n----", file=sys.stderr)
            raise
        finally:
            _end(process)


def _wait_ready(process: subprocess.Popen[bytes], url: str, deadline: float) -> None:
    with httpx.Client(timeout=2) as http:  # one: making it takes 40 ms of the processor that the server wants
        while time.monotonic() < deadline and process.poll() is None:
            try:
                health = http.get(f"{url}/health")
            except httpx.TransportError:
                pass
            else:
                if health.is_success and {"ready", "available"} & set(health.json().values()):
                    return
            time.sleep(0.01)
    raise TimeoutError(f"{process.args!r} is not ready (exit status {process.poll()})")


def _end(process: subprocess.Popen[bytes]) -> None:
    family = [] if process.poll() is not None else psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        print(f"{process.args!r} did not stop in {STOP_TIMEOUT:.0f} s and was killed", file=sys.stderr)
        process.kill()
        process.wait()
    for orphan in psutil.wait_procs(family, timeout=1)[1]:
        print(f"process {orphan.pid} outlived its server and was killed", file=sys.stderr)
        orphan.kill()


def receive(
    server: Server, *, width: int, seconds: float, viewers: int = 1, count_only: int = 0, warmup: float = 3.0
) -> dict[str, Any]:
    """Run the receiving process against a server and return its report."""
    arguments = {"url": server.url, "server-pid": server.pid, "width": width, "seconds": seconds}
    arguments |= {"viewers": viewers, "count-only": count_only, "warmup": warmup}
    flags = [f"--{name}={value}" for name, value in arguments.items()]
    command = [sys.executable, str(HERE / "receiver.py"), *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=warmup + seconds + 60)
    return dict(json.loads(done.stdout))


def medians(reports: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the median of every number over repeated runs; a run that has none counts as infinitely bad."""
    keys = [key for key, value in reports[0].items() if not isinstance(value, list | str)]
    return {key: statistics.median(float("inf") if r[key] is None else r[key] for r in reports) for key in keys}


def say_where() -> None:
    """Print what the numbers depend on besides the code."""
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} before the run, Python {sys.version.split()[0]}; loopback\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table that can be quoted as Markdown."""
    print(f"{title}\n{markdown(columns, rows)}")


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table; a float is cut to three digits."""
    table = Table(box=box.MARKDOWN)
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for row in rows:
        table.add_row(*(_rounded(cell) if isinstance(cell, float) else str(cell) for cell in row))
    console = Console(width=200, file=io.StringIO())
    console.print(table)
    return "".join(line.rstrip() + "\n" for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def _rounded(figure: float) -> str:
    return f"{figure:.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
