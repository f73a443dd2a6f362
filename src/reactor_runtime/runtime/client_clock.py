"""What a client's clock shows, from answers that came back over a network. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

FIRST_ASKED = 4
"""Answers that are asked for at once, so that a client's first command is already timed well."""
ASK_EVERY = 2.0
"""Seconds between the later questions."""
LOST_AFTER = 5.0
"""Seconds after which a question without an answer is asked again."""
KEPT = 30.0
"""Seconds that an answer counts: clocks drift apart by some 0.05 ms in each second."""


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    round_trip: float
    behind: float


class ClientClock:
    """Compares one client's clock with the server's. Of the recent answers, the quickest one counts.

    A question and its answer are each on their way for half of the round trip, more or less; what made one of them late
    made the round trip long, so the shortest is off by least.
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
        round_trip = now - self._asked_at
        self._answers.append(_Answer(now, round_trip, self._asked_at + round_trip / 2 - client_at))
        self._asked_at = None

    @property
    def behind(self) -> float | None:
        """The server's clock less the client's, seconds; None before the first answer."""
        return min(self._answers, key=lambda answer: answer.round_trip).behind if self._answers else None
