"""Pictures each by itself, for clients that decode no video: as good, and as many, as fit the rate of a rung."""

from __future__ import annotations

import cv2

from reactor_runtime.codec.scaling import scaled
from reactor_runtime.media.frame import AccessUnit, Picture

MOST_PER_SECOND = 15
"""Pictures per second: each takes several times what it takes as video, in time and in bytes."""
VIDEO_FPS_LIKE = 133.0
"""Video of so many pictures per second takes what eight of these do: by it a rung's size is chosen."""
BEST, WORST, STEP = 80, 40, 5
"""Qualities of JPEG, and how far they move from one picture to the next."""
ROOM = 0.75
"""Share of its bytes below which a picture may be better."""


class JpegEncoder:
    """One rung's. Thread: the rung's.

    Attributes:
        size: Width and height of what it makes.
        rest: Seconds from the beginning of the last picture to that of the next one.
    """

    def __init__(self, size: tuple[int, int], bitrate_bps: int) -> None:
        self.size = size
        self.rest = 0.0
        self._bitrate_bps = bitrate_bps
        self._quality = (BEST + WORST) // 2

    def encode(self, picture: Picture, *, keyframe: bool) -> AccessUnit:
        """Return a picture; every one is a key frame, wanted or not."""
        width, height = self.size
        pixels = cv2.cvtColor(scaled(picture, width, height), cv2.COLOR_YUV2BGR_I420)
        _, encoded = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, self._quality))
        data = encoded.tobytes()
        seconds = 8 * len(data) / self._bitrate_bps
        if seconds > 1 / MOST_PER_SECOND:
            self._quality = max(WORST, self._quality - STEP)
        elif seconds < ROOM / MOST_PER_SECOND:
            self._quality = min(BEST, self._quality + STEP)
        self.rest = max(seconds, 1 / MOST_PER_SECOND)
        return AccessUnit(data, picture.pts, True, width, height, picture.due_at, picture.answers)
