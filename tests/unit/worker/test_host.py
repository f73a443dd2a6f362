"""What a driver's emits, messages and replies become on the pipe."""

from __future__ import annotations

import numpy as np
import pytest

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.errors import AuthorError, LoadError, OutputError
from reactor_runtime.worker.failure import failure
from reactor_runtime.worker.host import HELD_BY_SERVER
from reactor_runtime.worker.messages import (
    Failed,
    Flushed,
    Invoke,
    Played,
    Released,
    Replied,
    RingOpened,
    Said,
    SessionBegan,
    SessionEnding,
)
from tests.unit.worker.border import DEPTH, SOUND, VIDEO, Call, eventually, host_of, i420, picture, release


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_frame_lies_bit_exact_in_its_slot() -> None:
    host, border = host_of(VIDEO)
    frame = picture(36, 64)
    assert host.emit({"main": frame}) == 1
    ref = border.slices[0].video["main"]
    assert (ref.width, ref.height) == (64, 36)
    assert np.array_equal(border.pixels(ref), i420(frame))


def test_every_frame_of_a_long_chunk_has_a_slot_of_its_own() -> None:
    host, border = host_of(VIDEO)
    frames = np.stack([picture(16, 16, seed) for seed in range(33)])
    assert host.emit({"main": frames}) == 33
    assert [(s.index, s.chunk_frames) for s in border.slices] == [(i, 33) for i in range(33)]
    for item, frame in zip(border.slices, frames, strict=True):
        assert np.array_equal(border.pixels(item.video["main"]), i420(frame))


def test_emit_waits_until_one_of_the_slices_ahead_is_shown() -> None:
    host, border = host_of(VIDEO, buffer_size=2)
    for _ in range(2):
        host.emit({"main": picture(16, 16)})
    waiting = Call(lambda: host.emit({"main": picture(16, 16, 1)}))
    host.note(Invoke(1, "nothing", {}))
    assert len(border.slices) == 2
    host.note(Played(1))
    assert waiting.wait() == 1
    assert np.array_equal(border.pixels(border.slices[-1].video["main"]), i420(picture(16, 16, 1)))


def test_emit_waits_for_a_slot_while_the_server_keeps_what_it_showed() -> None:
    host, border = host_of(VIDEO, buffer_size=1)
    for _ in range(1 + HELD_BY_SERVER):
        host.emit({"main": picture(16, 16)})
        host.note(Played(1))
    waiting = Call(lambda: host.emit({"main": picture(16, 16)}))
    host.note(Invoke(1, "nothing", {}))
    assert len(border.slices) == 1 + HELD_BY_SERVER
    ref = border.slices[0].video["main"]
    host.note(Released(ref.ring, [ref.slot]))
    assert waiting.wait() == 1


def test_a_dropping_emit_hands_over_what_finds_room() -> None:
    host, border = host_of(VIDEO, buffer_size=2)
    chunk = np.stack([picture(16, 16)] * 4)
    assert host.emit({"main": chunk}, drop=True) == 4
    assert host.emit({"main": chunk}, drop=True) == 0
    release(host, *border.slices[:3])
    assert host.emit({"main": chunk[:2]}, drop=True) == 1
    assert len(border.slices) == 5


def test_flush_wakes_a_waiting_emit_and_abandons_its_chunk() -> None:
    host, border = host_of(VIDEO)
    chunk = np.stack([picture(16, 16)] * 4)
    host.emit({"main": chunk})
    waiting = Call(lambda: host.emit({"main": chunk}))
    eventually(lambda: len(border.slices) == 4)
    host.flush(hold=True)
    assert waiting.wait() == 0
    assert border.of(Flushed) == [Flushed(1, hold=True)]
    release(host, *border.slices)
    assert host.emit({"main": chunk}) == 4
    assert {s.epoch for s in border.slices[-4:]} == {1}


def test_the_end_of_a_session_wakes_a_waiting_emit() -> None:
    host, border = host_of(VIDEO)
    chunk = np.stack([picture(16, 16)] * 4)
    host.emit({"main": chunk})
    waiting = Call(lambda: host.emit({"main": chunk}))
    eventually(lambda: len(border.slices) == 4)
    host.note(SessionEnding("stopped"))
    assert waiting.wait() == 0
    release(host, *border.slices)
    host.note(SessionBegan("next"))
    assert host.emit({"main": chunk}) == 4


def test_emit_without_a_session_converts_nothing_and_returns_at_the_next_one() -> None:
    host, border = host_of(VIDEO, fps=0.001)
    host.note(SessionEnding("stopped"))
    waiting = Call(lambda: host.emit({"main": "no picture at all"}))
    host.note(SessionBegan("next"))
    assert waiting.wait() == 0
    assert border.slices == []


def test_a_bigger_picture_opens_a_bigger_ring_and_the_lead_stays_bounded() -> None:
    host, border = host_of(VIDEO, buffer_size=1)
    small, big = picture(16, 16), picture(64, 32)
    for _ in range(3):
        host.emit({"main": small})
        host.note(Played(1))
    host.emit({"main": big})
    host.note(Played(1))
    assert [ring.slot_bytes for ring in border.of(RingOpened)] == [384, 3072]
    assert host.emit({"main": big}, drop=True) == 0
    ref = border.slices[0].video["main"]
    host.note(Released(ref.ring, [ref.slot]))
    assert host.emit({"main": small}, drop=True) == 1
    assert len(border.of(RingOpened)) == 2
    assert np.array_equal(border.pixels(border.slices[1].video["main"]), i420(small))
    assert np.array_equal(border.pixels(border.slices[3].video["main"]), i420(big))


def test_a_single_picture_goes_into_every_slice_beside_a_batch() -> None:
    host, border = host_of(VIDEO, DEPTH)
    still = picture(16, 16, 9)
    host.emit({"main": np.stack([picture(16, 16)] * 3), "depth": still})
    assert len(border.slices) == 3
    for item in border.slices:
        assert np.array_equal(border.pixels(item.video["depth"]), i420(still))


def test_batches_of_different_length_are_refused_and_take_no_slot() -> None:
    host, border = host_of(VIDEO, DEPTH)
    with pytest.raises(OutputError, match="'main' has 2, 'depth' has 3"):
        host.emit({"main": np.stack([picture(16, 16)] * 2), "depth": np.stack([picture(16, 16)] * 3)})
    assert border.sent == []


@pytest.mark.parametrize(
    ("payloads", "text"),
    [({"other": 1}, "'other' is no output track; this model has: main"), ({}, "nothing to emit"), ({"main": 1}, "int")],
)
def test_what_is_no_output_is_refused(payloads: dict[str, object], text: str) -> None:
    host, border = host_of(VIDEO)
    with pytest.raises(OutputError, match=text):
        host.emit(payloads)
    assert border.sent == []


def test_an_empty_batch_hands_over_nothing() -> None:
    host, border = host_of(VIDEO, SOUND)
    assert host.emit({"main": np.zeros((0, 16, 16, 3), np.uint8), "sound": np.zeros(100, np.int16)}) == 0
    assert border.sent == []


def test_sound_is_shared_out_over_the_slices() -> None:
    host, border = host_of(VIDEO, SOUND)
    samples = np.arange(2 * 10, dtype=np.int16).reshape(2, 10)
    host.emit({"main": np.stack([picture(16, 16)] * 3), "sound": samples})
    assert [s.audio["sound"][0] for s in border.slices] == [2, 2, 2]
    joined = b"".join(s.audio["sound"][1] for s in border.slices)
    assert np.array_equal(np.frombuffer(joined, "<i2").reshape(10, 2).T, samples)
    assert [len(s.audio["sound"][1]) for s in border.slices] == [16, 12, 12]


def test_sound_of_any_rate_arrives_at_48_khz() -> None:
    host, border = host_of(TrackSpec("sound", "audio", rate=24_000), fps=1)
    for _ in range(3):
        host.emit({"sound": np.zeros(2400, np.int16)})
    samples = sum(len(s.audio["sound"][1]) // 2 for s in border.slices)
    assert 3 * 4800 - 200 <= samples <= 3 * 4800


def test_sound_without_pictures_is_bounded_like_pictures_and_plays_at_its_own_rate() -> None:
    host, border = host_of(SOUND, buffer_size=2)
    tenth = np.zeros(4800, np.int16)
    assert [host.emit({"sound": tenth}, drop=True) for _ in range(3)] == [1, 1, 0]
    host.note(Played(1))
    assert [host.emit({"sound": tenth}, drop=True) for _ in range(2)] == [1, 0]
    assert [s.fps for s in border.slices] == [10.0] * 3


def test_pictures_with_sound_play_at_the_rate_of_the_sound_however_fast_they_were_made() -> None:
    host, border = host_of(VIDEO, SOUND)
    chunk = np.stack([picture(16, 16)] * 4)
    host.emit({"main": chunk, "sound": np.zeros(8000, np.int16)}, compute_time=0.001)
    assert {s.fps for s in border.slices} == {24.0}


def test_the_rate_is_the_authors_else_measured_from_what_the_chunk_took() -> None:
    clock = Clock()
    host, border = host_of(VIDEO, clock=clock)
    chunk = np.stack([picture(16, 16)] * 2)
    host.emit({"main": chunk})
    clock.now += 0.5
    host.emit({"main": chunk})
    release(host, *border.slices)
    host.emit({"main": chunk}, compute_time=0.1)
    host.emit({"main": chunk}, fps=12.5)
    assert [s.fps for s in border.slices if s.index == 0] == [None, 4.0, 20.0, 12.5]


def test_a_pinned_rate_goes_out_as_it_is() -> None:
    host, border = host_of(VIDEO, fps=24)
    host.emit({"main": picture(16, 16)}, compute_time=1.0)
    assert border.slices[0].fps == 24


def test_the_first_chunk_begun_after_a_handler_returned_answers_its_command() -> None:
    clock = Clock()
    host, border = host_of(VIDEO, buffer_size=8, clock=clock)
    for command_id in (1, 2, 3):
        host.note(Invoke(command_id, "set", {}))
    clock.now = 101
    host.reply(1)  # while the first chunk is made
    host.reply(2, error_code="refused")
    clock.now = 102
    host.emit({"main": picture(16, 16)})
    clock.now = 103
    host.reply(3)
    host.emit({"main": np.stack([picture(16, 16)] * 2)})
    host.emit({"main": picture(16, 16)})
    assert [s.answers for s in border.slices] == [[], [1], [], [3]]
    assert [(s.began_at, s.emitted_at) for s in border.slices] == [(100, 102), (102, 103), (102, 103), (103, 103)]


def test_a_command_is_answered_once_and_nothing_else_is() -> None:
    host, border = host_of(VIDEO)
    host.note(Invoke(7, "set", {}))
    host.reply(7, {"level": np.float32(0.5)}, name="Level")
    host.reply(7)
    host.reply(8)
    assert border.of(Replied) == [Replied(7, {"level": 0.5}, "Level")]


def test_a_reply_that_cannot_be_encoded_becomes_an_internal_error() -> None:
    host, border = host_of(VIDEO)
    host.note(Invoke(7, "set", {}))
    host.reply(7, {"level": object()})
    (replied,), (failed,) = border.of(Replied), border.of(Failed)
    assert replied.error_code == "internal_error"
    assert failed.where == "handler"
    assert failed.error == "set: reply.level is a object, which cannot be sent"


def test_a_message_that_cannot_be_encoded_is_the_callers_error() -> None:
    host, border = host_of(VIDEO)
    with pytest.raises(AuthorError, match=r"Status\.model is a Host, which cannot be sent"):
        host.say({"model": host}, name="Status")
    host.say({"ok": True}, name="Status", client_id=3)
    assert border.sent == [Said({"ok": True}, "Status", 3)]


def test_a_failure_tells_the_author_all_and_clients_no_more_than_the_class() -> None:
    try:
        raise ValueError("secret path /home/me \udcff")
    except ValueError as error:
        failed = failure("run", error)
    assert failed.summary == "the model raised ValueError in run()"
    assert failed.error == "ValueError: secret path /home/me \\udcff"
    assert 'raise ValueError("secret' in failed.traceback
    assert failure("import", LoadError("no model")).traceback == ""


def test_a_traceback_shows_the_authors_lines_and_none_of_the_runtimes() -> None:
    host, _ = host_of(VIDEO)
    with pytest.raises(OutputError) as refused:
        host.emit({"main": "no picture"})
    trace = failure("run", refused.value).traceback
    assert 'host.emit({"main": "no picture"})' in trace
    assert "in emit" not in trace
    assert trace.endswith("torch tensors too.\n")
    with pytest.raises(AuthorError) as raised:
        raise AuthorError("the whole story")
    raised.value.__traceback__ = None
    assert failure("load", raised.value).traceback == ""


def test_a_failure_is_printed_here_once_the_server_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    host, border = host_of(VIDEO)
    border.here = False
    host.failed("run", "it broke")
    assert capsys.readouterr().err == "it broke\n"
