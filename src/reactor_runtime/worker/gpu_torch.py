"""Pictures to I420 with torch's own operations, on any device: what stands in where there is no triton."""

from __future__ import annotations

from typing import Any

from reactor_runtime.media.video import FloatRange

LUMA = (65.481, 128.553, 24.966)
"""BT.601, limited range: weights of red, green and blue in 0..1, for Y above 16."""
U = (-37.797, -74.203, 112.0)
"""The same, for U around 128."""
V = (112.0, -93.786, -18.214)
"""The same, for V around 128."""


def scale(pictures: Any, float_range: FloatRange) -> tuple[float, float]:
    """Return the gain and the offset that bring a tensor's numbers to 0..1."""
    low, high = float_range if pictures.is_floating_point() else (0.0, 255.0)
    return 1 / (high - low), -low / (high - low)


def write_i420(pictures: Any, out: Any, misfit: Any, float_range: FloatRange, limits: FloatRange) -> None:
    """Convert a batch into packed planes, on the current stream. Chroma is the mean of each 2x2 block.

    Args:
        pictures: (N, H, W, 1), (N, H, W, 3) or (N, H, W, 4), any strides; uint8 or float.
        out: (N, bytes of I420) uint8, contiguous.
        misfit: (1,) uint8; set to 1 if a float lies outside `limits` or is NaN, else left alone.
        float_range: The floats that mean black and white.
        limits: The smallest and the largest float that is taken.
    """
    import torch

    if pictures.is_floating_point():
        misfit |= ~((pictures >= limits[0]) & (pictures <= limits[1])).all()
    gain, offset = scale(pictures, float_range)
    count, height, width, channels = pictures.shape
    planes = pictures[..., : min(channels, 3)].movedim(-1, 1).float().expand(-1, 3, -1, -1)
    planes = torch.nn.functional.pad(planes, (0, width % 2, 0, height % 2), mode="replicate")
    quarters = torch.nn.functional.avg_pool2d(planes, 2)
    parts = ((planes, LUMA, 16 + 219 * offset), (quarters, U, 128.0), (quarters, V, 128.0))
    at = 0
    for source, weights, zero in parts:
        red, green, blue = source.unbind(1)
        plane = red * (gain * weights[0])
        plane.add_(green, alpha=gain * weights[1]).add_(blue, alpha=gain * weights[2]).add_(zero + 0.5)
        flat = plane.reshape(count, -1)
        out[:, at : at + flat.shape[1]] = flat
        at += flat.shape[1]
