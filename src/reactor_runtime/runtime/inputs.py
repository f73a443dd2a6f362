"""What clients send to a slot's model: from their connections, past the claims, into the model's rings and pipe."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from reactor_runtime.errors import ClientError
from reactor_runtime.media.frame import ClientPicture
from reactor_runtime.runtime.clock import now
from reactor_runtime.session.claims import Claims
from reactor_runtime.worker.messages import (
    Heard,
    InputFreed,
    InputReleased,
    InputRingOpened,
    Saw,
    ToModel,
)
from reactor_runtime.worker.ring import RingWriter

SLOTS = 4
"""Pictures of a track on their way to the model. It takes one in a few ms; a model that holds the GIL loses some."""
DRIFT = 0.25
"""Seconds by which a sender's clock may run ahead or behind; beyond it the sender has paused or changed."""


class _Send(Protocol):
    def __call__(self, message: ToModel, fd: int | None = None) -> None:
        """See `ModelPort.send`."""


@dataclass(slots=True)
class _Line:
    """One input track of a session.

    Attributes:
        began_at: When its first picture or sound of the session came.
        offset: What brings the sender's clock to seconds since then.
        taken: Pictures or runs of sound that the model was given since the track was claimed.
        dropped: Pictures that came and were not taken; see `Inputs.dropped`.
    """

    ring: RingWriter | None = None
    began_at: float | None = None
    offset: float | None = None
    taken: int = 0
    dropped: int = 0

    def elapsed(self) -> float:
        """Return the seconds since the track began, which is now if it has not."""
        at = now()
        if self.began_at is None:
            self.began_at = at
        return at - self.began_at

    def pts(self, sent_at: float) -> float:
        """Return when a picture was sent, by the sender's clock as long as that runs as ours does."""
        elapsed = self.elapsed()
        if self.offset is None or abs(sent_at + self.offset - elapsed) > DRIFT:
            self.offset = elapsed - sent_at
        return max(0.0, sent_at + self.offset)


class Inputs:
    """One slot's input tracks. All methods run on the event loop."""

    def __init__(self, send: _Send, note: Callable[..., None]) -> None:
        """Make them; `send` reaches the model, with a descriptor beside the message, and `note` the journal."""
        self._send = send
        self._note = note
        self._claims = Claims()
        self._lines: dict[str, _Line] = {}
        self._numbers = itertools.count()
        self._is_open = False
        self.taken: Counter[str] = Counter()
        """Pictures and runs of sound that the model was given, by track, since the start."""
        self.dropped: Counter[str] = Counter()
        """Pictures that it was not: the loop was busy, or the model had all slots."""

    def open(self) -> None:
        """The model was told of a session, a new one or one that it takes over: it may be given media."""
        self._is_open = True

    def shut(self) -> None:
        """The session ends: the model is given no more of it, and nobody holds a track."""
        self._is_open = False
        self._claims = Claims()
        self._lines = {name: _Line(line.ring) for name, line in self._lines.items()}

    def lose_model(self) -> None:
        """The model is gone, and its rings with it; clients keep their tracks."""
        self._is_open = False
        for line in self._lines.values():
            line.ring = None

    def publish(self, track: str, client_id: int) -> None:
        """Give a track to a client that asks for it.

        Raises:
            ClientError: Code `publish_refused`: another client has it.
        """
        is_new = self._claims.holder(track) is None
        try:
            self._claims.publish(track, client_id)
        except ClientError as error:
            self._note("error", message=str(error), conn_id=client_id)
            raise
        if is_new:
            self._claimed(track, client_id)

    def unpublish(self, track: str, client_id: int) -> None:
        """Take a track back from a client."""
        if self._claims.unpublish(track, client_id):
            self._freed(track, client_id)

    def leave(self, client_id: int) -> None:
        """A client is gone."""
        for track in self._claims.leave(client_id):
            self._freed(track, client_id)

    def see(self, track: str, client_id: int, picture: ClientPicture) -> None:
        """Take a picture that a client sent, or drop it: if the track is another's, or the model is busy."""
        if not self._is_open or not self._may_send(track, client_id):
            return
        line = self._lines[track]
        self._drop(line, track, picture.skipped)
        if line.ring is None:
            line.ring = RingWriter(track, self._numbers, self._send, InputRingOpened)
        if line.ring.taken >= SLOTS:
            self._drop(line, track, 1)
            return
        line.ring.fit(picture.width * picture.height * 3 // 2, SLOTS)
        slot, pixels = line.ring.take(picture.width, picture.height)
        picture.write_i420(pixels)
        self._count(line, track)
        pts = line.pts(picture.sent_at)
        self._send(Saw(track, client_id, slot, pts, picture.capture_time_us, picture.rotation))

    def hear(self, track: str, client_id: int, samples: bytes, capture_time_us: int = 0) -> None:
        """Take 10 ms of sound: mono int16 at 48 kHz. Silence alone claims no track."""
        is_silent = not samples.strip(b"\0")
        if not self._is_open or (is_silent and self._claims.holder(track) is None):
            return
        if self._may_send(track, client_id):
            line = self._lines[track]
            self._count(line, track)
            self._send(Heard(track, client_id, samples, line.elapsed(), capture_time_us))

    def release(self, released: InputReleased) -> None:
        """The model has taken these pictures."""
        for ring in [line.ring for line in self._lines.values() if line.ring is not None]:
            for slot in released.slots:
                ring.release(released.ring, slot)

    def _count(self, line: _Line, track: str) -> None:
        line.taken += 1
        self.taken[track] += 1

    def _drop(self, line: _Line, track: str, pictures: int) -> None:
        line.dropped += pictures
        self.dropped[track] += pictures

    def _may_send(self, track: str, client_id: int) -> bool:
        is_new = self._claims.holder(track) is None
        if not self._claims.send(track, client_id):
            return False
        if is_new:
            self._claimed(track, client_id)
        return True

    def _claimed(self, track: str, client_id: int) -> None:
        line = self._lines.setdefault(track, _Line())
        line.offset, line.taken, line.dropped = None, 0, 0
        self._note("track_published", track=track, conn_id=client_id)

    def _freed(self, track: str, client_id: int) -> None:
        line = self._lines[track]
        self._note("track_unpublished", track=track, taken=line.taken, dropped=line.dropped, conn_id=client_id)
        if self._is_open:
            self._send(InputFreed(track, client_id))
