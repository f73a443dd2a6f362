"""What clients send to a generation 1 model: the newest frame of each track, and a thread for `on_media`."""

from __future__ import annotations

import contextvars
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from reactor_runtime.authoring.video_model import VideoModel
from reactor_runtime.authoring.video_model_tracks import AudioIn, MediaBundle
from reactor_runtime.log import get_logger
from reactor_runtime.worker.driver import Outlet, Received

log = get_logger(__name__)

USUAL_RATE = 48_000
"""Samples per second of an input track that declares none."""


class VideoModelInputs:
    """Input media of one model. `take`, `free` and `clear` never wait for the author's code. Thread: any."""

    def __init__(self, cls: type[VideoModel]) -> None:
        tracks = [track for track in cls._tracks.values() if track.direction.value == "in"]
        self._declared = tuple(track.name for track in tracks)
        # Sound adds up between two calls, to one second at most; of pictures, only the newest counts.
        self._held_samples = {
            track.name: int(track.rate or USUAL_RATE) for track in tracks if isinstance(track, AudioIn)
        }
        self._wants_media = cls.on_media is not VideoModel.on_media
        self._wants_frame = cls.on_frame is not VideoModel.on_frame
        for method, called in (
            ("on_media", bool(tracks) or not self._wants_media),
            ("on_frame", len(tracks) > len(self._held_samples) or not self._wants_frame),
        ):
            if not called:
                log.warning(f"{method} is never called: {cls.__name__} declares outputs, and no VideoIn beside them")
        self._changed = threading.Condition()
        # Guarded by `_changed`:
        self._latest: dict[str, npt.NDArray[Any]] = {}
        self._news: dict[str, npt.NDArray[Any]] = {}
        self._stopped = True
        self._calling: threading.Thread | None = None

    def latest(self, track: str) -> npt.NDArray[Any] | None:
        """Return the newest frame of a track, None where there is none."""
        with self._changed:
            return self._latest.get(track)

    def take(self, received: Received) -> None:
        """Note a frame."""
        track, frame = received.track, received.frame
        with self._changed:
            self._latest[track] = frame
            if not (self._wants_media or self._wants_frame):
                return
            if track in self._held_samples and track in self._news:
                self._news[track] = np.concatenate([self._news[track], frame], axis=1)[:, -self._held_samples[track] :]
            else:
                self._news[track] = frame
            self._changed.notify_all()

    def free(self, track: str) -> None:
        """Forget what came on a track: nobody sends it any more."""
        with self._changed:
            self._latest.pop(track, None)
            self._news.pop(track, None)

    def clear(self) -> None:
        """Forget everything: a session begins or ends."""
        with self._changed:
            self._latest.clear()
            self._news.clear()

    def start(self, model: VideoModel, outlet: Outlet) -> None:
        """Call the model's `on_media` and `on_frame` from here on, in the caller's context."""
        if self._wants_media or self._wants_frame:
            self._stopped = False
            work = contextvars.copy_context()
            self._calling = threading.Thread(
                target=work.run, args=(self._call, model, outlet), name="model-media", daemon=True
            )
            self._calling.start()

    def halt(self) -> None:
        """Call them no more; one call may be in progress."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Call them no more; returns once a call in progress has."""
        self.halt()
        if self._calling is not None:
            self._calling.join()
            self._calling = None

    def _call(self, model: VideoModel, outlet: Outlet) -> None:
        failure = ""
        while (bundle := self._next()) is not None:
            try:
                if self._wants_media:
                    model.on_media(bundle)
                if self._wants_frame and (frame := self._picture(bundle)) is not None:
                    model.on_frame(frame)
                failure = ""
            except BaseException as error:  # noqa: BLE001 - the author's code: reported, and the session goes on
                # At 30 frames a second the same failure, told once, is enough.
                if failure != (failure := f"{type(error).__name__}: {error}"):
                    outlet.failed("handler", error)

    def _next(self) -> MediaBundle | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._news)
            if self._stopped:
                return None
            news, self._news = self._news, {}
            return MediaBundle(news, self._declared)

    def _picture(self, bundle: MediaBundle) -> npt.NDArray[Any] | None:
        return next((frame for name, frame in bundle.items() if name not in self._held_samples), None)
