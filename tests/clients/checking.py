"""What every driver does alike. It runs in the environment of the client that is tried, so it imports nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

SERVER = "http://localhost:8080"
WAIT = 15.0
FAR = 40.0
"""Grey levels per channel by which a picture may miss its colour: it was coded twice."""
CAMERA = (210, 60, 30)
FILE = b"what a client uploads" * 1000
FILE_SHA256 = hashlib.sha256(FILE).hexdigest()

Colour = tuple[float, float, float]


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

    def tell(self) -> None:
        """Print the one line."""
        print(json.dumps(self.results), flush=True)


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


async def ready_to_begin() -> None:
    """Wait for the word to begin, so that importing a client costs the others no time."""
    print("imported", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
