"""`reactor watch`: what a running model shows, as one line in the terminal and, if wanted, in a file."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from reactor_runtime.cli.send import Session, Url, spoken
from reactor_runtime.errors import OperatorError

if TYPE_CHECKING:
    from reactor_runtime.client import Client, Figures, Frame, Sound
    from reactor_runtime.headless.output import Cut, Output

LOOK_INTERVAL = 1.0
FIRST_SECONDS = 1 / 30
"""How long the first picture of a recording is taken to last."""


def watch(
    url: Url,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="Record to a file.mp4, a folder of PNGs, or - for YUV4MPEG2.", metavar="TO"
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", "-s", help="Stop after so long.", metavar="N", min=0.1)
    ] = None,
    track: Annotated[
        list[str] | None, typer.Option("--track", "-t", help="Only this output track.", metavar="NAME")
    ] = None,
    session: Session = None,
) -> None:
    """Watch a running model: its rate, size, delay and codec in one line; record it with --output."""
    if output == "-" and sys.stdout.isatty():
        raise OperatorError("--output - writes pictures, not text: send stdout to a program or a file")
    try:
        status = spoken(_watch(url, output, seconds, track or [], session))
    except KeyboardInterrupt:
        status = 0
    raise typer.Exit(status)


async def _watch(url: str, output: str | None, seconds: float | None, wanted: list[str], session: str | None) -> int:
    from reactor_runtime.client import Client

    async with Client(url, session_id=session) as client:
        names = [track.name for track in client.tracks if track.direction == "out"]
        if unknown := [name for name in wanted if name not in names]:
            raise ValueError(f"the model has no output track {unknown[0]!r}; there is: {', '.join(names) or 'none'}")
        screen = _Screen(client)
        recording = _Recording(client, output, wanted or names) if output else None
        reading = [
            asyncio.create_task(_follow(screen, recording, client, track.name, track.kind))
            for track in client.tracks
            if track.name in (wanted or names) and (track.kind == "video" or recording is not None)
        ]
        showing = asyncio.create_task(screen.run())
        try:
            ended = asyncio.gather(*reading) if reading else asyncio.create_task(_until_over(client))
            with suppress(TimeoutError):
                await asyncio.wait_for(ended, seconds)
        except BrokenPipeError:
            recording = None  # whoever read the pictures has enough
        finally:
            showing.cancel()
            screen.clear()
            if recording is not None:
                await recording.close()
        if client.state == "ended":
            print(f"The session is over: {client.reason or 'stopped'}", file=sys.stderr)
    if reading and not screen.shown:
        print("Error: no picture came", file=sys.stderr)
        return 1
    return 0


async def _until_over(client: Client) -> None:
    while not client.is_over:
        await client.news()


async def _follow(screen: _Screen, recording: _Recording | None, client: Client, track: str, kind: str) -> None:
    if kind == "audio":
        assert recording is not None, "sound is only heard for a file"
        async for sound in client.sound(track):
            await recording.take_sound(sound)
        return
    async for frame in client.frames(track, every=recording is not None):
        screen.shown += 1
        if recording is not None:
            await recording.take_frame(frame)


class _Screen:
    """The status line: rewritten in a terminal, a line now and then elsewhere."""

    def __init__(self, client: Client) -> None:
        self.shown = 0
        self._client = client
        self._is_terminal = sys.stderr.isatty()
        self._last = ""

    async def run(self) -> None:
        from reactor_runtime.client import NotConnected

        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            try:
                text = self._line(await self._client.figures())
            except NotConnected:
                text = self._client.reason
            self._show(f"{self._client.state}  {text}")

    def clear(self) -> None:
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _line(self, figures: Figures) -> str:
        parts = []
        for name in [track.name for track in self._client.tracks if track.name in figures.tracks]:
            track = figures.tracks[name]
            size = f" {track.width}x{track.height} {track.fps:.0f} fps" if track.kind == "video" else ""
            rate = f"{track.bps / 1e6:.1f} Mbit/s" if track.bps >= 1e6 else f"{track.bps / 1e3:.0f} kbit/s"
            parts.append(f"{name}{size} {track.codec} {rate}")
            if track.kind == "video":
                parts.append(f"{(figures.round_trip / 2 + track.delay) * 1000:.0f} ms")
        return "  ".join([*parts, figures.path])

    def _show(self, text: str) -> None:
        if self._is_terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        elif text.split()[:1] != self._last.split()[:1]:
            print(text, file=sys.stderr, flush=True)
        self._last = text


class _Recording:
    """Writes what is shown, in a thread of its own."""

    def __init__(self, client: Client, target: str, tracks: list[str]) -> None:
        from reactor_runtime.authoring.contract import TrackSpec
        from reactor_runtime.headless.output import open_output

        specs = [TrackSpec(t.name, t.kind) for t in client.tracks if t.name in tracks]
        self._output: Output = (
            _Pipe(sys.stdout.buffer, next(iter(tracks), "")) if target == "-" else open_output(Path(target), specs)
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recording")
        self._began: float | None = None
        self._last: dict[str, float] = {}

    async def take_frame(self, frame: Frame) -> None:
        import numpy as np

        from reactor_runtime.headless.output import Cut
        from reactor_runtime.media.frame import VIDEO_CLOCK_RATE, Picture
        from reactor_runtime.media.pixels import i420_bytes, write_i420

        height, width, _ = frame.data.shape
        i420 = np.empty(i420_bytes(width, height), np.uint8)
        write_i420(frame.data, i420)
        at = self._place(frame.pts)
        seconds = max(at - self._last.get(frame.track, at - FIRST_SECONDS), 1 / 1000)
        self._last[frame.track] = at
        picture = Picture(i420, width, height, round(at * VIDEO_CLOCK_RATE))
        await self._write(Cut(picture.pts, seconds, {frame.track: picture}, {}))

    async def take_sound(self, sound: Sound) -> None:
        from reactor_runtime.headless.output import Cut
        from reactor_runtime.media.frame import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, AudioBlock

        at = self._place(sound.pts)
        channels = sound.data.shape[0]
        block = AudioBlock(sound.data.T.tobytes(), channels, round(at * AUDIO_CLOCK_RATE))
        await self._write(Cut(round(at * VIDEO_CLOCK_RATE), 0.01, {}, {sound.track: block}))

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._output.close)
        self._thread.shutdown()

    def _place(self, pts: float) -> float:
        """Return seconds since the recording began; what came before is at its beginning."""
        if self._began is None:
            self._began = pts
        return max(0.0, pts - self._began)

    async def _write(self, cut: Cut) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._output.write, cut)


class _Pipe:
    """YUV4MPEG2 on a pipe, as players and encoders read it: one track, of the size that it began with."""

    path = Path("-")

    def __init__(self, stream: BinaryIO, track: str) -> None:
        self._stream = stream
        self._track = track
        self._size: tuple[int, int] | None = None

    def write(self, cut: Cut) -> None:
        """Write the cut's picture, unless its size is another."""
        picture = cut.video.get(self._track)
        if picture is None:
            return
        if self._size is None:
            self._size = (picture.width, picture.height)
            self._stream.write(f"YUV4MPEG2 W{picture.width} H{picture.height} F30:1 Ip A1:1 C420jpeg\n".encode())
        if self._size == (picture.width, picture.height):
            self._stream.write(b"FRAME\n" + picture.i420.tobytes())
            self._stream.flush()

    def close(self) -> None:
        """Do nothing: each picture is complete."""
