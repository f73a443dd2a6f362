"""Where the time of each command goes, from the client's hand to the picture on its screen. Pure.

A command is followed from its arrival to the first picture that its sender is sent and that was begun after the model
had handled it, and, where the client takes part, to that client's screen.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeVar

from reactor_runtime.media.frame import AccessUnit
from reactor_runtime.wire.messages import CommandTraced, FrameShown
from reactor_runtime.worker.messages import Slice

K = TypeVar("K")

STAGES = ("uplink", "wait", "compute", "convert", "pace", "encode", "network", "decode", "present")
"""In the order of time; together they are `total`. `added` is `total` without `wait` and `compute`."""
GIVEN_UP_AFTER = 30.0
"""Seconds after which nobody waits for a command's picture, or for the client's word that it was shown."""
LONGEST = 2 * GIVEN_UP_AFTER
"""Seconds that no stage takes: whoever tells more has no clock that can be believed."""
MOST_FOLLOWED = 1024
"""Commands followed at once; further ones displace the oldest."""
WINDOW = 300.0
"""Seconds that a quantile looks back."""
SAMPLES = 256
"""Latest values that a quantile looks at: sorting them is most of what a reading costs the loop."""


class Recent:
    """One figure: its count and sum from the start, and quantiles of what came lately."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self._latest: deque[tuple[float, float]] = deque(maxlen=SAMPLES)

    def add(self, value: float, now: float) -> None:
        """Note a value."""
        self.count += 1
        self.sum += value
        self._latest.append((now, value))

    def quantiles(self, shares: Sequence[float], now: float) -> list[float]:
        """Return the values that these shares of the recent ones do not exceed, NaN where nothing came lately."""
        values = sorted(value for at, value in self._latest if at >= now - WINDOW)
        return [values[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan for share in shares]


@dataclass(slots=True)
class _Trace:
    """One command under way. `stages` has what is known of it, `until` is where these end on the server's clock."""

    client_id: int
    name: str
    request_id: str | None
    sent_at: float | None
    received_at: float
    stages: dict[str, float] = field(default_factory=dict)
    until: float = 0.0


class Traces:
    """Follows the commands of one slot.

    Attributes:
        figures: Command and stage to what was measured; the names of commands are the contract's.
        unshown: Commands whose picture never came: their sender watches nothing, or the model emitted no more.
        unreported: Commands whose sender did not say when the picture was shown, or said what cannot be.
    """

    def __init__(self) -> None:
        self.figures: dict[tuple[str, str], Recent] = {}
        self.unshown = 0
        self.unreported = 0
        # By the id the model knows, then by what its client calls it; both in the order of arrival, as good as.
        self._made: dict[int, _Trace] = {}
        self._sent: dict[tuple[int, str], _Trace] = {}

    def received(
        self, command_id: int, client_id: int, name: str, request_id: str | None, sent_at: float | None, now: float
    ) -> None:
        """A valid command came. `sent_at` is on its client's clock, None where the client takes no part."""
        self.give_up(now)
        if len(self._made) == MOST_FOLLOWED:
            del self._made[next(iter(self._made))]
            self.unshown += 1
        self._made[command_id] = _Trace(client_id, name, request_id, sent_at, now)

    def replied(self, command_id: int, *, accepted: bool, now: float) -> None:
        """The model answered; what it refused shows in no picture."""
        trace = self._made.get(command_id)
        if trace is not None:
            self._note(trace.name, {"reply": now - trace.received_at}, now)
            if not accepted:
                del self._made[command_id]

    def made(self, item: Slice) -> None:
        """The model emitted the first slice that follows some commands."""
        for command_id in item.answers:
            if (trace := self._made.get(command_id)) is not None:
                room = item.converting_at - item.entered_at
                trace.stages["wait"] = item.began_at - trace.received_at
                trace.stages["compute"] = item.entered_at - item.began_at
                trace.stages["convert"] = item.emitted_at - item.converting_at
                trace.stages["pace"] = room
                trace.until = item.emitted_at

    def sent(self, client_id: int, unit: AccessUnit, now: float) -> list[str]:
        """A picture goes to a client.

        Returns:
            The client's own ids of the commands that this picture answers and that it wants to hear of.
        """
        told: list[str] = []
        for command_id in unit.answers:
            trace = self._made.get(command_id)
            if trace is None or trace.client_id != client_id or not trace.until:
                continue
            del self._made[command_id]
            trace.stages["encode"] = unit.encoded_at - unit.began_at
            trace.stages["pace"] += now - trace.until - trace.stages["encode"]
            trace.until = now
            self._note(trace.name, trace.stages, now)
            if trace.sent_at is not None and trace.request_id is not None:
                self._sent[client_id, trace.request_id] = trace
                told.append(trace.request_id)
        return told

    def shown(self, client_id: int, report: FrameShown, behind: float | None, now: float) -> list[CommandTraced]:
        """A client tells of a picture on its screen.

        Args:
            client_id: Whose screen.
            report: What it tells.
            behind: The server's clock less the client's, seconds; None while unknown.
            now: Monotonic seconds.
        """
        finished: list[CommandTraced] = []
        for request_id in report.command_ids:
            if (trace := self._sent.pop((client_id, request_id), None)) is None or trace.sent_at is None:
                continue
            total = report.shown_at - trace.sent_at
            ends = {"added": total - trace.stages["wait"] - trace.stages["compute"], "total": total}
            if behind is not None:
                ends["uplink"] = trace.received_at - trace.sent_at - behind
            if report.received_at is not None and report.decode_s is not None:
                if behind is not None:
                    ends["network"] = report.received_at + behind - trace.until
                ends["decode"] = report.decode_s
                ends["present"] = report.shown_at - report.received_at - report.decode_s
            if total < 0 or not all(abs(seconds) < LONGEST for seconds in ends.values()):
                self.unreported += 1
                continue
            self._note(trace.name, ends, now)
            known = {**trace.stages, **ends}
            finished.append(
                CommandTraced(request_id, trace.name, {s: known[s] for s in (*STAGES, "added", "total") if s in known})
            )
        return finished

    def forget(self, client_id: int) -> None:
        """A client left."""
        self._made = {i: trace for i, trace in self._made.items() if trace.client_id != client_id}
        self._sent = {key: trace for key, trace in self._sent.items() if trace.client_id != client_id}

    def clear(self) -> None:
        """The session is over, or its model is gone: no picture will follow what was under way."""
        self._made.clear()
        self._sent.clear()

    def give_up(self, now: float) -> None:
        """Drop what nobody will hear of any more."""
        self.unshown += _give_up(self._made, now)
        self.unreported += _give_up(self._sent, now)

    def _note(self, command: str, stages: Mapping[str, float], now: float) -> None:
        for stage, seconds in stages.items():
            # Two clocks agree to a fraction of a millisecond, and a stage may be shorter than that.
            self.figures.setdefault((command, stage), Recent()).add(max(0.0, seconds), now)


def _give_up(traces: dict[K, _Trace], now: float) -> int:
    """Drop the old of what is in the order of arrival; return how many."""
    old = list(takewhile(lambda key: now - traces[key].received_at >= GIVEN_UP_AFTER, traces))
    for key in old:
        del traces[key]
    return len(old)
