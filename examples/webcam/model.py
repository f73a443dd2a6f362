"""Your camera through a filter: what a client sends comes back changed, one picture for each that arrives."""

from collections.abc import AsyncIterator, Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from reactor_runtime import Input, InputField, InputState, Output, ReactorPipeline, Video

Style = Literal["mirror", "edges", "thermal", "cartoon"]


class Camera(Input):
    webcam: Video


class Filtered(Output):
    main_video: Video


class FilterState(InputState):
    style: Style = InputField("mirror", description="What to make of the picture")
    amount: float = InputField(1.0, ge=0, le=1, description="How much of the filter is mixed in")


class WebcamFilter(ReactorPipeline):
    state: FilterState
    input: Camera

    async def inference(self) -> AsyncIterator[Filtered]:
        while True:
            try:
                (frame,) = await self.input.webcam.read(timeout=0.5)
            except TimeoutError:
                yield Filtered(main_video=waiting_card())
                continue
            picture = frame.data[:, ::-1]
            changed = FILTERS[self.state.style](picture)
            yield Filtered(main_video=cv2.addWeighted(changed, self.state.amount, picture, 1 - self.state.amount, 0))


def edges(picture: np.ndarray) -> np.ndarray:
    """Return the outlines, green on black."""
    lines = cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 60, 160)
    return cv2.merge([lines // 4, lines, lines // 2])


def thermal(picture: np.ndarray) -> np.ndarray:
    """Return the light as heat, from black over red to yellow."""
    heat = cv2.applyColorMap(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLORMAP_INFERNO)
    return cv2.cvtColor(heat, cv2.COLOR_BGR2RGB)


def cartoon(picture: np.ndarray) -> np.ndarray:
    """Return flat colours between dark outlines."""
    flat = cv2.medianBlur(picture, 7) // 48 * 48 + 24
    ink = cv2.adaptiveThreshold(
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 11, 7
    )
    return cv2.bitwise_and(flat, flat, mask=ink)


FILTERS: dict[Style, Callable[[np.ndarray], np.ndarray]] = {
    "mirror": np.ascontiguousarray,
    "edges": edges,
    "thermal": thermal,
    "cartoon": cartoon,
}


def waiting_card() -> NDArray[np.uint8]:
    """Return what is shown until a camera is there."""
    card = np.full((360, 640, 3), (18, 22, 34), np.uint8)
    cv2.circle(card, (320, 150), 46, (96, 108, 150), 6, cv2.LINE_AA)
    cv2.circle(card, (320, 150), 18, (96, 108, 150), -1, cv2.LINE_AA)
    cv2.putText(card, "Waiting for a camera", (178, 250), cv2.FONT_HERSHEY_DUPLEX, 0.8, (176, 186, 220), 1, cv2.LINE_AA)
    return card
