"""Tests of models without a server: the real worker and its real checks, with the test in the place of the viewers."""

from reactor_runtime.testing.clock import ManualClock
from reactor_runtime.testing.conversation import Answer, Client, CommandRefused
from reactor_runtime.testing.executor import PipelineExecutor, StepResult
from reactor_runtime.testing.harness import ModelHarness
from reactor_runtime.testing.running import SessionOver
from reactor_runtime.testing.witness import Chunk

__all__ = [
    "Answer",
    "Chunk",
    "Client",
    "CommandRefused",
    "ManualClock",
    "ModelHarness",
    "PipelineExecutor",
    "SessionOver",
    "StepResult",
]
