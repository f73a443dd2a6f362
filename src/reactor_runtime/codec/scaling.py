"""Pictures in the size of a rung."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from reactor_runtime.media.frame import Picture


def scaled(picture: Picture, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return a picture's I420 planes, one above the other, in a size; those of the picture itself where it has it."""
    if (picture.width, picture.height) == (width, height):
        return picture.i420.reshape(height * 3 // 2, width)
    luma = picture.width * picture.height
    chroma = luma // 4
    result = np.empty(width * height * 3 // 2, np.uint8)
    end = width * height
    half_in, half_out = (picture.height // 2, picture.width // 2), (width // 2, height // 2)
    for source, shape, size, start in (
        (picture.i420[:luma], (picture.height, picture.width), (width, height), 0),
        (picture.i420[luma : luma + chroma], half_in, half_out, end),
        (picture.i420[luma + chroma :], half_in, half_out, end + end // 4),
    ):
        target = result[start : start + size[0] * size[1]].reshape(size[1], size[0])
        cv2.resize(source.reshape(shape), size, dst=target, interpolation=cv2.INTER_AREA)
    return result.reshape(height * 3 // 2, width)
