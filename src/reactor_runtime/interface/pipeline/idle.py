"""Import path of model code that annotates what `inference` yields."""

from reactor_runtime.authoring.pipeline import Idle
from reactor_runtime.authoring.pipeline import IdleType as _IdleType

__all__ = ["Idle", "_IdleType"]
