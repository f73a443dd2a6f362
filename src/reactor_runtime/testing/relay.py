"""A bad network on this machine: UDP between a client and a server, with a rate, loss, delay and blackouts.

It needs no rights and no network tools; a seed makes its losses the same each time.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from reactor_runtime.runtime.clock import now
from reactor_runtime.testing.link import Conditions, Counts, Link

Address = tuple[str, int]

LARGEST = 65_536
SOCKET_BYTES = 4 * 1024 * 1024
"""What the kernel is asked to hold while the relay's thread sleeps: a key frame comes in one burst."""

_CANDIDATE = re.compile(r"^a=candidate:\S+ (\d+) (\S+) \d+ (\S+) (\d+) typ (\S+).*\r?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A datagram, the socket it leaves by, and where to."""

    data: bytes
    by: socket.socket
    to: Address


class UdpRelay:
    """Carries datagrams between clients and servers, through one shaped link in each direction.

    `way_to(server)` opens a port that leads to a server's address; each client that sends there gets a port of the
    relay's own, by which the server knows it, as behind a router. All ways share the two links: several clients meet
    at one bottleneck. What it adds to the conditions is well below a millisecond, from a thread of its own. Use it in
    a `with` block, from any thread.
    """

    def __init__(self, *, host: str = "127.0.0.1", seed: int = 0, **conditions: Any) -> None:
        """Start it, with `Conditions` for both directions.

        Args:
            host: The address of its ports.
            seed: Of its losses and its jitter.
            conditions: Fields of `Conditions`, as for `set`.
        """
        self._host = host
        both = Conditions(**conditions)
        self._links: dict[str, Link[_Outgoing]] = {"server": Link(both, 2 * seed), "client": Link(both, 2 * seed + 1)}
        # `select` waits by the microsecond; epoll and poll would round each packet's time up to the millisecond.
        self._selector = selectors.SelectSelector()
        self._lock = threading.Lock()
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._wake_up)
        self._is_closed = False
        self._thread = threading.Thread(target=self._carry, name="relay", daemon=True)
        self._thread.start()

    def __enter__(self) -> UdpRelay:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()

    def way_to(self, server: Address, *, port: int = 0) -> Address:
        """Return the address of a fresh port, or of the one given, that leads to a server."""
        entrance = self._bound(port)
        clients: dict[Address, socket.socket] = {}

        def from_client(data: bytes, client: Address) -> None:
            if client not in clients:
                clients[client] = exit_ = self._bound()

                def from_server(answer: bytes, sender: Address) -> None:
                    if sender == server:
                        self._push("client", _Outgoing(answer, entrance, client))

                self._watch(exit_, from_server)
            self._push("server", _Outgoing(data, clients[client], server))

        with self._lock:
            self._watch(entrance, from_client)
        self._wake()
        address: Address = entrance.getsockname()
        return address

    def set(self, towards: Literal["server", "client"] | None = None, **changes: Any) -> None:
        """Change some of the `Conditions`, from now on.

        Args:
            towards: The direction; None for both.
            changes: Fields of `Conditions`: `rate_bps`, `queue_ms`, `loss`, `burst`, `delay`, `jitter`, `reorder`,
                `blackout`.

        Raises:
            TypeError: There is no such condition.
            IllegalInput: No network is like this.
        """
        with self._lock:
            for link in [self._links[towards]] if towards else self._links.values():
                link.set(now(), **changes)
        self._wake()

    @property
    def to_server(self) -> Counts:
        """What became of what clients sent."""
        return self._links["server"].counts

    @property
    def to_client(self) -> Counts:
        """What became of what servers sent."""
        return self._links["client"].counts

    def close(self) -> None:
        """Close every port; what is on its way is lost. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self._wake()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()
        self._waker.close()

    def _bound(self, port: int = 0) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BYTES)
        sock.bind((self._host, port))
        return sock

    def _watch(self, sock: socket.socket, received: Callable[[bytes, Address], None]) -> None:
        def readable() -> None:
            with suppress(BlockingIOError):
                while True:
                    try:
                        data, sender = sock.recvfrom(LARGEST)
                    except ConnectionRefusedError:  # the other end of an earlier datagram is gone
                        continue
                    received(data, sender)

        self._selector.register(sock, selectors.EVENT_READ, readable)

    def _push(self, towards: str, packet: _Outgoing) -> None:
        self._links[towards].push(packet, len(packet.data), now())

    def _wake(self) -> None:
        with suppress(OSError):  # closed, or already full of wake-ups
            self._waker.send(b"\0")

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(LARGEST)

    def _carry(self) -> None:
        while not self._is_closed:
            deadlines = [at for link in self._links.values() if (at := link.next_deadline()) is not None]
            ready = self._selector.select(max(0.0, min(deadlines) - now()) if deadlines else None)
            with self._lock:
                for key, _ in ready:
                    key.data()
                for link in self._links.values():
                    for packet in link.due(now()):
                        with suppress(OSError):  # nobody listens there any more, or not yet
                            packet.by.sendto(packet.data, packet.to)


def through(sdp: str, relay: UdpRelay) -> str:
    """Return a server's description whose only way leads through a relay.

    The first UDP host candidate, one on the loopback before others, is replaced by the relay's address, and all others
    are dropped. A client that gets this, and whose own candidates the server never got (`without_candidates`), reaches
    the server by the relay only.

    Raises:
        ValueError: There is no such candidate.
    """
    hosts = [
        match
        for match in _CANDIDATE.finditer(sdp)
        if match[1] == "1" and match[2].lower() == "udp" and match[5] == "host" and ":" not in match[3]
    ]
    if not hosts:
        raise ValueError("the description has no UDP host candidate of IPv4")
    chosen = next((match for match in hosts if match[3].startswith("127.")), hosts[0])
    host, port = relay.way_to((chosen[3], int(chosen[4])))

    def replaced(match: re.Match[str]) -> str:
        if (match[1], match[2], match[3], match[4]) != (chosen[1], chosen[2], chosen[3], chosen[4]):
            return ""
        line = match[0]
        at = match.start(3) - match.start()
        return f"{line[:at]}{host} {port}{line[match.end(4) - match.start() :]}"

    return _CANDIDATE.sub(replaced, sdp)


def without_candidates(sdp: str) -> str:
    """Return a client's description that tells no way to it: the server answers by the way the client came."""
    return _CANDIDATE.sub("", sdp)
