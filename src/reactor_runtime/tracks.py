"""Import path of generation 1 model code."""

from reactor_runtime.authoring.video_model_tracks import (
    AudioIn,
    AudioOut,
    InputTrack,
    MediaBundle,
    OutputTrack,
    Track,
    TrackDirection,
    VideoIn,
    VideoOut,
)

__all__ = [
    "AudioIn",
    "AudioOut",
    "InputTrack",
    "MediaBundle",
    "OutputTrack",
    "Track",
    "TrackDirection",
    "VideoIn",
    "VideoOut",
]
