"""Pictures to I420 on the GPU in one pass: every 2x2 block is read once, its six bytes written once. Loads triton."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from reactor_runtime.media.video import FloatRange
from reactor_runtime.worker.gpu_torch import LUMA, U, V, scale

BLOCKS = 256
"""Blocks of 2x2 pixels to a program."""

_Y_R, _Y_G, _Y_B = (tl.constexpr(weight) for weight in LUMA)
_U_R, _U_G, _U_B = (tl.constexpr(weight) for weight in U)
_V_R, _V_G, _V_B = (tl.constexpr(weight) for weight in V)


def write_i420(pictures: Any, out: Any, misfit: Any, float_range: FloatRange, limits: FloatRange) -> None:
    """Convert a batch; see `gpu_torch.write_i420`."""
    count, height, width, channels = pictures.shape
    frame, row, column, channel = pictures.stride()
    half_width = (width + 1) // 2
    blocks = half_width * ((height + 1) // 2)
    gain, offset = scale(pictures, float_range)
    _convert[(triton.cdiv(blocks, BLOCKS), count)](
        pictures,
        out,
        misfit,
        height,
        width,
        half_width,
        blocks,
        frame,
        row,
        column,
        channel if channels > 1 else 0,
        gain,
        offset,
        *limits,
        IS_FLOAT=pictures.is_floating_point(),
        BLOCKS=BLOCKS,
        enable_fp_fusion=True,  # rounds once less, and some versions warn where it is left open
    )


@triton.jit  # type: ignore[untyped-decorator]
def _convert(  # type: ignore[no-untyped-def]
    pictures,
    out,
    misfit,
    height,
    width,
    half_width,
    blocks,
    frame_stride,
    row_stride,
    column_stride,
    channel_stride,
    gain,
    offset,
    smallest,
    largest,
    IS_FLOAT: tl.constexpr,  # noqa: N803 - constants are written so
    BLOCKS: tl.constexpr,  # noqa: N803
):
    frame = tl.program_id(1).to(tl.int64)  # a long batch has more bytes than int32 counts
    block = tl.program_id(0) * BLOCKS + tl.arange(0, BLOCKS)
    is_block = block < blocks
    top, left = block // half_width * 2, block % half_width * 2
    pictures += frame * frame_stride
    out += frame * blocks * 6
    reds = tl.full([BLOCKS], 0, tl.float32)
    greens, blues = reds, reds
    fits = block >= 0
    for down in tl.static_range(2):
        for right in tl.static_range(2):
            # An odd side repeats its last row or column.
            row, column = tl.minimum(top + down, height - 1), tl.minimum(left + right, width - 1)
            pixel = pictures + row.to(tl.int64) * row_stride + column.to(tl.int64) * column_stride
            red = tl.load(pixel, is_block, other=0).to(tl.float32)
            green = tl.load(pixel + channel_stride, is_block, other=0).to(tl.float32)
            blue = tl.load(pixel + 2 * channel_stride, is_block, other=0).to(tl.float32)
            if IS_FLOAT:
                fits &= (red >= smallest) & (red <= largest)
                fits &= (green >= smallest) & (green <= largest)
                fits &= (blue >= smallest) & (blue <= largest)
            luma = (red * _Y_R + green * _Y_G + blue * _Y_B) * gain + 219 * offset + 16.5
            tl.store(out + (top + down) * half_width * 2 + left + right, luma.to(tl.uint8), is_block)
            reds += red
            greens += green
            blues += blue
    chroma = out + blocks * 4 + block
    tl.store(chroma, ((reds * _U_R + greens * _U_G + blues * _U_B) * gain / 4 + 128.5).to(tl.uint8), is_block)
    tl.store(chroma + blocks, ((reds * _V_R + greens * _V_G + blues * _V_B) * gain / 4 + 128.5).to(tl.uint8), is_block)
    if IS_FLOAT:
        tl.store(misfit + block * 0, 1, is_block & ~fits)
