"""A real TURN server for tests: coturn, on an address of this machine, ended with its block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.running import eventually

SECRET = "a secret that only tests share"
WHY_UNAVAILABLE = None if shutil.which("turnserver") else "turnserver not found: install coturn"


class Coturn:
    """A running one. `said` is its log so far."""

    def __init__(self, process: subprocess.Popen[str], address: str, port: int) -> None:
        self.port = port
        self.address = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self.lines: list[str] = []
        assert process.stdout is not None
        self._reader = threading.Thread(target=self.lines.extend, args=(process.stdout,), daemon=True)
        self._reader.start()

    @property
    def said(self) -> str:
        return "".join(self.lines)


@contextmanager
def coturn(folder: Path, address: str = "127.0.0.1") -> Iterator[Coturn]:
    """Run one that takes credentials made of `SECRET`, over UDP and TCP on one port."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    alone = ("-n", "--no-cli", "--no-tls", "--no-dtls", "--log-file=stdout", "--simple-log", "--allow-loopback-peers")
    shared = ("--realm=tests", "--use-auth-secret", f"--static-auth-secret={SECRET}")
    where = (f"--listening-ip={address}", f"--relay-ip={address}", f"--listening-port={port}")
    files = (f"--pidfile={folder}/coturn.pid", f"--userdb={folder}/coturn.db")
    process = subprocess.Popen(
        ["turnserver", *alone, *shared, *where, *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
    )
    try:
        server = Coturn(process, address, port)

        def listens() -> bool:
            assert process.poll() is None, server.said
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
                return probe.connect_ex((address, port)) == 0

        eventually(listens, what="coturn")
        yield server
    finally:
        process.kill()
        process.wait(10)
        server._reader.join(5)
        assert process.stdout is not None
        process.stdout.close()
