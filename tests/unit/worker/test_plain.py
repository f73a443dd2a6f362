"""What authors send, as plain data."""

from __future__ import annotations

import datetime
import enum
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pydantic
import pytest

from reactor_runtime.errors import AuthorError
from reactor_runtime.worker.plain import plain, sendable


class Mood(enum.Enum):
    CALM = "calm"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass(frozen=True)
class Pose:
    at: tuple[float, float] = (1.0, 2.0)
    mood: Mood = Mood.CALM
    seen: dict[str, Any] = field(default_factory=lambda: {"n": np.int64(4)})


class Point(msgspec.Struct):
    x: int


class Box(pydantic.BaseModel):
    width: int
    mood: Mood = Mood.CALM


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        (True, True),
        ("é", "é"),
        ("\udcff", "\\udcff"),
        (2**64 - 1, 2**64 - 1),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (float("inf"), None),
        (np.bool_(True), True),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (np.array([1.0, np.nan]), [1.0, None]),
        (Mood.CALM, "calm"),
        (Level.HIGH, 3),
        (Pose(), {"at": [1.0, 2.0], "mood": "calm", "seen": {"n": 4}}),
        (Point(1), {"x": 1}),
        (Box(width=2), {"width": 2, "mood": "calm"}),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "a", Mood.CALM: "b"}, {"1": "a", "calm": "b"}),
        ({True: 1, None: 2, 0.5: 3}, {"true": 1, "null": 2, "0.5": 3}),
        ({3}, [3]),
        (Path("a/b"), "a/b"),
        (b"\x00\xff", "AP8="),
        (datetime.date(2024, 2, 1), "2024-02-01"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values_become_plain(value: object, sent: object) -> None:
    assert plain(value) == sent
    assert type(plain(value)) is type(sent)


def test_nothing_mutable_is_shared() -> None:
    inner = [1]
    sent = plain({"list": inner})
    inner.append(2)
    assert sent == {"list": [1]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"pose": [1, {"model": object()}]}, r"message\.pose\[1\]\.model is a object"),
        ({"n": 2**64}, r"message\.n is an integer of more than 64 bits"),
        ({(1, 2): 3}, "a key of message is a tuple"),
        ({"n": {1: "a", "1": "b"}}, r"message\.n has two keys that are '1' as text"),
        ({"cls": Pose}, r"message\.cls is a type"),
    ],
)
def test_what_cannot_be_sent_is_named(value: object, text: str) -> None:
    with pytest.raises(AuthorError, match=text):
        plain(value)


def test_a_cycle_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(AuthorError, match="nested more than 64 deep"):
        plain(loop)


def test_a_message_larger_than_a_data_channel_carries_is_told_to_its_author() -> None:
    assert sendable({"text": "x" * 200_000}, "story")["text"].startswith("x")
    with pytest.raises(AuthorError, match=r"story is 300011 bytes of JSON; at most 261120 reach a client"):
        sendable({"text": "x" * 300_000}, "story")
