"""A `VideoModel`: decorators keep classes and signatures, and the context and tracks are typed."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from pydantic import Field

from reactor_runtime import (
    AudioIn,
    AudioOut,
    MediaBundle,
    Track,
    VideoIn,
    VideoModel,
    VideoOut,
    command,
    get_ctx,
    get_logger,
    get_profiler,
    model,
    report_progress,
)
from reactor_runtime.model_api import model as early_model

log = get_logger(__name__)


@model(name="stage", config="config.yaml", weights=["palette"], version="1.0.0")
class Stage(VideoModel):
    emission_fps = 24
    colour = VideoOut(rate=24, default=True)
    sound = AudioOut(rate=48_000)
    webcam = VideoIn()
    microphone = AudioIn(rate=16_000)

    def __init__(self, config: DictConfig) -> None:
        report_progress("Reading", 0.5)
        self.size: tuple[int, int] = config.size
        log.info("ready", size=self.size)

    def palette(self) -> Path:
        return VideoModel.weights("palette")

    @command("set_gravity", description="How heavy")
    def set_gravity(self, gravity: float = Field(1.0, ge=0.1, le=4)) -> dict[str, float]:
        return {"gravity": gravity}

    @command("wait")
    async def wait(self, seconds: float = 1.0) -> None:
        pass

    def on_media(self, bundle: MediaBundle) -> None:
        assert_type(bundle["webcam"], NDArray[Any])
        assert_type(bundle.webcam, NDArray[Any] | None)

    def start_session(self) -> None:
        while not get_ctx().should_stop():
            assert_type(get_ctx().get_track(), Track)
            assert_type(self.webcam.latest(), NDArray[Any] | None)
            with get_profiler().section("paint"):
                get_ctx().get_track("colour").emit(np.zeros((4, 4, 3), np.uint8))
            self.sound.emit(None, bucket=3)
            get_ctx().emit_block(None)
            get_ctx().send({"step": 1})
            get_ctx().enable_monitoring()


@early_model("early")
class Early(VideoModel):
    def start_session(self) -> None:
        pass


def inferred(stage: Stage) -> None:
    assert_type(stage.set_gravity(2.0), dict[str, float])
    assert_type(stage.palette(), Path)
    assert_type(Stage.get_tracks(), dict[str, Track])


def wrong(stage: Stage) -> None:
    stage.set_gravity("heavy")  # refused
    print(stage.nope)  # refused
    get_ctx().nope()  # refused
    get_ctx().get_track(3)  # refused
    Stage()  # refused
    VideoModel()  # refused
    VideoOut(fps=3)  # refused
