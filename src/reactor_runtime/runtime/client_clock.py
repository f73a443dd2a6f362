"""What a client's clock shows, from answers that came back over a network. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

FIRST_ASKED = 8
"""Answers that are asked for at once, so that a client's first command is already timed well."""
ASK_EVERY = 1.0
"""Seconds between the later questions."""
LOST_AFTER = 5.0
"""Seconds after which a question without an answer is asked again."""
KEPT = 30.0
"""Seconds that an answer counts: clocks drift apart by some 0.05 ms in each second."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one answer tells: the server's clock less the client's is within these bounds, seconds."""

    at: float
    least: float
    most: float


class ClientClock:
    """Compares one client's clock with the server's.

    The client's clock was read after the question was sent and before the answer came. Of the recent answers, the
    quickest way there and the quickest way back bound the difference most closely; they need not be of one round trip.
    """

    def __init__(self) -> None:
        self._answers: deque[_Answer] = deque()
        self._asked_at: float | None = None

    def ask(self, now: float) -> bool:
        """Tell whether the client is to be asked for its time; it then counts as asked now."""
        while self._answers and self._answers[0].at < now - KEPT:
            self._answers.popleft()
        if self._asked_at is not None and now - self._asked_at < LOST_AFTER:
            return False
        if len(self._answers) >= FIRST_ASKED and now - self._answers[-1].at < ASK_EVERY:
            return False
        self._asked_at = now
        return True

    def told(self, asked_at: float, client_at: float, now: float) -> None:
        """Take an answer. One to another question than the last is ignored.

        Args:
            asked_at: The time of the question, as the client repeats it.
            client_at: The client's clock, seconds.
            now: When it came, monotonic seconds.
        """
        if self._asked_at is None or abs(asked_at - self._asked_at) > 1e-5:
            return
        self._answers.append(_Answer(now, self._asked_at - client_at, now - client_at))
        self._asked_at = None

    @property
    def behind(self) -> float | None:
        """The server's clock less the client's, seconds; None before the first answer."""
        if not self._answers:
            return None
        least, most = max(a.least for a in self._answers), min(a.most for a in self._answers)
        return (least + most) / 2
