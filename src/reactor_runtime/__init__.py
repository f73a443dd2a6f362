"""Reactor Runtime: turns a Python class into a live, interactive video model.

Each public name is imported from its home when it is first asked for: who imports pays for what is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reactor_runtime.version import __version__

if TYPE_CHECKING:
    from reactor_runtime.authoring.configuration import Configuration as ReactorConfig
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
    from reactor_runtime.authoring.field_info import FieldInfo, InputField, MessageField
    from reactor_runtime.authoring.input_frame import InputFrame
    from reactor_runtime.authoring.inputs import BufferClosed, Input, InputBuffer, ReadMode
    from reactor_runtime.authoring.messages import ModelMessage
    from reactor_runtime.authoring.pipeline import Idle, IdleType, InputState, ReactorPipeline
    from reactor_runtime.authoring.profiling import get_profiler
    from reactor_runtime.authoring.progress import report_progress
    from reactor_runtime.authoring.reactor_model import OutputBuffer, ReactorModel
    from reactor_runtime.authoring.reactor_model import ReactorModel as ReactorCore
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
    from reactor_runtime.weights.places import get_weights_path

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

_HOMES = {
    "authoring.events": "ClientInfo Connected Disconnected Event "
    "FileUploaded connected disconnected event file_uploaded",
    "authoring.field_info": "FieldInfo InputField MessageField",
    "authoring.input_frame": "InputFrame",
    "authoring.inputs": "BufferClosed Input InputBuffer ReadMode",
    "authoring.messages": "ModelMessage",
    "authoring.pipeline": "Idle IdleType InputState ReactorPipeline",
    "authoring.profiling": "get_profiler",
    "authoring.progress": "report_progress",
    "authoring.reactor_model": "OutputBuffer ReactorModel",
    "authoring.registries": "EVENT_REGISTRY INPUT_REGISTRY MESSAGE_REGISTRY "
    "MODEL_REGISTRY OUTPUT_REGISTRY all_input_tracks all_output_tracks",
    "authoring.session_context": "get_ctx",
    "authoring.tracks": "Audio Output Video",
    "authoring.uploads": "UploadedFile",
    "authoring.video_model": "VideoModel model",
    "authoring.video_model_commands": "command",
    "authoring.video_model_tracks": "AudioIn AudioOut InputTrack MediaBundle "
    "OutputTrack Track TrackDirection VideoIn VideoOut",
    "errors": "CommandError",
    "log": "get_logger",
    "weights.places": "get_weights_path",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_ALIASES = {
    "ReactorCore": ("authoring.reactor_model", "ReactorModel"),
    "ReactorConfig": ("authoring.configuration", "Configuration"),
}
"""Names by which published code knows a class that is called otherwise here."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a public name from its home, once."""
        home, called = _ALIASES.get(name) or (_HOME_OF.get(name), name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"reactor_runtime.{home}"), called)
        return value
