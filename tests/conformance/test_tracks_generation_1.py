"""Tracks of generation 1: `emit`, `latest`, and what clients send."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reactor_runtime import AudioIn, AudioOut, MediaBundle, VideoIn, VideoModel, VideoOut, get_ctx
from reactor_runtime.authoring.emission_rate import EmissionRate
from reactor_runtime.media.pacer import Pacer
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import levels, picture
from tests.running import eventually


def until_stopped() -> None:
    while not get_ctx().should_stop():
        threading.Event().wait(0.002)


class Single(VideoModel):
    wide = VideoOut(default=True)
    paint: Callable[[Any], Any]

    def start_session(self) -> None:
        type(self).paint(self)
        until_stopped()


class Studio(Single):
    side = VideoOut()
    voice = AudioOut(rate=16_000)


class Camera(Single):
    webcam = VideoIn()
    mic = AudioIn(rate=16_000)
    paint = until_stopped  # type: ignore[assignment]

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def start_session(self) -> None:
        until_stopped()


def painting(cls: type[Single], paint: Callable[[Any], Any]) -> ModelHarness[Single]:
    return ModelHarness(type(cls.__name__, (cls,), {"paint": paint, "__module__": __name__}))


def sound(value: int, samples: int = 160) -> Any:
    return np.full((1, samples), value, np.int16)


@table(
    "5.1",
    "1",
    "`emit` takes {}",
    "frame, shown",
    ("one picture, (H, W, 3) uint8 RGB", picture(9), [9]),
    ("several, (N, H, W, 3)", np.concatenate([picture(1, 1), picture(2, 1)]), [1, 2]),
)
def test_emit_takes_one_picture_or_several(frame: Any, shown: list[int]) -> None:
    with painting(Single, lambda self: self.wide.emit(frame)) as m:
        assert levels(m.frames(len(shown))) == shown


@fact("5.1", "1", "`emit(None)` on a video track is a black frame of 720x1280")
def test_none_is_a_black_frame() -> None:
    with painting(Single, lambda self: self.wide.emit()) as m:
        [frame] = m.frames(1)
        assert (frame.shape, frame.max()) == ((720, 1280, 3), 0)


@fact("5.1", "1", "`emit(None)` on an audio track is a second of silence, (1, rate) int16")
def test_none_is_a_second_of_silence() -> None:
    def paint(self: Any) -> None:
        self.wide.emit(picture())
        self.side.emit(picture())
        self.voice.emit()

    with painting(Studio, paint) as m:
        assert not m.audio(0.9).any()


@fact("5.1", "1", "each track counts its own chunks; one goes out when every output track has given its part")
def test_a_chunk_goes_out_when_every_track_has_given_its_part() -> None:
    def paint(self: Any) -> None:
        for level in (1, 2):
            self.wide.emit(picture(level))
            self.side.emit(picture(10 * level))
            self.voice.emit(sound(100 * level))

    with painting(Studio, paint) as m:
        chunks = m.chunks(2)
        assert [(levels(c["wide"]), levels(c["side"])) for c in chunks] == [([1], [10]), ([2], [20])]
        assert all(c["voice"].any() for c in chunks[1:])


@fact("5.1", "1", "`bucket` names the chunk; emitting it again before it is whole overwrites")
def test_a_bucket_names_the_chunk() -> None:
    def paint(self: Any) -> None:
        self.wide.emit(picture(1), bucket=0)
        self.wide.emit(picture(5), bucket=0)
        self.side.emit(picture(10), bucket=0)
        self.voice.emit(sound(1), bucket=0)

    with painting(Studio, paint) as m:
        [chunk] = m.chunks(1)
        assert (levels(chunk["wide"]), levels(chunk["side"])) == ([5], [10])


@fact("5.1", "1", "`emit` on an input track: TypeError \"Track '{n}' (direction=in) does not support emit(). ...\"")
def test_an_input_track_cannot_be_emitted_on() -> None:
    expected = r"Track 'webcam' \(direction=in\) does not support emit\(\). Only output tracks \(OUT\) can emit\."
    with pytest.raises(TypeError, match=expected):
        Camera.webcam.emit(picture())


@fact("5.1", "1", "`emit` outside a session: RuntimeError \"Track '{n}' is not wired to a session. ...\"")
def test_a_track_cannot_be_emitted_on_outside_a_session() -> None:
    expected = r"Track 'wide' is not wired to a session. Ensure emit\(\) is called during an active session\."
    with pytest.raises(RuntimeError, match=expected):
        Single.wide.emit(picture())


@fact("1.1", "1", "`InputTrack.latest()` is the newest frame that a client sent, None before the first")
def test_an_input_track_has_its_latest_frame() -> None:
    class Looks(Camera):
        def start_session(self) -> None:
            self.seen.append(self.webcam.latest())
            self.wide.emit(picture())
            while (frame := self.webcam.latest()) is None:
                threading.Event().wait(0.002)
            self.seen.append(int(frame.flat[0]))
            until_stopped()

    with ModelHarness(Looks) as m:
        m.frames(1)
        m.push("webcam", picture(8))
        assert eventually(lambda: m.model.seen if len(m.model.seen) == 2 else None) == [None, 8]


@fact("1.1", "1", "`on_media(bundle)` is called after `latest` is updated (from 1.6)")
def test_media_is_there_when_the_model_is_told_of_it() -> None:
    class Hears(Camera):
        def on_media(self, bundle: MediaBundle) -> None:
            for name, frame in bundle.items():
                self.seen.append((name, int(frame.flat[0]), int(self.webcam.latest().flat[0])))  # type: ignore[union-attr]

    with ModelHarness(Hears) as m:
        m.push("webcam", picture(8))
        assert eventually(lambda: m.model.seen) == [("webcam", 8, 8)]


@fact("1.1", "1", "`on_frame(frame)` is called with each picture (to 1.4.3)")
def test_an_older_model_is_given_the_frame_itself() -> None:
    class Old(VideoModel):
        def start_session(self) -> None:
            until_stopped()

        def on_frame(self, frame: Any) -> None:
            self.level = int(frame.flat[0])

    with ModelHarness(Old) as m:
        m.push("video", picture(8))
        assert eventually(lambda: getattr(m.model, "level", None)) == 8


@fact("6", "1", "with `emission_fps` set, frames play on an absolute clock at that rate")
def test_a_pinned_rate_is_kept() -> None:
    class Pinned(Single):
        emission_fps = 20

    with painting(Pinned, lambda self: self.wide.emit(picture())) as m:
        assert m.contract.fps == 20
    pacer: Pacer[int] = Pacer(20)
    for number in range(3):
        pacer.offer(number, starts_chunk=True, fps=None, now=0.0)
    shown = [pacer.poll(at) for at in (0.0, 0.05, 0.1)]
    assert [due and due.at for due in shown] == [0.0, 0.05, 0.1]


@fact("6", "1", "without, the rate begins at 16 fps and follows the model")
def test_an_adaptive_rate_begins_at_16() -> None:
    pacer: Pacer[int] = Pacer(None)
    assert pacer.rate == 16
    for number in range(40):
        pacer.offer(number, starts_chunk=True, fps=None, now=number / 30)
        while pacer.poll(number / 30):
            pass
    assert 27 < pacer.rate < 33


@fact("2.1", "1", "`config.fps_debuff_factor` scales the measured rate")
def test_the_debuff_factor_scales_the_measured_rate() -> None:
    now = [0.0]
    rate = EmissionRate(None, 0.5, lambda: now[0])
    rate.note(1)
    now[0] = 0.1
    _, compute_time = rate.ask()
    assert compute_time is not None
    assert 1 / compute_time == pytest.approx(0.5 / 0.1)


@fact("5.1", "1", "`disable_monitoring()` freezes the measured rate, `enable_monitoring()` lets it follow again")
def test_monitoring_freezes_and_thaws_the_rate() -> None:
    now = [0.0]
    rate = EmissionRate(None, 1.0, lambda: now[0])
    for _ in range(5):
        rate.note(1)
        now[0] += 0.1
    rate.freeze()
    assert rate.ask()[0] == pytest.approx(10, rel=0.3)
    rate.thaw()
    rate.note(1)
    assert rate.ask() == (None, None)


@fact("6", "1", "producers wait while the queue is full (from 1.7)")
def test_emit_waits_while_the_stream_is_full() -> None:
    def paint(self: Any) -> None:
        for level in range(50):
            self.made = level
            self.wide.emit(picture(level))

    with painting(Single, paint) as m:
        assert levels(m.frames(10)) == list(range(10))
        assert m.model.made < 30  # type: ignore[attr-defined]
        assert levels(m.frames(40)) == list(range(10, 50))
