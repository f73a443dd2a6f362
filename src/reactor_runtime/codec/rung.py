"""One encoded version of a track: a thread that turns pictures into access units."""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType

from reactor_runtime.codec.encoders import open_encoder
from reactor_runtime.codec.formats import Codec, Format
from reactor_runtime.codec.jpeg import JpegEncoder
from reactor_runtime.codec.scaling import scaled
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE, AccessUnit, Picture
from reactor_runtime.media.mailbox import Mailbox
from reactor_runtime.runtime.clock import now

log = logging.getLogger(__name__)

MAILBOX_DEPTH = 1
"""Pictures that may wait for the encoder. With more, an encoder at its limit would add their time to every delay."""
CUT_LEVELS = 40
CUT_RATIO = 2
"""A picture whose difference from the one before varies by so many grey levels, and by so much more than that one's
did, is a cut: as a key frame it takes half the bytes. What is brighter all alike takes more, and twice the time."""
CUT_SPACING = VIDEO_CLOCK_RATE
"""Ticks from one key frame to a cut that is one too: what flickers is no film."""
CUT_GRID = 8
"""Pixels between the ones that are compared."""
LONGEST_STEP = 2
"""Intervals. What a longer pause left over is not spent on the next picture, which would be large and arrive late."""


@dataclass(frozen=True, slots=True)
class RungSpec:
    """What a rung makes of the pictures.

    Attributes:
        bitrate_bps: Target; an open encoder cannot change it.
        max_pixels: Larger pictures are scaled down to this, keeping their aspect; None keeps the size.
        fps: Expected frame rate, which the rate control starts from.
    """

    name: str
    bitrate_bps: int
    max_pixels: int | None = None
    fps: float = 30.0
    codec: Format = "vp8"

    def size_for(self, width: int, height: int) -> tuple[int, int]:
        """Return the encoded size of a picture, even in both directions."""
        if self.max_pixels is None or width * height <= self.max_pixels:
            return width, height
        scale = math.sqrt(self.max_pixels / (width * height))
        return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


class Rung:
    """Encodes on its own thread, newest picture first served: one that waited too long is dropped, not queued.

    The interpreter's lock is free while the library works.
    """

    def __init__(self, spec: RungSpec, deliver: Callable[[AccessUnit], None]) -> None:
        """Start the thread.

        Args:
            spec: What to make.
            deliver: Takes each access unit, in order. Thread: the rung's.
        """
        self.spec = spec
        self.encoded = 0
        self.encode_seconds = 0.0
        self._deliver = deliver
        self._waiting: Mailbox[tuple[Picture, Callable[[], None]]] = Mailbox(MAILBOX_DEPTH, newest_wins=True)
        self._changed = threading.Condition()
        self._keyframe_wanted = False
        self._rests_until = 0.0
        self._closed = False
        threading.Thread(target=self._run, name=f"rung-{spec.name}", daemon=True).start()

    @property
    def dropped(self) -> int:
        """Pictures that a newer one displaced before they were encoded."""
        return self._waiting.dropped

    def push(self, picture: Picture, done: Callable[[], None]) -> None:
        """Hand over a picture; never blocks.

        Args:
            picture: Its pixels must not change before `done`.
            done: Called once the pixels are not needed any more, also when the picture is dropped. Thread: the
                rung's or the caller's.
        """
        with self._changed:
            expired = (picture, done) if self._closed else self._waiting.put((picture, done))
            self._changed.notify()
        if expired is not None:
            expired[1]()

    def request_keyframe(self) -> None:
        """Make the next picture a key frame; asking twice before it comes is asking once."""
        self._keyframe_wanted = True

    def flush(self) -> None:
        """Give back the pictures that wait; the one it works on is still delivered."""
        with self._changed:
            left = self._waiting.clear()
        for _, done in left:
            done()

    def close(self) -> None:
        """Let the thread end after the picture it works on; pictures that wait are given back. Idempotent."""
        with self._changed:
            self._closed = True
            left = self._waiting.clear()
            self._changed.notify()
        for _, done in left:
            done()

    def _run(self) -> None:
        encoder: _Encoder | JpegEncoder | None = None
        while (item := self._take()) is not None:
            picture, done = item
            began_at = now()
            try:
                size = self.spec.size_for(picture.width, picture.height)
                if encoder is None or encoder.size != size:
                    encoder = _open(self.spec, size)
                wanted, self._keyframe_wanted = self._keyframe_wanted, False
                unit = encoder.encode(picture, keyframe=wanted)
            except (av.FFmpegError, cv2.error, ValueError):
                # A picture that cannot be encoded costs itself and the encoder's state, never the rung.
                log.exception("rung %s could not encode a picture", self.spec.name)
                encoder = unit = None
            self._rests_until = began_at + (encoder.rest if encoder is not None else 0.0)
            encoded_at = now()
            self.encode_seconds += encoded_at - began_at
            if unit is not None:
                self.encoded += 1
                self._deliver(dataclasses.replace(unit, began_at=began_at, encoded_at=encoded_at))
            done()

    def _take(self) -> tuple[Picture, Callable[[], None]] | None:
        with self._changed:
            while not self._closed and (not self._waiting or self._rests_until > now()):
                self._changed.wait(self._rests_until - now() if self._waiting else None)
            return None if self._closed else self._waiting.take()


def _open(spec: RungSpec, size: tuple[int, int]) -> _Encoder | JpegEncoder:
    if spec.codec == "jpeg":
        return JpegEncoder(size, spec.bitrate_bps)
    return _Encoder(spec, spec.codec, size)


class _Encoder:
    """One encoder of a fixed size. Thread: the rung's."""

    rest = 0.0

    def __init__(self, spec: RungSpec, codec: Codec, size: tuple[int, int]) -> None:
        self.size = size
        self._context = open_encoder(codec, size, fps=spec.fps, bitrate_bps=spec.bitrate_bps)
        self._interval = round(VIDEO_CLOCK_RATE / spec.fps)
        self._last_pts: int | None = None
        self._time = 0
        self._sample: npt.NDArray[np.uint8] | None = None
        self._change = math.inf
        self._key_at = 0

    def encode(self, picture: Picture, *, keyframe: bool) -> AccessUnit | None:
        width, height = self.size
        pixels = scaled(picture, width, height)
        frame = av.VideoFrame.from_numpy_buffer(pixels, format="yuv420p", width=width)
        # Rate control gives every picture bits for the time since the one before.
        step = self._interval if self._last_pts is None else picture.pts - self._last_pts
        self._time += min(step, LONGEST_STEP * self._interval) if step > 0 else self._interval
        self._last_pts = picture.pts
        frame.pts = self._time
        frame.time_base = self._context.time_base
        if (self._is_cut(pixels[:height]) and self._time - self._key_at > CUT_SPACING) or keyframe:
            frame.pict_type = PictureType.I
            self._key_at = self._time
        packets = self._context.encode(frame)
        if not packets:
            return None
        (packet,) = packets
        return AccessUnit(
            bytes(packet), picture.pts, packet.is_keyframe, width, height, picture.due_at, picture.answers
        )

    def _is_cut(self, luma: npt.NDArray[np.uint8]) -> bool:
        before, self._sample = self._sample, np.ascontiguousarray(luma[::CUT_GRID, ::CUT_GRID])
        if before is None:
            return False
        difference = cv2.subtract(self._sample, before, dtype=cv2.CV_16S)
        usual, self._change = self._change, float(cv2.meanStdDev(difference)[1][0, 0])
        return self._change > max(CUT_LEVELS, CUT_RATIO * usual)
