"""What a torch tensor shows of itself, over a numpy array."""

from __future__ import annotations

import numpy as np


class Tensor:
    """Like torch's: `numpy()` works only on the CPU, without a gradient, and knows no bfloat16."""

    def __init__(
        self, data: np.ndarray, *, device: str = "cuda", grad: bool = True, dtype: str = "", fails: bool = False
    ) -> None:
        self.data = data
        self.device = device
        self.grad = grad
        self.dtype = f"torch.{dtype or data.dtype}"
        self.fails = fails

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    def detach(self) -> Tensor:
        return Tensor(self.data, device=self.device, grad=False, dtype=self.dtype[6:], fails=self.fails)

    def cpu(self) -> Tensor:
        if self.fails:
            raise RuntimeError("no kernel image")
        return Tensor(self.data, device="cpu", grad=self.grad, dtype=self.dtype[6:])

    def float(self) -> Tensor:
        return Tensor(self.data.astype(np.float32), device=self.device, grad=self.grad)

    def numpy(self) -> np.ndarray:
        if self.device != "cpu" or self.grad:
            raise TypeError("can't convert this tensor to numpy")
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.data
