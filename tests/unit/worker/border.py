"""The server's side of a host under test, without a pipe: keeps what was sent and maps the rings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.media.video import video_frames
from reactor_runtime.worker.host import Host
from reactor_runtime.worker.messages import Played, Released, RingOpened, SessionBegan, Slice, SlotRef
from reactor_runtime.worker.ring import RingReader

T = TypeVar("T")

VIDEO = TrackSpec("main", "video")
DEPTH = TrackSpec("depth", "video")
SOUND = TrackSpec("sound", "audio", rate=48_000)


class Border:
    """Stands in for the pipe."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.rings: dict[int, RingReader] = {}
        self.here = True

    def send(self, message: Any, fd: int | None = None) -> bool:
        if isinstance(message, RingOpened):
            assert fd is not None
            self.rings[message.ring] = RingReader(message, fd)
        self.sent.append(message)
        return self.here

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.sent if isinstance(message, kind)]

    @property
    def slices(self) -> list[Slice]:
        return self.of(Slice)

    def pixels(self, ref: SlotRef) -> npt.NDArray[np.uint8]:
        return self.rings[ref.ring].view(ref)


def host_of(*tracks: TrackSpec, fps: float | None = None, buffer_size: int = 4, **more: Any) -> tuple[Host, Border]:
    """Return a host with an open session, and its border."""
    border = Border()
    contract = Contract("lab", "reactor_model", tracks=tracks, fps=fps, buffer_size=buffer_size)
    host = Host(contract, border, **more)  # type: ignore[arg-type]
    host.note(SessionBegan("s"))
    return host, border


def release(host: Host, *slices: Slice) -> None:
    """The server showed these slices and needs their pixels no more."""
    for item in slices:
        host.note(Played(1))
        for ref in item.video.values():
            host.note(Released(ref.ring, [ref.slot]))


def picture(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def i420(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    frames = video_frames(rgb, track="main")
    out = np.zeros(frames.i420_bytes, np.uint8)
    frames.write_i420(0, out)
    return out


def eventually(probe: Callable[[], T], within: float = 5.0) -> T:
    until = time.monotonic() + within
    while not (value := probe()):
        assert time.monotonic() < until, f"still {value!r} after {within} s"
        threading.Event().wait(0.002)
    return value


class Call:
    """A call on a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: list[Any] = []
        self._thread = threading.Thread(target=lambda: self.result.append(call()), daemon=True)
        self._thread.start()

    def wait(self) -> Any:
        self._thread.join(5)
        assert self.result, "the call did not return"
        return self.result[0]
