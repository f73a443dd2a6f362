from reactor_runtime.codec.placement import Level, Placement

TOP, SMALL = 4_000_000, 600_000


def run(placement: Placement, bps: int, start: float, seconds: float) -> Level:
    level = placement.level
    for tenth in range(round(seconds * 10) + 1):
        level = placement.note(bps, start + tenth / 10)
    return level


def test_a_viewer_starts_on_top_and_stays_while_its_estimate_fits() -> None:
    placement = Placement(top_bps=TOP, small_bps=SMALL)
    assert run(placement, 3_600_000, 0, 60) == "top"


def test_a_short_dip_moves_nobody() -> None:
    placement = Placement(top_bps=TOP, small_bps=SMALL)
    assert run(placement, 1_000_000, 0, 0.9) == "top"
    assert run(placement, 4_000_000, 1.0, 0) == "top"
    assert run(placement, 1_000_000, 1.1, 0.9) == "top"


def test_a_lasting_dip_moves_to_the_small_rung() -> None:
    placement = Placement(top_bps=TOP, small_bps=SMALL)
    assert run(placement, 1_000_000, 0, 1.0) == "small"


def test_headroom_on_the_small_rung_tries_the_top_again_after_a_while() -> None:
    placement = Placement(top_bps=TOP, small_bps=SMALL)
    run(placement, 500_000, 0, 1)
    assert run(placement, 900_000, 2, 4.9) == "small"
    assert run(placement, 900_000, 7, 0) == "top"


def test_an_estimate_without_headroom_stays_small_for_ever() -> None:
    placement = Placement(top_bps=TOP, small_bps=SMALL)
    run(placement, 500_000, 0, 1)
    assert run(placement, 700_000, 2, 300) == "small"


def test_every_failed_return_doubles_the_patience_and_a_lasting_one_resets_it() -> None:
    placement = Placement(top_bps=TOP, small_bps=SMALL)

    def seconds_until(level: Level, bps: int, start: float) -> float:
        now = start
        while placement.note(bps, now) != level:
            now += 0.1
        return now

    now = seconds_until("small", 900_000, 0)
    waits = []
    for _ in range(6):
        up = seconds_until("top", 900_000, now)
        waits.append(round(up - now))
        now = seconds_until("small", 900_000, up)
    assert waits == [5, 10, 20, 40, 60, 60]

    up = seconds_until("top", 900_000, now)
    assert run(placement, TOP, up, 30) == "top"
    now = seconds_until("small", 900_000, up + 31)
    assert round(seconds_until("top", 900_000, now) - now) == 5
