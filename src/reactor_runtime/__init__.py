"""Reactor Runtime: turns a Python class into a live, interactive video model."""

from typing import TYPE_CHECKING, Any

from reactor_runtime.authoring.configuration import Configuration
from reactor_runtime.authoring.events import (
    ClientInfo,
    Connected,
    Disconnected,
    Event,
    FileUploaded,
    connected,
    disconnected,
    event,
    file_uploaded,
)
from reactor_runtime.authoring.fields import FieldInfo, InputField, MessageField
from reactor_runtime.authoring.inputs import BufferClosed, Input, InputBuffer, ReadMode
from reactor_runtime.authoring.messages import ModelMessage
from reactor_runtime.authoring.pipeline import Idle, IdleType, InputState, ReactorPipeline
from reactor_runtime.authoring.profiling import get_profiler
from reactor_runtime.authoring.progress import report_progress
from reactor_runtime.authoring.reactor_model import OutputBuffer, ReactorModel
from reactor_runtime.authoring.registries import (
    EVENT_REGISTRY,
    INPUT_REGISTRY,
    MESSAGE_REGISTRY,
    MODEL_REGISTRY,
    OUTPUT_REGISTRY,
    all_input_tracks,
    all_output_tracks,
)
from reactor_runtime.authoring.session_context import get_ctx
from reactor_runtime.authoring.tracks import Audio, Output, Video
from reactor_runtime.authoring.uploads import UploadedFile
from reactor_runtime.authoring.video_model import VideoModel, model
from reactor_runtime.authoring.video_model_commands import command
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
from reactor_runtime.errors import CommandError
from reactor_runtime.log import get_logger
from reactor_runtime.version import __version__
from reactor_runtime.weights.places import get_weights_path

if TYPE_CHECKING:
    from reactor_runtime.authoring.input_frame import InputFrame

__all__ = [
    "EVENT_REGISTRY",
    "INPUT_REGISTRY",
    "MESSAGE_REGISTRY",
    "MODEL_REGISTRY",
    "OUTPUT_REGISTRY",
    "Audio",
    "AudioIn",
    "AudioOut",
    "BufferClosed",
    "ClientInfo",
    "CommandError",
    "Connected",
    "Disconnected",
    "Event",
    "FieldInfo",
    "FileUploaded",
    "Idle",
    "IdleType",
    "Input",
    "InputBuffer",
    "InputField",
    "InputFrame",
    "InputState",
    "InputTrack",
    "MediaBundle",
    "MessageField",
    "ModelMessage",
    "Output",
    "OutputBuffer",
    "OutputTrack",
    "ReactorConfig",
    "ReactorCore",
    "ReactorModel",
    "ReactorPipeline",
    "ReadMode",
    "Track",
    "TrackDirection",
    "UploadedFile",
    "Video",
    "VideoIn",
    "VideoModel",
    "VideoOut",
    "__version__",
    "all_input_tracks",
    "all_output_tracks",
    "command",
    "connected",
    "disconnected",
    "event",
    "file_uploaded",
    "get_ctx",
    "get_logger",
    "get_profiler",
    "get_weights_path",
    "model",
    "report_progress",
]

ReactorConfig = Configuration
"""The name by which model code of generation 2 annotates what `load` is given."""
ReactorCore = ReactorModel
"""The name by which generation 2 tells a model from other classes."""


if not TYPE_CHECKING:  # a name that does not exist is an error to type checkers

    def __getattr__(name: str) -> Any:
        """Import what needs numpy only for those who name it."""
        if name == "InputFrame":
            from reactor_runtime.authoring.input_frame import InputFrame

            return InputFrame
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
