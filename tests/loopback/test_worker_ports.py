"""A model behind each kind of port: what it emits, says, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio
import uvloop

from reactor_runtime.worker.local_port import LocalPort
from reactor_runtime.worker.messages import (
    Described,
    Failed,
    Flushed,
    Invoke,
    Loaded,
    Ping,
    Played,
    Pong,
    Released,
    Replied,
    SessionBegan,
    SessionClosed,
    SessionEnding,
    Slice,
)
from reactor_runtime.worker.piped_port import PipedPort
from reactor_runtime.worker.process_port import ProcessPort
from tests.loopback.worker_models import LAB, Watched, held, lab, picture, settled
from tests.unit.worker.border import i420

ROOM = 2
"""Slices of single frames that the lab's model may have ahead: its buffer_size."""


class Lab:
    """A port, what came out of it, and the pixels of each slice as they were observed."""

    def __init__(self, port: PipedPort) -> None:
        self.port = port
        self.watched = Watched()
        self.pixels: list[np.ndarray] = []
        self._commands = 0

    def observe(self, item: object) -> None:
        if isinstance(item, Slice):
            self.pixels += [self.port.pixels(ref) for ref in item.video.values()]
        self.watched.observe(item)

    async def start(self, folder: Path, source: str = LAB) -> None:
        await self.port.start(lab(folder, source=source), self.observe, self.watched.lose)

    async def load(self, folder: Path) -> None:
        await self.start(folder)
        await self.watched.first(Loaded)
        self.port.send(SessionBegan("s"))

    def command(self, name: str, **arguments: object) -> int:
        self._commands += 1
        self.port.send(Invoke(self._commands, name, arguments))
        return self._commands

    async def slices(self, count: int) -> list[Slice]:
        return await self.watched.until(lambda: len(found := self.watched.of(Slice)) >= count and found)

    async def answer(self, command_id: int) -> Replied:
        def found() -> list[Replied]:
            return [r for r in self.watched.of(Replied) if r.command_id == command_id]

        return (await self.watched.until(found))[0]

    def release(self, *slices: Slice) -> None:
        """The server showed these slices and needs their pixels no more."""
        for item in slices:
            self.port.send(Played(1))
            for ref in item.video.values():
                self.port.send(Released(ref.ring, [ref.slot]))


@pytest_asyncio.fixture(params=[ProcessPort, LocalPort])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    bench = Lab(request.param())
    yield bench
    await bench.port.stop(5)


@pytest_asyncio.fixture
async def process() -> AsyncIterator[Lab]:
    bench = Lab(ProcessPort())
    yield bench
    await bench.port.stop(0)


async def test_a_model_is_described_then_loaded_and_answers_pings(bench: Lab, tmp_path: Path) -> None:
    await bench.start(tmp_path)
    bench.port.send(Ping(1.5))
    assert await bench.watched.first(Pong) == Pong(1.5)
    await bench.watched.first(Loaded)
    described = bench.watched.of(Described)[0]
    assert [track.name for track in described.contract.tracks] == ["main"]
    assert (described.pid == os.getpid()) == isinstance(bench.port, LocalPort)


async def test_frames_arrive_bit_exact_in_long_chunks_and_other_sizes(bench: Lab, tmp_path: Path) -> None:
    await bench.load(tmp_path)
    bench.command("emit", height=90, width=160, seeds=list(range(33)))
    bench.release(*await bench.slices(33))
    bench.command("emit", height=180, width=320, seeds=[50])
    await bench.slices(34)
    bench.command("emit", height=90, width=160, seeds=[51])
    await bench.slices(35)
    assert all(np.array_equal(bench.pixels[33 + i], i420(picture(*size, 50 + i))) for i, size in enumerate(SIZES))
    # the first slots were released, but nothing has been written to their ring since
    assert all(np.array_equal(bench.pixels[i], i420(picture(90, 160, i))) for i in range(33))


SIZES = [(180, 320), (90, 160)]


async def test_emit_waits_until_slices_are_shown(bench: Lab, tmp_path: Path) -> None:
    await bench.load(tmp_path)
    for seed in range(ROOM + 1):
        await bench.answer(bench.command("emit", height=16, width=16, seeds=[seed]))
    slices = await bench.slices(ROOM)
    bench.port.send(Ping(1.0))
    await bench.watched.first(Pong)
    assert len(bench.watched.of(Slice)) == ROOM
    bench.release(slices[0])
    await bench.slices(ROOM + 1)
    assert np.array_equal(bench.pixels[-1], i420(picture(16, 16, ROOM)))


async def test_flush_wakes_a_waiting_emit(bench: Lab, tmp_path: Path) -> None:
    await bench.load(tmp_path)
    bench.command("emit", height=16, width=16, seeds=[1] * 10)
    bench.command("emit", height=16, width=16, seeds=[2] * 10)
    bench.release((await bench.slices(10))[0])
    await bench.slices(11)
    assert (await bench.answer(bench.command("flush"))).error_code is None
    assert bench.watched.of(Flushed) == [Flushed(1)]
    bench.release(*bench.watched.of(Slice))
    bench.command("emit", height=16, width=16, seeds=[3])
    assert (await bench.slices(12))[-1].epoch == 1


async def test_a_session_ends_while_an_emit_waits(bench: Lab, tmp_path: Path) -> None:
    await bench.load(tmp_path)
    bench.command("emit", height=16, width=16, seeds=[1] * 10)
    bench.command("emit", height=16, width=16, seeds=[2] * 10)
    await bench.slices(10)
    bench.port.send(SessionEnding("stopped"))
    await bench.watched.first(SessionClosed)


async def test_a_model_that_is_asked_to_leave_does_and_is_not_reported_lost(bench: Lab, tmp_path: Path) -> None:
    await bench.load(tmp_path)
    await bench.port.stop(10)
    await bench.port.stop(10)
    assert bench.watched.lost == []
    assert bench.watched.of(Failed) == []
    bench.port.send(Ping(1.0))


@pytest.mark.parametrize(
    ("source", "where", "status", "text"),
    [
        ("import nowhere_to_be_found", "import", 3, "nowhere_to_be_found"),
        (LAB.replace("self.trouble = asyncio.Event()", "1 / 0"), "load", 4, "ZeroDivisionError"),
        (LAB.replace("await self.trouble.wait()", "1 / 0"), "run", 4, "ZeroDivisionError"),
        (LAB.replace("await self.trouble.wait()", "return"), "run", 4, "returned"),
    ],
    ids=["import", "load", "run", "run returns"],
)
async def test_the_authors_failure_is_told_before_the_instance_is_lost(
    bench: Lab, tmp_path: Path, source: str, where: str, status: int, text: str
) -> None:
    await bench.start(tmp_path, source)
    await bench.watched.until(lambda: bench.watched.lost)
    (failed,) = bench.watched.of(Failed)
    assert (failed.where, bench.watched.lost) == (where, [f"exited with status {status}"])
    assert text in failed.error
    assert str(tmp_path) not in failed.summary


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("os_exit", "exited with status 9"),
        ("sys_exit", "exited with status 7"),
        ("segfault", "was killed by SIGSEGV"),
        ("linger", "exited with status 1"),
    ],
)
async def test_the_way_a_process_ends_is_worded(process: Lab, tmp_path: Path, how: str, end: str) -> None:
    await process.load(tmp_path)
    process.command("die", how=how)
    await process.watched.until(lambda: process.watched.lost, within=10)
    assert process.watched.lost == [end]


async def test_what_was_sent_before_a_kill_arrives_and_its_pixels_stay(process: Lab, tmp_path: Path) -> None:
    await process.load(tmp_path)
    process.command("emit", height=90, width=160, seeds=[4])
    await process.slices(1)
    os.kill(process.watched.of(Described)[0].pid, signal.SIGKILL)
    await process.watched.until(lambda: process.watched.lost, within=2)
    assert process.watched.lost == ["was killed by SIGKILL"]
    assert np.array_equal(process.pixels[0], i420(picture(90, 160, 4)))


async def test_a_worker_gets_variables_on_top_of_those_it_inherits(tmp_path: Path) -> None:
    bench = Lab(ProcessPort({"LAB_CARD": "7"}))
    told = "raise LookupError(os.environ['LAB_CARD'], os.environ['PATH'])"
    await bench.start(tmp_path, LAB.replace("self.trouble = asyncio.Event()", told))
    failed = await bench.watched.first(Failed)
    assert failed.error.startswith("LookupError: ('7', ")
    await bench.port.stop(5)


async def test_opencv_of_a_worker_does_not_spin_unless_the_operator_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN", "500")
    bench = Lab(ProcessPort())
    told = "raise LookupError(*(os.environ[f'OPENCV_THREAD_POOL_ACTIVE_WAIT_{who}'] for who in ('WORKER', 'MAIN')))"
    await bench.start(tmp_path, LAB.replace("self.trouble = asyncio.Event()", told))
    failed = await bench.watched.first(Failed)
    assert failed.error.startswith("LookupError: ('0', '500')")
    await bench.port.stop(5)


async def test_what_a_model_forked_dies_with_it(process: Lab, tmp_path: Path) -> None:
    await process.load(tmp_path)
    await process.answer(process.command("die", how="fork"))
    worker = psutil.Process(process.watched.of(Described)[0].pid)
    (child,) = worker.children()
    worker.kill()
    await process.watched.until(lambda: process.watched.lost, within=2)
    await asyncio.to_thread(psutil.wait_procs, [child], timeout=5)
    assert not child.is_running()


@pytest.mark.parametrize("how", ["hang", "hog"])
async def test_a_hung_process_is_ended_after_its_grace(
    process: Lab, tmp_path: Path, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await process.load(tmp_path)
    process.command("die", how=how)
    began = time.monotonic()
    await process.port.stop(0.3)
    assert time.monotonic() - began < 2
    assert process.watched.lost == []
    assert "in die" in capfd.readouterr().err  # where it hung is shown


async def test_a_model_is_left_at_once_while_it_loads(process: Lab, tmp_path: Path) -> None:
    await process.start(tmp_path, LAB.replace("self.trouble = asyncio.Event()", "time.sleep(600)"))
    await process.watched.first(Described)
    began = time.monotonic()
    await process.port.stop(30)
    assert time.monotonic() - began < 5


async def test_a_worker_dies_with_its_server(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from reactor_runtime.worker.process_port import ProcessPort\n"
        "from reactor_runtime.worker.messages import Described, Setup\n"
        "def observe(m):\n"
        "    if isinstance(m, Described): print(m.pid, flush=True)\n"
        "async def main():\n"
        "    await ProcessPort().start(Setup(sys.argv[1]), observe, print)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    setup = lab(tmp_path, source=LAB.replace("self.trouble = asyncio.Event()", "time.sleep(600)"))
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, setup.model_dir, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    worker = psutil.Process(int(await asyncio.wait_for(server.stdout.readline(), 30)))
    server.kill()
    await server.wait()
    gone, _ = await asyncio.to_thread(psutil.wait_procs, [worker], timeout=5)
    assert gone == [worker]


async def test_a_thread_that_does_not_let_go_is_left_behind_and_goes_unheard(tmp_path: Path) -> None:
    bench = Lab(LocalPort())
    gate = threading.Event()
    setattr(threading, "gate_of_this_test", gate)  # noqa: B010 - how the model in this process finds it
    await bench.start(tmp_path, LAB.replace("self.trouble = asyncio.Event()", "threading.gate_of_this_test.wait()"))
    await bench.watched.first(Described)
    await bench.port.stop(0.05)
    (left_behind,) = [thread for thread in threading.enumerate() if thread.name == "reactor-model"]
    gate.set()
    await asyncio.to_thread(left_behind.join, 10)
    assert not left_behind.is_alive()
    assert bench.watched.of(Loaded) == []


@pytest.mark.parametrize("kind", [ProcessPort, LocalPort])
def test_ports_work_under_uvloop(kind: type[PipedPort], tmp_path: Path) -> None:
    async def live() -> None:
        bench = Lab(kind())
        await bench.load(tmp_path)
        bench.command("emit", height=90, width=160, seeds=[1, 2, 3])
        bench.release(*await bench.slices(3))
        assert np.array_equal(bench.pixels[2], i420(picture(90, 160, 3)))
        bench.command("die", how="raise")
        await bench.watched.until(lambda: bench.watched.lost)
        assert bench.watched.lost == ["exited with status 4"]
        await bench.port.stop(5)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live())


@pytest.mark.parametrize("port_kind", [ProcessPort, LocalPort])
async def test_nothing_is_left_of_an_instance(port_kind: type[PipedPort], tmp_path: Path) -> None:
    async def live() -> None:
        bench = Lab(port_kind())
        await bench.load(tmp_path)
        bench.command("emit", height=90, width=160, seeds=[1])
        await bench.slices(1)
        await bench.port.stop(10)

    await live()
    before = held()
    for _ in range(4):
        await live()
    await settled(before)
