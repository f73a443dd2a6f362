"""Every published client, as it was published, against one running server: the table is in matrix.py."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from bench.namespaces import Cable, why_unavailable

from tests.clients.matrix import CLIENTS, PublishedClient, page
from tests.running import serving

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reference/clients.md"
PORT = 8080
"""Built into the oldest clients; in a network of its own, nothing of the machine is in the way."""
LIMIT = 120.0
AT_ONCE = 2
"""Clients that are imported while others are tried."""

needs_namespaces = pytest.mark.skipif(why_unavailable() is not None, reason=f"{why_unavailable()}")
ROWS = [pytest.param(client, check, id=f"{client.name}-{check}") for client in CLIENTS for check in client.checks]


class Trial:
    """A client's process, which waits for the word to begin."""

    def __init__(self, client: PublishedClient) -> None:
        self._process = subprocess.Popen(
            client.command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def results(self) -> dict[str, str]:
        """Let it begin, and return what it found."""
        try:
            said, complaints = self._process.communicate("go\n", timeout=LIMIT)
        finally:
            self._process.kill()
        lines = [line for line in said.splitlines() if line.startswith("{")]
        found: dict[str, str] = json.loads(lines[-1]) if lines else {}
        return found | {"complaints": complaints[-2000:]}


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, str]]:
    """What each client found, in turn on the one server: whoever ends its session ends it for all."""
    with Cable() as cable, cable.inside("server"), serving(HERE / "probe", "--port", str(PORT)) as server:
        server.wait_ready()
        results = {}
        waiting = [Trial(client) for client in CLIENTS[:AT_ONCE]]
        for client, upcoming in zip(CLIENTS, [*CLIENTS[AT_ONCE:], *[None] * AT_ONCE], strict=True):
            results[client.name] = waiting.pop(0).results()
            if upcoming is not None:
                waiting.append(Trial(upcoming))
        return results


@needs_namespaces
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("client", "check"), ROWS)
def test_a_published_client_passes(found: dict[str, dict[str, str]], client: PublishedClient, check: str) -> None:
    results = found[client.name]
    assert results.get(check, "not reached") == "yes", results


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.clients.matrix > docs/reference/clients.md"
