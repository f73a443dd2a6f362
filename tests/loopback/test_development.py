"""Development mode from end to end: what a model logs, prints and fails with, as `/events` tells it. Off: nothing."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import httpx
import pytest

from reactor_runtime.worker.local_port import LocalPort
from reactor_runtime.worker.messages import Failed, Loaded, Logged
from reactor_runtime.worker.piped_port import PipedPort
from reactor_runtime.worker.process_port import ProcessPort
from tests.loopback.published_client import WAIT
from tests.loopback.socket_viewer import on_session
from tests.loopback.worker_models import Watched, lab
from tests.models import PAINTER, write_model
from tests.running import serving

CHATTY = dedent("""
    import logging
    import sys

    from reactor_runtime import ReactorModel, event
    from reactor_runtime.log import get_logger

    log = logging.getLogger("lab")
    print("imported")


    class Finalized:
        def __del__(self):
            log.warning("collected")


    class Lab(ReactorModel):
        def load(self, config):
            get_logger("lab").info("loading", api_key="hush", steps=4)
            print("printed on stderr", file=sys.stderr)
            log.debug("below the level")
            for number in range(3_000):
                log.info("line %d", number)
            Finalized()
            raise OSError("weights.bin is damaged")
""")
"""A model that says something in every way there is, far too much of it, and fails."""


async def run(port: PipedPort, folder: Path, *, development: bool) -> list[Logged]:
    """Run the model to its failure and return what was told of it."""
    watched = Watched()
    setup = lab(folder, source=CHATTY)
    setup = type(setup)(setup.model_dir, development=development)
    await port.start(setup, watched.observe, watched.lose)
    try:
        await watched.until(lambda: watched.lost)
    finally:
        await port.stop(5)
    assert not watched.of(Loaded)
    assert "weights.bin is damaged" in watched.of(Failed)[0].traceback
    return watched.of(Logged)


async def test_a_process_tells_records_and_prints_in_order_and_counts_what_is_too_much(tmp_path: Path) -> None:
    told = await run(ProcessPort(), tmp_path, development=True)
    assert told[:4] == [
        Logged("info", "stdout", "imported"),
        Logged("info", "lab", "loading api_key=*** steps=4"),
        Logged("warning", "stderr", "printed on stderr"),
        Logged("info", "lab", "line 0"),
    ]
    assert len(told) < 3_000
    numbers = [int(line.text.split()[1]) for line in told if line.text.startswith("line ")]
    assert numbers == sorted(numbers)
    assert "more lines are only in the terminal" in told[-1].text


async def test_a_model_in_the_servers_process_tells_its_records(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told = await run(LocalPort(), tmp_path, development=True)
    assert Logged("warning", "stderr", "printed on stderr") not in told
    assert any(line.text == "line 0" for line in told)
    assert not any(line.text == "below the level" for line in told)


@pytest.mark.parametrize("make_port", [ProcessPort, LocalPort])
async def test_without_development_nothing_crosses_the_pipe(make_port: type[PipedPort], tmp_path: Path) -> None:
    assert await run(make_port(), tmp_path, development=False) == []


FAILING = (
    PAINTER
    + """
    @event(name="speak", description="")
    def speak(self):
        print("a word to the author")
        import logging
        logging.getLogger("painter").warning("the paint is wet")
"""
)


async def journal(url: str, until: str) -> list[dict[str, Any]]:
    """Read the journal up to the first fact of that name."""
    facts: list[dict[str, Any]] = []
    async with aiohttp.ClientSession() as http, asyncio.timeout(WAIT), http.get(f"{url}/events") as events:
        async for line in events.content:
            if line.startswith(b"data: "):
                facts.append(json.loads(line.removeprefix(b"data: ")))
                if facts[-1]["event"] == until:
                    break
    return facts


async def test_clients_of_a_server_in_development_see_words_and_tracebacks(tmp_path: Path) -> None:
    with serving(write_model(tmp_path, FAILING), "--dev") as server:
        assert server.wait_ready().health()["development"] is True
        async with on_session(server.url) as session:
            viewer = await session.viewer()
            assert (await viewer.ask("speak"))["type"] == "commandAccepted"
            await session.journalled("log", level="info", logger="stdout", text="a word to the author")
            await session.journalled("log", level="warning", logger="painter", text="the paint is wet")
            await viewer.ask("raise_in_handler")
            told = await session.journalled("traceback", where="handler", error="ValueError: the handler is broken")
        assert told["detail"]["text"].startswith("Traceback")
        assert 'raise ValueError("the handler is broken")' in told["detail"]["text"]


async def test_clients_of_any_other_server_see_one_line(tmp_path: Path) -> None:
    with serving(write_model(tmp_path, FAILING)) as server:
        assert server.wait_ready().health()["development"] is False
        async with on_session(server.url) as session:
            viewer = await session.viewer()
            await viewer.ask("speak")
            await viewer.ask("raise_in_handler")
        facts = await journal(server.url, "error")
        assert {fact["type"] for fact in facts} == {"transition"}
        assert facts[-1]["detail"] == {"message": "handler: the model raised ValueError in a command handler"}
        assert "the paint is wet" in server.output


def test_who_follows_an_idle_journal_reads_its_end_when_the_server_stops(tmp_path: Path) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        server.wait_ready()
        with httpx.stream("GET", f"{server.url}/events", timeout=WAIT) as events:
            lines = events.iter_lines()
            assert next(lines) == "id: 1"
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            facts = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
            stopping.join()
        assert facts[-1]["to"] == "terminated"
        assert server.process.returncode == 0
