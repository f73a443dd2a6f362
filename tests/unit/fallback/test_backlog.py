from reactor_runtime.fallback.backlog import Backlog
from reactor_runtime.media.frame import AccessUnit


def unit(pts: int, *, key: bool = False, size: int = 1000, answers: tuple[int, ...] = ()) -> AccessUnit:
    return AccessUnit(bytes(size), pts, key, 64, 48, answers=answers)


def taken(backlog: Backlog) -> list[tuple[str, int]]:
    found = []
    while (item := backlog.take()) is not None:
        found.append((item[0], item[1].pts))
    return found


def test_pictures_leave_in_the_order_in_which_they_came() -> None:
    backlog = Backlog()
    backlog.put("a", unit(1, key=True), 0.0)
    backlog.put("b", unit(2, key=True), 0.0)
    backlog.put("a", unit(3), 0.1)
    assert taken(backlog) == [("a", 1), ("b", 2), ("a", 3)]
    assert backlog.keyframes_needed() == []
    assert backlog.lost == 0


def test_after_a_second_everything_makes_way_and_only_a_key_frame_follows() -> None:
    backlog = Backlog()
    backlog.put("a", unit(0, key=True), 0.0)
    for number in range(1, 32):
        backlog.put("a", unit(number), number / 30)
    assert taken(backlog) == []
    assert backlog.lost == 32
    backlog.put("a", unit(33, key=True), 1.1)
    backlog.put("a", unit(34), 1.2)
    assert taken(backlog) == [("a", 33), ("a", 34)]


def test_no_more_than_a_megabyte_waits() -> None:
    backlog = Backlog()
    backlog.put("a", unit(0, key=True, size=600_000), 0.0)
    backlog.put("a", unit(1, size=600_000), 0.01)
    assert taken(backlog) == []
    assert backlog.lost == 2
    backlog.put("a", unit(2, key=True, size=1_500_000), 0.02)
    assert taken(backlog) == [("a", 2)], "one that is larger goes alone"


def test_a_key_frame_goes_past_what_is_late_of_its_own_track() -> None:
    backlog = Backlog()
    backlog.put("a", unit(0, key=True), 0.0)
    backlog.put("b", unit(1, key=True), 0.0)
    backlog.put("a", unit(2, key=True), 0.5)
    assert taken(backlog) == [("b", 1), ("a", 2)]
    assert backlog.lost == 1
    backlog.put("a", unit(3), 0.5)
    backlog.put("a", unit(4, key=True), 0.6)
    assert taken(backlog) == [("a", 3), ("a", 4)], "a tenth of a second is not late"


def test_a_key_frame_is_asked_for_once() -> None:
    backlog = Backlog()
    backlog.put("a", unit(0, key=True), 0.0)
    backlog.put("a", unit(1), 2.0)
    assert backlog.keyframes_needed() == ["a"]
    backlog.put("a", unit(2), 2.1)
    assert backlog.keyframes_needed() == []
    backlog.put("a", unit(3, key=True), 2.2)
    backlog.put("a", unit(4), 5.0)
    assert backlog.keyframes_needed() == ["a"]


def test_the_next_picture_answers_what_dropped_ones_did() -> None:
    backlog = Backlog()
    backlog.put("a", unit(0, key=True, answers=(1,)), 0.0)
    backlog.put("a", unit(1, answers=(2,)), 2.0)
    backlog.put("a", unit(2, answers=(3,)), 2.1)
    backlog.put("a", unit(3, key=True, answers=(4,)), 2.2)
    backlog.put("a", unit(4), 2.3)
    first, second = backlog.take(), backlog.take()
    assert first is not None
    assert second is not None
    assert first[1].answers == (1, 2, 3, 4)
    assert second[1].answers == ()
