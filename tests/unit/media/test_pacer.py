from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.pacer import FIRST_RATE, Due, Pacer
from tests.unit.media.simulated import START, jitter, simulate

# ---- pinned ---------------------------------------------------------------------------------------------------


def test_pinned_pictures_keep_an_exact_schedule_whatever_the_wake_ups_do() -> None:
    run = simulate(lambda n: 0.02, fps=30.0, seconds=600, late=0.012)
    assert len(run.due) == 600 * 30
    assert [due.pts for due in run.due] == [3000 * n for n in range(len(run.due))]
    assert run.due[-1].at - run.due[0].at == pytest.approx((len(run.due) - 1) / 30, abs=1e-6)
    assert all(0 <= at - due.at <= 0.012 for due, at in zip(run.due, run.shown_at, strict=True))
    assert run.gaps(0)[0] > 1 / 60


@pytest.mark.parametrize("fps", [7.0, 23.976, 29.97, 32.0, 60.0])
def test_pinned_pts_are_the_rounded_multiples_of_the_interval(fps: float) -> None:
    run = simulate(lambda n: 0.5 / fps, fps=fps, seconds=60)
    assert [due.pts for due in run.due] == [round(n * 90_000 / fps) for n in range(len(run.due))]


def test_a_pinned_pacer_ignores_hints() -> None:
    pacer: Pacer[int] = Pacer(30.0)
    for n in range(50):
        pacer.offer(n, starts_chunk=True, fps=5.0, now=START + n / 10)
        pacer.poll(START + n / 10)
    assert pacer.rate == 30.0


def test_a_model_slower_than_its_pinned_rate_has_each_picture_shown_at_once() -> None:
    run = simulate(jitter(0.05, 0.01), fps=30.0, seconds=20)
    assert run.ages(0)[-1] < 1 / 60 + 1e-9
    assert run.rate(1) == pytest.approx(20, rel=0.02)


# ---- measured -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hints", [True, False])
@pytest.mark.parametrize("step", [0.020, 1 / 30, 0.062])
def test_steady_single_pictures_are_shown_evenly_and_at_once(step: float, hints: bool) -> None:
    run = simulate(lambda n: step, seconds=10, hints=hints)
    assert run.gaps(1)[0] == pytest.approx(step, abs=0.001)
    assert run.gaps(1)[-1] == pytest.approx(step, abs=0.001)
    assert run.ages(1)[-1] < 0.002


@pytest.mark.parametrize("hints", [True, False])
def test_twelve_pictures_every_half_second_play_evenly_at_24(hints: bool) -> None:
    run = simulate(lambda n: 0.5, chunk=12, seconds=20, hints=hints)
    assert run.rate(3) == pytest.approx(24, rel=0.005)
    assert run.gaps(3)[0] > 0.040
    assert run.gaps(3)[-1] < 0.044
    assert run.ages(3)[-1] < 0.55, "a chunk is over when the next one comes"


@pytest.mark.parametrize("hints", [True, False])
@pytest.mark.parametrize(("chunk", "step"), [(4, 0.062), (8, 0.118), (12, 0.672), (33, 1.69)])
def test_chunks_of_published_models_play_evenly(chunk: int, step: float, hints: bool) -> None:
    run = simulate(lambda n: step, chunk=chunk, seconds=60, hints=hints)
    assert run.rate(10) == pytest.approx(chunk / step, rel=0.01)
    assert run.gaps(10)[-1] < 1.25 * step / chunk


@pytest.mark.parametrize("hints", [True, False])
def test_uneven_chunks_still_play_without_a_freeze(hints: bool) -> None:
    run = simulate(jitter(0.5, 0.04), chunk=12, seconds=60, hints=hints, late=0.002)
    gaps = run.gaps(5)
    assert gaps[int(len(gaps) * 0.95)] < 0.055
    assert gaps[-1] < 0.1


@pytest.mark.parametrize("hints", [True, False])
def test_one_slow_step_in_ten_does_not_stutter(hints: bool) -> None:
    run = simulate(lambda n: 0.1 if n % 10 == 9 else 1 / 30, seconds=30, hints=hints)
    gaps = run.gaps(3)
    assert run.rate(3) == pytest.approx(25, rel=0.02)
    assert gaps[0] > 0.03
    assert gaps[-1] < 0.06, "the slow step of 0.1 s is not seen as such"
    assert run.ages(3)[-1] < 0.07


@pytest.mark.parametrize("hints", [True, False])
def test_a_model_that_alternates_fast_and_slow_steps_plays_at_its_mean(hints: bool) -> None:
    run = simulate(lambda n: 0.02 if n % 2 else 0.06, seconds=20, hints=hints)
    assert run.rate(3) == pytest.approx(25, rel=0.01)
    assert run.gaps(3)[0] > 0.035
    assert run.gaps(3)[-1] < 0.045
    assert run.ages(3)[-1] < 0.03


@pytest.mark.parametrize("hints", [True, False])
def test_a_model_that_changes_its_speed_every_two_seconds_is_followed(hints: bool) -> None:
    run = simulate(lambda n: 0.02 if n // 67 % 2 else 0.06, seconds=40, hints=hints)
    gaps = run.gaps(3)
    assert gaps[-1] < 0.075
    assert run.ages(3)[-1] < 0.2


@pytest.mark.parametrize("honesty", [0.75, 1.25])
@pytest.mark.parametrize("chunk", [1, 4])
def test_a_model_faster_or_slower_than_its_measured_rate_gains_no_lead(chunk: int, honesty: float) -> None:
    run = simulate(lambda n: chunk / 30, chunk=chunk, seconds=20, honesty=honesty)
    assert run.rate(5) == pytest.approx(30, rel=0.03)
    assert run.ages(5)[-1] < (chunk - 1) / 30 + 0.05


def test_time_between_steps_that_compute_time_leaves_out_is_noticed() -> None:
    run = simulate(lambda n: 0.5, chunk=12, seconds=20, overhead=0.05)
    assert run.rate(5) == pytest.approx(12 / 0.55, rel=0.01)
    assert run.gaps(5)[-1] < 0.05


@pytest.mark.parametrize("chunk", [1, 12])
def test_in_ten_minutes_nothing_drifts_and_no_lead_grows(chunk: int) -> None:
    run = simulate(jitter(chunk / 24, chunk / 24 / 20), chunk=chunk, seconds=600, late=0.003)
    first, last = run.due[1000], run.due[-1]
    assert (last.pts - first.pts) / 90_000 == pytest.approx(last.at - first.at, abs=1e-4)
    assert run.rate(1) == pytest.approx(24, rel=0.01)
    assert run.ages(540)[-1] < (chunk - 1) / 24 + 0.1
    assert run.ages(540)[-1] < run.ages(0)[-1] + 1e-9


def test_a_model_of_one_picture_in_three_seconds_has_each_shown_at_once() -> None:
    run = simulate(lambda n: 3.0, seconds=60)
    assert run.ages(0)[-1] == 0
    assert len(run.due) == 20


def test_a_pause_is_not_taken_for_a_slow_step() -> None:
    run = simulate(lambda n: 20.0 if n == 100 else 1 / 30, seconds=24, hints=False)
    assert run.pacer.rate == pytest.approx(30, rel=0.1)


# ---- single rules ---------------------------------------------------------------------------------------------


def test_the_first_picture_is_due_at_once_and_starts_pts_at_zero() -> None:
    pacer: Pacer[str] = Pacer(None)
    assert pacer.next_deadline() is None
    assert pacer.poll(START) is None
    pacer.offer("a", starts_chunk=True, fps=None, now=START)
    deadline = pacer.next_deadline()
    assert deadline is not None
    assert deadline[0] <= START
    assert deadline[1] == "frame due"
    assert pacer.poll(START) == Due("a", 0, START)
    assert pacer.poll(START) is None


def test_before_any_measurement_the_hint_counts_and_else_the_usual_rate() -> None:
    pacer: Pacer[int] = Pacer(None)
    assert pacer.rate == FIRST_RATE == 16
    for n in range(12):
        pacer.offer(n, starts_chunk=n == 0, fps=None, now=START)
    assert pacer.rate == 16
    hinted: Pacer[int] = Pacer(None)
    hinted.offer(0, starts_chunk=True, fps=25.0, now=START)
    assert hinted.rate == pytest.approx(25)


def test_early_items_wait_for_their_slot() -> None:
    pacer: Pacer[str] = Pacer(10.0)
    for item in "ab":
        pacer.offer(item, starts_chunk=True, fps=None, now=START)
    assert pacer.poll(START) is not None
    assert pacer.next_deadline() == (START + 0.1, "frame due")
    assert pacer.poll(START + 0.09) is None
    assert pacer.poll(START + 0.1) == Due("b", 9000, START + 0.1)


def test_an_item_offered_after_its_slot_is_due_at_once_and_keeps_the_grid() -> None:
    pacer: Pacer[str] = Pacer(10.0)
    pacer.offer("a", starts_chunk=True, fps=None, now=START)
    assert pacer.poll(START + 0.04) == Due("a", 0, START + 0.04)
    pacer.offer("b", starts_chunk=True, fps=None, now=START + 0.16)
    assert pacer.poll(START + 0.16) == Due("b", 9000, pytest.approx(START + 0.14))
    pacer.offer("c", starts_chunk=True, fps=None, now=START + 0.16)
    assert pacer.next_deadline() == (pytest.approx(START + 0.24), "frame due")


def test_an_item_offered_to_an_empty_queue_owes_no_distance_to_a_late_one() -> None:
    pacer: Pacer[str] = Pacer(10.0)
    pacer.offer("a", starts_chunk=True, fps=None, now=START)
    pacer.poll(START)
    pacer.offer("b", starts_chunk=True, fps=None, now=START)
    pacer.poll(START + 0.19)
    pacer.offer("c", starts_chunk=True, fps=None, now=START + 0.21)
    assert pacer.poll(START + 0.21) is not None


def test_more_than_one_interval_late_moves_the_schedule_and_never_bursts() -> None:
    pacer: Pacer[int] = Pacer(10.0)
    for n in range(10):
        pacer.offer(n, starts_chunk=True, fps=None, now=START)
    pacer.poll(START)
    late = START + 0.55
    assert pacer.poll(late) == Due(1, 49_500, late)
    assert pacer.poll(late) is None
    assert pacer.next_deadline() == (pytest.approx(late + 0.1), "frame due")
    assert pacer.poll(late + 0.1001) == Due(2, 58_500, pytest.approx(late + 0.1))


def test_after_a_late_wake_up_the_next_item_keeps_half_an_interval() -> None:
    pacer: Pacer[int] = Pacer(10.0)
    for n in range(3):
        pacer.offer(n, starts_chunk=True, fps=None, now=START)
    pacer.poll(START)
    assert pacer.poll(START + 0.18) == Due(1, 9000, pytest.approx(START + 0.1))
    assert pacer.next_deadline() == (pytest.approx(START + 0.23), "frame due")
    assert pacer.poll(START + 0.2301) == Due(2, 18_000, pytest.approx(START + 0.2))


def test_a_flush_returns_what_was_queued_and_the_schedule_goes_on() -> None:
    pacer: Pacer[str] = Pacer(10.0)
    for item in "abc":
        pacer.offer(item, starts_chunk=True, fps=None, now=START)
    pacer.poll(START)
    assert pacer.queued == 2
    assert pacer.flush(START) == ["b", "c"]
    assert (pacer.queued, pacer.next_deadline(), pacer.flush(START)) == (0, None, [])
    pacer.offer("d", starts_chunk=True, fps=None, now=START + 0.05)
    assert pacer.next_deadline() == (START + 0.1, "frame due")
    assert pacer.poll(START + 0.1) == Due("d", 9000, START + 0.1)


def test_an_item_is_released_ahead_of_its_slot_and_none_more_than_half_an_interval() -> None:
    pacer: Pacer[str] = Pacer(10.0, ahead=0.02)
    for item in "abcd":
        pacer.offer(item, starts_chunk=True, fps=None, now=START)
    assert pacer.poll(START) == Due("a", 0, START)
    assert pacer.next_deadline() == (pytest.approx(START + 0.08), "frame due")
    assert pacer.poll(START + 0.08) == Due("b", 9000, START + 0.1)
    assert pacer.poll(START + 0.1) is None
    pacer.pin(200.0)
    assert pacer.poll(START + 0.15) is None, "half an interval of the rate that the one before was shown at"
    assert pacer.poll(START + 0.2) == Due("c", 18_000, START + 0.2)
    assert pacer.next_deadline() == (pytest.approx(START + 0.2025), "frame due"), "half an interval"


@pytest.mark.parametrize("fps", [10.0, None])
def test_a_flush_frees_the_slot_of_what_was_released_ahead_of_it(fps: float | None) -> None:
    pacer: Pacer[str] = Pacer(fps, ahead=0.02)
    for item in "ab":
        pacer.offer(item, starts_chunk=item == "a", fps=10.0, now=START)
    pacer.poll(START)
    coming = pacer.poll(START + 0.095)
    assert coming is not None
    assert coming.at == pytest.approx(START + 0.1)
    pacer.flush(START + 0.095)
    pacer.offer("c", starts_chunk=True, fps=10.0, now=START + 0.097)
    due = pacer.poll(START + 0.097)
    assert due is not None
    assert due.at == pytest.approx(coming.at)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf"), 241.0])
def test_an_impossible_pinned_rate_is_refused(fps: float) -> None:
    with pytest.raises(IllegalInput):
        Pacer(fps)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_hint_is_refused_and_changes_nothing(fps: float) -> None:
    pacer: Pacer[int] = Pacer(None)
    with pytest.raises(IllegalInput):
        pacer.offer(1, starts_chunk=True, fps=fps, now=START)
    assert (pacer.queued, pacer.rate) == (0, FIRST_RATE)


CHUNKS = st.lists(
    st.tuples(
        st.floats(0, 2),  # seconds since the chunk before
        st.integers(1, 12),  # its items
        st.one_of(st.none(), st.floats(0.01, 1000)),  # its hint
        st.floats(0, 0.1),  # how late the wake-ups after it are
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=100, deadline=None)
@given(pinned=st.one_of(st.none(), st.floats(1, 240)), chunks=CHUNKS)
def test_nothing_is_lost_reordered_or_shown_in_a_burst(
    pinned: float | None, chunks: list[tuple[float, int, float | None, float]]
) -> None:
    pacer: Pacer[int] = Pacer(pinned)
    shown: list[tuple[Due[int], float, float]] = []
    had_to_queue: set[int] = set()
    now, offered = START, 0

    def play(until: float, late: float) -> None:
        at = now
        while (deadline := pacer.next_deadline()) is not None and max(at, deadline[0]) + late <= until:
            at = max(at, deadline[0]) + late
            due = pacer.poll(at)
            assert due is not None
            shown.append((due, at, 1 / pacer.rate))

    for since, items, hint, late in chunks:
        play(now + since, late)
        now += since
        for index in range(items):
            if pacer.queued:
                had_to_queue.add(offered)
            pacer.offer(offered, starts_chunk=index == 0, fps=hint, now=now)
            offered += 1
    play(float("inf"), 0.0)

    assert [due.item for due, *_ in shown] == list(range(offered))
    pts = [due.pts for due, *_ in shown]
    assert all(a < b for a, b in pairwise(pts))
    assert all(due.at <= at for due, at, *_ in shown)
    for (_, before, interval), (due, after, _) in pairwise(shown):
        assert due.item not in had_to_queue or after - before >= interval / 2 - 1e-9
