"""A client's clock: how far it is from the server's, from answers that were on their way for a while."""

from __future__ import annotations

import pytest

from reactor_runtime.runtime.client_clock import ASK_EVERY, FIRST_ASKED, KEPT, LOST_AFTER, ClientClock


def answered(clock: ClientClock, at: float, *, there: float, back: float, behind: float) -> None:
    """Ask at a time and take the answer, given the two ways' delays and the true difference of the clocks."""
    assert clock.ask(at)
    clock.told(at, at + there - behind, at + there + back)


def test_nothing_is_known_before_the_first_answer() -> None:
    assert ClientClock().behind is None


@pytest.mark.parametrize("behind", [-5000.0, 0.0, 123.456])
def test_equal_ways_tell_the_difference_exactly(behind: float) -> None:
    clock = ClientClock()
    answered(clock, 100.0, there=0.02, back=0.02, behind=behind)
    assert clock.behind == pytest.approx(behind)


def test_the_quickest_way_there_and_the_quickest_way_back_count_whichever_answers_took_them() -> None:
    clock = ClientClock()
    for at, there, back in ((1.0, 0.3, 0.002), (2.0, 0.1, 0.1), (3.0, 0.002, 0.5)):
        answered(clock, at, there=there, back=back, behind=7.0)
    assert clock.behind == pytest.approx(7.0)


def test_the_error_is_at_most_half_of_the_shortest_round_trip() -> None:
    clock = ClientClock()
    answered(clock, 1.0, there=0.0, back=0.04, behind=7.0)
    assert clock.behind is not None
    assert abs(clock.behind - 7.0) <= 0.02 + 1e-9


def test_one_question_is_open_at_a_time_and_a_lost_one_is_asked_again() -> None:
    clock = ClientClock()
    assert clock.ask(1.0)
    assert not clock.ask(1.0 + LOST_AFTER - 0.1)
    assert clock.ask(1.0 + LOST_AFTER)


def test_the_first_questions_follow_each_other_at_once_and_then_seldom() -> None:
    clock = ClientClock()
    for n in range(FIRST_ASKED):
        answered(clock, 1.0 + n / 1000, there=0.0001, back=0.0001, behind=0.0)
    assert not clock.ask(1.1)
    assert clock.ask(1.1 + ASK_EVERY)


def test_an_answer_to_another_question_is_ignored() -> None:
    clock = ClientClock()
    clock.told(1.0, 1.0, 1.0)
    assert clock.ask(2.0)
    clock.told(1.0, 900.0, 2.1)
    assert clock.behind is None
    clock.told(2.0, 2.01, 2.02)
    clock.told(2.0, 900.0, 2.03)
    assert clock.behind == pytest.approx(0.0)


def test_an_old_answer_counts_no_more() -> None:
    clock = ClientClock()
    answered(clock, 1.0, there=0.0, back=0.0, behind=7.0)
    answered(clock, 1.1 + KEPT, there=0.1, back=0.1, behind=7.5)
    assert clock.behind == pytest.approx(7.5)
