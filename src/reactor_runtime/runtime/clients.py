"""The clients of one session, as the runtime sees them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from reactor_runtime.wire import messages as wire


class Client(Protocol):
    """One client of the session."""

    id: int
    transport: str

    def send(self, message: wire.Outbound) -> None:
        """Send one message; what the client's wire family cannot carry is dropped."""

    def close(self, reason: str) -> None:
        """Close the client's wire."""


class Clients:
    """The clients whose wires are ready, by id."""

    def __init__(self) -> None:
        self._clients: dict[int, Client] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def __contains__(self, client_id: object) -> bool:
        return client_id in self._clients

    @property
    def by_transport(self) -> Counter[str]:
        """How many came over which transport."""
        return Counter(client.transport for client in self._clients.values())

    def add(self, client: Client) -> bool:
        """Take a client in, in place of the one of the same id that was. Returns whether its id is new."""
        is_new = client.id not in self._clients
        self._clients[client.id] = client
        return is_new

    def remove(self, client: Client) -> bool:
        """Let a client go. Returns False for one that was replaced or let go before."""
        if self._clients.get(client.id) is not client:
            return False
        del self._clients[client.id]
        return True

    def broadcast(self, message: wire.Outbound) -> None:
        """Send one message to every client."""
        for client in list(self._clients.values()):
            client.send(message)

    def tell(self, client_id: int, message: wire.Outbound) -> None:
        """Send one message to one client; to one that left, nothing."""
        if (client := self._clients.get(client_id)) is not None:
            client.send(message)

    def answer(
        self,
        client_id: int,
        command: wire.Command,
        name: str | None = None,
        data: Any = None,
        error_code: str | None = None,
        error_message: str = "",
    ) -> None:
        """Answer a client's command; see `CommandAnswered`."""
        answer = wire.CommandAnswered(command.request_id, command.name, name, data, error_code, error_message)
        self.tell(client_id, answer)

    def close(self, reason: str) -> None:
        """Tell every client that the session ended, and close its wire."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.send(wire.SessionEnded(reason))
            client.close(reason)
