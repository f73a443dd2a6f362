"""`reactor run --runtime headless` as a user runs it: a real model in its own process, real files, real exit codes."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.models import HEAD, PAINTER, write_model
from tests.running import REACTOR, eventually

GREEN, RED = (20, 160, 40), (200, 30, 30)


def headless(folder: Path, *flags: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REACTOR, "run", "-p", str(folder), "--runtime", "headless", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        input=typed or "",
        cwd=folder,
    )


@pytest.fixture
def painter(tmp_path: Path) -> Path:
    return write_model(tmp_path, PAINTER)


def colour(path: Path) -> tuple[int, ...]:
    """Colour at the right edge, which the painter's moving bar reaches last."""
    pixels = cv2.imread(str(path))
    assert pixels is not None
    return tuple(int(value) for value in pixels[90, 310, ::-1])


@pytest.mark.parametrize("where", [(), ("--in-process",)])
def test_frames_become_pngs_of_the_right_colour(where: tuple[str, ...], painter: Path) -> None:
    done = headless(painter, "--frames", "12", "--output", "out", *where)
    assert done.returncode == 0, done.stdout + done.stderr
    files = sorted((painter / "out").iterdir())
    assert [file.name for file in files] == [f"frame_{number:06d}.png" for number in range(12)]
    assert colour(files[-1]) == pytest.approx(GREEN, abs=3)
    assert "[INFO] Session stopped. Total frames: 12" in done.stdout


def test_without_an_output_frames_go_to_a_folder_named_for_the_time(painter: Path) -> None:
    assert headless(painter, "--frames", "2").returncode == 0
    [folder] = (painter / "output").iterdir()
    assert folder.name.isdigit()
    assert len(list(folder.iterdir())) == 2


def test_a_script_steers_the_model_and_its_effect_is_in_the_mp4(painter: Path) -> None:
    script = painter / "script.txt"
    script.write_text(f'# turn red half way\n@1 cmd set_colour {{"red": {RED[0]}, "green": 30, "blue": 30}}\n')
    done = headless(painter, "--script", str(script), "--seconds", "2", "--output", "out.mp4")
    assert done.returncode == 0, done.stdout + done.stderr
    with av.open(str(painter / "out.mp4")) as file:
        frames = [(float(frame.time or 0), frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
    assert len(frames) == pytest.approx(60, abs=1)
    assert frames[-1][0] == pytest.approx(2, abs=0.1)
    before = [frame for time, frame in frames if time < 1]
    assert all(np.allclose(frame[90, 310], GREEN, atol=6) for frame in before)
    reds = [time for time, frame in frames if frame[90, 310, 0] > 90]
    assert 1 <= reds[0] < 1.5


def test_piped_commands_answer_with_their_tags(painter: Path) -> None:
    typed = "\n".join(
        [
            "cmd set_colour {}", "cmd requestCapabilities {}", "start", 'cmd set_colour {"red": 9}',
            'cmd set_colour {"red": 999}', "cmd nope", "@frame 3 stop", "exit",
        ]
    )  # fmt: skip
    done = headless(painter, "--output", "out", typed=typed)
    assert done.returncode == 0, done.stderr
    told = [
        "[WARN] Cannot send command in state READY.",
        "[RESULT] {",
        "[INFO] Session started",
        "[OK] Command 'set_colour' dispatched",
        "[ERROR] set_colour: red: 999 > le(255)",
        "[ERROR] unknown command 'nope'",
        "[INFO] Session stopped.",
    ]
    places = [done.stdout.find(line) for line in told]
    assert -1 not in places, done.stdout
    assert places == sorted(places)


def test_a_refused_command_in_a_script_ends_with_1(painter: Path) -> None:
    (painter / "s.txt").write_text("cmd nope\n")
    done = headless(painter, "--script", "s.txt", "--output", "out")
    assert done.returncode == 1
    assert "[ERROR] unknown command 'nope'" in done.stdout


def test_a_script_with_a_mistake_is_refused_before_the_model_starts(painter: Path) -> None:
    (painter / "s.txt").write_text("start\ncmd go {\n")
    done = headless(painter, "--script", "s.txt")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: s.txt:2: Invalid JSON")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("raise", "RuntimeError: the model is broken"),
        ("exit", "exited with status 7"),
        ("segfault", "killed by SIGSEGV"),
        ("return", "returned"),
    ],
)
def test_a_model_that_fails_ends_the_run_with_1_and_says_how(kind: str, said: str, painter: Path) -> None:
    (painter / "s.txt").write_text(f'@frame 3 cmd make_trouble {{"kind": "{kind}"}}\n@60 quit\n')
    done = headless(painter, "--script", "s.txt", "--output", "out.mp4")
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout
    if kind == "raise":
        assert 'raise RuntimeError("the model is broken")' in done.stderr
    with av.open(str(painter / "out.mp4")) as file:  # what was made until then is a whole file
        assert sum(1 for _ in file.decode(video=0)) >= 3


def test_a_model_that_raises_in_load_ends_the_run_with_1(tmp_path: Path) -> None:
    source = "class Broken(ReactorModel):\n    def load(self, config):\n        raise OSError('no weights here')\n"
    done = headless(write_model(tmp_path, source, name="Broken", head=HEAD), "--frames", "1")
    assert done.returncode == 1
    assert "no weights here" in done.stdout
    assert "Traceback (most recent call last)" in done.stderr


def test_ctrl_c_ends_the_run_cleanly_with_a_whole_file(painter: Path) -> None:
    out = painter / "out.mp4"
    process = subprocess.Popen(
        [REACTOR, "run", "-p", str(painter), "--runtime", "headless", "--seconds", "100000", "--output", str(out)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        eventually(lambda: out.exists() and out.stat().st_size > 0, what="the file")
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, told
    assert "Traceback" not in told
    with av.open(str(out)) as file:
        assert sum(1 for _ in file.decode(video=0)) > 0
