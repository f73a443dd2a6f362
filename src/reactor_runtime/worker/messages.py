"""What crosses the control pipe, one struct per message, one order per direction.

Times are monotonic seconds of the machine; server and worker share that clock.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from reactor_runtime.authoring.contract import Contract


class _Message(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    pass


class SlotRef(msgspec.Struct, frozen=True, array_like=True):
    """One picture in a ring: packed I420 (Y, U, V planes without padding), even width and height."""

    ring: int
    slot: int
    width: int
    height: int


# ---- server -> model ------------------------------------------------------------------------------------------


class Setup(_Message, frozen=True):
    """First message to a fresh worker: where the model is and how to configure it.

    Attributes:
        model_dir: Absolute folder that holds `reactor.yaml` or the `@model` class.
        config_path: `-c/--config`, absolute, or None to use what the model declares.
        overrides: `a.b=value` strings from `--model.a.b`, in order.
        weights_store: Where weights are downloaded from; None leaves it to the environment and `reactor.yaml`.
        profiling: Whether the sections that the model marks are timed.
        profiling_dir: Absolute folder for these times, or None.
        development: Whether what the model logs and prints is to be told, by `Logged`.
    """

    model_dir: str
    config_path: str | None = None
    overrides: tuple[str, ...] = ()
    verbose: bool = False
    weights_store: str | None = None
    profiling: bool = False
    profiling_dir: str | None = None
    development: bool = False


class SessionBegan(_Message, frozen=True):
    """A session opened. Sent before any of its clients."""

    session_id: str


class ClientJoined(_Message, frozen=True):
    """A client's connection is ready."""

    client_id: int
    joined_at: float


class ClientLeft(_Message, frozen=True):
    """A client's connection is gone."""

    client_id: int


class Uploaded(msgspec.Struct, frozen=True):
    """A file that a client uploaded. `path` is where the server put it; it is there until the session ends."""

    name: str
    mime_type: str
    size: int
    path: str


class Invoke(_Message, frozen=True):
    """One command, already checked where the contract lets the server check it. Answered by `Replied`.

    Attributes:
        client_id: The sender; None for the runtime itself (headless scripts, replay after a restart).
        uploads: Upload id to file, for every complete upload that the arguments refer to.
    """

    command_id: int
    name: str
    arguments: dict[str, Any]
    client_id: int | None = None
    submitted_at: float = 0.0
    uploads: dict[str, Uploaded] = {}


class FileArrived(_Message, frozen=True):
    """A client says that its upload is complete: for the model's `@file_uploaded` hook."""

    client_id: int
    file: Uploaded


class InputRingOpened(_Message, frozen=True):
    """A ring for the pictures of an input track; its memory arrives beside this message. See `RingOpened`."""

    ring: int
    track: str
    slot_bytes: int
    slots: int


class Saw(_Message, frozen=True):
    """A client sent a picture. Its slot is free again once `InputReleased` says so.

    Attributes:
        pts: Seconds since the first frame of its track in this session.
        capture_time_us: When the client took it, 0 where it did not say.
        rotation: Degrees by which it is to be turned clockwise to stand upright: 0, 90, 180 or 270.
    """

    track: str
    client_id: int
    slot: SlotRef
    pts: float
    capture_time_us: int = 0
    rotation: int = 0


class Heard(_Message, frozen=True):
    """A client sent sound: mono little-endian int16 at 48 kHz. `pts` and `capture_time_us` are as in `Saw`."""

    track: str
    client_id: int
    samples: bytes
    pts: float
    capture_time_us: int = 0


class InputFreed(_Message, frozen=True):
    """A client sends an input track no more; it is still there, or its `ClientLeft` follows."""

    track: str
    client_id: int


class SessionEnding(_Message, frozen=True):
    """The session is over; answered by `SessionClosed` once the model let go of it."""

    reason: str


class Released(_Message, frozen=True):
    """Slots of a ring whose pixels the server no longer needs."""

    ring: int
    slots: list[int]


class Played(_Message, frozen=True):
    """Slices that left the server's queue, shown or dropped: so many more may be generated ahead.

    Attributes:
        at: Slot of the last of them; 0 where none was shown, or where nothing is shown on a schedule.
        interval: Seconds to the next slot.
    """

    slices: int
    at: float = 0.0
    interval: float = 0.0


class Ping(_Message, frozen=True):
    """Answered at once, from the control thread, by `Pong`."""

    sent_at: float


class Shutdown(_Message, frozen=True):
    """Leave: end the session hooks, then the process."""


# ---- model -> server ------------------------------------------------------------------------------------------


class Described(_Message, frozen=True):
    """The author's code was imported and compiled; weights are not loaded yet."""

    pid: int
    contract: Contract


class Progress(_Message, frozen=True):
    """What loading is busy with. `fraction` is 0..1, or None when it cannot be told."""

    text: str
    fraction: float | None = None


class Loaded(_Message, frozen=True):
    """`load()` returned; sessions may begin."""

    seconds: float


class Failed(_Message, frozen=True):
    """The author's code raised, or ended where it must not.

    Attributes:
        where: `import` and `load` happen before any session; `run` ends the model's loop; `handler` and `hook`
            concern one call and leave the model running.
        summary: One line, safe for a client: no paths, no values of the author.
        error: One line for the author.
        traceback: Whole traceback for the author, empty when there is none (`run` returned early).
    """

    where: Literal["import", "load", "run", "handler", "hook"]
    summary: str
    error: str
    traceback: str = ""


class Logged(_Message, frozen=True):
    """What the model logged or printed. Sent in development mode only.

    Attributes:
        logger: Name of the logger; `stdout` or `stderr` for a line that was printed.
        traceback: Of the exception that was logged with it; empty when there was none.
    """

    level: Literal["debug", "info", "warning", "error"]
    logger: str
    text: str
    traceback: str = ""


class RingOpened(_Message, frozen=True):
    """A new frame ring; its memory arrives beside this message as one file descriptor.

    Attributes:
        ring: Number of the ring, never reused by one worker. A later ring of the same track replaces the earlier
            one for new frames; frames already sent stay valid until released.
        slot_bytes: Size of each slot; slot `i` starts at `i * slot_bytes`.
    """

    ring: int
    track: str
    slot_bytes: int
    slots: int


class Slice(_Message, frozen=True):
    """One time slice of an emitted chunk: at most one picture and one audio block per track.

    Attributes:
        epoch: Counts flushes; a slice of an older epoch is never shown.
        index: Place in its chunk, 0..chunk_frames-1.
        fps: Rate asked for by the author, told by the sound, or measured; None leaves it to the pacer.
        pinned: Whether `fps` is to be kept exactly; measured it only helps the pacer.
        video: Track name to picture.
        audio: Track name to interleaved little-endian int16 at 48 kHz: (channels, bytes).
        answers: Ids of the commands whose handlers had returned before this chunk's generation began.
        began_at: When generation of the chunk began.
        entered_at: When the model handed the chunk over.
        converting_at: When the slice had room, and its pixels began to be written.
        emitted_at: When the slice was complete in its slots.
    """

    epoch: int
    index: int
    chunk_frames: int
    video: dict[str, SlotRef] = {}
    audio: dict[str, tuple[int, bytes]] = {}
    fps: float | None = None
    pinned: bool = False
    answers: list[int] = []
    began_at: float = 0.0
    entered_at: float = 0.0
    converting_at: float = 0.0
    emitted_at: float = 0.0


class Flushed(_Message, frozen=True):
    """Everything of an epoch before `epoch` must vanish now. `hold` keeps the last picture, else one black frame."""

    epoch: int
    hold: bool = False


class Said(_Message, frozen=True):
    """A message from the model. `client_id` None means every client of the session."""

    data: Any
    name: str | None = None
    client_id: int | None = None


class Replied(_Message, frozen=True):
    """The answer to one `Invoke`: an error code and text, or an optional body (`name` is its message type)."""

    command_id: int
    data: Any = None
    name: str | None = None
    error_code: str | None = None
    error_message: str = ""


class SessionEnded(_Message, frozen=True):
    """The model itself ended the session (generation 1: `start_session` returned or raised)."""

    reason: str
    crashed: bool = False


class InputReleased(_Message, frozen=True):
    """Slots of an input ring whose pixels the model has taken."""

    ring: int
    slots: list[int]


class SessionClosed(_Message, frozen=True):
    """Answer to `SessionEnding`: hooks have run, the model holds nothing of the session."""


class Pong(_Message, frozen=True):
    """Answer to `Ping`."""

    sent_at: float


ToModel = (
    Setup
    | SessionBegan
    | ClientJoined
    | ClientLeft
    | Invoke
    | FileArrived
    | InputRingOpened
    | Saw
    | Heard
    | InputFreed
    | SessionEnding
    | Released
    | Played
    | Ping
    | Shutdown
)
FromModel = (
    Described
    | Progress
    | Loaded
    | Failed
    | Logged
    | RingOpened
    | Slice
    | Flushed
    | Said
    | Replied
    | InputReleased
    | SessionEnded
    | SessionClosed
    | Pong
)
