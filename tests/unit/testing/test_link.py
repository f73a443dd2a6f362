"""One direction of a bad network, on manual time."""

from __future__ import annotations

from itertools import groupby

import pytest

from reactor_runtime.errors import IllegalInput
from reactor_runtime.testing.link import Conditions, Link

MILLISECOND = 0.001


def sent(link: Link[int], count: int, every: float, size: int = 1000) -> dict[int, float]:
    """Push packets at a steady pace, and return when each came out, to the tenth of a millisecond."""
    out: dict[int, float] = {}
    packet = 0
    for tick in range(round((count * every + 5) / (MILLISECOND / 10))):
        now = tick * MILLISECOND / 10
        while packet < count and packet * every <= now:
            link.push(packet, size, now)
            packet += 1
        out.update(dict.fromkeys(link.due(now), now))
        if packet == count and link.next_deadline() is None:
            break
    return out


def test_without_conditions_everything_comes_out_at_once() -> None:
    link = Link[int](Conditions(), seed=1)
    link.push(7, 1000, now=5.0)
    assert list(link.due(5.0)) == [7]
    assert link.next_deadline() is None
    assert (link.counts.forwarded, link.counts.forwarded_bytes, link.counts.dropped) == (1, 1000, 0)


def test_a_delay_is_the_same_for_all() -> None:
    out = sent(Link[int](Conditions(delay=0.04), seed=1), 50, 0.01)
    assert [at - packet * 0.01 for packet, at in out.items()] == pytest.approx([0.04] * 50, abs=2e-4)


def test_a_rate_is_held_exactly() -> None:
    link = Link[int](Conditions(rate_bps=1e6, queue_ms=10_000), seed=1)
    out = sent(link, 250, 0.001)  # 8 Mbit/s
    assert list(out) == list(range(250))
    assert list(out.values()) == pytest.approx([(n + 1) * 0.008 for n in range(250)], abs=2e-4)


def test_a_full_queue_drops_what_comes_last() -> None:
    link = Link[int](Conditions(rate_bps=1e6, queue_ms=80), seed=1)
    for packet in range(100):
        link.push(packet, 1000, now=0.0)
    assert link.counts.overflowed == 90
    assert list(link.due(10.0)) == list(range(10))
    assert link.counts.overflowed_bytes == 90_000


def test_an_empty_queue_takes_a_packet_of_any_size() -> None:
    link = Link[int](Conditions(rate_bps=1e6, queue_ms=0), seed=1)
    link.push(0, 1000, now=0.0)
    link.push(1, 1000, now=0.0)
    assert list(link.due(1.0)) == [0]


def test_what_is_queued_goes_on_at_a_new_rate() -> None:
    link = Link[int](Conditions(rate_bps=1e6), seed=1)
    for packet in range(4):
        link.push(packet, 1000, now=0.0)  # due at 8, 16, 24, 32 ms
    assert list(link.due(0.008)) == [0]
    link.set(0.012, rate_bps=0.5e6)  # half of the second is out; the other half takes 8 ms
    assert link.next_deadline() == pytest.approx(0.020)
    assert list(link.due(0.0361)) == [1, 2]
    link.set(0.0361, rate_bps=None)
    assert list(link.due(0.0361)) == [3]


def test_loss_takes_its_share_and_the_same_packets_each_time() -> None:
    def survivors(seed: int) -> list[int]:
        return list(sent(Link[int](Conditions(loss=0.05), seed), 4000, 0.001))

    assert 1 - len(survivors(3)) / 4000 == pytest.approx(0.05, abs=0.01)
    assert survivors(3) == survivors(3) != survivors(4)


def test_loss_in_bursts_takes_the_same_share_in_longer_runs() -> None:
    def lost_runs(burst: float) -> list[int]:
        out = set(sent(Link[int](Conditions(loss=0.05, burst=burst), seed=3), 8000, 0.001))
        return [len(list(run)) for is_lost, run in groupby(n not in out for n in range(8000)) if is_lost]

    for burst in (1.0, 5.0):
        runs = lost_runs(burst)
        assert sum(runs) / 8000 == pytest.approx(0.05, abs=0.015)
        assert sum(runs) / len(runs) == pytest.approx(burst, rel=0.25)


@pytest.mark.parametrize("reorder", [False, True])
def test_jitter_reorders_only_where_asked(reorder: bool) -> None:
    out = sent(Link[int](Conditions(delay=0.02, jitter=0.03, reorder=reorder), seed=1), 500, 0.002)
    waits = [at - packet * 0.002 for packet, at in out.items()]
    assert min(waits) >= 0.02
    assert 0.045 < max(waits) <= 0.0502
    assert (min(waits) < 0.022) is reorder, "a packet that may not pass waits for the one before it"
    assert (list(out) == sorted(out)) is not reorder


def test_a_blackout_lets_nothing_in_and_what_is_under_way_arrives() -> None:
    link = Link[int](Conditions(delay=0.5), seed=1)
    link.push(0, 1000, now=0.0)
    link.set(0.1, blackout=True)
    link.push(1, 1000, now=0.2)
    link.set(2.1, blackout=False)
    link.push(2, 1000, now=2.2)
    assert list(link.due(2.5)) == [0]
    assert list(link.due(2.8)) == [2]
    assert (link.counts.lost, link.counts.lost_bytes) == (1, 1000)


def test_a_shorter_delay_overtakes_nothing() -> None:
    link = Link[int](Conditions(delay=0.5), seed=1)
    link.push(0, 1000, now=0.0)
    link.set(0.1, delay=0.0)
    link.push(1, 1000, now=0.1)
    assert list(link.due(0.4)) == []
    assert list(link.due(0.5)) == [0, 1]


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"rate_bps": 0}, {"delay": -1}, {"burst": 0.5}, {"queue_ms": -1}])
def test_what_no_network_is_like_is_refused_and_changes_nothing(wrong: dict[str, float]) -> None:
    link = Link[int](Conditions(delay=0.5), seed=1)
    with pytest.raises(IllegalInput):
        link.set(0.0, **wrong)
    assert link.conditions == Conditions(delay=0.5)
