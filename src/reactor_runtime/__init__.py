"""Reactor Runtime: turns a Python class into a live, interactive video model."""

from reactor_runtime.authoring.events import ClientInfo, connected, disconnected, event
from reactor_runtime.authoring.fields import InputField, MessageField
from reactor_runtime.authoring.messages import ModelMessage
from reactor_runtime.authoring.reactor_model import ReactorModel
from reactor_runtime.authoring.session_context import AudioOut, VideoOut, get_ctx
from reactor_runtime.authoring.tracks import Audio, Output, Video
from reactor_runtime.authoring.video_model import VideoModel, command, model
from reactor_runtime.authoring.weights import get_weights_path
from reactor_runtime.errors import CommandError
from reactor_runtime.version import __version__

__all__ = [
    "Audio",
    "AudioOut",
    "ClientInfo",
    "CommandError",
    "InputField",
    "MessageField",
    "ModelMessage",
    "Output",
    "ReactorModel",
    "Video",
    "VideoModel",
    "VideoOut",
    "__version__",
    "command",
    "connected",
    "disconnected",
    "event",
    "get_ctx",
    "get_weights_path",
    "model",
]
