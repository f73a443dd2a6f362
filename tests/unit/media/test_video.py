import numpy as np
import pytest
from PIL import Image

from reactor_runtime.errors import IllegalInput, OutputError
from reactor_runtime.media.pixels import to_rgb
from reactor_runtime.media.video import VideoFrames, video_frames
from tests.unit.media.tensor import Tensor

H, W = 12, 16
GRADIENT = np.linspace(0, 255, H * W * 3).reshape(H, W, 3).astype(np.uint8)
OTHER = 255 - GRADIENT
BATCH = np.stack([GRADIENT, OTHER])
GRAY = np.ascontiguousarray(GRADIENT[..., 0])


class Arrayish:
    """Any library's array that only speaks numpy's protocol."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.data


class DlPackish:
    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def __dlpack__(self, **kwargs: object) -> object:
        return self.data.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.data.__dlpack_device__()


class OnAnotherDevice:
    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


def i420(frames: VideoFrames, index: int = 0) -> np.ndarray:
    out = np.zeros(frames.i420_bytes, np.uint8)
    frames.write_i420(index, out)
    return out


EXPECTED = i420(video_frames(GRADIENT, track="t"))
EXPECTED_OTHER = i420(video_frames(OTHER, track="t"))
EXPECTED_GRAY = i420(video_frames(np.stack([GRAY] * 3, axis=-1), track="t"))
RGBA = np.dstack([GRADIENT, np.full((H, W), 9, np.uint8)])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (GRADIENT, [EXPECTED]),
        (BATCH, [EXPECTED, EXPECTED_OTHER]),
        (GRADIENT / 255, [EXPECTED]),
        ((BATCH / 255).astype(np.float32), [EXPECTED, EXPECTED_OTHER]),
        (GRADIENT.astype(np.float64).astype(">f8") / 255, [EXPECTED]),
        (GRAY, [EXPECTED_GRAY]),
        (GRAY[..., np.newaxis], [EXPECTED_GRAY]),
        (GRAY[np.newaxis, ..., np.newaxis] / 255, [EXPECTED_GRAY]),
        (RGBA, [EXPECTED]),
        (np.stack([RGBA, RGBA]), [EXPECTED, EXPECTED]),
        ([GRADIENT, OTHER], [EXPECTED, EXPECTED_OTHER]),
        ((GRADIENT / 255, GRAY, Image.fromarray(OTHER)), [EXPECTED, EXPECTED_GRAY, EXPECTED_OTHER]),
        (Image.fromarray(GRADIENT), [EXPECTED]),
        (Image.fromarray(RGBA), [EXPECTED]),
        (Image.fromarray(GRAY), [EXPECTED_GRAY]),
        (Tensor(GRADIENT), [EXPECTED]),
        (Tensor(GRADIENT / 255), [EXPECTED]),
        (Tensor(GRADIENT.transpose(2, 0, 1) / 255, dtype="bfloat16"), [EXPECTED]),
        (Tensor(BATCH.transpose(0, 3, 1, 2)), [EXPECTED, EXPECTED_OTHER]),
        (Tensor(GRAY[np.newaxis]), [EXPECTED_GRAY]),
        ([Tensor(GRADIENT.transpose(2, 0, 1))], [EXPECTED]),
        (Arrayish(GRADIENT), [EXPECTED]),
        (DlPackish(BATCH), [EXPECTED, EXPECTED_OTHER]),
        (BATCH[:0], []),
        ([], []),
    ],
)
def test_every_accepted_form_gives_the_same_picture(payload: object, expected: list[np.ndarray]) -> None:
    frames = video_frames(payload, track="main_video")
    assert frames.count == len(expected)
    for index, picture in enumerate(expected):
        assert (frames.width, frames.height) == (W, H)
        assert np.array_equal(i420(frames, index), picture)


@pytest.mark.parametrize("float_range", [(-1.0, 1.0), (0.0, 255.0), (-0.5, 3.5)])
@pytest.mark.parametrize("dtype", ["float32", "float64", ">f8"])
def test_floats_of_a_declared_range_give_the_same_picture(float_range: tuple[float, float], dtype: str) -> None:
    low, high = float_range
    frames = video_frames((BATCH / 255 * (high - low) + low).astype(dtype), track="t", float_range=float_range)
    assert np.array_equal(i420(frames, 1), EXPECTED_OTHER)
    assert np.array_equal(frames.rgb(0), GRADIENT)
    assert np.array_equal(i420(video_frames(GRADIENT, track="t", float_range=float_range)), EXPECTED)
    with pytest.raises(OutputError, match=rf"scale floats to {low:g}..{high:g}, .* or float {low:g}..{high:g};"):
        video_frames(np.full((H, W, 3), high + (high - low) / 100), track="t", float_range=float_range)


def test_half_floats_are_close_enough() -> None:
    frames = video_frames((GRADIENT / 255).astype(np.float16), track="t")
    assert np.abs(i420(frames).astype(int) - EXPECTED).max() <= 1


@pytest.mark.parametrize("mode", ["P", "L", "1", "LA", "CMYK", "I;16", "F"])
def test_pil_images_of_any_mode_are_taken(mode: str) -> None:
    frames = video_frames(Image.new(mode, (W, H)), track="t")
    assert (frames.count, frames.width, frames.height) == (1, W, H)


def test_odd_sizes_are_made_even() -> None:
    frames = video_frames(GRADIENT[:11, :15], track="t")
    assert (frames.width, frames.height, frames.i420_bytes) == (16, 12, 16 * 12 * 3 // 2)
    assert np.array_equal(to_rgb(i420(frames), 16, 12)[-1], to_rgb(i420(frames), 16, 12)[-2])


def test_a_frame_is_written_into_the_slot_given() -> None:
    frames = video_frames(BATCH, track="t")
    ring = np.zeros(frames.i420_bytes * 2, np.uint8)
    frames.write_i420(1, ring[frames.i420_bytes :])
    assert not ring[: frames.i420_bytes].any()
    assert np.array_equal(ring[frames.i420_bytes :], EXPECTED_OTHER)
    with pytest.raises(IllegalInput):
        frames.write_i420(0, ring[: frames.i420_bytes - 1])


def test_floats_a_rounding_error_outside_the_range_are_taken() -> None:
    frames = video_frames(np.full((H, W, 3), 1.0015, np.float32), track="t")
    assert i420(frames)[0] == 235
    assert i420(video_frames(np.full((H, W, 3), -0.0015), track="t"))[0] == 16


@pytest.mark.parametrize(
    ("payload", "came"),
    [
        (None, "got None."),
        ("frame.png", "got str."),
        (b"\0" * 100, "got bytes."),
        (object(), "got object."),
        (3.5, "got float."),
        (np.float32(0.5), "numpy.float32 of shape () and dtype float32"),
        (np.zeros((H, W, 5), np.uint8), f"numpy.ndarray of shape ({H}, {W}, 5) and dtype uint8"),
        (np.zeros((H, W, 2), np.uint8), "shape (12, 16, 2)"),
        (np.zeros(100, np.uint8), "shape (100,)"),
        (np.zeros((1, 1, H, W, 3), np.uint8), "shape (1, 1, 12, 16, 3)"),
        (np.zeros((3, H, W), np.uint8), "channels come last, use .transpose(1, 2, 0)"),
        (np.zeros((5, 3, H, W), np.uint8), "channels come last, use .transpose(0, 2, 3, 1)"),
        (Tensor(np.zeros((5, H, W), np.uint8)), "tests.Tensor of shape (5, 12, 16) and dtype torch.uint8"),
        (np.zeros((H, W, 3), np.int64), "dtype int64; scale to 0..255 and convert with .astype(numpy.uint8)"),
        (np.zeros((H, W, 3), bool), "dtype bool"),
        (np.zeros((H, W, 3), complex), "dtype complex128"),
        (GRADIENT.astype(np.float32), "with values from 0 to 255; scale floats to 0..1"),
        (GRADIENT / 127.5 - 1, "with values from -1 to 1; scale floats to 0..1"),
        (np.full((H, W, 3), np.nan), "that contains NaN"),
        (np.full((H, W, 3), np.inf, np.float16), "from inf to inf"),
        (np.stack([GRADIENT / 255, GRADIENT * 1.0]), "with values from 0 to 255"),
        (np.zeros((1, W, 3), np.uint8), "each side may have 2 to 8192 pixels"),
        (np.zeros((2, 8193, 3), np.uint8), "each side may have 2 to 8192 pixels"),
        (np.zeros((2, 0, W, 3), np.uint8), "each side may have 2 to 8192 pixels"),
        (OnAnotherDevice(), "cannot be read: Implicit conversion"),
        (Tensor(GRADIENT, fails=True), "cannot be read: no kernel image"),
        ({"main_video": GRADIENT}, "got dict."),
    ],
)
def test_what_is_no_picture_is_refused_with_what_came_and_what_is_wanted(payload: object, came: str) -> None:
    with pytest.raises(OutputError) as caught:
        video_frames(payload, track="main_video")
    message = str(caught.value)
    assert message.startswith("track 'main_video': got ")
    assert came in message
    assert message.endswith(
        "Wanted: (H, W, 3) or (N, H, W, 3) RGB as uint8 0..255 or float 0..1; "
        "gray, RGBA, PIL images and torch tensors too."
    )


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ([GRADIENT, None], r"track 't\[1\]': got None"),
        (
            [BATCH],
            r"track 't\[0\]': got numpy.ndarray of shape \(2, 12, 16, 3\) .* a list or tuple holds single frames",
        ),
        ([[1, 2], [3, 4]], r"track 't\[0\]': got list"),
    ],
)
def test_a_list_names_the_frame_that_is_wrong(payload: object, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        video_frames(payload, track="t")


def test_frames_of_one_batch_must_have_one_size() -> None:
    with pytest.raises(OutputError, match=r"track 't': the frames of one batch differ .*\(11, 16\), \(12, 16\)"):
        video_frames([GRADIENT, GRADIENT[:11]], track="t")
