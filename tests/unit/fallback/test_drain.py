import pytest

from reactor_runtime.fallback.drain import AMPLE_BPS, Drain


def busy(drain: Drain, start: float, seconds: float, bps: float, *, step: float = 0.05) -> float:
    """Send without a pause at a rate; return when it ends."""
    for number in range(1, round(seconds / step) + 1):
        drain.begin(round(bps / 8 * step), start + (number - 1) * step)
        drain.sent(start + number * step)
    return start + seconds


def test_a_socket_that_keeps_up_tells_nothing() -> None:
    drain = Drain()
    for number in range(100):
        drain.begin(20_000, number / 30)
        drain.sent(number / 30 + 0.01)
        drain.idle(number / 30 + 0.01)
        assert drain.estimate(number / 30 + 0.02) is None


@pytest.mark.parametrize("bps", [300_000, 2_000_000])
def test_a_socket_that_is_always_busy_tells_what_it_takes(bps: int) -> None:
    drain = Drain()
    assert drain.estimate(busy(drain, 10.0, 2.0, bps)) == pytest.approx(bps, rel=0.1)


def test_a_socket_that_takes_nothing_carries_nothing() -> None:
    drain = Drain()
    drain.begin(10_000, 0.0)
    assert drain.estimate(0.1) is None
    assert drain.estimate(1.0) == 80_000, "it may have taken all but a byte"
    assert drain.estimate(20.0) == 4_000


def test_a_large_picture_under_way_is_no_standstill() -> None:
    drain = Drain()
    at = busy(drain, 0.0, 2.0, 1_000_000)
    drain.begin(100_000, at)
    for passed in (0.3, 0.5, 0.8):
        estimate = drain.estimate(at + passed)
        assert estimate is not None
        assert estimate >= 1_000_000


def test_beyond_what_was_measured_the_estimate_grows_slowly_until_the_network_is_ample() -> None:
    drain = Drain()
    at = busy(drain, 0.0, 2.0, 1_000_000)
    drain.idle(at)
    grown = [drain.estimate(at + seconds) for seconds in range(40)]
    known = [bps for bps in grown if bps is not None]
    assert known[1] < 1.05 * known[0]
    assert known[10] > 2 * known[0]
    assert known == sorted(known)
    assert max(known) < AMPLE_BPS
    assert grown[-1] is None


def test_after_a_standstill_the_estimate_is_soon_what_it_was() -> None:
    drain = Drain()
    at = busy(drain, 0.0, 2.0, 4_000_000)
    assert drain.estimate(at) == pytest.approx(4_000_000, rel=0.1)
    drain.begin(1_000, at)
    assert drain.estimate(at + 2) == 4_000
    drain.idle(at + 2)
    again = [drain.estimate(at + 2 + seconds) for seconds in range(1, 9)]
    assert again[0] == pytest.approx(100_000, rel=0.1)
    assert again[-1] == pytest.approx(4_000_000, rel=0.2)


def test_an_estimate_that_nobody_asked_for_grows_no_faster_than_by_a_second() -> None:
    drain = Drain()
    drain.idle(busy(drain, 0.0, 1.0, 1_000_000))
    last = drain.estimate(11.0)
    assert last is not None
    assert last < 1_300_000
