import pytest

from reactor_runtime.codec.placement import (
    FALLING,
    LOWER_AFTER,
    MARGIN,
    RAISE_AFTER,
    STEP,
    Appetite,
    Limits,
    pixels_for,
    rung_for,
    rungs,
)

LIMITS = Limits(min_bps=150_000, max_bps=4_000_000, most_rungs=3)
AMPLE = 10_000_000


def note(appetite: Appetite, bps: int, start: float, seconds: float) -> int:
    for tenth in range(round(seconds * 10) + 1):
        appetite.note(bps, start + tenth / 10)
    return appetite.rate


@pytest.mark.parametrize("bps", [4_706_000, AMPLE])
def test_a_network_that_carries_the_fastest_rung_and_a_margin_gets_it(bps: int) -> None:
    assert LIMITS.rate_for(bps) == 4_000_000


@pytest.mark.parametrize("bps", [4_700_000, 2_000_000, 777_777, 500_000, 200_000])
def test_a_rate_leaves_the_margin_and_is_at_most_a_step_below_it(bps: int) -> None:
    rate = LIMITS.rate_for(bps)
    assert bps * MARGIN / STEP * 0.999 <= rate <= bps * MARGIN + 1


@pytest.mark.parametrize("bps", [0, 100, 176_000])
def test_no_rate_is_below_the_least(bps: int) -> None:
    assert LIMITS.rate_for(bps) == 150_000


def test_one_rate_may_be_all_there_is() -> None:
    assert Limits(500_000, 500_000, 1).rate_for(1) == 500_000


def test_a_viewer_keeps_its_rate_while_the_estimate_carries_it() -> None:
    appetite = Appetite(LIMITS, AMPLE)
    assert note(appetite, 4_400_000, 0, 60) == 4_000_000


def test_a_short_dip_changes_nothing() -> None:
    appetite = Appetite(LIMITS, AMPLE)
    assert note(appetite, 3_500_000, 0, LOWER_AFTER - 0.1) == 4_000_000
    appetite.note(AMPLE, 1)
    assert note(appetite, 3_500_000, 2, LOWER_AFTER - 0.1) == 4_000_000


def test_a_lasting_dip_lowers_the_rate_without_a_stop() -> None:
    appetite = Appetite(LIMITS, AMPLE)
    collapsed = [appetite.note(3_500_000, tenth / 10) for tenth in range(8)]
    assert appetite.rate < 3_500_000 * MARGIN
    assert not any(collapsed)


def test_a_collapse_is_acted_upon_at_once_and_said() -> None:
    appetite = Appetite(LIMITS, AMPLE)
    assert appetite.note(500_000, 0)
    assert appetite.rate <= 500_000 * MARGIN * FALLING
    assert 300_000 < note(appetite, 500_000, 0.1, 1) <= 500_000 * MARGIN, "once it has settled it is believed"


def test_below_the_least_rate_there_is_nothing_left_to_say() -> None:
    appetite = Appetite(LIMITS, AMPLE)
    assert appetite.note(1_000, 0)
    assert not appetite.note(1_000, 0.1)
    assert note(appetite, 1_000, 0.2, 10) == 150_000


def test_room_for_more_is_used_in_one_go_once_it_lasts() -> None:
    appetite = Appetite(LIMITS, 500_000)
    assert note(appetite, AMPLE, 10, RAISE_AFTER - 0.1) < 500_000
    assert note(appetite, AMPLE, 10 + RAISE_AFTER, 0.1) == 4_000_000


def test_every_raise_that_does_not_hold_doubles_the_patience_and_one_that_holds_resets_it() -> None:
    appetite = Appetite(LIMITS, AMPLE)

    def seconds_until_raised(start: float) -> float:
        appetite.note(500_000, start)
        low, now = appetite.rate, start
        while appetite.rate == low:
            now += 0.1
            appetite.note(AMPLE, now)
        return now - start

    now, waits = 100.0, []
    for _ in range(7):
        waits.append(seconds_until_raised(now))
        now += waits[-1] + 1
    assert waits == pytest.approx([0.7, 1.3, 2.5, 4.9, 9.7, 10.1, 10.1], abs=0.21)
    assert seconds_until_raised(now + 60) == pytest.approx(0.7, abs=0.21)


def test_a_network_that_comes_back_is_no_second_try_of_a_raise_that_did_not_hold() -> None:
    appetite = Appetite(LIMITS, AMPLE)
    appetite.note(400_000, 0)
    now = 1.0
    for _ in range(5):  # a network of 400 kbit/s that looks like one of 600 now and then
        while appetite.rate < 450_000:
            now += 0.1
            appetite.note(600_000, now)
        appetite.note(300_000, now := now + 0.5)
    note(appetite, 600_000, now + 0.1, 5)
    assert appetite.rate < 450_000, "a second try waits"
    assert note(appetite, AMPLE, now + 5.2, RAISE_AFTER - 0.1) < 450_000
    assert note(appetite, AMPLE, now + 5.2 + RAISE_AFTER, 0.1) == 4_000_000


def test_a_raise_that_ends_in_two_steps_is_not_tried_again_sooner() -> None:
    appetite = Appetite(LIMITS, 500_000)
    assert note(appetite, AMPLE, 0, RAISE_AFTER) == 4_000_000
    appetite.note(1_000_000, 1)
    appetite.note(200_000, 1.1)
    assert note(appetite, AMPLE, 1.2, RAISE_AFTER + 0.1) < 300_000


def test_viewers_who_all_get_the_best_need_one_rung() -> None:
    assert rungs([4_000_000] * 64, 3) == [4_000_000]


def test_a_slow_viewer_adds_a_rung_and_takes_nothing_from_the_others() -> None:
    rates = rungs([4_000_000, 4_000_000, 400_000], 3)
    assert rates == [4_000_000, 400_000]
    assert [rung_for(rate, rates) for rate in (4_000_000, 400_000)] == [4_000_000, 400_000]


def test_the_top_rung_is_the_best_viewer_s_even_if_no_network_is_fast() -> None:
    assert rungs([600_000, 500_000, 150_000], 3)[0] == 600_000


def test_viewers_of_similar_networks_share_a_rung_at_the_rate_of_the_slowest() -> None:
    rates = rungs([4_000_000, 1_000_000, 840_000, 710_000], 3)
    assert rates == [4_000_000, 710_000]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_there_are_never_more_rungs_than_allowed_and_everybody_has_one(most: int) -> None:
    appetites = [4_000_000, 2_000_000, 1_000_000, 500_000, 250_000, 150_000]
    rates = rungs(appetites, most)
    assert len(rates) == most
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 4_000_000
    if most > 1:
        assert all(rung_for(rate, rates) <= rate for rate in appetites)
    assert rung_for(1, rates) == rates[-1]


def test_nobody_needs_no_rung() -> None:
    assert rungs([], 3) == []


@pytest.mark.parametrize(
    ("bps", "share"), [(4_000_000, 1), (850_000, 1), (500_000, 0.75), (400_000, 0.5), (150_000, 0.25), (1, 0.25)]
)
def test_a_rate_too_low_for_all_pixels_of_720p_gets_fewer(bps: int, share: float) -> None:
    assert pixels_for(bps, 1280, 720, 30) == 1280 * 720 * share * share


def test_few_pictures_per_second_leave_bits_for_more_pixels() -> None:
    assert pixels_for(400_000, 1280, 720, 12) == 1280 * 720
    assert pixels_for(400_000, 512, 512, 16) == 512 * 512


class Bottleneck:
    """A link, and an estimator that sees what passes: it falls to that at once and grows by a probe now and then."""

    def __init__(self, bps: int) -> None:
        self.bps = self.estimate = bps
        self.queued_bits = 0.0
        self._probed_at = 0.0

    def pass_tenth(self, sent_bps: int, now: float) -> None:
        self.queued_bits = max(0.0, self.queued_bits + (sent_bps - self.bps) / 10)
        if self.queued_bits > 0.1 * self.bps:
            self.estimate = round(self.bps * 0.9)
        elif now - self._probed_at >= 1 and self.estimate < AMPLE:
            self.estimate, self._probed_at = min(2 * self.estimate, self.bps), now


def test_a_viewer_follows_its_bottleneck_down_within_a_second_and_back_up_within_five() -> None:
    link, appetite = Bottleneck(5_000_000), Appetite(LIMITS, AMPLE)
    rates = {}
    for tenth in range(300):
        now = tenth / 10
        link.bps = 500_000 if 10 <= now < 20 else 5_000_000
        link.pass_tenth(appetite.rate, now)
        appetite.note(link.estimate, now)
        rates[tenth] = appetite.rate
    assert rates[95] == 4_000_000
    assert max(rates[tenth] for tenth in range(105, 199)) < 500_000
    assert max(rates[tenth] for tenth in range(185, 199)) > 300_000
    assert min(rates[tenth] for tenth in range(250, 300)) == 4_000_000


def test_a_steady_bottleneck_costs_few_changes_of_rate() -> None:
    link, appetite = Bottleneck(1_900_000), Appetite(LIMITS, AMPLE)
    changes, last = 0, appetite.rate
    for tenth in range(1200):
        link.pass_tenth(appetite.rate, tenth / 10)
        appetite.note(link.estimate, tenth / 10)
        changes += appetite.rate != last
        last = appetite.rate
    assert changes <= 3
    assert 1_300_000 < appetite.rate < 1_900_000
