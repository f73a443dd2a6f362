"""`reactor run --runtime headless --input-folder ...`: what is fed to a real model's input tracks, by its output."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path
from textwrap import dedent

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tests.running import REACTOR

Rgb = npt.NDArray[np.uint8]
COUNT = 12

NEWEST = dedent("""
    import time

    import numpy as np

    from reactor_runtime import VideoIn, VideoModel, VideoOut, get_ctx, model


    @model(name="newest")
    class Newest(VideoModel):
        other = VideoIn()
        camera = VideoIn()
        main_video = VideoOut(rate=30)

        def __init__(self, config):
            pass

        def start_session(self):
            while not get_ctx().should_stop():
                frame = get_ctx().get_track("camera").latest()
                if frame is None:
                    time.sleep(0.005)
                else:
                    get_ctx().get_track("main_video").emit(255 - frame)
""")

CALLED = dedent("""
    import queue

    from reactor_runtime import VideoIn, VideoModel, VideoOut, get_ctx, model


    @model(name="called")
    class Called(VideoModel):
        camera = VideoIn()
        main_video = VideoOut(rate=30)

        def __init__(self, config):
            self.seen = queue.Queue()

        def on_media(self, bundle):
            self.seen.put(bundle.camera)

        def start_session(self):
            while not get_ctx().should_stop():
                try:
                    frame = self.seen.get(timeout=0.1)
                except queue.Empty:
                    continue
                get_ctx().get_track("main_video").emit(255 - frame)
""")

READING = dedent("""
    import asyncio

    from reactor_runtime import Input, InputState, ModelMessage, Output, ReactorPipeline, Video


    class Camera(Input):
        camera: Video


    class Inverted(Output):
        main_video: Video


    class Nothing(InputState):
        pass


    class Seen(ModelMessage):
        pts: float


    class Reading(ReactorPipeline):
        state: Nothing
        input: Camera

        def load(self, config):
            self.seconds = float(config.get("seconds", 0))

        async def inference(self):
            while True:
                (frame,) = await self.input.camera.read()
                await self.send(Seen(pts=frame.pts))
                await asyncio.sleep(self.seconds)
                yield Inverted(main_video=255 - frame.data)
""")

LISTENING = dedent("""
    import numpy as np

    from reactor_runtime import Audio, Input, InputState, ModelMessage, Output, ReactorPipeline, ReadMode


    class Speech(Audio):
        sample_rate = 16_000


    class Ears(Input):
        speech: Speech


    class Echo(Output):
        voice: Speech


    class Nothing(InputState):
        pass


    class Block(ModelMessage):
        samples: int


    class Listening(ReactorPipeline):
        state: Nothing
        input: Ears

        async def inference(self):
            while True:
                (block,) = await self.input.speech.read(mode=ReadMode.FIFO)
                await self.send(Block(samples=block.shape[1]))
                yield Echo(voice=block.data)
""")

HEARING = dedent("""
    import numpy as np

    from reactor_runtime import AudioIn, AudioOut, VideoModel, get_ctx, model


    @model(name="hearing")
    class Hearing(VideoModel):
        microphone = AudioIn(rate=16_000)
        voice = AudioOut(rate=16_000)

        def __init__(self, config):
            pass

        def on_media(self, bundle):
            get_ctx().get_track("voice").emit(bundle.microphone)

        def start_session(self):
            get_ctx()._stop_evt.wait()
""")


def model(folder: Path, source: str, cls: str = "") -> Path:
    (folder / "model.py").write_text(source)
    if cls:
        (folder / "reactor.yaml").write_text(f"model: model:{cls}\nname: {cls.lower()}\n")
    return folder


def headless(folder: Path, *flags: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REACTOR, "run", "-p", str(folder), "--runtime", "headless", "--output", str(folder / "out"), *flags],
        capture_output=True,
        text=True,
        timeout=45,
        input=typed,
    )


def painted(number: int) -> Rgb:
    """A smooth picture, which the coding of colours leaves as it is, unlike any other of the row."""
    slope = np.linspace(0, 40, 160, dtype=np.uint8)
    picture = np.empty((90, 160, 3), np.uint8)
    picture[:] = (20 + 15 * number, 200 - 12 * number, 90)
    picture[..., 2] += slope
    return picture


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Files whose natural order is not that of their names' letters."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(COUNT):
        suffix = "JPG" if number % 4 == 3 else "png"
        cv2.imwrite(str(folder / f"shot {number + 1}.{suffix}"), painted(number)[..., ::-1])
    (folder / "notes.txt").write_text("no picture")
    return folder


def film(path: Path, *, fps: int = 30, tone: float | None = None) -> Path:
    with av.open(str(path), "w") as file:
        video = file.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=fps)
        video.width, video.height, video.pix_fmt = 160, 90, "yuv420p"
        video.bit_rate = 4_000_000
        sound = file.add_stream("aac", rate=44_100, layout="stereo") if tone else None
        for number in range(COUNT):
            file.mux(video.encode(av.VideoFrame.from_ndarray(painted(number), "rgb24")))
        file.mux(video.encode(None))
        if sound is not None and tone is not None:
            samples = np.tile(sine(tone, 44_100, COUNT / fps), (2, 1)).astype(np.float32) / 32768
            frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
            frame.sample_rate = 44_100
            file.mux([*sound.encode(frame), *sound.encode(None)])
    return path


def sine(hertz: float, rate: int, seconds: float) -> npt.NDArray[np.int16]:
    return (12_000 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


def spoken(path: Path, hertz: float, seconds: float = 1.0, rate: int = 22_050) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sine(hertz, rate, seconds).tobytes())
    return path


def shown(folder: Path) -> list[int]:
    """Return which painted picture each frame written is the inverse of; several frames of one in a row count once."""
    numbers: list[int] = []
    for path in sorted(folder.glob("*.png")):
        written = cv2.imread(str(path))
        assert written is not None
        errors = [np.abs(255 - painted(n)[..., ::-1].astype(int) - written).max() for n in range(COUNT)]
        best = int(np.argmin(errors))
        assert errors[best] < 12, f"{path.name} is no inverted input: the nearest is {best}, off by {errors[best]}"
        numbers += [best] if numbers[-1:] != [best] else []
    return numbers


@pytest.mark.parametrize(
    ("source", "cls", "given"),
    [(NEWEST, "", "camera={}"), (CALLED, "", "{}"), (READING, "Reading", "{}")],
    ids=["latest", "on_media", "read"],
)
def test_every_picture_of_a_folder_reaches_the_model_once_in_natural_order(
    source: str, cls: str, given: str, pictures: Path, tmp_path: Path
) -> None:
    done = headless(model(tmp_path, source, cls), "--input-folder", given.format(pictures))
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown(tmp_path / "out") == list(range(COUNT))


def test_a_slow_model_misses_no_picture_and_their_time_is_that_of_the_source(pictures: Path, tmp_path: Path) -> None:
    done = headless(model(tmp_path, READING, "Reading"), "--input-folder", str(pictures), "--model.seconds=0.15")
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown(tmp_path / "out") == list(range(COUNT))
    told = [float(line.split(":")[-1].strip(" }")) for line in done.stdout.splitlines() if "[MESSAGE]" in line]
    assert told == pytest.approx([number / 30 for number in range(COUNT)], abs=1e-6)


def test_at_a_rate_that_is_asked_for_nothing_waits_for_the_model(pictures: Path, tmp_path: Path) -> None:
    done = headless(
        model(tmp_path, READING, "Reading"), "--input-folder", str(pictures), "--input-fps", "60", "--model.seconds=0.2"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = shown(tmp_path / "out")
    assert numbers[-1] == COUNT - 1
    assert len(numbers) < COUNT
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
def test_a_film_reaches_the_model_at_its_own_rate(name: str, tmp_path: Path) -> None:
    done = headless(model(tmp_path, READING, "Reading"), "--input-folder", f"camera={film(tmp_path / name, fps=20)}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown(tmp_path / "out") == list(range(COUNT))
    told = [float(line.split(":")[-1].strip(" }")) for line in done.stdout.splitlines() if "[MESSAGE]" in line]
    assert told == pytest.approx([number / 20 for number in range(COUNT)], abs=2e-3)


def loudest(path: Path) -> float:
    """Return the pitch of a file's sound in Hz, and that it lasts as long as what was fed."""
    with av.open(str(path)) as file:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    heard = sound[4800:-4800]
    assert heard.size / 48_000 > 0.6
    return float(np.argmax(np.abs(np.fft.rfft(heard))) * 48_000 / heard.size)


@pytest.mark.parametrize(
    ("source", "cls"), [(LISTENING, "Listening"), (HEARING, "")], ids=["Audio at 16 kHz", "AudioIn at 16 kHz"]
)
def test_a_sound_file_is_heard_at_its_pitch_at_the_rate_the_model_declared(
    source: str, cls: str, tmp_path: Path
) -> None:
    voice = spoken(tmp_path / "voice.wav", 523.0)
    done = headless(model(tmp_path, source, cls), "--input-folder", str(voice), "--output", str(tmp_path / "out.mp4"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert loudest(tmp_path / "out.mp4") == pytest.approx(523, abs=3)
    if cls:
        assert '{"samples": 320}' in done.stdout.replace('"type": "block", "data": ', "")


def test_the_sound_of_a_film_goes_to_an_audio_track(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", fps=12, tone=660)
    done = headless(
        model(tmp_path, LISTENING, "Listening"), "--input-folder", str(clip), "--output", str(tmp_path / "out.mp4")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert loudest(tmp_path / "out.mp4") == pytest.approx(660, abs=3)


def test_a_session_started_at_the_prompt_is_fed_with_what_it_is_told(pictures: Path, tmp_path: Path) -> None:
    typed = f'start --input-folder "{tmp_path}/none"\nstart --input-folder "{pictures}" --input-fps 100\n'
    done = headless(model(tmp_path, READING, "Reading"), typed=typed)
    assert done.returncode == 0, done.stderr
    assert "[ERROR] input " in done.stdout
    assert shown(tmp_path / "out")[-1] == COUNT - 1


def test_a_goal_ends_the_run_after_the_input(pictures: Path, tmp_path: Path) -> None:
    done = headless(
        model(tmp_path, NEWEST), "--input-folder", f"camera={pictures}", "--frames", "7", "--no-ignore-duplicates"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 7


CANNOT_BE = {
    "{0}/empty": "empty holds no picture: none of its files ends in .png, .jpg, .jpeg",
    "{0}/model.py": "model.py cannot be read",
    "lens={0}/pictures": "it wants input track 'lens' of its kind, and the model's input tracks are: camera (video)",
    "{0}/voice.wav": "it wants an input track of its kind, and the model's input tracks are: camera (video)",
}


def test_an_input_that_cannot_be_ends_with_2_and_says_why(tmp_path: Path) -> None:
    done = headless(model(tmp_path, READING, "Reading"), "--input-folder", f"{tmp_path}/none")
    assert done.returncode == 2, done.stdout
    assert done.stderr.splitlines()[-1].startswith("Error: input ")
    assert "none cannot be read: No such file or directory" in done.stderr
    assert not (tmp_path / "out").exists()


def test_each_reason_why_an_input_cannot_be_is_told(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    spoken(tmp_path / "voice.wav", 440)
    typed = "".join(f'start --input-folder "{given.format(tmp_path)}"\n' for given in CANNOT_BE)
    done = headless(model(tmp_path, READING, "Reading"), typed=typed)
    told = [line for line in done.stdout.splitlines() if line.startswith("[ERROR] input ")]
    assert len(told) == len(CANNOT_BE), done.stdout
    for line, said in zip(told, CANNOT_BE.values(), strict=True):
        assert said in line


def test_two_inputs_for_one_track_are_refused(pictures: Path, tmp_path: Path) -> None:
    flags = ("--input-folder", str(pictures), "--input-folder", f"camera={pictures}")
    done = headless(model(tmp_path, READING, "Reading"), *flags)
    assert done.returncode == 2
    assert "input track 'camera' is given both" in done.stderr


def test_a_picture_that_cannot_be_read_ends_the_run_with_2(pictures: Path, tmp_path: Path) -> None:
    (pictures / "shot 3.png").write_bytes(b"\x89PNG not")
    done = headless(model(tmp_path, READING, "Reading"), "--input-folder", str(pictures))
    assert done.returncode == 2, done.stdout
    assert "shot 3.png cannot be read as a picture" in done.stderr
