from __future__ import annotations

import pytest

from reactor_runtime.authoring.emission_rate import EmissionRate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def session(pinned: float | None = None, debuff: float = 1.0) -> tuple[EmissionRate, Clock]:
    clock = Clock()
    return EmissionRate(pinned, debuff, clock), clock


def make(rate: EmissionRate, clock: Clock, seconds: float, frames: int = 1) -> tuple[float | None, float | None]:
    """Take so long to make a chunk, hand it over, and return what was asked for it."""
    clock.now += seconds
    asked = rate.ask()
    rate.note(frames)
    return asked


def test_a_declared_rate_is_asked_for_whatever_the_model_says() -> None:
    rate, clock = session(pinned=24)
    rate.freeze()
    assert make(rate, clock, 1.0) == (24, None)


def test_an_undeclared_rate_is_left_to_the_stream() -> None:
    rate, clock = session()
    assert [make(rate, clock, 0.1) for _ in range(3)] == [(None, None)] * 3


def test_monitoring_disabled_keeps_the_rate_through_a_pause_and_enabled_measures_again() -> None:
    rate, clock = session()
    for _ in range(20):
        make(rate, clock, 0.5, frames=12)
    rate.freeze()
    assert make(rate, clock, 5.0)[0] == pytest.approx(24)
    assert make(rate, clock, 0.01)[0] == pytest.approx(24)
    rate.thaw()
    assert make(rate, clock, 30.0)[0] == pytest.approx(24), "this chunk's time tells of the pause"
    assert make(rate, clock, 0.5, frames=12) == (None, None)
    assert rate.measured == pytest.approx(24)


def test_a_rate_frozen_before_anything_was_measured_is_the_first_rate() -> None:
    rate, clock = session()
    rate.freeze()
    rate.freeze()
    assert make(rate, clock, 3.0) == (16, None)
    rate.thaw()
    rate.freeze()
    assert make(rate, clock, 3.0) == (16, None)


def test_the_debuff_factor_scales_the_measured_speed() -> None:
    rate, clock = session(debuff=0.8)
    assert make(rate, clock, 0.4) == (None, None)
    fps, compute_time = make(rate, clock, 0.4, frames=8)
    assert fps is None
    assert 8 / (compute_time or 0) == pytest.approx(0.8 * 8 / 0.4)


def test_a_burst_is_no_rate_that_cannot_be_played() -> None:
    rate, clock = session()
    for _ in range(5):
        make(rate, clock, 0.0001, frames=10)
    assert rate.measured == 240
