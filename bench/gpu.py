"""CUDA tensor to ring slot: how long it takes, whether the model's stream waits for it, and how well it rounds.

Times are CUDA events on the model's stream around a whole emit of one picture (conversion, copy, and the waking of the
thread that waits for both), beside the same through the CPU. Exits with 1 when a limit is missed, with 0 where there is
no card.

`python bench/gpu.py [--repeats 300]`
"""

from __future__ import annotations

import argparse
import itertools
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from reactor_runtime.media.video import FloatRange, video_frames
from reactor_runtime.worker import gpu, gpu_torch
from reactor_runtime.worker.ring import RingWriter

LIMIT_MS = {(1280, 720): 0.35, (1920, 1080): 0.7}
LARGEST_ERROR = 1.0  # grey levels
LONGEST_WAIT_MS = 0.05  # of the model's stream, per step; events themselves take a few microseconds
CASES: list[tuple[str, str, FloatRange]] = [
    ("uint8", "HWC", (0.0, 1.0)),
    ("uint8", "CHW", (0.0, 1.0)),
    ("uint8", "HWC, RGBA", (0.0, 1.0)),
    ("float32", "CHW", (0.0, 1.0)),
    ("float16", "CHW", (-1.0, 1.0)),
    ("bfloat16", "CHW", (-1.0, 1.0)),
    ("float32", "HWC", (0.0, 255.0)),
]
STEP_CYCLES = 2_000_000  # about a millisecond of the model's stream


def reference(levels: np.ndarray) -> np.ndarray:
    """BT.601 in float64, chroma the mean of each 2x2 block; (H, W, 3) in 0..1 of even sides."""
    height, width, _ = levels.shape
    y, u, v = np.moveaxis(levels @ np.array([gpu_torch.LUMA, gpu_torch.U, gpu_torch.V]).T + [16, 128, 128], -1, 0)
    blocks = (plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3)).ravel() for plane in (u, v))
    return np.concatenate([y.ravel(), *blocks])


def picture(torch: Any, size: tuple[int, int], dtype: str, layout: str, float_range: FloatRange) -> tuple[Any, Any]:
    """Return noise on the card as a model would emit it, and the reference of what was emitted."""
    width, height = size
    low, high = (0, 256) if dtype == "uint8" else float_range
    noise = np.random.default_rng(7).random((height, width, 4 if "RGBA" in layout else 3)) * (high - low) + low
    tensor = torch.from_numpy(noise).to(getattr(torch, dtype))
    low, high = (0, 255) if dtype == "uint8" else float_range
    expected = reference((tensor.double().numpy()[..., :3] - low) / (high - low))
    return (tensor.movedim(-1, 0).contiguous() if layout == "CHW" else tensor).cuda(), expected


def timed(torch: Any, emit: Callable[[], object], repeats: int) -> np.ndarray:
    """Return milliseconds of each of many emits, by events on the current stream."""
    for _ in range(20):
        emit()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)]
    for begin, end in events:
        begin.record()
        emit()
        end.record()
    torch.cuda.synchronize()
    return np.array([begin.elapsed_time(end) for begin, end in events])


def wait_of_the_model(torch: Any, emit: Callable[[], object], repeats: int) -> float:
    """Return by how many milliseconds a step of the model's stream is longer while another thread emits."""

    def step() -> float:
        stream = torch.cuda.Stream()
        events = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
        with torch.cuda.stream(stream):
            for event in events:
                torch.cuda._sleep(STEP_CYCLES)
                event.record()
        events[-1].synchronize()
        return float(np.median([begin.elapsed_time(end) for begin, end in itertools.pairwise(events)]))

    alone = step()
    over = threading.Event()

    def emit_until_over() -> None:
        while not over.is_set():
            emit()

    emitting = threading.Thread(target=emit_until_over)
    emitting.start()
    try:
        return step() - alone
    finally:
        over.set()
        emitting.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300, help="emits of each kind, after 20 of warm-up")
    repeats = parser.parse_args().repeats
    try:
        import torch
    except ImportError:
        print("torch is not installed here: nothing was measured")
        return 0
    if not torch.cuda.is_available():
        print("there is no CUDA device here: nothing was measured")
        return 0
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {repeats} emits of each kind")
    print(f"{'':<44}{'median ms':>10}{'p95 ms':>8}{'error':>7}{'torch ms':>10}{'CPU ms':>8}")
    missed = []
    fuses = True
    for size, limit in LIMIT_MS.items():
        for dtype, layout, float_range in CASES:
            tensor, expected = picture(torch, size, dtype, layout, float_range)
            ring = RingWriter("main", itertools.count(), lambda opened, fd: None)
            ring.fit(expected.size, 4)
            _, slot = ring.take(*size)

            def emit(of: Any = gpu.frames_of, tensor: Any = tensor, span: Any = float_range, slot: Any = slot) -> None:
                of(tensor, track="main", float_range=span).write_i420(0, slot)

            through_cpu = np.median(timed(torch, lambda emit=emit: emit(video_frames), max(repeats // 10, 5)))
            gpu._fuses = False
            by_torch = np.median(timed(torch, emit, repeats))
            gpu._fuses = True
            times = timed(torch, emit, repeats)
            fuses = fuses and gpu._fuses
            error = float(np.abs(slot - expected).max())
            name = f"{size[0]}x{size[1]} {dtype} {layout} {float_range[0]:g}..{float_range[1]:g}"
            median, p95 = np.median(times), np.percentile(times, 95)
            print(f"{name:<44}{median:>10.3f}{p95:>8.3f}{error:>7.2f}{by_torch:>10.3f}{through_cpu:>8.2f}")
            if median > limit or error > LARGEST_ERROR:
                missed.append(f"{name}: {median:.3f} ms of {limit}, {error:.2f} grey levels of {LARGEST_ERROR:g}")
    wait = wait_of_the_model(torch, emit, repeats)
    print(f"a step of the model's stream is {wait:+.4f} ms longer while another thread emits")
    if wait > LONGEST_WAIT_MS:
        missed.append(f"the model's stream waits {wait:.3f} ms of {LONGEST_WAIT_MS}")
    if not fuses:
        print("triton is missing or does not compile here: the first columns are torch's operations too")
    print("\n".join(f"missed: {what}" for what in missed) or "every limit is kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
