"""`reactor watch`, `reactor send` and `reactor doctor`, as a person types them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import pytest

from reactor_runtime.cli import main
from reactor_runtime.client import connect
from tests.coturn import SECRET, WHY_UNAVAILABLE, coturn
from tests.loopback.client_model import everything
from tests.loopback.playing import pitch
from tests.running import REACTOR, RunningServer, eventually

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with ExitStack() as stack:
        flags: tuple[str, ...] = ()
        if WHY_UNAVAILABLE is None:
            stack.enter_context(pytest.MonkeyPatch.context()).setenv("REACTOR_TURN_SECRET", SECRET)
            relay = stack.enter_context(coturn(tmp_path_factory.mktemp("coturn")))
            flags = ("--turn-server", f"turn:{relay.address}")
        server = stack.enter_context(everything(tmp_path_factory.mktemp("everything"), *flags))
        client = stack.enter_context(connect(server.url))
        client.send("set_colour", red=200)
        yield server


class Said(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def reactor(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command in this process, which has loaded the engine already."""

    def run(*argv: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, *capsys.readouterr())

    return run


Reactor = Callable[..., Said]


def test_a_reply_is_one_line_of_json(reactor: Reactor, server: RunningServer) -> None:
    done = reactor("send", server.url, "say", "text=hello there")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["type"], said["data"]["text"]) == ("said", "hello there")


def test_a_command_without_a_reply_prints_nothing(reactor: Reactor, server: RunningServer) -> None:
    done = reactor("send", server.url, "set_colour", "red=200", "green=0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("argv", "words"),
    [(("refuse",), "Error: ask me tomorrow"), (("set_colour", "red=999"), "999"), (("fly", "height=3"), "fly")],
)
def test_a_refusal_ends_with_1_and_its_words(
    reactor: Reactor, server: RunningServer, argv: tuple[str, ...], words: str
) -> None:
    done = reactor("send", server.url, *argv)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("set_colour", "red=rose"), "red=rose: expected integer"),
        (("set_colour", "red"), "'red' is no KEY=VALUE"),
        (("weigh_one", "file=@gone.png"), "gone.png"),
    ],
)
def test_a_command_that_cannot_be_sent_ends_with_2(
    reactor: Reactor, server: RunningServer, argv: tuple[str, ...], words: str
) -> None:
    done = reactor("send", server.url, *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[-1]


def test_files_are_sent_one_or_several(reactor: Reactor, server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"1")
    (tmp_path / "two.txt").write_bytes(b"22")
    one = reactor("send", server.url, "weigh_one", f"file=@{tmp_path}/one.txt", "loud=true")
    assert json.loads(one.stdout)["data"] == {"text": "ONE.TXT", "n": 1}
    both = reactor("send", server.url, "weigh", f"files=@{tmp_path}/one.txt", f"files=@{tmp_path}/two.txt")
    assert json.loads(both.stdout)["data"] == {"text": "one.txt two.txt", "n": 3}


def test_without_a_command_they_are_listed(reactor: Reactor, server: RunningServer) -> None:
    lines = reactor("send", server.url).stdout.splitlines()
    assert "say  Say it back" in lines
    assert "    files=@FILE ...  (required)" in lines
    assert "    red=integer  (at least 0, at most 255, default 0)" in lines


def test_what_is_watched_is_recorded_with_its_sound(reactor: Reactor, server: RunningServer, tmp_path: Path) -> None:
    done = reactor("watch", server.url, "--seconds", "3", "--output", str(tmp_path / "clip.mp4"))
    assert done.returncode == 0, done.stderr
    assert "connected  main_video 160x96 " in done.stderr
    with av.open(str(tmp_path / "clip.mp4")) as file:
        frames = list(file.decode(video=0))
        file.seek(0)
        sound = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert len(frames) > 30
    assert frames[-1].to_ndarray(format="rgb24").mean(axis=(0, 1)) == pytest.approx((200, 0, 0), abs=12)
    times = np.array([frame.time for frame in frames])
    assert np.median(np.diff(times)) == pytest.approx(1 / 30, abs=0.005)
    assert pitch(sound[-48_000:]) == pytest.approx(600, abs=5)


def test_what_is_watched_becomes_pictures_until_ctrl_c(server: RunningServer, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    process = subprocess.Popen(
        [REACTOR, "watch", server.url, "-o", str(folder), "-t", "main_video"], stderr=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: len(list(folder.glob("*.png"))) > 5, what="pictures")
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    picture = cv2.imread(str(folder / "frame_000003.png"))
    assert picture is not None
    assert picture.shape == (96, 160, 3)


def test_what_is_watched_can_be_piped_into_a_player(server: RunningServer) -> None:
    with subprocess.Popen([REACTOR, "watch", server.url, "-o", "-"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with av.open(process.stdout, format="yuv4mpegpipe") as film:
            frames = [frame for frame, _ in zip(film.decode(video=0), range(3), strict=False)]
        process.stdout.close()
        assert process.wait(20) == 0
    assert (frames[0].width, frames[0].height) == (160, 96)


def test_a_track_that_is_not_there_is_named(reactor: Reactor, server: RunningServer) -> None:
    done = reactor("watch", server.url, "--track", "side_video")
    assert done.returncode == 2
    assert "'side_video'; there is: main_video, main_audio" in done.stderr


@pytest.mark.parametrize("argv", [("watch", NOWHERE), ("send", NOWHERE, "go")])
def test_a_server_that_does_not_answer_ends_with_2(reactor: Reactor, argv: tuple[str, ...]) -> None:
    done = reactor(*argv)
    assert (done.returncode, done.stderr) == (2, "Error: 127.0.0.1:9 does not answer: Connection refused\n")


def test_the_doctor_finds_every_way_to_a_server(reactor: Reactor, server: RunningServer) -> None:
    done = reactor("doctor", server.url)
    assert done.returncode == 0, done.stdout
    found = {line[4:27].strip(): line[:3].strip() for line in done.stdout.splitlines()}
    assert found == {
        "HTTP": "ok",
        "model": "ok",
        "clock": "ok",
        "WebRTC": "ok",
        "WebRTC over TURN": "ok" if WHY_UNAVAILABLE is None else "--",
        "WebSocket": "ok",
        "WHEP": "ok",
    }, done.stdout
    assert "160x96" in done.stdout
    assert server.health()["state"].lower() == "streaming", "a session that others use goes on"


def test_the_doctor_says_when_nothing_works(reactor: Reactor) -> None:
    done = reactor("doctor", NOWHERE)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "no  HTTP                   127.0.0.1:9 does not answer: Connection refused\n"


def test_the_doctor_looks_at_this_machine_when_it_is_given_no_address(reactor: Reactor) -> None:
    done = reactor("doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for name in ("versions", "WebRTC engine", "encoder VP8", "shared memory"):
        assert any(line.startswith(f"ok  {name}") for line in lines), done.stdout
    assert "The server at http://127.0.0.1:8080:" in lines
