"""Import path of generation 2 model code."""

from reactor_runtime import (
    Audio,
    ClientInfo,
    CommandError,
    InputField,
    MessageField,
    ModelMessage,
    Output,
    ReactorModel,
    Video,
    connected,
    disconnected,
    event,
    get_weights_path,
)

__all__ = [
    "Audio",
    "ClientInfo",
    "CommandError",
    "InputField",
    "MessageField",
    "ModelMessage",
    "Output",
    "ReactorModel",
    "Video",
    "connected",
    "disconnected",
    "event",
    "get_weights_path",
]
