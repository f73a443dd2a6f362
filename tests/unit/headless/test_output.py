"""What was emitted is what lies in the files: every picture, at its time, with its sound."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from reactor_runtime.authoring.contract import TrackSpec
from reactor_runtime.errors import OperatorError
from reactor_runtime.headless.output import Cut, Mp4File, PngFolder, open_output
from reactor_runtime.media.frame import AudioBlock, Picture

FPS = 25
VIDEO, SECOND, SOUND = TrackSpec("main", "video"), TrackSpec("depth", "video"), TrackSpec("voice", "audio")


def picture(number: int, width: int = 64, height: int = 48) -> Picture:
    """Luma tells the number: 16 + 4 per picture, 50 different ones; chroma is neutral."""
    pixels = np.full(width * height * 3 // 2, 128, np.uint8)
    pixels[: width * height] = 16 + 4 * (number % 50)
    return Picture(pixels, width, height, number * 90_000 // FPS)


def cut(number: int, *tracks: str, size: tuple[int, int] = (64, 48), sound: bool = False) -> Cut:
    tone = (np.sin(np.arange(48_000 // FPS) * 2 * np.pi * 480 / 48_000) * 10_000).astype("<i2")
    block = AudioBlock(tone.tobytes(), 1, number * 48_000 // FPS)
    pictures = {name: picture(number, *size) for name in tracks}
    return Cut(number * 90_000 // FPS, 1 / FPS, pictures, {"voice": block} if sound else {})


def luma(path: Path, stream: int = 0) -> list[tuple[float, float]]:
    """Time and mean luma of every picture of a file."""
    with av.open(str(path)) as file:
        frames = file.decode(video=stream)
        return [(float(f.time or 0), float(f.to_ndarray(format="yuv420p")[: f.height].mean())) for f in frames]


def test_one_track_becomes_numbered_pngs_in_the_folder(tmp_path: Path) -> None:
    output = open_output(tmp_path / "out", [VIDEO, SOUND])
    for number in range(3):
        output.write(cut(number, "main", sound=True))
    output.close()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"frame_{n:06d}.png" for n in range(3)]
    read = cv2.imread(str(tmp_path / "out" / "frame_000002.png"))
    assert read is not None
    assert read.shape == (48, 64, 3)
    # Limited range: luma 24 of 16..235 is 9 of 0..255.
    assert np.abs(read.astype(int) - 9).max() <= 1


def test_several_tracks_get_a_folder_each(tmp_path: Path) -> None:
    output = PngFolder(tmp_path, [VIDEO, SECOND])
    output.write(cut(0, "main", "depth"))
    output.write(cut(1, "depth"))
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")) == [
        "depth/frame_000000.png",
        "depth/frame_000001.png",
        "main/frame_000000.png",
    ]


def test_an_mp4_holds_every_picture_at_its_time(tmp_path: Path) -> None:
    output = open_output(tmp_path / "out.mp4", [VIDEO])
    for number in range(30):
        output.write(cut(number, "main"))
    output.close()
    shown = luma(tmp_path / "out.mp4")
    assert [time for time, _ in shown] == pytest.approx([n / FPS for n in range(30)], abs=1e-4)
    assert [mean for _, mean in shown] == pytest.approx([16 + 4 * n for n in range(30)], abs=2)
    with av.open(str(tmp_path / "out.mp4")) as file:
        [stream] = file.streams.video
        assert stream.codec_context.name == "h264"
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(30 / FPS, abs=0.001)


def test_sound_that_begins_late_is_padded_to_its_place(tmp_path: Path) -> None:
    output = Mp4File(tmp_path / "out.mp4", [VIDEO, SOUND])
    for number in range(50):
        output.write(cut(number, "main", sound=number >= 25))
    output.close()
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert file.streams.audio[0].codec_context.name == "aac"
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    loud = np.abs(samples) > 0.1
    assert np.argmax(loud) / 48_000 == pytest.approx(1.0, abs=0.025)  # one AAC frame
    assert loud[50_000:90_000].mean() > 0.5


def test_a_track_that_begins_later_is_in_the_file(tmp_path: Path) -> None:
    output = Mp4File(tmp_path / "out.mp4", [VIDEO, SECOND])
    for number in range(20):
        output.write(cut(number, *(("main", "depth") if number >= 10 else ("main",))))
    output.close()
    assert len(luma(tmp_path / "out.mp4", 0)) == 20
    second = luma(tmp_path / "out.mp4", 1)
    assert len(second) == 10
    assert second[0][0] == pytest.approx(10 / FPS, abs=1e-3)


def test_a_track_that_begins_much_too_late_is_left_out(tmp_path: Path) -> None:
    output = Mp4File(tmp_path / "out.mp4", [VIDEO, SECOND])
    for number in (0, 11 * FPS):
        output.write(cut(number, "main"))
    output.write(cut(12 * FPS, "main", "depth"))
    output.close()
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert len(file.streams.video) == 1


def test_a_picture_of_another_size_is_scaled_to_the_first(tmp_path: Path) -> None:
    output = Mp4File(tmp_path / "out.mp4", [VIDEO])
    output.write(cut(0, "main"))
    output.write(cut(1, "main", size=(128, 96)))
    output.close()
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert [(f.width, f.height) for f in file.decode(video=0)] == [(64, 48), (64, 48)]


def test_nothing_written_leaves_nothing_behind(tmp_path: Path) -> None:
    for name in ("out.mp4", "out"):
        open_output(tmp_path / name, [VIDEO]).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.mp4", "out"])
def test_a_place_that_cannot_be_written_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    output = open_output(tmp_path / "file" / name, [VIDEO])
    with pytest.raises(OperatorError, match=f"cannot write .*{name}"):
        output.write(cut(0, "main"))
