"""A page that is loaded again and again leaves nothing behind in the server."""

from __future__ import annotations

from pathlib import Path

import psutil
from playwright.sync_api import Page

from tests.browser.conftest import Viewer
from tests.models import PAINTER, write_model
from tests.running import RunningServer, eventually, serving

REFRESHES = 12


def held(server: RunningServer) -> dict[str, int]:
    """Count what a leak would grow: threads, descriptors and shared memory of server and worker."""
    counts: dict[str, int] = {}
    for name, process in (("server", psutil.Process(server.process.pid)), ("worker", server.worker)):
        counts[f"{name} threads"] = process.num_threads()
        counts[f"{name} descriptors"] = process.num_fds()
        counts[f"{name} shared segments"] = sum(
            "memfd:" in mapping.path for mapping in process.memory_maps(grouped=False)
        )
    return counts


def test_many_refreshes_leave_nothing_behind(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        server.wait_ready()
        viewer = Viewer(page, server.url)
        for _ in range(6):  # lazy imports and the pool that reads files settle
            viewer.wait_picture()
            page.reload()
        viewer.wait_picture()
        eventually(lambda: server.health()["connections"] == 1, what="one connection")
        before = held(server)
        for _ in range(REFRESHES):
            page.reload()
            viewer.wait_picture()
        eventually(lambda: server.health()["connections"] == 1, what="one connection")
        assert server.health()["state"] == "STREAMING"
        eventually(
            lambda: all(held(server)[name] <= count for name, count in before.items()),
            within=15,
            what=f"what was held before {before}; after: {held(server)}",
        )
