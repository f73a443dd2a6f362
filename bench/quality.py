"""What each encoder setting costs and what its picture is worth: PSNR, SSIM, rate, encode and decode time.

The pictures move, and are the same in every run: a textured landscape that pans and zooms, sharp text and edges that
scroll, a calm talking head, and hard cuts between them. Settings are those of `codec/encoders.py`, "as chosen", and
variations of them, which take turns. Times are processor time of all threads, and each is the least of the rounds:
other work on the machine only adds to it.

    python bench/quality.py [--size 1280x720@30] [--kbps 2000 4000] [--only vp8 av1] [--seconds 1.5] [--rounds 3]
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType

from reactor_runtime.codec.encoders import Settings, open_with, settings
from reactor_runtime.codec.formats import Codec
from reactor_runtime.media.frame import VIDEO_CLOCK_RATE
from reactor_runtime.media.pixels import write_i420
from rig import print_table, say_where

Planes = npt.NDArray[np.uint8]
SIZES = {
    "512x512@16": 1000,
    "832x480@16": 1200,
    "640x360@30": 600,
    "1280x720@30": 4000,
    "1280x720@60": 6000,
    "1920x1080@30": 6000,
}
DECODERS = {"vp8": "vp8", "vp9": "vp9", "av1": "libdav1d", "h264": "h264"}
DIGITS = {"kbit/s": 0, "SSIM": 4, "largest, kB": 0}
WARM_UP = 5  # pictures whose times do not count


@dataclass(frozen=True, slots=True)
class Candidate:
    """A codec, made in the last of its ways, and what is changed in the chosen settings."""

    codec: Codec
    change: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    key_at_cuts: bool = True

    @property
    def name(self) -> str:
        """What the table calls it."""
        parts = [f"{option} {value}" for option, value in self.change.items()]
        parts += [f"{self.threads} threads"] if self.threads else []
        parts += [] if self.key_at_cuts else ["no key frame at cuts"]
        return f"{self.codec}: " + (", ".join(parts) or "as chosen")

    def settings(self, size: tuple[int, int], fps: float, bps: int) -> Settings:
        """Return what it is to be opened with."""
        chosen = settings(self.codec, size, fps=fps, bitrate_bps=bps)[-1]
        return replace(chosen, options={**chosen.options, **self.change}, threads=self.threads or chosen.threads)


BEFORE = {"cpu-used": "-8", "profile": "0", "qmin": "4", "static-thresh": "1"}
CANDIDATES = (
    Candidate("vp8"),
    Candidate("vp8", BEFORE, key_at_cuts=False),
    Candidate("vp8", key_at_cuts=False),
    *(Candidate("vp8", {"cpu-used": speed}) for speed in ("-4", "-6", "-8", "-12", "-16")),
    *(Candidate("vp8", {"profile": profile}) for profile in ("0", "3")),
    *(Candidate("vp8", {"qmin": least}) for least in ("4", "16")),
    *(Candidate("vp8", {"static-thresh": level}) for level in ("1", "400", "1600")),
    Candidate("vp8", {"error-resilient": "default"}),
    Candidate("vp8", {"screen-content-mode": "2"}),
    Candidate("vp8", {"slices": "4"}, threads=2),
    Candidate("vp9"),
    *(Candidate("vp9", {"cpu-used": speed}) for speed in ("6", "7")),
    Candidate("vp9", {"aq-mode": "3"}),
    Candidate("vp9", {"row-mt": "1", "tile-columns": "1"}, threads=2),
    *(Candidate("av1", {"preset": preset}) for preset in ("10", "11", "12")),
    Candidate("h264"),
    *(Candidate("h264", {"preset": preset}) for preset in ("ultrafast", "veryfast")),
    Candidate("h264", {"intra-refresh": "1"}),
)


def scenes(width: int, height: int, count: int) -> list[tuple[str, list[Planes]]]:
    """Return three scenes of `count` packed I420 pictures each, always the same."""
    painters = {"landscape": _landscape, "text": _text, "head": _head}
    result = []
    for name, paint in painters.items():
        pictures = []
        for picture in paint(width, height, count):
            planes = np.empty(width * height * 3 // 2, np.uint8)
            write_i420(picture, planes)
            pictures.append(planes)
        result.append((name, pictures))
    return result


def _fractal(width: int, height: int, seed: int) -> npt.NDArray[np.float32]:
    """Noise whose strength falls with its frequency, as that of natural scenes does."""
    noise = np.random.default_rng(seed)
    canvas = np.zeros((height, width, 3), np.float32)
    for level in range(8):
        scale = 2 ** (8 - level)
        shape = (height // scale + 2, width // scale + 2)
        grain = noise.standard_normal((*shape, 1)) + 0.4 * noise.standard_normal((*shape, 3))
        canvas += 0.62**level * cv2.resize(grain.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return canvas


def _landscape(width: int, height: int, count: int) -> Iterator[Planes]:
    canvas = np.clip(128 + 45 * _fractal(width * 3 // 2, height * 3 // 2, 1), 0, 255).astype(np.uint8)
    film = np.random.default_rng(2)
    for number in range(count):
        phase = number / 40
        zoom = 0.8 + 0.15 * math.sin(phase)
        w, h = width * zoom, height * zoom
        x = (width * 1.5 - w) * (0.5 + 0.45 * math.sin(phase * 1.3))
        y = (height * 1.5 - h) * (0.5 + 0.45 * math.cos(phase))
        matrix = np.array([[zoom, 0, x], [0, zoom, y]], np.float32)
        view = cv2.warpAffine(canvas, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        grain = film.normal(0, 1.5, (height, width, 1)).astype(np.float32)
        yield np.clip(view + grain, 0, 255).astype(np.uint8)


def _text(width: int, height: int, count: int) -> Iterator[Planes]:
    page = np.full((height * 2, width, 3), 245, np.uint8)
    random = np.random.default_rng(3)
    for row, y in enumerate(range(20, height * 2, 26)):
        words = " ".join("".join(chr(97 + c) for c in random.integers(0, 26, n)) for n in random.integers(2, 9, 40))
        colour = ((20, 20, 20), (170, 30, 30), (20, 60, 160))[row % 3]
        cv2.putText(page, words, (10, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
    for number in range(count):
        y = round((height - 1) * (0.5 - 0.5 * math.cos(number / 30)))
        picture = page[y : y + height].copy()
        centre = (round(width * (0.5 + 0.4 * math.sin(number / 15))), height // 2)
        cv2.rectangle(picture, (centre[0] - 60, centre[1] - 60), (centre[0] + 60, centre[1] + 60), (0, 150, 90), -1)
        cv2.circle(picture, centre, 45, (250, 220, 0), 6, cv2.LINE_AA)
        yield picture


def _head(width: int, height: int, count: int) -> Iterator[Planes]:
    back = np.clip(110 + 25 * cv2.GaussianBlur(_fractal(width, height, 4), (0, 0), 4), 0, 255).astype(np.uint8)
    skin = np.clip(np.array((205, 160, 135)) + 9 * _fractal(width, height, 5), 0, 255).astype(np.uint8)
    film = np.random.default_rng(6)
    for number in range(count):
        nod, talk = math.sin(number / 12), abs(math.sin(number / 3.1))
        x, y = round(width * (0.5 + 0.02 * math.sin(number / 25))), round(height * (0.48 + 0.015 * nod))
        mask = np.zeros((height, width), np.uint8)
        cv2.ellipse(mask, (x, y), (height // 5, height * 3 // 10), 3 * nod, 0, 360, 255, -1, cv2.LINE_AA)
        cv2.ellipse(mask, (x, height), (height * 2 // 5, height // 4), 0, 0, 360, 255, -1, cv2.LINE_AA)
        shifted = np.roll(skin, (round(height * 0.015 * nod), round(width * 0.02 * math.sin(number / 25))), (0, 1))
        alpha = mask[..., None].astype(np.float32) / 255
        picture = back * (1 - alpha) + shifted * alpha
        for side in (-1, 1):
            eye = (x + side * height // 13, y - height // 20)
            cv2.ellipse(picture, eye, (height // 40, max(1, height // 70)), 0, 0, 360, (40, 30, 30), -1, cv2.LINE_AA)
        mouth = (x, y + height // 7)
        cv2.ellipse(picture, mouth, (height // 18, 1 + int(height / 40 * talk)), 0, 0, 360, (110, 30, 40), -1)
        grain = film.normal(0, 1.0, (height, width, 1)).astype(np.float32)
        yield np.clip(picture + grain, 0, 255).astype(np.uint8)


def psnr(one: Planes, two: Planes) -> float:
    """Return the PSNR of two planes in dB."""
    return float(cv2.PSNR(one, two))


def ssim(one: Planes, two: Planes) -> float:
    """Return the mean structural similarity of two planes, with 8x8 windows."""
    a, b = one.astype(np.float32), two.astype(np.float32)

    def mean(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return cv2.blur(plane, (8, 8))[::4, ::4].astype(np.float32)

    ma, mb = mean(a), mean(b)
    va, vb, vab = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return float(np.mean((2 * ma * mb + 6.5) * (2 * vab + 58.5) / ((ma * ma + mb * mb + 6.5) * (va + vb + 58.5))))


def measure(
    candidate: Candidate, clip: list[tuple[str, list[Planes]]], size: tuple[int, int], fps: float, bps: int
) -> dict[str, float]:
    """Encode and decode the scenes one after another, and judge what came out."""
    width, height = size
    began = time.process_time()
    encoder = open_with(candidate.settings(size, fps, bps), size, fps=fps, bitrate_bps=bps)
    opening = time.process_time() - began
    decoder = av.VideoCodecContext.create(DECODERS[candidate.codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    cpu: list[float] = []
    decoding: list[float] = []
    sizes: list[int] = []
    similarity: list[float] = []
    chroma: list[float] = []
    quality: dict[str, list[float]] = {name: [] for name, _ in clip}
    # Pictures on their way: an encoder may drop one.
    waiting: dict[int, tuple[str, Planes]] = {}
    number = 0
    for name, pictures in clip:
        for place, planes in enumerate(pictures):
            frame = av.VideoFrame.from_numpy_buffer(planes.reshape(-1, width), format="yuv420p", width=width)
            frame.pts = round(number * VIDEO_CLOCK_RATE / fps)
            frame.time_base = encoder.time_base
            if number == 0 or (candidate.key_at_cuts and place == 0):
                frame.pict_type = PictureType.I
            waiting[frame.pts] = (name, planes)
            clock = time.process_time()
            packets = encoder.encode(frame)
            cpu.append(time.process_time() - clock)
            number += 1
            for packet in packets:
                sizes.append(packet.size)
                clock = time.process_time()
                shown = decoder.decode(packet)
                decoding.append(time.process_time() - clock)
                for picture in shown:
                    scene, source = waiting.pop(picture.pts or 0)
                    luma = source[: width * height].reshape(height, width)
                    seen = picture.to_ndarray(format="yuv420p").astype(np.uint8, copy=False).reshape(-1)
                    quality[scene].append(psnr(luma, seen[: width * height].reshape(height, width)))
                    chroma.append(psnr(source[width * height :], seen[width * height :]))
                    if len(quality[scene]) % 5 == 0:
                        similarity.append(ssim(luma, seen[: width * height].reshape(height, width)))
    pooled = [figure for figures in quality.values() for figure in figures]
    times = np.array(cpu[WARM_UP:]) * 1000
    return {
        "kbit/s": sum(sizes) * 8 / 1000 / (number / fps),
        **{f"{scene}, dB": statistics.fmean(figures) for scene, figures in quality.items()},
        "worst 5 %, dB": float(np.percentile(pooled, 5)),
        "chroma, dB": statistics.fmean(chroma),
        "SSIM": statistics.fmean(similarity),
        "largest, kB": max(sizes[1:]) / 1000,
        "p50, ms": float(np.percentile(times, 50)),
        "p95, ms": float(np.percentile(times, 95)),
        "decode, ms": statistics.median(decoding[WARM_UP:]) * 1000,
        "open, ms": opening * 1000,
    }


def compare(candidates: Sequence[Candidate], text: str, kbps: int, seconds: float, rounds: int) -> None:
    """Print the table of one size and rate."""
    shape, fps = text.split("@")
    width, height = (int(side) for side in shape.split("x"))
    clip = scenes(width, height, round(seconds * float(fps)))
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for candidate in candidates:
            figures = measure(candidate, clip, (width, height), float(fps), kbps * 1000)
            known = best.setdefault(candidate.name, figures)
            best[candidate.name] = {key: min(value, known[key]) for key, value in figures.items()}
    columns = list(next(iter(best.values())))
    rows = [(name, *(f"{figures[key]:.{DIGITS.get(key, 1)}f}" for key in columns)) for name, figures in best.items()]
    print_table(f"{text}, {kbps} kbit/s", ["codec: changed", *columns], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", default=list(SIZES), metavar="WxH@FPS", help="all of ADR 7 if not given")
    parser.add_argument("--kbps", nargs="+", type=int, help="rates; one that suits the size if not given")
    parser.add_argument("--only", nargs="+", default=list(DECODERS), choices=list(DECODERS))
    parser.add_argument("--seconds", type=float, default=1.5, help="of each scene")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    say_where()
    chosen = [candidate for candidate in CANDIDATES if candidate.codec in options.only]
    for size in options.size:
        for kbps in options.kbps or [SIZES.get(size, 2000)]:
            compare(chosen, size, kbps, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
