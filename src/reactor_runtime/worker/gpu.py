"""Frames that lie on a GPU: converted there, then copied once, into a pinned ring slot.

Conversion and copy have a stream of their own, which waits for the model's; the model's never waits for it. Threads
wait for events, asleep: what a model enqueues after it emitted delays nobody. torch is imported only where the model
has done so, or where nothing else can read what it emits.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from reactor_runtime.log import get_logger
from reactor_runtime.media.arrays import describe, is_tensor, on_gpu, to_array
from reactor_runtime.media.pixels import i420_bytes, rgb, room_in
from reactor_runtime.media.video import UNIT, FloatRange, Wanted, video_frames
from reactor_runtime.worker import gpu_torch

T = TypeVar("T")

FLOATS = ("float32", "float16", "bfloat16", "float64")
FIRST = -1  # CUDA's priority of a stream that goes before those of usual priority
PORTABLE = 1  # cudaHostRegisterPortable: pinned for every device

log = get_logger(__name__)
_pinned: set[int] = set()
_fuses = True


def frames_of(payload: object, *, track: str, float_range: FloatRange = UNIT) -> Frames:
    """Check what an author emits for a video track, and convert it there if it lies on a GPU; see `video_frames`.

    What lies on a GPU has been computed and converted when this returns: the author's memory is needed no more.
    Thread: any; the model's stream is the current one of the calling thread.

    Raises:
        OutputError: It is no picture; names the track, what came and what is wanted.
    """
    is_list = isinstance(payload, list | tuple)
    items: list[Any] = list(payload) if isinstance(payload, list | tuple) else [payload]
    if not items or not all(map(on_gpu, items)) or not _torch_reads(items):
        return video_frames(payload, track=track, float_range=float_range)
    wanted = Wanted(track, float_range)
    rows, pictures = [], []
    for index, item in enumerate(items):
        named = wanted.item(index) if is_list else wanted
        tensor = _tensor(item, named)
        if is_list and tensor.ndim != 3:
            raise named.refusal(f"{describe(item)}; a list or tuple holds single frames")
        batch = tensor if tensor.ndim == 4 else tensor[None]
        rows += _converted(batch, item, named)
        pictures += batch
    return GpuFrames(rows, pictures, wanted)


class Frames(Protocol):
    """The checked frames of one payload, wherever it lies; see `VideoFrames`."""

    @property
    def width(self) -> int:
        """Even; 0 when there are no frames."""

    @property
    def height(self) -> int:
        """Even; 0 when there are no frames."""

    @property
    def count(self) -> int:
        """Number of frames."""

    @property
    def i420_bytes(self) -> int:
        """Bytes of one converted frame."""

    def write_i420(self, index: int, out: npt.NDArray[np.uint8]) -> None:
        """Write frame `index` into the first `i420_bytes` of flat memory; it is whole when this returns."""

    def rgb(self, index: int) -> npt.NDArray[np.uint8]:
        """Return frame `index` as a fresh (height, width, 3) array, exact."""


class GpuFrames:
    """The frames of one payload, as I420 on the GPU.

    Attributes:
        width: Even; 0 when there are no frames.
        height: Even; 0 when there are no frames.
    """

    def __init__(self, rows: Sequence[Any], pictures: Sequence[Any], wanted: Wanted) -> None:
        """Take what was converted, and the (H, W, C) that it was made of."""
        self._rows = rows
        self._pictures = pictures
        self._float_range = wanted.float_range
        self.width, self.height = wanted.one_size([tuple(picture.shape[:2]) for picture in pictures])

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self._rows)

    @property
    def i420_bytes(self) -> int:
        """Bytes of one converted frame."""
        return i420_bytes(self.width, self.height)

    def write_i420(self, index: int, out: npt.NDArray[np.uint8]) -> None:
        """Copy frame `index` into the first `i420_bytes` of flat memory, and wait for that. Thread: any.

        The memory that `out` is a part of is pinned the first time, for as long as it lasts.

        Raises:
            IllegalInput: `out` is too small, or not flat, contiguous and writable uint8.
        """
        import torch

        row = self._rows[index]
        slot = room_in(out, self.i420_bytes)
        stream = _stream(row.device)
        with torch.cuda.stream(stream):
            _pin(slot, row.device)
            torch.from_numpy(slot).copy_(row, non_blocking=True)
            _wait(stream)

    def rgb(self, index: int) -> npt.NDArray[np.uint8]:
        """Return frame `index` as a fresh (height, width, 3) array, exact, from the author's memory."""
        return rgb(np.asarray(to_array(self._pictures[index])), self._float_range)


def wait_for_gpus(payloads: Mapping[str, object]) -> bool:
    """Wait until what is being emitted has been computed: that belongs to making it. Thread: as for `frames_of`.

    Returns:
        Whether any of it lies on a GPU.
    """
    streams = _model_streams(payloads)
    for stream in streams:
        _wait(stream)
    return bool(streams)


def on_its_streams(payloads: Mapping[str, object], call: Callable[[], T]) -> Callable[[], T]:
    """Return `call` for another thread: the streams that are current here, for the payloads, are so there too."""
    if not (streams := _model_streams(payloads)):
        return call
    import torch

    def there() -> T:
        with ExitStack() as current:
            for stream in streams:
                current.enter_context(torch.cuda.stream(stream))
            return call()

    return there


def _model_streams(payloads: Mapping[str, object]) -> list[Any]:
    """Return the current stream of each device that tensors among the payloads lie on."""
    items: list[Any] = []
    for payload in payloads.values():
        items += payload if isinstance(payload, list | tuple) else [payload]
    devices = {item.device for item in items if is_tensor(item) and on_gpu(item)}
    if not devices:
        return []
    import torch

    return [torch.cuda.current_stream(device) for device in devices]


def _torch_reads(items: Sequence[Any]) -> bool:
    """Whether torch is to read them: if it is loaded, or can be and the arrays know no way to the CPU."""
    if sys.modules.get("torch") is not None:
        return True
    if any(hasattr(item, "__array__") for item in items):
        return False
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def _tensor(payload: Any, wanted: Wanted) -> Any:
    """Return (H, W, C) or (N, H, W, C) of a right dtype, on its GPU."""
    import torch

    if is_tensor(payload):
        tensor = payload.detach()
    else:
        try:
            # The library that made it lets the current stream wait until it is computed.
            with torch.cuda.stream(_stream(torch.device("cuda", payload.__dlpack_device__()[1]))):
                tensor = torch.from_dlpack(payload)
        except Exception as error:  # another library's conversion may raise anything
            raise wanted.refusal(f"{describe(payload)} that torch cannot read: {error}") from error
    if tensor.dtype != torch.uint8 and str(tensor.dtype).removeprefix("torch.") not in FLOATS:
        raise wanted.wrong_dtype(payload)
    return wanted.channels_last(tensor, payload)


def _converted(pictures: Any, payload: object, wanted: Wanted) -> Any:
    """Return (N, bytes of I420) on the GPU of (N, H, W, C), which is needed no more then."""
    import torch

    count, height, width, _ = pictures.shape
    if count == 0:
        return ()
    stream = _stream(pictures.device)
    stream.wait_stream(torch.cuda.current_stream(pictures.device))
    with torch.cuda.stream(stream), torch.no_grad():
        size = i420_bytes(width + width % 2, height + height % 2)
        out = torch.empty((count, size), dtype=torch.uint8, device=pictures.device)
        misfit = torch.zeros(1, dtype=torch.uint8, device=pictures.device)
        _write_i420(pictures, out, misfit, wanted.float_range, wanted.limits)
        _wait(stream)
        if pictures.is_floating_point() and misfit.item():
            low, high = torch.aminmax(pictures.float())
            wanted.check_range(float(low), float(high), payload)
    return out


@functools.cache
def _stream(device: Any) -> Any:
    """Return the one stream for what happens here on a device."""
    import torch

    return torch.cuda.Stream(device, priority=FIRST)


def _wait(stream: Any) -> None:
    """Wait until a stream has done what it was given so far, without spinning and without the GIL."""
    import torch

    with torch.cuda.device(stream.device):  # an event is made on the current device
        done = torch.cuda.Event(blocking=True)
        done.record(stream)
    done.synchronize()


def _pin(slot: npt.NDArray[np.uint8], device: Any) -> None:
    """Pin the whole memory that a slot is part of. What cannot be pinned is copied to all the same, only slower."""
    import torch

    memory = slot
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    if id(memory) in _pinned:
        return
    _pinned.add(id(memory))
    weakref.finalize(memory, _pinned.discard, id(memory)).atexit = False
    runtime, address = torch.cuda.cudart(), memory.ctypes.data
    if (status := int(runtime.cudaHostRegister(address, memory.nbytes, PORTABLE))) == 0:
        weakref.finalize(memory, runtime.cudaHostUnregister, address).atexit = False
        return
    log.warning("the ring could not be pinned: copies from the GPU take longer", cuda_error=status)
    try:
        torch.zeros(1, device=device)
    except RuntimeError:
        pass  # CUDA reports the refusal once more, with the next launch


def _write_i420(*arguments: Any) -> None:
    """Convert by the fused kernel, or by torch's operations where triton is missing or cannot compile it."""
    global _fuses
    if _fuses:
        try:
            from reactor_runtime.worker.gpu_kernel import write_i420

            return write_i420(*arguments)
        except ImportError:
            pass
        except Exception as error:  # noqa: BLE001 - the compilers behind triton may fail in any way
            log.warning("triton cannot compile here: pictures are converted by torch, slower", error=str(error))
        _fuses = False
    return gpu_torch.write_i420(*arguments)
