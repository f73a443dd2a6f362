"""Every class of the two product documents runs unchanged under `reactor run`, steered from a real browser."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Viewer
from tests.running import REACTOR, eventually, serving
from tests.seeds.extract import reactor_model_classes, video_model_classes

REACTOR_MODEL_HEAD = dedent('''
    import time
    from dataclasses import dataclass

    import numpy as np

    from reactor_runtime.interface import Audio, Output, Video, ReactorModel, event, connected, disconnected, InputField


    def load_checkpoint(path):
        """Left to the author by the document: a picture that depends on the prompt."""

        class Pipe:
            def forward(self, *, prompt, step):
                time.sleep(1 / 30)
                frame = np.zeros((180, 320, 3), np.uint8)
                frame[:] = (220, 20, 20) if "volcano" in prompt else (20, 160, 40)
                frame[:, : step * 4 % 320] //= 2
                return frame

        assert path == "meadow.ckpt"
        return Pipe()
''')

VIDEO_MODEL_HEAD = dedent("""
    import abc
    import time

    import numpy as np
    from omegaconf import DictConfig

    from reactor_runtime import VideoModel, model, command, get_ctx
""")

GENERATE = dedent('''
    def generate(self):
        """Left to the author by the document."""
        time.sleep(1 / 20)
        assert self.num_steps == 8
        frame = np.zeros((4, 180, 320, 3), np.uint8)
        frame[:] = (20, 20, 220) if "ocean" in getattr(self, "current_prompt", "") else (200, 180, 20)
        frame[:, :, : int(time.time() * 100) % 320] //= 2
        return frame


    RealtimeDiffusionModel.generate = generate
''')

START_SESSION = dedent('''
    def start_session(self):
        """Left to the author by the document."""
        while not get_ctx().should_stop():
            get_ctx().emit_block(np.full((2, 64, 64, 3), 90, np.uint8))


    MyVideoModel.start_session = start_session
    abc.update_abstractmethods(MyVideoModel)
''')


def reactor_model_project(folder: Path) -> Path:
    outputs, whole = reactor_model_classes()[0], next(b for b in reactor_model_classes() if "async def run" in b)
    (folder / "model.py").write_text(REACTOR_MODEL_HEAD + "\n\n" + outputs + "\n\n" + whole)
    # The manifest exactly as the document shows it.
    (folder / "reactor.yaml").write_text("model: model:MyModel\nname: my-model\nconfig: config.yml\n")
    (folder / "config.yml").write_text("checkpoint: meadow.ckpt\n")
    return folder


def video_model_project(folder: Path) -> Path:
    whole = next(b for b in video_model_classes() if "RealtimeDiffusionModel" in b)
    (folder / "my_model.py").write_text(VIDEO_MODEL_HEAD + "\n\n" + whole + GENERATE)
    (folder / "configs").mkdir()
    (folder / "configs" / "production.yaml").write_text("fps: 30\nnum_steps: 8\nguidance_scale: 7.5\n")
    for weight in ("diffusion-weights", "vae-decoder"):
        (folder / "weights" / weight).mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("project", "prompt"), [(reactor_model_project, "a volcano"), (video_model_project, "an ocean")]
)
def test_a_documented_model_runs_unchanged_and_follows_its_prompt_in_chromium(
    project, prompt: str, tmp_path: Path, page: Page
) -> None:
    with serving(project(tmp_path)) as server:
        server.wait_ready()
        viewer = Viewer(page, server.url)
        before = viewer.wait_picture()
        viewer.wait_moving()
        assert viewer.send("set_prompt", prompt=prompt)["ok"], server.output
        eventually(lambda: viewer.colour_distance(before) > 100, within=5, what="a changed picture")


FRAGMENTS = [block for block in video_model_classes() if "RealtimeDiffusionModel" not in block]


@pytest.mark.parametrize("block", FRAGMENTS, ids=[b.split("class")[0].replace("\n", "") for b in FRAGMENTS])
def test_a_documented_class_without_a_body_runs_once_its_session_is_written(block: str, tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text(VIDEO_MODEL_HEAD + "\n\n" + block + START_SESSION)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "default.yaml").write_text("fps: 30\n")
    for weight in ("my-model-weights", "vae-decoder"):
        (tmp_path / "weights" / weight).mkdir(parents=True)
    done = run_headless(tmp_path, "--frames", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == 4


def test_the_documented_output_with_audio_carries_both_tracks(tmp_path: Path) -> None:
    block = next(b for b in reactor_model_classes() if "main_audio" in b)
    body = dedent("""
        class MyModel(ReactorModel):
            fps = 25

            async def run(self):
                await self.connected.wait()
                while True:
                    await self.emit(MyOutput(main_video=np.zeros((64, 64, 3), np.uint8),
                                             main_audio=np.zeros((1, 1920), np.int16)))
    """)
    (tmp_path / "model.py").write_text(REACTOR_MODEL_HEAD + "\n\n" + block + "\n\n" + body)
    (tmp_path / "reactor.yaml").write_text("model: model:MyModel\n")
    done = run_headless(tmp_path, "--frames", "25", output="out.mp4")
    assert done.returncode == 0, done.stdout + done.stderr
    import av

    with av.open(str(tmp_path / "out.mp4")) as media:
        assert {stream.type for stream in media.streams} == {"video", "audio"}


def run_headless(folder: Path, *flags: str, output: str = "out") -> subprocess.CompletedProcess[str]:
    command = [REACTOR, "run", "-p", str(folder), "--runtime", "headless"]
    return subprocess.run(
        [*command, "--output", str(folder / output), *flags],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
