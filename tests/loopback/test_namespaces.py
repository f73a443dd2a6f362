"""The bottleneck that the network bench puts between server and receiver."""

from __future__ import annotations

import os
import socket
import subprocess
import time

import pytest
from bench.namespaces import CLIENT_ADDRESS, SERVER_ADDRESS, Cable, why_unavailable

SIZE = 1200
ON_THE_WIRE = SIZE + 8 + 20 + 14
"""UDP, IP and Ethernet headers count too."""

pytestmark = pytest.mark.skipif(why_unavailable() is not None, reason=f"{why_unavailable()}")


def rate_of(sender: socket.socket, receiver: socket.socket, seconds: float) -> float:
    """Send as fast as a rate of 50 Mbit/s, and return the bits per second that arrive once the queue is full."""
    sender.setblocking(True)
    receiver.setblocking(False)
    began, sent, arrived, counted_from = time.monotonic(), 0, 0, 0.3
    while (elapsed := time.monotonic() - began) < seconds:
        if sent * SIZE * 8 < elapsed * 50e6:
            sender.send(bytes(SIZE))
            sent += 1
        try:
            receiver.recv(SIZE)
            arrived += elapsed > counted_from
        except BlockingIOError:
            pass
    return arrived * ON_THE_WIRE * 8 / (seconds - counted_from)


def test_the_rate_holds_each_way_and_changes_while_packets_flow() -> None:
    with Cable() as cable:
        with cable.inside("server"):
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind((SERVER_ADDRESS, 0))
        with cable.inside("client"):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.bind((CLIENT_ADDRESS, 0))
        with server, client:
            client.connect(server.getsockname())
            server.connect(client.getsockname())
            for rate in (5e6, 0.5e6, 5e6):
                cable.limit("client", rate)
                # A busy machine may fill it less, and what waited before a change comes after it.
                assert 0.4 * rate < rate_of(server, client, 1.5) < 1.5 * rate
            assert rate_of(client, server, 1.0) > 6e6
            cable.limit("client", None)
            assert rate_of(server, client, 1.0) > 6e6


def test_processes_started_inside_are_inside_and_nothing_stays() -> None:
    home = os.readlink("/proc/thread-self/ns/net")
    with Cable() as cable:
        seen = []
        for end in ("server", "client"):
            with cable.inside(end):
                seen.append(subprocess.check_output(["readlink", "/proc/self/ns/net"], text=True).strip())
        assert len({home, *seen}) == 3
    assert os.readlink("/proc/thread-self/ns/net") == home
    with pytest.raises(OSError, match="Bad file descriptor"), cable.inside("server"):
        pass
    assert os.readlink("/proc/thread-self/ns/net") == home
