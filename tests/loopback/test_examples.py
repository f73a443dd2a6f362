"""Each example runs as a person would run it without a network, and does what it is there to show."""

from __future__ import annotations

import shutil
import wave
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.loopback.playing import EXAMPLES, Rgb, difference, pitch, play
from tests.running import RunningServer, eventually


def even(times: list[float], fps: float) -> bool:
    return np.allclose(np.diff(times), 1 / fps, atol=1e-3)


def test_meadow_follows_its_prompt(tmp_path: Path) -> None:
    steps = '@frame 12 cmd set_prompt {"prompt": "a starry night"}\n'
    played = play(EXAMPLES / "meadow", tmp_path / "out.mp4", "--frames", "48", steps=steps)
    assert played.status == 0, played.said + played.errors
    times, pictures = zip(*played.video(), strict=True)
    assert len(pictures) == 48
    assert even(list(times), 24)
    assert pictures[0].shape == (360, 640, 3)
    assert pictures[-1].mean() < 0.7 * pictures[5].mean(), "night has fallen"


def test_brightness_dims_and_changes_its_mood(tmp_path: Path) -> None:
    steps = """
        @frame 10 cmd set_brightness {"brightness": 0}
        @frame 36 cmd set_prompt {"prompt": "an ember glows"}
        cmd set_brightness {"brightness": 1}
    """
    played = play(EXAMPLES / "brightness", tmp_path / "out", "--frames", "72", steps=steps)
    assert played.status == 0, played.said + played.errors
    assert played.told("RESULT") == [{"brightness": 0.0}, {"mood": "ember"}, {"brightness": 1.0}]
    pictures = played.pngs()
    assert pictures[5].mean() > 20
    assert pictures[34].mean() < 6
    red, green, blue = pictures[-1].mean(axis=(0, 1))
    assert red > 1.5 * green > blue


def test_brightness_without_its_weights_says_where_it_looked(tmp_path: Path) -> None:
    moved = tmp_path / "brightness"
    shutil.copytree(EXAMPLES / "brightness", moved, ignore=shutil.ignore_patterns("__pycache__"))
    (moved / "weights").rename(tmp_path / "elsewhere")
    lost = play(moved, tmp_path / "out", "--frames", "1", env={"HOME": str(tmp_path / "home")})
    assert lost.status == 1
    for place in (moved / "weights/palette", tmp_path / "home/.cache/reactor_registry/palette"):
        assert str(place) in lost.said


def speech(path: Path) -> Path:
    """Write half a second of silence, one second of 300 Hz, and one of silence."""
    tone = 14_000 * np.sin(2 * np.pi * 300 * np.arange(48_000) / 48_000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(np.concatenate([np.zeros(24_000), tone, np.zeros(48_000)]).astype("<i2").tobytes())
    return path


def mouth(face: Rgb) -> int:
    """Return how many pixels are of the mouth's dark red."""
    return int((np.abs(face.astype(int) - (90, 20, 34)).max(axis=2) < 30).sum())


def test_talking_head_opens_its_mouth_while_it_hears_somebody_and_repeats_it(tmp_path: Path) -> None:
    voice = speech(tmp_path / "voice.wav")
    played = play(EXAMPLES / "talking_head", tmp_path / "out.mp4", "--input-folder", f"microphone={voice}")
    assert played.status == 0, played.said + played.errors
    sound = played.sound()
    loud = np.flatnonzero(np.abs(sound) > 0.05)
    begins, ends = loud[0] / 48_000, loud[-1] / 48_000
    assert ends - begins == pytest.approx(1, abs=0.25)
    middle = sound[int((begins + 0.2) * 48_000) : int((ends - 0.2) * 48_000)]
    assert pitch(middle) == pytest.approx(300, abs=5)
    faces = played.video()
    opened = np.median([mouth(face) for at, face in faces if begins + 0.3 < at < ends - 0.1])
    assert opened > 3 * np.median([mouth(face) for at, face in faces if at < begins - 0.05])
    assert opened > 3 * mouth(faces[-1][1])


def test_stage_plays_two_pictures_and_a_sound(tmp_path: Path) -> None:
    played = play(EXAMPLES / "stage", tmp_path / "out.mp4", "--frames", "72")
    assert played.status == 0, played.said + played.errors
    (times, colours), (same_times, depths) = (zip(*played.video(n), strict=True) for n in (0, 1))
    assert even(list(times), 24)
    assert times == same_times
    assert len(times) == 72
    for colour, depth in zip(colours[::10], depths[::10], strict=True):
        assert np.ptp(depth.astype(int), axis=2).mean() < 2, "depth has no colour"
        assert difference(colour, depth) > 20
    assert difference(colours[0], colours[40]) > 1
    sound = played.sound()
    assert sound.size == pytest.approx(3 * 48_000, rel=0.02)
    assert np.abs(sound).max() > 0.05
    assert min(abs(pitch(sound) - note) for note in (262, 330, 392, 523)) < 6


def changes(pictures: list[Rgb]) -> list[bool]:
    return [not np.array_equal(one, other) for one, other in pairwise(pictures)]


def test_maze_is_walked_with_keys_until_a_wall_and_looked_around_in_with_the_mouse(tmp_path: Path) -> None:
    to_the_nearest_wall = (-np.pi / 2 - 0.4) / 0.004
    steps = f"""
        @frame 8 cmd mouse {{"dx": {to_the_nearest_wall}}}
        @frame 20 cmd keyboard {{"w": true}}
        @frame 45 cmd keyboard {{"s": true, "shift": true}}
        @frame 65 cmd keyboard {{}}
    """
    played = play(EXAMPLES / "maze", tmp_path / "out", "--frames", "80", steps=steps)
    assert played.status == 0, played.said + played.errors
    moved = changes(played.pngs())
    assert not any(moved[:6]), "nothing moves by itself"
    assert sum(moved[6:19]) == 1, "the mouse turns, once"
    assert 3 < sum(moved[19:40]) < 8, "a key walks"
    assert not any(moved[34:44]), "up to the wall"
    assert all(moved[52:64]), "back is free"
    assert not any(moved[74:]), "and no key stands still"


def test_dream_follows_a_new_prompt_and_its_chunks_join_without_a_seam(tmp_path: Path) -> None:
    steps = '@frame 36 cmd set_prompt {"prompt": "embers in the dark"}\ncmd set_guidance {"guidance": 1.0}\n'
    flags = ("--frames", "96", "--model.seconds_per_chunk=0.4")
    played = play(EXAMPLES / "dream", tmp_path / "out.mp4", *flags, steps=steps)
    assert played.status == 0, played.said + played.errors
    times, pictures = zip(*played.video(), strict=True)
    assert len(pictures) == 96
    chunks = np.diff(np.reshape(times, (-1, 12)), axis=1)[1:]
    assert np.median(chunks) == pytest.approx(0.4 / 12, rel=0.3), "the rate is what the model makes"
    assert np.ptp(chunks, axis=1).max() < 1e-3, "even within each chunk"
    steps_between = [difference(one, other) for one, other in pairwise(pictures)]
    assert max(steps_between[11:24:12]) < 3 * np.median(steps_between[:24]), "a chunk goes on where the last ended"
    before, after = pictures[30].mean(axis=(0, 1)), pictures[-1].mean(axis=(0, 1))
    assert np.abs(before - after).max() > 10


def test_narrator_answers_with_typed_messages_in_order(tmp_path: Path) -> None:
    typed = """
        start
        cmd say {"line": "Once upon Once"}
        cmd say {"line": ""}
        cmd say {"line": "   "}
        cmd forget
        cmd say {"line": "again"}
        @0.3 quit
    """
    played = play(EXAMPLES / "narrator", tmp_path / "out", typed=typed)
    assert played.status == 0, played.said + played.errors
    summaries = [said["data"] for said in played.told("MESSAGE") if said["type"] == "summary"]
    assert summaries[0] == {"words": [], "length": {}, "last": None}
    first = {
        "words": [{"text": "once", "count": 2}, {"text": "upon", "count": 1}], "length": {"1": 3}, "last": "once"
    }  # fmt: skip
    assert summaries[1] == first
    assert played.told("RESULT")[0] == first
    tokens = [said["data"]["text"] for said in played.told("MESSAGE") if said["type"] == "token"]
    assert tokens == ["Once", "upon", "Once", "again"]
    refusals = played.told("ERROR")
    assert any(refusal.startswith("say: line: ") for refusal in refusals)
    assert "say: a line needs a word" in refusals
    assert len(refusals) == 2
    assert not (tmp_path / "out").exists(), "it has no tracks"


def test_tone_plays_16_khz_at_the_right_pitch_and_an_octave_doubles_it(tmp_path: Path) -> None:
    steps = '@1.8 cmd transpose {"semitones": 12}\n'
    played = play(EXAMPLES / "tone", tmp_path / "out.mp4", "--seconds", "3", steps=steps)
    assert played.status == 0, played.said + played.errors
    sound = played.sound()

    def note(at: float) -> float:
        return pitch(sound[int((at + 0.08) * 48_000) : int((at + 0.34) * 48_000)])

    for at, semitones in ((0.0, 0), (0.4, 4), (0.8, 7), (1.2, 12), (2.4, 12)):
        assert note(at) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.006)
    assert played.told("RESULT") == [{"semitones": 12}]


SET = """
    @frame 12 cmd set_gravity {"gravity": 0.2}
    cmd set_wind {"wind": {"x": 1.5, "y": -0.5}}
    cmd set_shape {"shape": "ring"}
    cmd set_every {"every": 240}
    cmd set_trails {"trails": false}
    cmd set_hues {"hues": [110, 120]}
    cmd set_hues {"hues": null}
    cmd set_palette {"palette": "ocean"}
"""
WRONG = {
    'set_gravity {"gravity": 9}': "gravity",
    'set_wind {"wind": {"x": "left"}}': "wind",
    'set_shape {"shape": "cube"}': "shape",
    'set_every {"every": 7.5}': "every",
    'set_trails {"trails": "yes"}': "trails",
    'set_hues {"hues": ["red"]}': "hues",
    'set_palette {"palette": "OCEAN"}': "palette",
    'launch {"bursts": []}': "bursts",
    'launch {"bursts": [{"x": 0.5}]}': "bursts",
    'launch {"bursts": [{"x": 0.5, "y": "high"}]}': "bursts",
}


def test_fireworks_takes_every_kind_of_parameter_and_shows_it(tmp_path: Path) -> None:
    steps = (
        f'{SET}\n@frame 130 cmd launch {{"bursts": [{{"x": 0.5, "y": 0.5}}, {{"x": 0.2, "y": 0.3, "sparks": 40}}]}}\n'
    )
    played = play(EXAMPLES / "fireworks", tmp_path / "out", "--frames", "150", steps=steps)
    assert played.status == 0, played.said + played.errors
    assert len(played.told("OK")) == 9
    pictures = played.pngs()
    assert pictures[126].max() < 60, "rockets are far apart, and their sparks out"
    launched = pictures[142].astype(int)
    bright = launched.max(axis=2) > 100
    assert bright.sum() > 300
    assert launched[bright][:, 2].mean() > 2 * launched[bright][:, 0].mean(), "ocean is blue, not red"
    first = pictures[8].astype(int)
    assert first[first.max(axis=2) > 100][:, 0].mean() > 1.5 * first[first.max(axis=2) > 100][:, 2].mean(), "embers"


def test_fireworks_refuses_what_does_not_fit_and_says_which_parameter(tmp_path: Path) -> None:
    typed = "\n".join(f"cmd {said}" for said in WRONG)
    played = play(EXAMPLES / "fireworks", tmp_path / "out", "--frames", "3", typed=f"{typed}\nquit\n")
    assert played.status == 0, played.errors
    refusals = played.told("ERROR")
    assert len(refusals) == len(WRONG)
    for said, refusal in zip(WRONG, refusals, strict=True):
        assert refusal.startswith(f"{said.split()[0]}: {WRONG[said]}"), refusal
    assert played.told("OK") == []


def test_slow_start_says_how_far_it_is_before_it_is_ready(tmp_path: Path) -> None:
    server = RunningServer(EXAMPLES / "slow_start", ("--model.seconds=2",))
    try:
        server.wait_listening()
        seen = []

        def is_ready() -> bool:
            health = server.health()
            if health["status"] == "loading" and health["progress"] and health["progress"]["fraction"] is not None:
                seen.append((health["progress"]["text"], health["progress"]["fraction"]))
            return health["status"] == "ready"

        eventually(is_ready, what="readiness")
    finally:
        server.stop()
    stages = list(dict.fromkeys(text for text, _ in seen))
    assert len(stages) >= 3
    assert set(stages) <= {"Reading the text encoder", "Reading the transformer", "Compiling kernels", "Warming up"}
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] > fractions[0]
    assert "Compiling kernels" in server.output


def test_slow_start_draws_as_many_rings_as_it_is_told_to(tmp_path: Path) -> None:
    steps = '@frame 20 cmd set_rings {"rings": 1}\n'
    played = play(EXAMPLES / "slow_start", tmp_path / "out", "--frames", "40", "--model.seconds=0.2", steps=steps)
    assert played.status == 0, played.said + played.errors
    assert played.told("RESULT") == [{"rings": 1}]
    assert played.errors.index("Reading the text encoder") < played.errors.index("Warming up")
    pictures = played.pngs()
    assert difference(pictures[10], pictures[11]) > 0
    lit = [(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) > 60).mean() for picture in (pictures[10], pictures[-1])]
    assert lit[1] < 0.6 * lit[0]
