"""CUDA as torch shows it, on the CPU: keeps what was asked of it, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch


class OnCuda(torch.Tensor):
    """A tensor that says it lies on a CUDA device."""

    is_cuda = True


def on_cuda(tensor: torch.Tensor) -> OnCuda:
    return tensor.as_subclass(OnCuda)


class Stream:
    device = torch.device("cpu")
    cuda_stream = 1

    def __init__(self, name: str, asked: list[tuple[str, ...]]) -> None:
        self.name = name
        self._asked = asked

    def wait_stream(self, other: Stream) -> None:
        self._asked.append((self.name, "waits for", other.name))


class Cuda:
    """Stands in for `torch.cuda`; the current stream is `model` at first.

    Attributes:
        asked: What streams, events and the runtime were asked, in order; there is no way to synchronise anything
            but an event.
        pinned: Address to size.
        refuses: Whether memory cannot be pinned.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.pinned: dict[int, int] = {}
        self.refuses = False
        self.current = [Stream("model", self.asked)]
        cuda = self

        class Event:
            def __init__(self, *, blocking: bool) -> None:
                assert blocking, "who waits does not spin"

            def record(self, stream: Stream) -> None:
                self.stream = stream

            def synchronize(self) -> None:
                cuda.asked.append(("thread", "waits for", self.stream.name))

        for name, stand_in in {
            "Stream": lambda device, priority: Stream("ours", self.asked),
            "Event": Event,
            "current_stream": lambda device=None: self.current[-1],
            "stream": self._stream,
            "device": self._device,
            "cudart": lambda: self,
            "synchronize": None,
        }.items():
            patch.setattr(torch.cuda, name, stand_in)

    @contextmanager
    def _stream(self, stream: Stream) -> Iterator[None]:
        self.current.append(stream)
        yield
        self.current.pop()

    @contextmanager
    def _device(self, device: Any) -> Iterator[None]:
        yield

    def cudaHostRegister(self, address: int, size: int, flags: int) -> int:  # noqa: N802 - CUDA's name
        if self.refuses:
            return 801
        self.pinned[address] = size
        return 0

    def cudaHostUnregister(self, address: int) -> int:  # noqa: N802
        del self.pinned[address]
        return 0
