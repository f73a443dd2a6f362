"""The control pipe, both directions: messages whole and in order, each descriptor with its message."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from reactor_runtime.errors import AuthorError
from reactor_runtime.worker import pipe
from reactor_runtime.worker.messages import (
    FromModel,
    Heard,
    InputReleased,
    InputRingOpened,
    RingOpened,
    SessionEnded,
    ToModel,
)
from reactor_runtime.worker.pipe import ModelEnd, ServerEnd, socket_pair
from reactor_runtime.worker.ring import anonymous_memory


def memory(number: int) -> int:
    """A descriptor of memory that holds a number."""
    fd = anonymous_memory(8)
    os.pwrite(fd, number.to_bytes(8, "big"), 0)
    return fd


def number_in(fd: int) -> int:
    return int.from_bytes(os.pread(fd, 8, 0), "big")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on this loop
            await asyncio.sleep(0)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Ends:
    """Both ends; the server's notes what it received, and the number in each descriptor."""

    def __init__(self) -> None:
        server, model = socket_pair()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        model.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.received: list[tuple[FromModel, int | None]] = []
        self.ended: list[str | None] = []
        self.model = ModelEnd(model)
        self.server = ServerEnd(asyncio.get_running_loop(), server, self._receive, self.ended.append)

    def _receive(self, message: FromModel, fd: int | None) -> None:
        self.received.append((message, None if fd is None else number_in(fd)))

    def send_with_memory(self, message: ToModel, number: int) -> None:
        fd = memory(number)
        self.server.send(message, fd)
        os.close(fd)


@pytest_asyncio.fixture
async def ends() -> AsyncIterator[Ends]:
    ends = Ends()
    yield ends
    ends.server.close()
    ends.model.close()


def take_all(model: ModelEnd, count: int) -> list[tuple[ToModel, int | None]]:
    taken: list[tuple[ToModel, int | None]] = []
    while len(taken) < count and (message := model.receive()) is not None:
        fd = model.take_descriptor() if isinstance(message, InputRingOpened) else None
        taken.append((message, None if fd is None else number_in(fd)))
        if fd is not None:
            os.close(fd)
    return taken


async def test_descriptors_reach_the_model_with_their_messages_however_full_the_pipe_is(ends: Ends) -> None:
    gc.collect()  # of the tests before
    before = open_descriptors()
    sent: list[tuple[ToModel, int | None]] = []
    for number in range(300):
        sound = Heard("mic", 1, bytes(number * 7), 0.0)
        ends.server.send(sound)
        sent.append((sound, None))
        if number % 3 == 0:
            ring = InputRingOpened(number, "webcam" * (number % 50), 16, 1)
            ends.send_with_memory(ring, number)
            sent.append((ring, number))
    assert await asyncio.to_thread(take_all, ends.model, len(sent)) == sent
    assert open_descriptors() <= before


async def test_rings_in_a_row_keep_their_own_memory(ends: Ends) -> None:
    for number in range(40):
        ends.send_with_memory(InputRingOpened(number, "webcam", 16, 1), number)
    taken = await asyncio.to_thread(take_all, ends.model, 40)
    assert [number for _, number in taken] == list(range(40))


async def test_descriptors_reach_the_server_with_their_messages_however_full_the_pipe_is(ends: Ends) -> None:
    sent: list[tuple[FromModel, int | None]] = []

    def send() -> None:
        for number in range(300):
            ends.model.send(InputReleased(number, list(range(number % 90))))
            sent.append((InputReleased(number, list(range(number % 90))), None))
            if number % 3 == 0:
                fd = memory(number)
                ends.model.send(RingOpened(number, "main", 16, 1), fd)
                os.close(fd)
                sent.append((RingOpened(number, "main", 16, 1), number))

    await asyncio.to_thread(send)
    await until(lambda: len(ends.received) == len(sent))
    assert ends.received == sent


async def test_what_nobody_received_leaves_no_descriptor_open() -> None:
    before = open_descriptors()
    ends = Ends()
    for number in range(50):
        ends.send_with_memory(InputRingOpened(number, "webcam" * 100, 16, 1), number)
    assert open_descriptors() > before + 2
    ends.server.close()
    ends.model.close()
    assert open_descriptors() <= before


async def test_a_model_that_is_gone_costs_the_server_nothing(ends: Ends) -> None:
    before = open_descriptors()
    ends.model.close()
    for number in range(5):
        ends.send_with_memory(InputRingOpened(number, "webcam", 16, 1), number)
    await until(lambda: bool(ends.ended))
    assert ends.ended == [None]
    assert open_descriptors() < before


async def test_a_server_that_is_gone_ends_the_models_reading(ends: Ends) -> None:
    ends.server.close()
    assert await asyncio.to_thread(ends.model.receive) is None


async def test_a_message_beyond_the_limit_is_refused_and_the_next_one_arrives(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "LIMIT", 1000)
    with pytest.raises(AuthorError, match="too much for one message"):
        ends.server.send(Heard("mic", 1, bytes(2000), 0.0))
    ends.server.send(Heard("mic", 1, b"after", 0.0))
    assert await asyncio.to_thread(take_all, ends.model, 1) == [(Heard("mic", 1, b"after", 0.0), None)]


async def test_senders_on_many_threads_never_mix_their_messages(ends: Ends) -> None:
    def send(name: str) -> None:
        for _ in range(50):
            ends.model.send(SessionEnded(name * 300))

    threads = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    await until(lambda: len(ends.received) == 200)
    reasons = [message.reason for message, _ in ends.received if isinstance(message, SessionEnded)]
    assert sorted(reasons) == sorted(name * 300 for name in "abcd" for _ in range(50))
    for thread in threads:
        thread.join()
