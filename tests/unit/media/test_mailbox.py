import pytest

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.mailbox import Mailbox


def test_items_come_out_in_the_order_they_went_in() -> None:
    box: Mailbox[int] = Mailbox(3, newest_wins=True)
    assert [box.put(item) for item in (1, 2, 3)] == [None, None, None]
    assert len(box) == 3
    assert [box.take() for _ in range(4)] == [1, 2, 3, None]
    assert box.dropped == 0


def test_when_the_newest_wins_a_full_mailbox_gives_back_its_oldest_item() -> None:
    box: Mailbox[str] = Mailbox(2, newest_wins=True)
    assert [box.put(item) for item in "abcd"] == [None, None, "a", "b"]
    assert box.dropped == 2
    assert box.clear() == ["c", "d"]


def test_when_the_oldest_wins_a_full_mailbox_gives_back_the_new_item() -> None:
    box: Mailbox[str] = Mailbox(2, newest_wins=False)
    assert [box.put(item) for item in "abcd"] == [None, None, "c", "d"]
    assert box.dropped == 2
    assert [box.take(), box.take()] == ["a", "b"]


def test_clearing_returns_everything_and_counts_nothing_as_dropped() -> None:
    box: Mailbox[int] = Mailbox(2, newest_wins=True)
    box.put(1)
    assert box.clear() == [1]
    assert (len(box), box.dropped, box.take()) == (0, 0, None)


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_mailbox_without_room_is_refused(capacity: int) -> None:
    with pytest.raises(IllegalInput, match="at least one"):
        Mailbox(capacity, newest_wins=True)
