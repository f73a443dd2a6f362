"""Tests of models without a server: the real worker and its real checks, with the test in the place of the viewers.

And, for tests with one, a bad network on the machine itself: `UdpRelay`.
"""

from reactor_runtime.testing.clock import ManualClock
from reactor_runtime.testing.conversation import Answer, Client, CommandRefused
from reactor_runtime.testing.executor import PipelineExecutor, StepResult
from reactor_runtime.testing.harness import ModelHarness
from reactor_runtime.testing.link import Conditions
from reactor_runtime.testing.relay import UdpRelay, through, without_candidates
from reactor_runtime.testing.running import SessionOver
from reactor_runtime.testing.witness import Chunk

__all__ = [
    "Answer",
    "Chunk",
    "Client",
    "CommandRefused",
    "Conditions",
    "ManualClock",
    "ModelHarness",
    "PipelineExecutor",
    "SessionOver",
    "StepResult",
    "UdpRelay",
    "through",
    "without_candidates",
]
