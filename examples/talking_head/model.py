"""A face that repeats what it hears: sound in, picture and sound out, frame by frame together."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reactor_runtime import Audio, Input, InputField, InputState, Output, ReactorPipeline, ReadMode, Video

RATE = 48_000
FPS = 25
BLOCK = RATE // FPS


class Ears(Input):
    microphone: Audio


@dataclass
class Head(Output):
    face: Video
    voice: Audio


class HeadState(InputState):
    robot: float = InputField(0.5, ge=0, le=1, description="How much of a robot the voice is")
    skin: int = InputField(32, ge=0, le=179, description="Hue of the face, in half degrees")


class TalkingHead(ReactorPipeline):
    fps = FPS
    buffer_size = 3
    state: HeadState
    input: Ears

    async def inference(self) -> AsyncIterator[Head]:
        heard = np.zeros(0, np.int16)
        mouth, step = 0.0, 0
        while True:
            # Two blocks of 20 ms are one frame of 40 ms. Nobody speaks: the face waits, and stays alive.
            while len(heard) < BLOCK:
                try:
                    blocks = await self.input.microphone.read(1, timeout=1 / FPS, mode=ReadMode.FIFO)
                except TimeoutError:
                    heard = np.concatenate([heard, np.zeros(BLOCK - len(heard), np.int16)])
                    break
                heard = np.concatenate([heard, *(block.data[0] for block in blocks)])
            sound, heard = heard[:BLOCK].astype(np.float32) / 32768, heard[BLOCK:]
            loudness = float(np.sqrt(np.mean(sound**2)))
            mouth += 0.5 * (min(loudness * 8, 1.0) - mouth)
            yield Head(face=self.draw(mouth, step), voice=self.speak(sound, step)[None])
            step += 1

    def speak(self, sound: np.ndarray, step: int) -> np.ndarray:
        """Return the sound, ring-modulated at 60 Hz as far as the state says; float -1..1."""
        t = (np.arange(BLOCK) + step * BLOCK) / RATE
        return sound * (1 - self.state.robot + self.state.robot * np.sin(2 * np.pi * 60 * t)).astype(np.float32)

    def draw(self, mouth: float, step: int) -> NDArray[np.uint8]:
        """Return one picture, (H, W, 3) uint8 RGB, with the mouth open from 0 to 1."""
        image = np.full((360, 480, 3), (24, 26, 40), np.uint8)
        skin = cv2.cvtColor(np.array([[[self.state.skin, 110, 235]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0].tolist()
        sway = int(6 * np.sin(step / 18))
        cv2.ellipse(image, (240 + sway, 180), (110, 140), 0, 0, 360, skin, -1, cv2.LINE_AA)
        blinks = step % 80 < 4
        for x in (200, 280):
            cv2.ellipse(image, (x + sway, 150), (16, 2 if blinks else 12), 0, 0, 360, (250, 250, 250), -1, cv2.LINE_AA)
            if not blinks:
                cv2.circle(image, (x + 2 * sway, 150), 6, (30, 30, 40), -1, cv2.LINE_AA)
        cv2.ellipse(image, (240 + sway, 245), (44, 5 + int(36 * mouth)), 0, 0, 360, (90, 20, 34), -1, cv2.LINE_AA)
        return image
