"""Outputs are constructed as dataclasses are, decorated or not; messages too, with every value of its type."""

from dataclasses import dataclass, field
from typing import Any, Literal, assert_type

import numpy as np

from reactor_runtime import Audio, MessageField, ModelMessage, Output, Video

picture = np.zeros((4, 4, 3), np.uint8)
sound = np.zeros((1, 960), np.int16)


class Plain(Output):
    main_video: Video
    main_audio: Audio


@dataclass
class Decorated(Output):
    main_video: Video
    main_audio: Audio


class Speech(Audio):
    sample_rate = 16_000


class Signed(Video):
    float_range = (-1.0, 1.0)


class Spoken(Output):
    main_video: Signed
    voice: Speech


Plain(main_video=picture, main_audio=sound)
Plain(picture, sound)
Decorated(main_video=picture, main_audio=sound)
Decorated(picture, main_audio=sound)
Spoken(main_video=picture, voice=sound)
assert_type(Plain(picture, sound).main_video, Any)
assert_type(Speech.sample_rate, int)
assert_type(Signed.float_range, tuple[float, float])


@dataclass(frozen=True)
class Word:
    text: str
    count: int = 1


class Said(ModelMessage):
    """A message whose fields are declared in every way there is."""

    words: list[Word]
    mood: Literal["calm", "wild"] = MessageField(description="How it sounds")
    seed: int = MessageField(default=3)
    last: str | None = MessageField(default=None, description="The last word")
    by_person: dict[str, int] = field(default_factory=dict)
    name = "what_was_said"


@dataclass
class Moved(ModelMessage):
    x: float
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Kept(ModelMessage):
    key: str


said = Said(words=[Word("a")], mood="calm")
assert_type(said.seed, int)
assert_type(said.last, str | None)
assert_type(Said([Word("a")], "wild", seed=4, last="a").words, list[Word])
assert_type(Moved(1, y=2).x, float)
assert_type(Kept("k").key, str)


def wrong() -> None:
    Plain(main_video=picture)  # refused
    Plain(main_video=picture, main_audio=sound, depth=picture)  # refused
    Decorated()  # refused
    Decorated(picture, sound, picture)  # refused
    Said(words=[Word("a")])  # refused
    Said(words=["a"], mood="calm")  # refused
    Said(words=[], mood="shy")  # refused
    Said(words=[], mood="calm", length=3)  # refused
    Moved(x="left")  # refused
    print(said.nope)  # refused
