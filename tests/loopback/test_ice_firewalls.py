"""A server and a viewer with a firewall between them, each in a network namespace, and a coturn beside the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bench.namespaces import SERVER_ADDRESS, Cable, why_unavailable

from tests.coturn import SECRET, WHY_UNAVAILABLE, coturn
from tests.running import DEADLINE, serving

ROOT = Path(__file__).parents[2]
WHY_NOT = why_unavailable() or WHY_UNAVAILABLE

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"{WHY_NOT}")


def look(cable: Cable, url: str, way: str) -> None:
    """Watch from the client's end until pictures come on a way."""
    command = [sys.executable, "-m", "tests.loopback.glance", url, way]
    with cable.inside("client"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2 * DEADLINE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pictures_come_directly_else_through_one_udp_port_else_over_tcp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REACTOR_TURN_SECRET", SECRET)
    with Cable() as cable, cable.inside("server"), coturn(tmp_path, SERVER_ADDRESS) as turn:
        ways = (f"turn:{turn.address}?transport={transport}" for transport in ("udp", "tcp"))
        flags = ("--host", SERVER_ADDRESS, "--turn-server", ",".join(ways))
        with serving(ROOT / "examples/brightness", *flags) as server:
            server.wait_ready()
            look(cable, server.url, "host")
            cable.block_udp("server", but=turn.port)
            look(cable, server.url, "relay/udp")
            cable.block_udp("client")
            look(cable, server.url, "relay/tcp")
    assert SECRET not in server.output
