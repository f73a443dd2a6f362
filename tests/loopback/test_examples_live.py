"""Examples whose point is a client: what it sends, uploads or drags, and what it sees of that over WebRTC."""

from __future__ import annotations

import asyncio
from typing import Any

import cv2
import numpy as np
import pytest

from tests.loopback.playing import EXAMPLES, Rgb, difference
from tests.loopback.published_client import until
from tests.loopback.sending import Camera, running
from tests.loopback.watching import watching
from tests.running import serving

RED, GREEN, BLUE, YELLOW = (220, 30, 40), (30, 190, 60), (40, 50, 220), (230, 200, 60)


def halves(left: tuple[int, int, int], right: tuple[int, int, int], size: tuple[int, int] = (320, 180)) -> Rgb:
    picture = np.empty((size[1], size[0], 3), np.uint8)
    picture[:, : size[0] // 2], picture[:, size[0] // 2 :] = left, right
    return picture


def near(picture: Rgb, other: Rgb | tuple[int, ...], tolerance: float = 14) -> bool:
    return bool(np.abs(picture.astype(int) - other).mean(axis=(0, 1)).max() < tolerance)


def colours(picture: Rgb) -> tuple[Rgb, Rgb]:
    """Return the mean colour of the left and the right half, off their borders."""
    width = picture.shape[1]
    return picture[:, width // 8 : width * 3 // 8], picture[:, width * 5 // 8 : width * 7 // 8]


async def test_webcam_sends_back_what_the_camera_shows_through_the_chosen_filter() -> None:
    camera = Camera(colour=halves(YELLOW, BLUE))  # type: ignore[arg-type]
    with serving(EXAMPLES / "webcam") as server, running(camera):
        await asyncio.to_thread(server.wait_ready)
        async with watching(server.url) as client:
            card = await client.sees(lambda picture: True, "the card while nobody sends")
            assert card.shape == (360, 640, 3)
            assert near(card[:20], (18, 22, 34))
            await client.publish("webcam", camera.track)
            mirrored = await client.sees(
                lambda p: near(colours(p)[0], BLUE) and near(colours(p)[1], YELLOW), "the camera, mirrored"
            )
            assert mirrored.shape == (180, 320, 3)

            assert (await client.ask("set_style", style="edges"))["type"] == "commandAccepted"
            outlined = await client.sees(lambda p: p.mean() < 20 and p[:, 150:170, 1].max() > 120, "an outline")
            assert outlined[:, 20:140].mean() < 10, "flat parts are black"
            assert outlined[:, 150:170, 1].max(axis=1).min() > 60, "one line from top to bottom"

            refused = await client.ask("set_style", style="sepia")
            assert (refused["type"], refused["code"]) == ("commandRejected", "invalid_command")
            assert "style" in refused["message"]

            await client.ask("set_style", style="thermal")
            await client.sees(lambda p: colours(p)[0][..., 0].mean() > 1.5 * colours(p)[0][..., 1].mean(), "heat")
            await client.ask("set_amount", amount=0.0)
            await client.sees(lambda p: near(colours(p)[0], BLUE) and near(colours(p)[1], YELLOW), "the bare camera")
            await client.unpublish("webcam")
            await client.sees(lambda p: p.shape == (360, 640, 3), "the card again")


async def test_dream_plays_its_chunks_evenly_to_a_viewer_and_follows_the_prompt() -> None:
    with serving(EXAMPLES / "dream", "--model.seconds_per_chunk=0.4") as server:
        await asyncio.to_thread(server.wait_ready)
        async with watching(server.url) as client:
            await until(lambda: len(client.pictures) > 18, "more than a chunk")
            client.pictures.clear()
            await until(lambda: len(client.pictures) >= 40, "three chunks more")
            times = [at for at, _ in client.pictures]
            gaps = np.diff(times)
            assert 1 / gaps.mean() == pytest.approx(12 / 0.4, rel=0.2)
            # One gap in twelve lies between two chunks.
            assert np.percentile(gaps, 94) < 2 * gaps.mean(), "no freeze where one chunk ends and the next begins"
            before = client.pictures[-1][1].mean(axis=(0, 1))
            await client.ask("set_guidance", guidance=1.0)
            await client.ask("set_prompt", prompt="embers in the dark")
            await client.sees(lambda p: np.abs(p.mean(axis=(0, 1)) - before).max() > 10, "other colours")


def png(picture: Rgb) -> bytes:
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


async def test_postcard_shows_the_picture_that_was_uploaded_and_blends_several() -> None:
    with serving(EXAMPLES / "postcard") as server:
        await asyncio.to_thread(server.wait_ready)
        async with watching(server.url) as client:
            left, right = halves(RED, GREEN, (640, 360)), halves(BLUE, GREEN, (500, 400))
            one = await client.upload("left.png", png(left), "image/png")
            two = await client.upload("right.png", png(right), "image/png")
            text = await client.upload("letter.txt", b"Dear model, this is no picture.", "text/plain")

            assert (await client.ask("set_image", image=one))["type"] == "commandAccepted"
            taken = client.heard("image_taken")
            assert taken == [{"name": "left.png", "width": 640, "height": 360}]
            await client.sees(lambda p: near(colours(p)[0], RED) and near(colours(p)[1], GREEN), "the picture")

            refused = await client.ask("set_image", image=text)
            assert (refused["type"], refused["code"]) == ("commandRejected", "not_an_image")
            assert refused["message"] == "letter.txt cannot be read as a picture"
            assert near(colours(client.pictures[-1][1])[0], RED), "the one before stays"

            assert (await client.ask("blend_images", images=[one, two]))["type"] == "commandAccepted"
            blend = tuple((a + b) // 2 for a, b in zip(RED, BLUE, strict=True))
            await client.sees(lambda p: near(colours(p)[0], blend) and near(colours(p)[1], GREEN), "the blend")
            assert (await client.ask("blend_images", images=[one]))["code"] == "invalid_command"
            shore = client.pictures[-1][1][200:, 240:272]
            await client.sees(lambda p: difference(p[200:, 240:272], shore) > 3, "waves")


def hand(face: Rgb) -> float:
    """Return where the hand of the dial points, in degrees clockwise from the top."""
    rows, columns = np.nonzero(np.abs(face.astype(int) - (250, 176, 84)).max(axis=2) < 70)
    return float(np.degrees(np.arctan2(columns.mean() - 160, 160 - rows.mean()))) if rows.size else 0.0


async def test_dial_handles_few_of_many_quick_values_and_shows_the_last() -> None:
    angles = [float(angle) for angle in range(5, 105, 5)]
    with serving(EXAMPLES / "dial", "--model.prepare_seconds=0.1") as server:
        await asyncio.to_thread(server.wait_ready)
        async with watching(server.url) as client:
            await client.sees(lambda p: abs(hand(p)) < 3, "a hand that points up")
            asked = [client.say("set_angle", angle=angle) for angle in angles]
            answers: list[dict[str, Any]] = [await client.answer(request) for request in asked]
            assert {answer["type"] for answer in answers} == {"commandAccepted"}
            applied = client.heard("applied")
            assert applied[-1]["angle"] == angles[-1]
            assert applied[-1]["handled"] == len(applied) <= 5, "most were superseded while one was prepared"
            assert [said["angle"] for said in applied] == sorted(said["angle"] for said in applied)
            await client.sees(lambda p: abs(hand(p) - angles[-1]) < 4, "the hand at the last value")
