import pytest

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.pacer import Pacer

START = 5000.0


def test_a_rate_pinned_on_the_way_counts_from_the_next_slot() -> None:
    pacer: Pacer[int] = Pacer(None)
    for n in range(4):
        pacer.offer(n, starts_chunk=n == 0, fps=None, now=START)
    first = pacer.poll(START)
    assert first is not None
    pacer.pin(10)
    slot = pacer.next_deadline()
    assert slot is not None
    second = pacer.poll(slot[0])
    third = pacer.poll(slot[0] + 0.1)
    assert second is not None
    assert third is not None
    assert third.at - second.at == pytest.approx(0.1)
    assert third.pts - second.pts == 9000
    with pytest.raises(IllegalInput):
        pacer.pin(1000)
    assert pacer.rate == 10


def test_a_rate_whose_pin_is_taken_back_is_measured_again() -> None:
    pacer: Pacer[int] = Pacer(None)
    pacer.pin(10)
    pacer.offer(0, starts_chunk=True, fps=None, now=START)
    pacer.unpin()
    for n in range(1, 60):
        pacer.offer(n, starts_chunk=True, fps=None, now=START + 5 + n / 30)
        pacer.poll(START + 5 + n / 30)
    assert pacer.rate == pytest.approx(30, rel=0.1)
