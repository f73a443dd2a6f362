"""Frames that lie on a GPU. The CPU plays CUDA's part and triton runs in its interpreter; one test is for a card."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.errors import IllegalInput, OutputError
from reactor_runtime.media.video import VideoFrames, Wanted, video_frames
from reactor_runtime.worker import gpu, gpu_torch
from reactor_runtime.worker.ring import RingWriter
from tests.unit.worker.border import host_of

torch = pytest.importorskip("torch", reason="torch is what models bring")

from tests.unit.worker.cuda import Cuda, on_cuda  # noqa: E402 - needs torch

H, W = 12, 16
NOISE = np.random.default_rng(3).integers(0, 256, (2, H, W, 3), np.uint8)
SIGNED = TrackSpec("main", "video", float_range=(-1.0, 1.0))


def reference(picture: np.ndarray) -> np.ndarray:
    """BT.601 in float64, chroma the mean of each 2x2 block; (H, W, 3) in 0..1."""
    picture = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
    height, width, _ = picture.shape
    y, u, v = np.moveaxis(picture @ np.array([gpu_torch.LUMA, gpu_torch.U, gpu_torch.V]).T + [16, 128, 128], -1, 0)
    blocks = (plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3)).ravel() for plane in (u, v))
    return np.concatenate([y.ravel(), *blocks])


def slot(frames: Any, index: int = 0) -> np.ndarray:
    out = np.zeros(frames.i420_bytes, np.uint8)
    frames.write_i420(index, out)
    return out


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cuda]:
    gpu._stream.cache_clear()
    monkeypatch.setattr(gpu, "_fuses", False)
    yield Cuda(monkeypatch)
    gpu._stream.cache_clear()


def imported_anew() -> ModuleType:
    """The kernel's module, as triton makes it now; who imports it next gets one of their own."""
    pytest.importorskip("triton", reason="triton comes with torch for CUDA")
    name = "reactor_runtime.worker.gpu_kernel"
    sys.modules.pop(name, None)
    module = importlib.import_module(name)
    del sys.modules[name]
    return module


@pytest.fixture(scope="module")
def interpretable() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        return imported_anew()


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch, interpretable: ModuleType) -> ModuleType:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    return interpretable


@pytest.fixture(params=["torch", "triton"])
def convert(request: pytest.FixtureRequest) -> Callable[..., None]:
    return gpu_torch.write_i420 if request.param == "torch" else request.getfixturevalue("interpreted").write_i420


@pytest.mark.parametrize("float_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("shape", [(2, 6, 10, 3), (1, 5, 7, 4), (3, 33, 40, 1), (1, 2, 2, 3)])
def test_every_byte_is_the_nearest_to_bt601_in_float64(convert, shape, dtype, float_range) -> None:
    low, high = (0, 255) if dtype == "uint8" else float_range
    raw = np.random.default_rng(1).random(shape) * (high - low) + low
    pictures = torch.from_numpy(raw.round() if dtype == "uint8" else raw).to(getattr(torch, dtype))
    count, height, width, channels = shape
    out = torch.zeros(count, (height + height % 2) * (width + width % 2) * 3 // 2, dtype=torch.uint8)
    misfit = torch.zeros(1, dtype=torch.uint8)
    wanted = Wanted("main", float_range)
    convert(pictures, out, misfit, wanted.float_range, wanted.limits)
    unit = (pictures.double().numpy()[..., : min(channels, 3)] - low) / (high - low)
    for frame, row in zip(np.broadcast_to(unit, (count, height, width, 3)), out.numpy(), strict=True):
        assert np.abs(row - reference(frame)).max() <= 0.501
    assert not misfit.item()


@pytest.mark.parametrize("view", [lambda t: t.movedim(1, -1), lambda t: t[:, :, ::2, ::3].movedim(1, -1)])
def test_any_strides_are_read_right(convert, view) -> None:
    pictures = view(torch.from_numpy(np.ascontiguousarray(NOISE.transpose(0, 3, 1, 2))))
    count, height, width, _ = pictures.shape
    out = torch.zeros(count, (height + height % 2) * (width + width % 2) * 3 // 2, dtype=torch.uint8)
    convert(pictures, out, torch.zeros(1, dtype=torch.uint8), (0.0, 1.0), (0.0, 1.0))
    for frame, row in zip(pictures.numpy() / 255, out.numpy(), strict=True):
        assert np.abs(row - reference(frame)).max() <= 0.501


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # the interpreter's
@pytest.mark.parametrize("value", [1.1, -0.1, float("nan"), float("inf")])
def test_one_float_out_of_range_is_found_wherever_it_is(convert, value: float) -> None:
    for at in ((0, 0, 0, 0), (0, 3, 4, 1), (1, 4, 6, 2)):
        pictures = torch.full((2, 5, 7, 3), 0.5)
        pictures[at] = value
        misfit = torch.zeros(1, dtype=torch.uint8)
        convert(pictures, torch.zeros(2, 72, dtype=torch.uint8), misfit, (0.0, 1.0), Wanted("t", (0.0, 1.0)).limits)
        assert misfit.item() == 1


TENSOR = torch.from_numpy(NOISE)
EXPECTED = [reference(frame / 255) for frame in NOISE]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (TENSOR[0], EXPECTED[:1]),
        (TENSOR, EXPECTED),
        (TENSOR.movedim(-1, 1), EXPECTED),
        (TENSOR[1].movedim(-1, 0) / 255, EXPECTED[1:]),
        ((TENSOR / 255).requires_grad_(), EXPECTED),
        (torch.cat([TENSOR, TENSOR[..., :1]], -1), EXPECTED),
        ([TENSOR[1], TENSOR[0] / 255], EXPECTED[::-1]),
        (TENSOR[0, ..., 0], [reference(NOISE[0, ..., :1].repeat(3, -1) / 255)]),
        (TENSOR[:0], []),
    ],
)
def test_every_accepted_form_gives_the_same_picture(cuda: Cuda, payload: Any, expected: list[np.ndarray]) -> None:
    there = [on_cuda(item) for item in payload] if isinstance(payload, list) else on_cuda(payload)
    frames = gpu.frames_of(there, track="main")
    assert isinstance(frames, gpu.GpuFrames)
    assert (frames.count, frames.width, frames.height) == (len(expected), *((W, H) if expected else (0, 0)))
    for index, picture in enumerate(expected):
        assert np.abs(slot(frames, index) - picture).max() <= 0.51
        assert np.array_equal(frames.rgb(index), video_frames(payload, track="main").rgb(index))


@pytest.mark.parametrize(
    "payload",
    [
        TENSOR.int(),
        TENSOR[0] / 127.5 - 1,
        (TENSOR / 255).index_fill(1, torch.tensor(3), float("nan")),
        torch.zeros(H, W, 5),
        torch.zeros(1, W, 3),
        torch.zeros(1, 1, H, W, 3),
        [TENSOR],
        [TENSOR[0], TENSOR[0] / 127.5],
        [TENSOR[0], TENSOR[0, :8]],
    ],
)
def test_what_is_no_picture_is_refused_in_the_same_words_as_on_the_cpu(cuda: Cuda, payload: Any) -> None:
    with pytest.raises(OutputError) as here:
        video_frames(payload, track="main")
    there = [on_cuda(item) for item in payload] if isinstance(payload, list) else on_cuda(payload)
    with pytest.raises(OutputError) as found:
        gpu.frames_of(there, track="main")
    assert str(found.value).replace("tests.OnCuda", "torch.Tensor") == str(here.value)


def test_our_stream_waits_for_the_models_and_threads_only_for_what_was_asked_of_ours(cuda: Cuda) -> None:
    frames = gpu.frames_of(on_cuda(TENSOR), track="main")
    slot(frames)
    wait = ("thread", "waits for", "ours")
    assert cuda.asked == [("ours", "waits for", "model"), wait, wait]


def test_a_ring_is_pinned_once_and_until_it_goes(cuda: Cuda) -> None:
    frames = gpu.frames_of(on_cuda(TENSOR), track="main")
    ring = RingWriter("main", itertools.count(), lambda opened, fd: None)
    ring.fit(frames.i420_bytes, 5)
    for _ in range(2):
        _, pixels = ring.take(W, H)
        frames.write_i420(0, pixels)
        assert list(cuda.pinned.values()) == [5 * frames.i420_bytes]
    with pytest.raises(IllegalInput):
        frames.write_i420(0, pixels[1:])
    ring.fit(2 * frames.i420_bytes, 5)
    assert cuda.pinned
    del pixels
    assert not cuda.pinned


def test_memory_that_cannot_be_pinned_is_written_all_the_same(cuda: Cuda, caplog: pytest.LogCaptureFixture) -> None:
    cuda.refuses = True
    frames = gpu.frames_of(on_cuda(TENSOR), track="main")
    out = np.zeros(frames.i420_bytes, np.uint8)
    for index in (0, 1):
        frames.write_i420(index, out)
        assert np.abs(out - EXPECTED[index]).max() <= 0.51
    assert [record.message for record in caplog.records] == [
        "the ring could not be pinned: copies from the GPU take longer"
    ]


def test_another_thread_finds_the_models_stream(cuda: Cuda) -> None:
    seen: list[str] = []
    call = gpu.on_its_streams({"main": [on_cuda(TENSOR)]}, lambda: seen.append(torch.cuda.current_stream().name))
    cuda.current = [cuda.current[0], gpu._stream(torch.device("cpu"))]
    call()
    assert seen == ["model"]


def test_a_model_emits_what_lies_on_its_gpu(cuda: Cuda) -> None:
    host, border = host_of(SIGNED, fps=30)
    assert host.emit({"main": on_cuda(TENSOR.movedim(-1, 1) / 127.5 - 1)}) == 2
    for item, expected in zip(border.slices, EXPECTED, strict=True):
        assert np.abs(border.pixels(item.video["main"]) - expected).max() <= 0.51
    assert cuda.asked[0] == ("thread", "waits for", "model")
    with pytest.raises(OutputError, match=r"values from -3 to 1; scale floats to -1..1"):
        host.emit({"main": on_cuda(TENSOR / 63.75 - 3)})
    assert len(border.slices) == 2


class OfAnotherLibrary:
    """An array on a GPU that torch did not make."""

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor
        self.shape, self.dtype = tensor.shape, tensor.dtype
        self.stream: int | None = None

    def __dlpack__(self, *, stream: int | None = None, **kwargs: object) -> object:
        self.stream = stream
        return self._tensor.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0


def test_what_another_library_made_is_taken_on_our_stream(cuda: Cuda) -> None:
    payload = OfAnotherLibrary(TENSOR)
    frames = gpu.frames_of(payload, track="main")
    assert np.abs(slot(frames, 1) - EXPECTED[1]).max() <= 0.51
    assert payload.stream == 1
    with pytest.raises(OutputError, match=r"channels come last, use .transpose\(0, 2, 3, 1\)"):
        gpu.frames_of(OfAnotherLibrary(TENSOR.movedim(-1, 1)), track="main")


@pytest.mark.parametrize("error", [ImportError("no triton"), RuntimeError("Failed to find C compiler")])
def test_without_a_kernel_torch_converts(cuda: Cuda, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(*_: object) -> None:
        raise error

    kernel = ModuleType("gpu_kernel")
    kernel.write_i420 = fails  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reactor_runtime.worker.gpu_kernel", kernel)
    monkeypatch.setattr(gpu, "_fuses", True)
    assert np.abs(slot(gpu.frames_of(on_cuda(TENSOR), track="main")) - EXPECTED[0]).max() <= 0.51
    assert not gpu._fuses


@pytest.mark.parametrize("dtype", ["uint8", "float64", "float16", "bfloat16"])
def test_a_tensor_of_the_cpu_takes_the_simd_path(dtype: str) -> None:
    tensor = (TENSOR if dtype == "uint8" else TENSOR / 255).to(getattr(torch, dtype)).movedim(-1, 1)
    frames = gpu.frames_of(tensor, track="main")
    assert isinstance(frames, VideoFrames)
    shown, meant = frames.rgb(1).astype(int), video_frames(NOISE[1], track="main").rgb(0)
    assert np.abs(shown - meant).max() <= (1 if dtype == "bfloat16" else 0)


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dtype", ["u8", "bf16"])
def test_the_kernel_compiles_for_cards_that_are_not_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dtype: str, capability: int
) -> None:
    kernel = imported_anew()._convert
    triton = importlib.import_module("triton")
    target = importlib.import_module("triton.backends.compiler").GPUTarget("cuda", capability, 32)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    constants = {"IS_FLOAT": dtype != "u8", "BLOCKS": 256}
    kinds = {"pictures": f"*{dtype}", "out": "*u8", "misfit": "*u8"}
    kinds |= dict.fromkeys(("gain", "offset", "smallest", "largest"), "fp32") | dict.fromkeys(constants, "constexpr")
    signature = {name: kinds.get(name, "i32") for name in kernel.arg_names}
    positions = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = triton.compiler.ASTSource(kernel, signature, positions)
    made = triton.compile(source, target=target, options={"enable_fp_fusion": True})
    assert made.asm["cubin"]
    assert made.metadata.shared == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("fuses", [True, False])
def test_a_card_does_the_same(monkeypatch: pytest.MonkeyPatch, fuses: bool) -> None:
    monkeypatch.setattr(gpu, "_fuses", fuses)
    gpu._stream.cache_clear()
    host, border = host_of(SIGNED, fps=30)
    assert host.emit({"main": TENSOR.cuda().movedim(-1, 1) / 127.5 - 1}) == 2
    for item, expected in zip(border.slices, EXPECTED, strict=True):
        assert np.abs(border.pixels(item.video["main"]) - expected).max() <= 0.51
    assert gpu._fuses == fuses
