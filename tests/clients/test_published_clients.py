"""Every published client, as it was published, against one running server: the table is in matrix.py."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from bench.namespaces import Cable, why_unavailable

from tests.clients.matrix import CLIENTS, PublishedClient, page
from tests.running import serving

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reference/clients.md"
PORT = 8080
"""Built into the oldest clients; in a network of its own, nothing of the machine is in the way."""
LIMIT = 120.0
ADOPTING = "native"
"""The family whose clients can join a session that others began, and leave it to them."""

needs_namespaces = pytest.mark.skipif(why_unavailable() is not None, reason=f"{why_unavailable()}")
ROWS = [pytest.param(client, check, id=f"{client.name}-{check}") for client in CLIENTS for check in client.checks]
Results = dict[str, str]


class Trial:
    """A client's process, which does what it is told."""

    def __init__(self, client: PublishedClient) -> None:
        self.client = client
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed as it leaves
        self._process = subprocess.Popen(
            client.command,
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )

    def found(self, word: str) -> Results:
        """Say one word, and return what was found, with what was complained of beside it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        limit = threading.Timer(LIMIT, self._process.kill)
        limit.start()
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        line = next((line for line in self._process.stdout if line.startswith("{")), "{}")
        limit.cancel()
        self._complaints.seek(0)
        return json.loads(line) | {"complaints": self._complaints.read()[-2000:]}

    def leave(self) -> None:
        """Let it leave, or end it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()


@pytest.fixture(scope="module")
def found() -> dict[str, Results]:
    """What each client found: in turn, since whoever ends its session ends it for all; then all on one session."""
    results: dict[str, Results] = {}
    with Cable() as cable, cable.inside("server"), serving(HERE / "probe", "--port", str(PORT)) as server:
        server.wait_ready()
        trials = [Trial(client) for client in CLIENTS]
        try:
            for trial in trials:
                results[trial.client.name] = trial.found("alone")
            httpx.post(f"{server.url}/start_session").raise_for_status()
            with ThreadPoolExecutor(len(trials)) as pool:
                for trial, more in zip(trials, pool.map(lambda t: t.found("together"), trials), strict=True):
                    results[trial.client.name] |= more
            results["all"] = {"connections": str(server.health()["connections"])}
            for trial in trials:
                if trial.client.family == ADOPTING:
                    trial.leave()
            results["all"]["state"] = server.health()["state"]
        finally:
            for trial in trials:
                trial.leave()
    return results


@needs_namespaces
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("client", "check"), ROWS)
def test_a_published_client_passes(found: dict[str, Results], client: PublishedClient, check: str) -> None:
    results = found[client.name]
    assert results.get(check, "not reached") == "yes", results


@needs_namespaces
def test_all_are_there_at_once_and_those_that_adopted_the_session_leave_it_to_the_others(
    found: dict[str, Results],
) -> None:
    assert found["all"] == {"connections": str(len(CLIENTS)), "state": "STREAMING"}


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.clients.matrix > docs/reference/clients.md"
