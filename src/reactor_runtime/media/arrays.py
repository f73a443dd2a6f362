"""Arrays of other libraries (PIL, torch, whatever speaks `__array__` or `__dlpack__`) as numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
ON_GPU = (2, 10)  # DLPack's numbers of devices: kDLCUDA, kDLROCM


def is_tensor(payload: object) -> bool:
    """Whether it looks like a torch tensor; torch is not imported to ask."""
    return all(hasattr(payload, name) for name in ("detach", "cpu", "numpy"))


def on_gpu(payload: Any) -> bool:
    """Whether it lies on a CUDA or ROCm device; no library is imported to ask."""
    if is_tensor(payload):
        return getattr(payload, "is_cuda", False) is True
    try:
        return hasattr(payload, "__dlpack_device__") and payload.__dlpack_device__()[0] in ON_GPU
    except Exception:  # noqa: BLE001 - another library's array, spread over several devices, may raise anything
        return False


def to_array(payload: Any) -> Array | None:
    """Return the payload as a numpy array, without a copy where its library allows; None if it is no array.

    Floats come as float32 or float64, PIL images of any mode as RGB.

    Raises:
        Exception: Whatever the other library raises when it cannot give its data to the CPU.
    """
    if isinstance(payload, np.ndarray):
        array: Array = payload
    elif is_tensor(payload):
        tensor = payload.detach().cpu()
        array = (tensor.float() if str(tensor.dtype).endswith("bfloat16") else tensor).numpy()
    elif hasattr(payload, "mode") and hasattr(payload, "convert"):
        array = np.asarray(payload if payload.mode == "RGB" else payload.convert("RGB"))
    elif hasattr(payload, "__array__"):
        array = np.asarray(payload)
    elif hasattr(payload, "__dlpack__"):
        array = np.from_dlpack(payload)
    else:
        return None
    # numpy itself has no bfloat16: what brings it registers a type of another kind.
    if array.dtype.name == "bfloat16" or (array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64)):
        return array.astype(np.float32)
    return array


def describe(payload: object) -> str:
    """Return what came, for an error: type, and shape and dtype where it has them."""
    if payload is None:
        return "None"
    kind = type(payload)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    shape, dtype = getattr(payload, "shape", None), getattr(payload, "dtype", None)
    return name if shape is None or dtype is None else f"{name} of shape {tuple(shape)} and dtype {dtype}"
