"""When a model counts as hung, and how long to wait before it is started again."""

from __future__ import annotations

from reactor_runtime.worker.supervisor import BackOff, Liveness


def test_a_model_that_answers_never_hangs() -> None:
    liveness = Liveness(8, now=0)
    for second in range(1, 100):
        assert not liveness.hung(second)
        liveness.heard(second + 0.5)


def test_a_model_hangs_once_it_was_silent_for_longer_than_the_timeout() -> None:
    liveness = Liveness(8, now=0)
    liveness.heard(2.5)
    assert next(second for second in range(1, 15) if liveness.hung(second)) == 11


def test_time_in_which_the_server_itself_stood_still_does_not_count() -> None:
    liveness = Liveness(8, now=0)
    assert not liveness.hung(1)
    assert not liveness.hung(600)
    assert not liveness.hung(601)
    assert any(liveness.hung(second) for second in range(602, 612))


def test_a_short_timeout_is_looked_at_more_often() -> None:
    assert Liveness(8, now=0).every == 1
    assert Liveness(0.4, now=0).every == 0.1


def test_waits_double_up_to_half_a_minute() -> None:
    back_off = BackOff()
    assert [back_off.failed(0) for _ in range(10)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_five_failures_in_a_row_are_given_up() -> None:
    back_off = BackOff()
    told = []
    for _ in range(6):
        back_off.failed(5)
        told.append(back_off.given_up)
    assert told == [False, False, False, False, True, True]


def test_a_minute_of_health_forgives_earlier_failures() -> None:
    back_off = BackOff()
    for _ in range(6):
        back_off.failed(0)
    assert back_off.failed(60) == 0
    assert not back_off.given_up
    assert back_off.failed(59.9) == 0.5
