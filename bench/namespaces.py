"""Two network namespaces and a cable between them whose rate may change: a bottleneck of the kernel's own.

    with Cable() as cable:
        cable.limit("client", 5_000_000)
        with cable.inside("server"):
            ...  # sockets made and processes started here are at the server's end
        with cable.inside("client"):
            ...  # and these reach it at SERVER_ADDRESS

Needs Linux, root and iproute2. The namespaces have no names: nothing stays, however the process ends.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

End = Literal["server", "client"]

SERVER_ADDRESS, CLIENT_ADDRESS = "10.203.0.1", "10.203.0.2"
QUEUE_MS = 200.0
BURST_BYTES = 5_000
"""What may pass at once: more than one packet, and little at any rate that is worth a test."""

_CLONE_NEWNET = 0x40000000
_OWN = "/proc/thread-self/ns/net"


def why_unavailable() -> str | None:
    """Return why this machine makes no namespaces, None if it does."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "tc") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not found: install iproute2"
    try:
        os.close(_namespace())
    except OSError as refused:
        return f"the kernel refuses a network namespace: {refused}"
    return None


class Cable:
    """Two namespaces joined by a pair of virtual interfaces. Use it in a `with` block, on one thread."""

    def __init__(self) -> None:
        """Make them. Raises RuntimeError, which says why, where that cannot be done."""
        if (why := why_unavailable()) is not None:
            raise RuntimeError(why)
        self._held = ExitStack()
        self._ends: dict[str, int] = {}
        with ExitStack() as undo:
            undo.callback(self._held.close)
            for end in ("server", "client"):
                self._ends[end] = _namespace()
                self._held.callback(os.close, self._ends[end])
            other = f"/proc/{os.getpid()}/fd/{self._ends['client']}"
            with self.inside("server"):
                _run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", other)
            for end, address in (("server", SERVER_ADDRESS), ("client", CLIENT_ADDRESS)):
                with self.inside(end):
                    _run("ip", "address", "add", f"{address}/24", "dev", "cable")
                    for device in ("lo", "cable"):
                        _run("ip", "link", "set", device, "up")
            undo.pop_all()

    def __enter__(self) -> Cable:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the namespaces: each is gone with the last process and socket in it. Idempotent."""
        self._held.close()

    @contextmanager
    def inside(self, end: str) -> Iterator[None]:
        """Be at one end: this thread, the sockets it makes and the processes it starts."""
        home = os.open(_OWN, os.O_RDONLY)
        try:
            _enter(self._ends[end])
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(home)

    def limit(self, towards: End, rate_bps: float | None, queue_ms: float = QUEUE_MS) -> None:
        """Let no more than a rate through in one direction from now on; None for any. What waits goes on waiting."""
        with self.inside("server" if towards == "client" else "client"):
            if rate_bps is None:
                subprocess.run(["tc", "qdisc", "del", "dev", "cable", "root"], check=False, capture_output=True)
            else:
                shape = ["rate", f"{round(rate_bps)}bit", "burst", str(BURST_BYTES), "latency", f"{queue_ms:g}ms"]
                _run("tc", "qdisc", "replace", "dev", "cable", "root", "tbf", *shape)

    def block_udp(self, towards: End, but: int | None = None) -> None:
        """Let no UDP arrive at one end from now on, as a firewall that says nothing; `but` one port, if given."""
        # Rules come before the table of own addresses only once that has made room.
        rules = [["add", "pref", "100", "table", "local"], ["del", "pref", "0"]]
        if but is not None:
            rules.append(["add", "pref", "1", "iif", "cable", "ipproto", "udp", "dport", str(but), "table", "local"])
        rules.append(["add", "pref", "2", "iif", "cable", "ipproto", "udp", "blackhole"])
        with self.inside(towards):
            for rule in rules:
                _run("ip", "rule", *rule)


def _namespace() -> int:
    """Return a descriptor of a fresh one."""
    home = os.open(_OWN, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            return os.open(_OWN, os.O_RDONLY)
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
