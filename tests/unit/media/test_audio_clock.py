import numpy as np
import pytest

from reactor_runtime.errors import IllegalInput
from reactor_runtime.media.audio_clock import BACKLOG, BEND, BLOCK, LEAD, AudioClock
from reactor_runtime.media.frame import AudioBlock

START = 1000.0


def mono(count: int, first: int = 1) -> bytes:
    """A ramp without zeros, so that silence and sound can be told apart."""
    return (np.arange(first, first + count) % 30_000 + 1).astype("<i2").tobytes()


def play(clock: AudioClock, until: float, offers: list[tuple[float, bytes]], late: float = 0.0) -> list[AudioBlock]:
    """Run a mono clock from START to START + `until`, offering at the given moments."""
    blocks: list[AudioBlock] = []
    queue = sorted(offers)
    while True:
        deadline = clock.next_deadline()
        wake = deadline[0] + late if deadline else float("inf")
        if queue and START + queue[0][0] <= wake:
            at, samples = queue.pop(0)
            clock.offer(samples, 1, START + at)
        elif wake > START + until:
            return blocks
        else:
            blocks += clock.poll(wake)


def sound(blocks: list[AudioBlock]) -> np.ndarray:
    return np.frombuffer(b"".join(block.samples for block in blocks), "<i2")


def test_nothing_happens_before_the_first_offer() -> None:
    clock = AudioClock()
    assert clock.next_deadline() is None
    assert clock.poll(START) == []


def test_a_started_clock_makes_silence_every_20_ms() -> None:
    clock = AudioClock(channels=1)
    clock.start(START)
    blocks = play(clock, 1.0, [])
    assert len(blocks) == 51
    assert [block.pts for block in blocks] == [n * BLOCK for n in range(51)]
    assert not sound(blocks).any()
    assert all(len(block.samples) == 2 * BLOCK for block in blocks)


def test_starting_twice_does_not_disturb_the_clock() -> None:
    clock = AudioClock()
    clock.start(START)
    clock.poll(START)
    clock.start(START + 0.01)
    assert clock.next_deadline() == (START + 0.02, "audio block due")


def test_the_slices_of_a_24_fps_stream_play_without_a_gap() -> None:
    ramp = np.frombuffer(mono(48 * 2000), "<i2")
    offers = [(n / 24, ramp[2000 * n : 2000 * (n + 1)].tobytes()) for n in range(48)]
    played = sound(play(AudioClock(channels=1), 1.9, offers))
    heard = np.flatnonzero(played)
    assert heard[0] == LEAD
    assert played[LEAD:].all(), "no silence between slices"
    assert np.array_equal(played[LEAD:], ramp[: len(played) - LEAD])


def test_slices_that_come_up_to_10_ms_late_leave_no_gap() -> None:
    offers = [(n / 30 + (0.01 if n % 3 == 1 else 0), mono(1600)) for n in range(60)]
    played = sound(play(AudioClock(channels=1), 1.9, offers))
    assert played[LEAD:].all()


def test_when_sound_runs_dry_silence_goes_on_and_the_next_sound_starts_whole() -> None:
    first, second = mono(1000), mono(1000, first=5000)
    played = sound(play(AudioClock(channels=1), 0.4, [(0, first), (0.2, second)]))
    assert len(played) == 21 * BLOCK
    heard = played[played != 0].tobytes()
    assert heard == first + second
    whole = np.flatnonzero(played)[1000:]
    assert (np.diff(whole) == 1).all()


def test_ten_minutes_of_polls_that_come_late_lose_no_block_and_do_not_drift() -> None:
    clock = AudioClock(channels=1)
    clock.start(START)
    blocks = play(clock, 600.0, [], late=0.012)
    assert clock.skipped == 0
    assert blocks[-1].pts == (len(blocks) - 1) * BLOCK
    assert len(blocks) == 600 * 50


def test_a_very_late_poll_makes_only_a_few_blocks_and_counts_the_rest() -> None:
    clock = AudioClock()
    clock.start(START)
    clock.poll(START)
    blocks = clock.poll(START + 1.0)
    assert [block.pts for block in blocks] == [48 * BLOCK, 49 * BLOCK, 50 * BLOCK]
    assert clock.skipped == 47
    assert clock.next_deadline() == (START + 1.02, "audio block due")


def test_mono_is_heard_on_both_sides_of_a_stereo_stream() -> None:
    clock = AudioClock(channels=2)
    clock.offer(mono(BLOCK * 3), 1, START)
    played = sound(clock.poll(START + 0.02)).reshape(-1, 2)
    assert np.array_equal(played[:, 0], played[:, 1])
    assert played[LEAD:].all()


def test_stereo_is_mixed_for_a_mono_stream() -> None:
    clock = AudioClock(channels=1)
    clock.offer(np.tile(np.array([100, 300], "<i2"), BLOCK * 2).tobytes(), 2, START)
    played = sound(clock.poll(START + 0.02))
    assert set(played[LEAD:]) == {200}


def test_a_flush_leaves_silence() -> None:
    clock = AudioClock(channels=1)
    clock.offer(mono(9600), 1, START)
    clock.flush()
    assert clock.queued == 0
    assert not sound(play(clock, 0.1, [])).any()
    assert clock.dropped == 0


def test_a_chunk_of_any_length_is_kept_whole() -> None:
    clock = AudioClock(channels=1)
    clock.offer(mono(BACKLOG * 2), 1, START)
    assert (clock.queued, clock.dropped) == (LEAD + BACKLOG * 2, 0)


def test_sound_that_trails_its_picture_too_far_is_cut_and_counted() -> None:
    clock = AudioClock(channels=1)
    for _ in range(10):
        clock.offer(mono(BACKLOG // 4), 1, START)
        assert clock.queued <= BACKLOG + BACKLOG // 4
    assert clock.dropped > 0
    assert clock.queued + clock.dropped == pytest.approx(LEAD + 10 * (BACKLOG // 4), rel=BEND)


@pytest.mark.parametrize(("samples", "channels"), [(b"\0", 1), (b"\0\0", 2), (b"\0\0\0\0", 3), (b"", 0)])
def test_what_is_no_sound_is_refused_and_changes_nothing(samples: bytes, channels: int) -> None:
    clock = AudioClock()
    with pytest.raises(IllegalInput):
        clock.offer(samples, channels, START)
    assert clock.next_deadline() is None


@pytest.mark.parametrize("channels", [0, 3])
def test_a_clock_of_other_channels_is_refused(channels: int) -> None:
    with pytest.raises(IllegalInput):
        AudioClock(channels)
