"""A supervised model: how its end is told, and that it comes back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import uvloop

from reactor_runtime.worker.local_port import LocalPort
from reactor_runtime.worker.messages import Described, Failed, Invoke, Loaded, Released, Replied, SessionBegan, Slice
from reactor_runtime.worker.port import ModelPort
from reactor_runtime.worker.process_port import ProcessPort
from reactor_runtime.worker.supervisor import ModelDown, ModelUp, Supervisor
from tests.loopback.worker_models import LAB, Watched, held, lab, picture, settled
from tests.unit.worker.border import i420


@asynccontextmanager
async def supervised(
    folder: Path,
    *,
    source: str = LAB,
    heartbeat_timeout: float = 8.0,
    make_port: Callable[[], ModelPort] = ProcessPort,
) -> AsyncIterator[tuple[Supervisor, Watched]]:
    watched = Watched()
    setup = lab(folder, source=source)
    supervisor = Supervisor(make_port, setup, watched.observe, heartbeat_timeout=heartbeat_timeout)
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor, watched
    finally:
        await supervisor.stop(5)
        await running


async def up(watched: Watched, times: int = 1) -> ModelUp:
    return (await watched.until(lambda: len(ups := watched.of(ModelUp)) >= times and ups))[-1]


async def down(watched: Watched, times: int = 1, within: float = 30) -> ModelDown:
    return (await watched.until(lambda: len(downs := watched.of(ModelDown)) >= times and downs, within))[-1]


def die(supervisor: Supervisor, how: str) -> None:
    supervisor.send(SessionBegan("s"))
    supervisor.send(Invoke(1, "die", {"how": how}))


async def emit(supervisor: Supervisor, watched: Watched, seed: int) -> Slice:
    before = len(watched.of(Slice))
    supervisor.send(SessionBegan("s"))
    supervisor.send(Invoke(1, "emit", {"height": 90, "width": 160, "seeds": [seed]}))
    return (await watched.until(lambda: watched.of(Slice)[before:]))[0]


@pytest.mark.parametrize("make_port", [ProcessPort, LocalPort])
async def test_a_model_comes_up_and_is_stopped(make_port: Callable[[], ModelPort], tmp_path: Path) -> None:
    async with supervised(tmp_path, make_port=make_port) as (supervisor, watched):
        assert not (await up(watched)).restarted
        assert supervisor.contract is not None
        assert supervisor.pid == watched.of(Described)[0].pid
    assert watched.of(ModelDown) == []
    assert supervisor.pid is None


@pytest.mark.parametrize("make_port", [ProcessPort, LocalPort])
async def test_a_model_that_raises_in_run_comes_back(make_port: Callable[[], ModelPort], tmp_path: Path) -> None:
    async with supervised(tmp_path, make_port=make_port) as (supervisor, watched):
        await up(watched)
        die(supervisor, "raise")
        assert await down(watched) == ModelDown("the model raised RuntimeError in run()", failed=False)
        assert (await up(watched, 2)).restarted
        assert np.array_equal(supervisor.pixels((await emit(supervisor, watched, 5)).video["main"]), FRAME)


FRAME = i420(picture(90, 160, 5))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("os_exit", "the model process exited with status 9"),
        ("segfault", "the model process was killed by SIGSEGV"),
        ("linger", "the model raised RuntimeError in run()"),
    ],
)
async def test_a_model_that_ends_its_process_comes_back(tmp_path: Path, how: str, reason: str) -> None:
    async with supervised(tmp_path) as (supervisor, watched):
        await up(watched)
        die(supervisor, how)
        assert await down(watched) == ModelDown(reason, failed=False)
        await up(watched, 2)


async def test_a_killed_model_is_missed_at_once_and_its_picture_stays(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, watched):
        await up(watched)
        ref = (await emit(supervisor, watched, 5)).video["main"]
        view = supervisor.pixels(ref)
        first = supervisor.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert await down(watched, within=1) == ModelDown("the model process was killed by SIGKILL", failed=False)
        await up(watched, 2)
        assert supervisor.pid != first
        again = (await emit(supervisor, watched, 6)).video["main"]
        supervisor.send(Released(ref.ring, [ref.slot]))
        assert again.ring != ref.ring
        assert np.array_equal(view, FRAME)
        assert np.array_equal(supervisor.pixels(again), i420(picture(90, 160, 6)))


async def test_a_stopped_process_counts_as_hung(tmp_path: Path) -> None:
    async with supervised(tmp_path, heartbeat_timeout=0.8) as (supervisor, watched):
        await up(watched)
        assert supervisor.pid is not None
        os.kill(supervisor.pid, signal.SIGSTOP)
        assert await down(watched, within=4) == ModelDown("the model stopped responding for 0.8 s", failed=False)
        await up(watched, 2)


async def test_a_model_that_keeps_the_gil_counts_as_hung(tmp_path: Path) -> None:
    async with supervised(tmp_path, heartbeat_timeout=0.8) as (supervisor, watched):
        await up(watched)
        die(supervisor, "hog")
        assert (await down(watched, within=5)).reason == "the model stopped responding for 0.8 s"
        await up(watched, 2)


async def test_a_model_that_keeps_the_gil_in_pieces_does_not(tmp_path: Path) -> None:
    async with supervised(tmp_path, heartbeat_timeout=2.0) as (supervisor, watched):
        await up(watched)
        supervisor.send(SessionBegan("s"))
        for command_id in range(15):
            supervisor.send(Invoke(command_id, "die", {"how": "hog_a_little"}))
        await watched.until(lambda: len(watched.of(Replied)) == 15)
        assert watched.of(ModelDown) == []


async def test_loading_has_no_deadline_but_its_end_is_seen(tmp_path: Path) -> None:
    source = LAB.replace("self.trouble = asyncio.Event()", "ctypes.PyDLL(None).sleep(600)")
    async with supervised(tmp_path, source=source, heartbeat_timeout=0.1) as (supervisor, watched):
        await watched.first(Described)
        assert supervisor.pid is not None
        process = psutil.Process(supervisor.pid)
        with pytest.raises(AssertionError, match="not within"):
            await down(watched, within=0.5)
        process.kill()
        assert await down(watched, within=1) == ModelDown("the model process was killed by SIGKILL", failed=True)


@pytest.mark.parametrize(
    ("source", "where"),
    [("import nowhere_at_all", "import"), (LAB.replace("self.trouble = asyncio.Event()", "1 / 0"), "load")],
    ids=["import", "load"],
)
async def test_a_first_start_that_fails_is_not_tried_again_until_asked(tmp_path: Path, source: str, where: str) -> None:
    async with supervised(tmp_path, source=source) as (supervisor, watched):
        lost = await down(watched)
        assert (lost.failed, watched.of(Failed)[0].where) == (True, where)
        assert lost.reason == watched.of(Failed)[0].summary
        lab(tmp_path)
        supervisor.restart("asked for")
        assert not (await up(watched)).restarted


async def test_a_load_that_fails_during_recovery_is_tried_again(tmp_path: Path) -> None:
    source = LAB.replace("self.trouble = ", "assert not os.path.exists('broken')\n        self.trouble = ").replace(
        "os.path.exists('broken')", f"os.path.exists({str(tmp_path / 'broken')!r})"
    )
    async with supervised(tmp_path, source=source) as (supervisor, watched):
        await up(watched)
        (tmp_path / "broken").touch()
        die(supervisor, "os_exit")
        await down(watched, 2)
        (tmp_path / "broken").unlink()
        assert (await up(watched, 2)).restarted
        told = [item.reason for item in watched.of(ModelDown)]
        assert told[:2] == ["the model process exited with status 9", "the model raised AssertionError in load()"]
        assert not any(item.failed for item in watched.of(ModelDown))


async def test_a_model_that_is_no_longer_trusted_is_replaced_unheard(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, watched):
        await up(watched)
        die(supervisor, "hang")
        supervisor.restart("the session did not end in time")
        assert await down(watched) == ModelDown("the session did not end in time", failed=False)
        await up(watched, 2)
        lost_at = next(i for i, item in enumerate(watched.seen) if isinstance(item, ModelDown))
        assert [type(item) for item in watched.seen[lost_at + 1 :][:3]] == [Described, Loaded, ModelUp]


async def test_many_restarts_leave_nothing_behind(tmp_path: Path) -> None:
    async def live(restarts: int) -> None:
        async with supervised(tmp_path) as (supervisor, watched):
            for count in range(1, restarts + 2):
                await up(watched, count)
                await emit(supervisor, watched, count)
                supervisor._back_off.failures = 0  # no waiting here
                assert supervisor.pid is not None
                os.kill(supervisor.pid, signal.SIGKILL)
                await down(watched, count)

    await live(1)
    before = held()
    await live(8)
    await settled(before)


async def test_after_five_failures_in_a_row_nobody_should_wait_but_trying_goes_on(tmp_path: Path) -> None:
    async with supervised(tmp_path) as (supervisor, watched):
        await up(watched)
        supervisor._back_off.failures = 4
        die(supervisor, "os_exit")
        assert (await down(watched)).failed
        supervisor.restart("no need to wait any longer")
        assert (await up(watched, 2)).restarted


def test_recovery_works_under_uvloop(tmp_path: Path) -> None:
    async def live() -> None:
        async with supervised(tmp_path) as (supervisor, watched):
            await up(watched)
            die(supervisor, "segfault")
            await up(watched, 2)
            ref = (await emit(supervisor, watched, 5)).video["main"]
            assert np.array_equal(supervisor.pixels(ref), FRAME)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live())
