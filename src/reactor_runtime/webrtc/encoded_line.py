"""Sends access units that were encoded elsewhere over the engine, which by itself only sends what it encodes.

The engine is given a tiny constant picture, a dummy, for each access unit. What its encoder makes of it, a carrier,
passes an encoded transform, where its payload is exchanged for the access unit; packets, pacing, retransmission and
rate estimation are then those of the real thing. Carriers and units are paired in order, whichever dummy was dropped.

This is the only file that touches the engine's inside: its public stream objects would cost a task switch and several
objects for every frame.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import webrtc
import wrtc
from webrtc.interfaces.rtc_rtp_script_transform import RTCRtpScriptTransformer

from reactor_runtime.codec.formats import Codec
from reactor_runtime.media.frame import AccessUnit
from reactor_runtime.runtime.clock import now

SIDE = 16
MOST_WAITING = 8
"""Units that may wait for a carrier, which normally takes half a millisecond; more means that the engine is stalled."""
RETRY_SECONDS = 0.03
"""A busy engine drops dummies; one that has not come back after this time is sent again."""
HIGHEST_BPS = 40_000_000
"""Bound of the engine's probing: far above our rates, since it sends each picture at the pace of its estimate. Its own
default for a tiny picture would keep the estimate far below them."""
REPEATS_WINDOW = 0.5
"""Seconds over which the rate of repeated packets is taken."""

_PLANES = [(0, SIDE), (SIDE * SIDE, SIDE // 2), (SIDE * SIDE * 5 // 4, SIDE // 2)]


class EncodedLine:
    """One outgoing video line of a connection. Thread: the loop's, all of it."""

    def __init__(
        self,
        codec: Codec,
        on_keyframe_request: Callable[[], None],
        on_answer_sent: Callable[[AccessUnit, int], None],
    ) -> None:
        self.lost = 0
        # Of VP8 the receiver looks into the picture itself; else it believes the carrier's header.
        self._header_tells_keyframes = codec != "vp8"
        self._on_keyframe_request = on_keyframe_request
        self._on_answer_sent = on_answer_sent
        self._generator = wrtc.TrackGenerator("video")
        self._dummy = wrtc.VideoFrameBuffer.fromData("I420", SIDE, SIDE, bytes(SIDE * SIDE * 3 // 2), _PLANES)
        self._write = self._generator.writeVideo
        self._retry: asyncio.TimerHandle | None = None
        # Units without a carrier and carriers without a unit; one of the two is always empty.
        self._waiting: deque[AccessUnit] = deque()
        self._carriers: deque[wrtc.RTCEncodedFrame] = deque()
        # The first carrier is a key frame unasked.
        self._awaits_key_carrier = True
        self._refuses_deltas = True
        self._accepted = 0
        self._noted = (0, 0)
        self._repeats: deque[tuple[float, int]] = deque([(0.0, 0)])

    async def attach(self, transceiver: webrtc.RTCRtpTransceiver) -> None:
        """Make this what the transceiver sends. Call before the answer is created."""
        sender = transceiver.sender
        await sender.replace_track(webrtc.MediaStreamTrack._wrap(self._generator.track))
        # Held here because the engine itself keeps only a weak reference.
        self._transform = webrtc.RTCRtpScriptTransform(_no_worker)
        self._transform._transformer = _Exchange(self._transform, self._arrived)
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
        if len(self._waiting) == MOST_WAITING:
            self.lost += len(self._waiting) + 1
            self._waiting.clear()
            self._refuses_deltas = True
            # Asked for again only here: twice would make two, and the second has no key frame to carry.
            self._awaits_key_carrier = False
            return False
        self._accepted += 1
        self._waiting.append(unit)
        if self._carriers:
            self._load()
        else:
            self._ask_for_carrier()
        return True

    def note_requests(self, total: int) -> None:
        """Take how many key frames the remote has asked for so far, as the engine counted them.

        While pictures flow the dummies tell it sooner; this notices a request that came while the picture stood still.
        """
        if total > self._noted[0] and self._accepted == self._noted[1]:
            self._on_keyframe_request()
        self._noted = (total, self._accepted)

    def note_repeats(self, total_bytes: int, at: float) -> float:
        """Take how many bytes were sent again so far, as the engine counted them; return their bits per second."""
        self._repeats.append((at, total_bytes))
        while len(self._repeats) > 2 and self._repeats[1][0] <= at - REPEATS_WINDOW:
            self._repeats.popleft()
        since, before = self._repeats[0]
        return 8 * (total_bytes - before) / max(at - since, REPEATS_WINDOW)

    def close(self) -> None:
        """End the track."""
        if self._retry is not None:
            self._retry.cancel()
        self._generator.close()
        self._waiting.clear()
        self._carriers.clear()

    def _ask_for_carrier(self) -> None:
        if self._waiting[0].is_keyframe and not self._awaits_key_carrier:
            self._awaits_key_carrier = True
            self._transform._native_obj.generateKeyFrame(None)
        # Packets are stamped with what the engine makes of this: it follows a clock that runs as its own does.
        self._write(self._dummy, round(now() * 1e6), 0)
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._ask_again)

    def _ask_again(self) -> None:
        self._retry = None
        if self._waiting:
            self._ask_for_carrier()

    def _arrived(self, carrier: wrtc.RTCEncodedFrame) -> None:
        self._carriers.append(carrier)
        self._load()
        if self._retry is not None and not self._waiting:
            self._retry.cancel()
            self._retry = None

    def _load(self) -> None:
        """Send what waits.

        A key frame travels in a key carrier only, for which the engine's pacer lets go of what it still holds of this
        line. Otherwise every carrier is used: one left out is a gap in the picture numbers, after which the receiver
        takes nothing but a key frame.
        """
        while self._carriers and self._waiting:
            carrier = self._carriers.popleft()
            meta = carrier.getMetadata()
            if self._waiting[0].is_keyframe and not meta["keyFrame"]:
                self._ask_for_carrier()
                continue
            unit = self._waiting.popleft()
            if meta["keyFrame"] and not unit.is_keyframe and self._header_tells_keyframes:
                self._carriers.appendleft(carrier)
                self._skip_to_keyframe()
                continue
            if meta["keyFrame"] and not self._awaits_key_carrier:
                # The engine made a key frame of its own accord: the remote asked for one.
                self._on_keyframe_request()
            self._awaits_key_carrier = self._awaits_key_carrier and not meta["keyFrame"]
            self._transform._native_obj.write(carrier, unit.data)
            if unit.answers:
                self._on_answer_sent(unit, meta["rtpTimestamp"])

    def _skip_to_keyframe(self) -> None:
        """A unit was lost for want of a carrier of its kind: nothing but a key frame is of use after it."""
        self.lost += 1
        while self._waiting and not self._waiting[0].is_keyframe:
            self._waiting.popleft()
            self.lost += 1
        self._refuses_deltas = not self._waiting
        if self._refuses_deltas:
            self._on_keyframe_request()


class _Exchange(RTCRtpScriptTransformer):
    """Takes the engine's wake-ups directly instead of through its streams."""

    __slots__ = ("_arrived",)

    def __init__(
        self, transform: webrtc.RTCRtpScriptTransform, arrived: Callable[[wrtc.RTCEncodedFrame], None]
    ) -> None:
        super().__init__(transform, None)
        self._arrived = arrived

    @staticmethod
    def _changes_activity(_name: str) -> bool:
        # `EncodedLine` holds the transform; looking whether the engine must took as long as the rest of a wake-up.
        return False

    def _on_event(self, name: str, *_args: object) -> None:
        if name == "_ready":
            native = self._native_obj
            native._ackWakeup()
            while (carrier := native.read()) is not None:
                self._arrived(carrier)


def _no_worker(_event: object) -> None:
    """The transform's worker, which the engine insists on; `_Exchange` does the work."""
