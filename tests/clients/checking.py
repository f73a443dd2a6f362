"""What every driver does alike. It runs in the environment of the client that is tried, so it imports nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import traceback
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

SERVER = "http://localhost:8080"
WAIT = 15.0
FAR = 40.0
"""Grey levels per channel by which a picture may miss its colour: it was coded twice."""
GREEN, PURPLE, YELLOW = (20, 180, 60), (190, 40, 140), (200, 180, 30)
CAMERA = (210, 60, 30)
FILE = b"what a client uploads" * 1000
FILE_SHA256 = hashlib.sha256(FILE).hexdigest()

Colour = tuple[float, float, float]
C = TypeVar("C", bound="Client")


class Checks:
    """The checks that one client passed, or why it did not; the first that fails is the last."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}

    @asynccontextmanager
    async def check(self, name: str) -> AsyncIterator[None]:
        """Hold what the block does against a deadline, and note how it ends."""
        try:
            async with deadline():
                yield
        except BaseException as error:
            self.results[name] = f"{type(error).__name__}: {error}"
            raise
        self.results[name] = "yes"


@asynccontextmanager
async def deadline() -> AsyncIterator[None]:
    """End the block after `WAIT` seconds, without a word about what it waited for."""
    async with asyncio.timeout(WAIT):
        yield


async def until(probe: Callable[[], Any], what: str) -> Any:
    """Wait for a truthy value and return it."""
    for _ in range(int(WAIT / 0.02)):
        if value := probe():
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not come within {WAIT:g} s")


def close(seen: Colour | None, wanted: Colour) -> bool:
    """Tell whether a colour is the one that was wanted."""
    return seen is not None and all(abs(a - b) < FAR for a, b in zip(seen, wanted, strict=True))


def _session_state() -> str:
    with urllib.request.urlopen(f"{SERVER}/session", timeout=5) as answer:
        return str(json.load(answer)["state"])


async def until_session(state: str) -> None:
    """Wait until the server tells this state of its session."""
    while await asyncio.to_thread(_session_state) != state:  # noqa: ASYNC110 - polled over HTTP
        await asyncio.sleep(0.05)


class Client(Protocol):
    """What every driver's client does alike."""

    async def join(self) -> None:
        """Connect to the session that runs."""

    async def ready(self) -> None:
        """Wait until the client calls itself ready."""

    async def paint(self, colour: tuple[int, int, int]) -> None:
        """Set the colour and wait until it is seen."""

    async def say(self, text: str) -> int:
        """Have the model answer, and return how many words it heard."""

    async def leave(self) -> None:
        """Go, and leave the session to the others where the client can."""


async def drive(make: Callable[[], Awaitable[C]], run: Callable[[C, Checks], Awaitable[None]]) -> None:
    """Try a new client for each word on stdin, and print what was found as one line of JSON.

    `alone` is all of its checks; `together` only that it has its part in the session, which it does not leave before
    stdin is closed.
    """
    client = None
    print("imported", flush=True)
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        checks = Checks()
        client = await make()
        try:
            if word == "alone":
                await run(client, checks)
            else:
                async with checks.check("together"):
                    await client.join()
                    await client.ready()
                    await client.paint(YELLOW)
                    assert await client.say(f"from {os.getpid()}") >= 1
        except Exception:
            traceback.print_exc()
        print(json.dumps(checks.results), flush=True)
    if client is not None:
        await client.leave()
