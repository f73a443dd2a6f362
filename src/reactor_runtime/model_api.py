"""Import path of early generation 1 model code."""

from reactor_runtime import VideoModel, command, get_ctx, model

__all__ = ["VideoModel", "command", "get_ctx", "model"]
