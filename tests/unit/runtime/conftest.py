"""The server's loop may not wait for anything, and time may be told to pass by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace

import pytest
from blockbuster import blockbuster_ctx

from reactor_runtime.testing.clock import ManualClock


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> Iterator[None]:
    """A blocking call of ours inside a running event loop raises."""
    with blockbuster_ctx("reactor_runtime"):
        yield


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"loop": timer_to_timer if item.get_closest_marker("manual_time") else asyncio.new_event_loop}


def timer_to_timer() -> asyncio.AbstractEventLoop:
    """Return a loop whose time goes from timer to timer: no machine is too slow for what happens at one time."""
    clock = ManualClock()
    loop = clock.new_loop(lambda: 0, lambda: "")
    clock.free(True)
    return loop


@pytest.fixture(autouse=True)
async def clock_of_the_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `manual_time`, `now` is the loop's time."""
    if request.node.get_closest_marker("manual_time"):
        its = SimpleNamespace(monotonic=asyncio.get_running_loop().time, time_ns=time.time_ns)
        monkeypatch.setattr("reactor_runtime.runtime.clock.time", its)
