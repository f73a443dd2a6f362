"""When a client took what it sends, by the client's own clock: from sender reports and RTP timestamps.

A sender report carries the client's clock, and takes the network's delay as the media does: what arrives together was
sent together. So nothing needs to be known of the delay itself, nor of how the two clocks stand.
"""

from __future__ import annotations

from collections import deque

from reactor_runtime.media.frame import VIDEO_CLOCK_RATE
from reactor_runtime.webrtc.engine_report import Report

REPORTS = 10
"""Sender reports that are remembered; a video line sends one each second."""
WINDOW = 5.0
"""Seconds within which one picture came without being held up."""
STEP = 1.0
"""Seconds by which a client's clock may be set back before time is taken to begin anew."""


class CaptureClock:
    """A client's clock as seen from ours, and how long the engine holds what arrived. Thread: the loop's.

    Attributes:
        lead: Seconds to add to our time of an arrival for the client's time of sending; None until a report came.
        held: Seconds from arrival to us for each track, by the engine's id of the track.
    """

    def __init__(self) -> None:
        self.lead: float | None = None
        self.held: dict[str, float] = {}
        self._totals: dict[str, tuple[float, int]] = {}
        self._reports: deque[tuple[float, float]] = deque(maxlen=REPORTS)

    def note(self, report: Report, now: float) -> None:
        """Take what the engine counts, as of `now`."""
        made_at = max((entry.timestamp for entry in report.values()), default=0.0)
        for entry in report.values():
            if entry.type == "remote-outbound-rtp" and entry.remote_timestamp:
                heard_at = now - (made_at - entry.timestamp) / 1e6
                told = (entry.remote_timestamp, entry.remote_timestamp / 1e3 - heard_at)
                if all(told[0] != time for time, _ in self._reports):
                    self._reports.append(told)
            elif entry.type == "inbound-rtp" and entry.kind == "video":
                self._note_held(entry.track_identifier, entry.total_processing_delay, entry.frames_decoded)
            elif entry.type == "inbound-rtp":
                self._note_held(entry.track_identifier, entry.jitter_buffer_delay, entry.jitter_buffer_emitted_count)
        # The report that took least on its way says most about the clock.
        self.lead = max((lead for _, lead in self._reports), default=None)

    def sent_us(self, track: str, at: float) -> int:
        """Return the client's clock, in microseconds, when it sent what reached us at `at`; 0 while unknown."""
        return 0 if self.lead is None else round((at - self.held.get(track, 0.0) + self.lead) * 1e6)

    def _note_held(self, track: str, seconds: float, count: int) -> None:
        former_seconds, former_count = self._totals.get(track, (0.0, 0))
        if count > former_count:
            self.held[track] = (seconds - former_seconds) / (count - former_count)
            self._totals[track] = (seconds, count)


class PictureTimes:
    """One video line's RTP timestamps on the client's clock. Thread: the loop's.

    They tell exactly how far apart pictures were taken: the one that came fastest of the last seconds dates them all.
    """

    def __init__(self, clock: CaptureClock, track: str) -> None:
        self._clock = clock
        self._track = track
        self._last_ticks = 0
        self._ticks = 0
        self._began_at = 0.0
        self._least = self._former_least = float("inf")
        self._last_us = 0

    def place(self, ticks: int, now: float) -> tuple[float, int]:
        """Take a picture's RTP timestamp as it arrives.

        Returns:
            Seconds on the line's own clock, which does not wrap; and when the picture was taken by the client's
            clock, in microseconds, never before the picture before it; 0 while that clock is unknown.
        """
        step = (ticks - self._last_ticks + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        self._ticks = ticks if self._least == float("inf") else self._ticks + step
        self._last_ticks = ticks
        at = self._ticks / VIDEO_CLOCK_RATE
        if now - self._began_at > WINDOW:
            self._former_least, self._least, self._began_at = self._least, now - at, now
        self._least = min(self._least, now - at)
        us = self._clock.sent_us(self._track, at + min(self._least, self._former_least))
        if not 0 < self._last_us - us < STEP * 1e6:
            self._last_us = us
        return at, self._last_us
