"""What generation 1 got wrong, and what happens here instead. One row per item of the reference's list."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import psutil
import pytest

from reactor_runtime import AudioIn, AudioOut, MediaBundle, VideoIn, VideoModel, VideoOut, command, get_ctx, model
from reactor_runtime.errors import OutputError
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact
from tests.conformance.staging import folder, levels, loaded, picture, post, refusal
from tests.loopback.steering import steering
from tests.running import REACTOR, RunningServer, eventually, serving

TROUBLE = """
    import time

    import numpy as np

    from reactor_runtime import AudioOut, VideoModel, VideoOut, command, get_ctx, model

    @model(name="trouble")
    class Trouble(VideoModel):
        main_video = VideoOut(rate=30)
        main_audio = AudioOut(rate=48000)
        trouble = None

        @command("make")
        def make(self, kind: str):
            self.trouble = kind
            get_ctx().send({"data": {"by": "make", "files": [kind]}})

        def start_session(self):
            while self.trouble == "stubborn" or not get_ctx().should_stop():
                if self.trouble == "crash":
                    self.trouble = None
                    raise ValueError("the model is broken")
                if self.trouble == "stubborn":
                    time.sleep(0.01)
                    continue
                self.main_video.emit(np.zeros((180, 320, 3), np.uint8))
                self.main_audio.emit(np.zeros((1, 1600), np.int16))
"""


class Patient(VideoModel):
    def start_session(self) -> None:
        while not get_ctx().should_stop():
            threading.Event().wait(0.002)


def run(*argv: str, cwd: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([REACTOR, *argv], cwd=cwd, input=typed, capture_output=True, text=True, timeout=60)


def workers(server: RunningServer) -> list[int]:
    return [process.pid for process in psutil.Process(server.process.pid).children()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = folder(tmp_path_factory.mktemp("trouble"), model_py=TROUBLE)
    with serving(root, "--stop-grace", "0.5") as running:
        yield running.wait_ready()


@fact(
    "10.1",
    "1",
    "1. a crashed model looks like a clean end",
    better="clients and the journal are told of the crash, and the next session runs",
)
async def test_a_crash_is_told_as_a_crash(server: RunningServer) -> None:
    async with steering(server.url) as client:
        client.command("make", {"kind": "crash"})
        failure = await client.fact("error")
        assert "ValueError" in failure["message"]
    eventually(lambda: server.health()["status"] == "ready")
    async with steering(server.url):
        pass


@fact("10.1", "1", "2. failures of the command line exit with 0", better="they end with 1 or 2 and one line on stderr")
def test_a_command_line_that_fails_says_so_by_its_status(tmp_path: Path) -> None:
    done = run("run", "-p", ".", "--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: No @model decorated class found")]


@fact(
    "10.1",
    "1",
    "3. a model that ignores should_stop() freezes every HTTP route",
    better="the routes answer meanwhile, and the model is ended after its grace period",
)
async def test_a_model_that_ignores_the_stop_holds_nobody_up(server: RunningServer) -> None:
    before = workers(server)
    async with steering(server.url) as client:
        client.command("make", {"kind": "stubborn"})
        await client.heard("make")
        stopping = asyncio.create_task(client.http.post("/stop_session", json={}))
        answer = await client.http.get("/health", timeout=1)
        assert answer.json()["status"] in ("ready", "serving", "loading", "recovering")
        await stopping
    eventually(lambda: server.health()["status"] == "ready")
    eventually(lambda: workers(server) not in ([], before))


@fact(
    "10.1",
    "1",
    '4. after a failed load, /health says "healthy"',
    better="it says that the model failed, with status 503",
)
def test_a_failed_load_is_told_by_health(tmp_path: Path) -> None:
    broken = TROUBLE.replace("trouble = None\n", "def __init__(self):\n            raise ValueError('no weights')\n", 1)
    with serving(folder(tmp_path, model_py=broken)) as running:
        running.wait_listening()
        eventually(lambda: running.health()["status"] != "loading")
        answer = httpx.get(f"{running.url}/health")
        assert answer.status_code == 503
        assert "ValueError" in answer.text


@fact("10.1", "1", "5. invalid commands are only logged", better="the client is told which argument is wrong, and why")
def test_an_invalid_command_is_refused() -> None:
    class Lamp(Patient):
        @command("set_level")
        def set_level(self, level: int) -> None: ...

    with ModelHarness(Lamp) as m:
        said = refusal(m, "set_level", level="high")
        assert said.startswith("invalid_command: set_level: level: Input should be a valid integer")


@fact("10.1", "1", "6. `async def` commands never run", better="they run, and what they return is the reply")
def test_an_async_command_runs() -> None:
    class Thinker(Patient):
        @command("think")
        async def think(self, n: int) -> Any:
            await asyncio.sleep(0)
            return n + 1

    with ModelHarness(Thinker) as m:
        assert m.command("think", n=1) == 2


@fact(
    "10.1",
    "1",
    "7. commands race with the generation thread",
    better="they run one at a time and in order; what generation shares with them needs the author's lock",
)
def test_commands_never_overlap() -> None:
    class Counter(Patient):
        inside = 0
        seen: list[int] = []

        @command("count")
        async def count(self, n: int) -> None:
            self.inside += 1
            await asyncio.sleep(0.001)
            assert self.inside == 1
            self.seen.append(n)
            self.inside -= 1

    with ModelHarness(Counter) as m:
        for n in range(4):
            post(m, "count", n=n)
        m.command("count", n=4)
        assert m.model.seen == [0, 1, 2, 3, 4]


class Studio(VideoModel):
    left = VideoOut(default=True)
    right = VideoOut()
    one = AudioOut(rate=16_000)
    two = AudioOut(rate=48_000)


@fact(
    "10.1",
    "1",
    "8. incomplete buckets leak, and of several tracks of a kind only the first survives",
    better="every track is shown; a silent one holds up a few chunks, then none",
)
def test_every_track_is_shown_and_a_silent_one_holds_nobody_up() -> None:
    class All(Studio):
        def start_session(self) -> None:
            for level in range(1, 3):
                self.left.emit(picture(level, 2))
                self.right.emit(picture(10 * level, 2))
                self.one.emit(np.full((1, 1600), level, np.int16))
                self.two.emit(np.full((1, 4800), level, np.int16))
            for level in range(100, 150):
                self.left.emit(picture(level))
            Patient.start_session(self)  # type: ignore[arg-type]

    with ModelHarness(All) as m:
        [chunk, _] = m.chunks(2)
        assert (levels(chunk["left"]), levels(chunk["right"])) == ([1, 1], [10, 10])
        assert {"one", "two"} <= chunk.payloads.keys()
        assert levels(m.frames(20, "left")) == list(range(100, 120))


@fact("10.1", "1", "9. sound is pitch-shifted in adaptive mode", better="it is resampled to 48 kHz and keeps its pitch")
def test_sound_keeps_its_pitch() -> None:
    class Tone(VideoModel):
        voice = AudioOut(rate=16_000)

        def start_session(self) -> None:
            tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
            for block in np.split(tone.astype(np.int16), 10):
                self.voice.emit(block[np.newaxis])
            Patient.start_session(self)  # type: ignore[arg-type]

    with ModelHarness(Tone) as m:
        heard = m.audio(0.9)[0, 4800:].astype(float)
    hertz = np.argmax(np.abs(np.fft.rfft(heard))) * 48_000 / heard.size
    assert hertz == pytest.approx(440, abs=3)


@fact(
    "10.1",
    "1",
    "10. frames are not validated, and bad ones vanish",
    better="`emit` raises an error that names the track, shape and dtype",
)
def test_a_bad_frame_is_an_error_where_it_is_emitted() -> None:
    class Bad(VideoModel):
        def start_session(self) -> None:
            get_ctx().get_track().emit(np.zeros((4, 4, 7), np.uint8))

    with pytest.raises(OutputError, match=r"main_video.*\(4, 4, 7\)"), ModelHarness(Bad) as m:
        m.frames(1)


@fact(
    "10.1",
    "1",
    "11. AudioIn is dead, and input never reaches a named VideoIn",
    better="both reach the model under their names",
)
def test_named_inputs_of_both_kinds_reach_the_model() -> None:
    class Senses(Patient):
        webcam = VideoIn()
        mic = AudioIn(rate=16_000)
        seen: dict[str, Any] = {}

        def on_media(self, bundle: MediaBundle) -> None:
            self.seen.update({name: frame.shape for name, frame in bundle.items()})

    with ModelHarness(Senses) as m:
        m.push("webcam", picture(1))
        m.push("mic", np.ones((1, 320), np.int16))
        assert eventually(lambda: m.model.seen if len(m.model.seen) == 2 else None) == {
            "webcam": (4, 4, 3),
            "mic": (1, 320),
        }


@fact(
    "10.1",
    "1",
    "12. headless: `help` crashes, no audio, only the first video track; the `init` scaffold cannot run",
    better="`help` helps, an .mp4 has picture and sound, and the scaffold runs as it stands",
)
def test_headless_helps_and_records_sound(tmp_path: Path) -> None:
    done = run(
        "run",
        "--runtime",
        "headless",
        "-o",
        "a.mp4",
        "--frames",
        "15",
        cwd=folder(tmp_path, model_py=TROUBLE),
        typed="help\nstart\n",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert {stream.type for stream in film.streams} == {"video", "audio"}
    assert "cmd <" in done.stdout
    assert run("init", "fresh", "--style", "video-model", cwd=tmp_path).returncode == 0
    assert {"config.yaml", "requirements.txt", "model.py"} <= {path.name for path in (tmp_path / "fresh").iterdir()}


@fact(
    "10.1",
    "1",
    "13. discovery executes every top-level .py",
    better="only files that mention the runtime are imported, and no tests",
)
def test_discovery_leaves_other_files_alone(project: Path) -> None:
    folder(
        project,
        model_py=TROUBLE,
        train_py="raise SystemError('executed')",
        test_model_py="import reactor_runtime; 1 / 0",
    )
    assert loaded(project).contract.model_name == "trouble"


@fact(
    "10.1",
    "1",
    "14. weights are tied to one S3 layout",
    better="a store is any URL: `file://`, `https://`, `s3://`, `gs://`, `hf://`",
)
def test_weights_come_from_a_store_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store/base").mkdir(parents=True)
    (tmp_path / "store/base/a.bin").write_bytes(b"weights")
    monkeypatch.setenv("REACTOR_WEIGHTS_STORE", f"file://{tmp_path}/store")
    monkeypatch.setenv("REACTOR_WEIGHTS_PATH", str(tmp_path / "here"))

    @model("stored", weights=["base"])
    class Stored(Patient): ...

    assert (Stored.weights("base") / "a.bin").read_bytes() == b"weights"


@fact("10.1", "1", "15. one client only: a new offer replaces the last", better="several watch one session")
def test_several_clients_share_a_session() -> None:
    class Greets(Patient):
        @command("greet")
        def greet(self) -> None:
            get_ctx().send("hello")

    with ModelHarness(Greets, clients=3) as m:
        m.command("greet")
        assert [client.message() for client in m.clients] == ["hello"] * 3


@fact("10.1", "1", "16. `get_ctx()` stays bound to a finished session", better="it raises until the next one begins")
def test_the_context_is_gone_with_its_session() -> None:
    class Asks(VideoModel):
        def start_session(self) -> None: ...

    with ModelHarness(Asks) as m:
        eventually(lambda: m.ended)
        with pytest.raises(RuntimeError, match=r"Global context not set"):
            get_ctx()
