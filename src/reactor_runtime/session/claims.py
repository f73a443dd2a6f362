"""Who sends which input track: one client at a time.

A client claims a track by asking for it. One that cannot ask, because its wire family has no word for it, claims a free
track by sending. Who has asked once, and was refused or gave the track back, claims it by asking only: what it still
sends was meant for nobody.
"""

from __future__ import annotations

from reactor_runtime.errors import ClientError


class Claims:
    """The input tracks of one session. A track nobody mentioned is free."""

    def __init__(self) -> None:
        self._holders: dict[str, int] = {}
        self._asks: set[tuple[str, int]] = set()

    def publish(self, track: str, client_id: int) -> None:
        """Give a track to a client that asks for it; one that has it already keeps it.

        Raises:
            ClientError: Code `publish_refused`: another client has it.
        """
        self._asks.add((track, client_id))
        if self._holders.setdefault(track, client_id) != client_id:
            raise ClientError(f"another client sends input track {track!r}", code="publish_refused", http_status=409)

    def send(self, track: str, client_id: int) -> bool:
        """Tell whether what a client sends is to be taken; this may be how it claims the track."""
        if (track, client_id) not in self._asks:
            self._holders.setdefault(track, client_id)
        return self._holders.get(track) == client_id

    def unpublish(self, track: str, client_id: int) -> bool:
        """Take a track back from a client; False if it was not its own."""
        self._asks.add((track, client_id))
        if self._holders.get(track) != client_id:
            return False
        del self._holders[track]
        return True

    def leave(self, client_id: int) -> list[str]:
        """Forget a client, and return the tracks that are free by this."""
        freed = [track for track, holder in self._holders.items() if holder == client_id]
        for track in freed:
            del self._holders[track]
        self._asks = {(track, asker) for track, asker in self._asks if asker != client_id}
        return freed

    def holder(self, track: str) -> int | None:
        """Return whose track it is, None while it is free."""
        return self._holders.get(track)
