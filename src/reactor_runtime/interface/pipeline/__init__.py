"""Import path of generation 2 model code."""

from reactor_runtime.authoring.pipeline import Idle, InputState, ReactorPipeline

__all__ = ["Idle", "InputState", "ReactorPipeline"]
