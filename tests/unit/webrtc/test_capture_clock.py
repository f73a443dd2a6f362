"""A client's clock, from made-up sender reports and arrivals on manual time."""

from __future__ import annotations

import random

import pytest

from reactor_runtime.webrtc.capture_clock import CaptureClock, PictureTimes
from reactor_runtime.webrtc.engine_report import Entry

WALL, ENGINE = 1_800_000_000.0, 1_900_000_000.0
"""The client's clock, and the engine's, when ours is 0."""
TICKS = 90_000


def inbound(now: float, kind: str = "video", track: str = "cam", **members: float) -> Entry:
    timestamp = (ENGINE + now) * 1e6
    return Entry("in", "inbound-rtp", timestamp, kind=kind, track_identifier=track, **members)  # type: ignore[arg-type]


def told(clock: CaptureClock, sent_at: float, came_at: float, now: float) -> None:
    """Note statistics that are made at `now` and hold a report which was sent and came earlier."""
    remote = Entry("out", "remote-outbound-rtp", (ENGINE + came_at) * 1e6, remote_timestamp=(WALL + sent_at) * 1e3)
    clock.note({"in": inbound(now), "out": remote}, now)


def test_nothing_is_dated_before_the_first_report() -> None:
    clock = CaptureClock()
    clock.note({"in": inbound(1.0)}, 1.0)
    clock.note({}, 1.0)
    assert PictureTimes(clock, "cam").place(TICKS, 1.0) == (1.0, 0)


def test_the_networks_delay_cancels_out() -> None:
    clock = CaptureClock()
    told(clock, sent_at=4.0, came_at=4.2, now=4.9)
    assert clock.sent_us("cam", 5.2) == round((WALL + 5.0) * 1e6)


def test_the_report_that_came_fastest_counts_until_it_is_old() -> None:
    clock = CaptureClock()
    for second, delay in enumerate([0.05, 0.3, 0.2, *[0.1] * 7]):
        told(clock, second, second + delay, second + 0.9)
    assert clock.sent_us("cam", 10.05) == round((WALL + 10) * 1e6)
    told(clock, 10, 10.1, 10.9)
    assert clock.sent_us("cam", 11.1) == round((WALL + 11) * 1e6)


def test_what_the_engine_held_back_is_taken_off() -> None:
    clock = CaptureClock()
    told(clock, 0.0, 0.1, 0.5)
    clock.note({"in": inbound(1.0, total_processing_delay=0.5, frames_decoded=50)}, 1.0)
    assert clock.sent_us("cam", 1.11) == round((WALL + 1.0) * 1e6)
    clock.note({"in": inbound(2.0, total_processing_delay=0.7, frames_decoded=60)}, 2.0)
    assert clock.sent_us("cam", 2.12) == round((WALL + 2.0) * 1e6)
    sound = inbound(3.0, "audio", "mic", jitter_buffer_delay=480.0, jitter_buffer_emitted_count=9600)
    clock.note({"in": sound}, 3.0)
    assert clock.sent_us("mic", 3.15) == round((WALL + 3.0) * 1e6)


def test_pictures_are_dated_exactly_however_unevenly_they_come() -> None:
    clock, chance = CaptureClock(), random.Random(1)
    told(clock, 0.0, 0.05, 0.5)
    times = PictureTimes(clock, "cam")
    off = []
    for number in range(600):
        taken = 1 + number / 30
        arrived = taken + 0.05 + (0.0 if number % 50 == 0 else chance.uniform(0, 0.2))
        _, us = times.place(round(taken * TICKS) + 12_345, arrived)
        off.append(us / 1e6 - WALL - taken)
    assert max(map(abs, off)) < 0.001


def test_time_never_runs_backwards_unless_the_client_set_its_clock() -> None:
    clock = CaptureClock()
    told(clock, 0.0, 0.1, 0.5)
    times = PictureTimes(clock, "cam")
    late = times.place(1 * TICKS, 1.4)[1]
    early = times.place(2 * TICKS, 2.1)[1]  # the first was 0.3 s late, which is known only now
    assert early == round((WALL + 2.0) * 1e6)
    assert late == round((WALL + 1.3) * 1e6)
    assert times.place(round(2.01 * TICKS), 2.11)[1] == round((WALL + 2.01) * 1e6)
    for second in range(3, 15):
        told(clock, second - 60, second + 0.1, second + 0.5)
    assert times.place(14 * TICKS, 14.1)[1] == round((WALL + 14 - 60) * 1e6)


def test_a_picture_dated_too_late_holds_the_next_ones_back() -> None:
    clock = CaptureClock()
    told(clock, 0.0, 0.1, 0.5)
    times = PictureTimes(clock, "cam")
    first = times.place(round(1.0 * TICKS), 1.6)[1]
    assert [times.place(round((1 + n / 30) * TICKS), 1.1 + n / 30)[1] for n in (1, 2)] == [first, first]


def test_timestamps_wrap_and_the_clock_goes_on() -> None:
    clock = CaptureClock()
    told(clock, 0.0, 0.1, 0.5)
    times = PictureTimes(clock, "cam")
    start = 0x1_0000_0000 - TICKS // 2
    placed = [times.place((start + n * TICKS // 10) % 0x1_0000_0000, 1.1 + n / 10) for n in range(20)]
    assert [at - placed[0][0] for at, _ in placed] == pytest.approx([n / 10 for n in range(20)])
    assert [us for _, us in placed] == [round((WALL + 1 + n / 10) * 1e6) for n in range(20)]
