"""Sends access units that were encoded elsewhere over the engine, which by itself only sends what it encodes.

The engine is given a tiny constant picture for each access unit. Its encoder's output passes an encoded transform,
where the payload is exchanged for the access unit; packets, pacing, retransmission and rate estimation are then those
of the real thing. This is the only file that touches the engine's inside: the public stream objects would cost a task
switch and several objects for every frame.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import webrtc
import wrtc
from webrtc.interfaces.rtc_rtp_script_transform import RTCRtpScriptTransformer

from reactor_runtime.media.frame import AccessUnit

log = logging.getLogger(__name__)

SIDE = 16
MOST_IN_ENGINE = 8
"""Units that may be inside the engine; it normally holds one for half a millisecond, and more means it is stalled."""
HIGHEST_BPS = 10_000_000
"""Bound of the engine's probing. Its own default for a tiny picture would keep the estimate far below our rates."""

_PLANES = [(0, SIDE), (SIDE * SIDE, SIDE // 2), (SIDE * SIDE * 5 // 4, SIDE // 2)]


class EncodedLine:
    """One outgoing video line of a connection. Thread: the loop's, all of it."""

    def __init__(self, on_keyframe_request: Callable[[], None]) -> None:
        self.lost = 0
        self._on_keyframe_request = on_keyframe_request
        self._generator = wrtc.TrackGenerator("video")
        self._dummy = wrtc.VideoFrameBuffer.fromData("I420", SIDE, SIDE, bytes(SIDE * SIDE * 3 // 2), _PLANES)
        self._in_engine: deque[tuple[int, AccessUnit]] = deque()
        self._serial = 0
        self._noted = (0, 0)
        # After a loss, deltas are refused until a key frame goes in, and those already inside are not let out.
        self._refuses_deltas = self._holds_deltas = True

    async def attach(self, transceiver: webrtc.RTCRtpTransceiver) -> None:
        """Make this what the transceiver sends. Call before the answer is created."""
        sender = transceiver.sender
        await sender.replace_track(webrtc.MediaStreamTrack._wrap(self._generator.track))
        # Held here because the engine itself keeps only a weak reference.
        self._transform = webrtc.RTCRtpScriptTransform(_no_worker)
        self._transform._transformer = _Exchange(self._transform, self._exchange)
        self._transform._transformer._attach()
        sender.transform = self._transform

    async def configure(self, transceiver: webrtc.RTCRtpTransceiver) -> None:
        """Keep the engine from adapting the dummy and from bounding the estimate by it. Call once negotiated."""
        parameters = transceiver.sender.get_parameters()
        parameters.degradation_preference = webrtc.RTCDegradationPreference.maintain_framerate_and_resolution
        for encoding in parameters.encodings:
            encoding.max_bitrate = HIGHEST_BPS
        await transceiver.sender.set_parameters(parameters)

    def put(self, unit: AccessUnit) -> bool:
        """Send one access unit; False when it is lost, after which only a key frame is accepted."""
        self._refuses_deltas = self._refuses_deltas and not unit.is_keyframe
        if self._refuses_deltas:
            return False
        if len(self._in_engine) == MOST_IN_ENGINE:
            self._lose(len(self._in_engine) + 1)
            self._in_engine.clear()
            return False
        # The engine stamps packets from its own clock and carries this number through untouched.
        self._serial += 1
        self._in_engine.append((self._serial, unit))
        self._generator.writeVideo(self._dummy, self._serial, 0)
        return True

    def note_requests(self, total: int) -> None:
        """Take how many key frames the remote has asked for so far, as the engine counted them.

        While pictures flow the dummies tell it sooner; this notices a request that came while the picture stood still.
        """
        if total > self._noted[0] and self._serial == self._noted[1]:
            self._on_keyframe_request()
        self._noted = (total, self._serial)

    def close(self) -> None:
        """End the track."""
        self._generator.close()
        self._in_engine.clear()

    def _exchange(self, native: wrtc.RTCRtpScriptTransform) -> None:
        while (frame := native.read()) is not None:
            unit = self._take(frame)
            if unit is not None:
                native.write(frame, unit.data)

    def _take(self, frame: wrtc.RTCEncodedFrame) -> AccessUnit | None:
        """Return the unit that belongs to a dummy, None when it is not to be sent."""
        metadata = frame.getMetadata()
        serial = metadata["timestamp"]
        skipped = 0
        while self._in_engine and self._in_engine[0][0] < serial:
            self._in_engine.popleft()
            skipped += 1
        if skipped:
            self._lose(skipped)
            self._on_keyframe_request()
        if not self._in_engine or self._in_engine[0][0] != serial:
            return None
        unit = self._in_engine.popleft()[1]
        if metadata["keyFrame"] and not unit.is_keyframe:
            # The engine made a key frame of its own accord: the remote asked for one.
            self._on_keyframe_request()
        self._holds_deltas = self._holds_deltas and not unit.is_keyframe
        return None if self._holds_deltas else unit

    def _lose(self, count: int) -> None:
        self.lost += count
        self._refuses_deltas = self._holds_deltas = True
        log.debug("the engine dropped %d access units", count)


class _Exchange(RTCRtpScriptTransformer):
    """Takes the engine's wake-ups directly instead of through its streams."""

    __slots__ = ("_exchange",)

    def __init__(
        self, transform: webrtc.RTCRtpScriptTransform, exchange: Callable[[wrtc.RTCRtpScriptTransform], None]
    ) -> None:
        super().__init__(transform, None)
        self._exchange = exchange

    def _on_event(self, name: str, *_args: object) -> None:
        if name == "_ready":
            self._native_obj._ackWakeup()
            self._exchange(self._native_obj)


def _no_worker(_event: object) -> None:
    """The transform's worker, which the engine insists on; `_Exchange` does the work."""
