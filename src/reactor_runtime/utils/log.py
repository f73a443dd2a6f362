"""Import path of generation 2 model code."""

from reactor_runtime.log import get_logger

__all__ = ["get_logger"]
