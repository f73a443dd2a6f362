"""The model dies, hangs or raises while somebody watches: the page stays, says what happened, and streams again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Viewer
from tests.models import PAINTER, write_model
from tests.running import RunningServer, eventually, serving


def watching(server: RunningServer, page: Page) -> Viewer:
    server.wait_ready()
    viewer = Viewer(page, server.url)
    viewer.wait_moving()
    page.evaluate("window.stillTheSamePage = true")
    return viewer


def assert_survived(viewer: Viewer, server: RunningServer, within: float = 20.0) -> None:
    """Streaming again, on the same page and the same connection."""
    eventually(lambda: viewer.page.evaluate("window.reactor.state") == "live", within=within, what="the state live")
    viewer.wait_moving(within=within)
    assert viewer.page.evaluate("window.stillTheSamePage") is True
    assert server.process.poll() is None


@pytest.mark.parametrize(("number", "told_within"), [(signal.SIGKILL, 1.0), (signal.SIGSTOP, 8.0)])
def test_a_killed_or_stopped_worker_comes_back_under_the_same_page(
    number: signal.Signals, told_within: float, tmp_path: Path, page: Page
) -> None:
    with serving(write_model(tmp_path, PAINTER), "--heartbeat-timeout", "4") as server:
        viewer = watching(server, page)
        assert viewer.send("set_colour", red=220)["ok"]
        red = eventually(lambda: is_red(viewer), within=5, what="a red picture")
        peers = viewer.page.evaluate("window.reactor.peers")
        os.kill(server.worker.pid, number)
        struck_at = time.monotonic()
        overlay = eventually(lambda: viewer.text("overlay"), within=told_within + 1, what="the overlay")
        assert time.monotonic() - struck_at <= told_within + 0.3
        assert "restart" in overlay.lower()
        held = viewer.picture()
        assert held is not None
        assert sum(abs(a - b) for a, b in zip(held["rgb"], red["rgb"], strict=True)) < 60, "the last picture stays"
        assert_survived(viewer, server)
        assert viewer.page.evaluate("window.reactor.peers") == peers, "the connection was kept"
        eventually(lambda: is_red(viewer), within=10, what="the last command replayed on the fresh model")


def is_red(viewer: Viewer) -> dict | None:
    sample = viewer.picture()
    return sample if sample and sample["rgb"][0] > 80 and sample["rgb"][1] < 60 else None


@pytest.mark.parametrize("kind", ["raise", "return"])
def test_a_model_that_ends_is_told_to_author_and_client_and_comes_back(kind: str, tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        viewer = watching(server, page)
        viewer.send("make_trouble", kind=kind)
        eventually(lambda: viewer.text("overlay"), within=5, what="the overlay")
        assert_survived(viewer, server)
        expected = {
            "raise": ["Traceback", "RuntimeError: the model is broken"],
            "return": ["run() of Painter returned"],
        }[kind]
        for text in expected:
            assert text in server.output
        assert "the model is broken" not in page.content(), "a client never sees the author's values"


def test_a_model_whose_code_changed_meanwhile_comes_back_in_a_new_session(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        viewer = watching(server, page)
        more = (
            "\n    @event(name='go_blue', description='')\n    def go_blue(self):\n        self.colour = (0, 0, 220)\n"
        )
        write_model(tmp_path, PAINTER + more)
        server.worker.kill()
        eventually(lambda: page.evaluate("window.reactor.state") == "ended", within=10, what="the session's end")
        assert "code has changed" in viewer.text("overlay")
        before = viewer.wait_picture()
        page.get_by_test_id("restart").click()
        viewer.wait_moving()
        eventually(lambda: viewer.send("go_blue")["ok"], within=10, what="the new event")
        eventually(lambda: viewer.colour_distance(before) > 60, within=5, what="a blue picture")


def test_a_handler_that_raises_answers_and_the_session_goes_on(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        viewer = watching(server, page)
        answer = viewer.send("raise_in_handler")
        assert not answer["ok"]
        assert answer["code"] == "internal_error"
        assert "broken" not in answer["message"]
        assert viewer.send("set_colour", red=220)["ok"]
        eventually(lambda: is_red(viewer), within=5, what="a red picture")
        assert "ValueError: the handler is broken" in server.output
        assert "Traceback" in server.output


def test_a_model_that_cannot_load_leaves_a_server_that_says_so(tmp_path: Path, page: Page) -> None:
    source = PAINTER + "\n\n    def load(self, config):\n        raise OSError('weights.bin is damaged')\n"
    with serving(write_model(tmp_path, source)) as server:
        server.wait_listening()
        health = eventually(
            lambda: (h := server.health())["status"] == "unhealthy" and h, what=f"unhealthy:\n{server.output}"
        )
        assert "OSError" in health["detail"]
        assert "damaged" not in health["detail"]
        assert "OSError: weights.bin is damaged" in server.output
        assert "Traceback" in server.output
        viewer = Viewer(page, server.url)
        eventually(lambda: "fail" in page.content().lower(), within=10, what="the failure on the page")
        assert viewer.picture() is None
        assert server.process.poll() is None


STUBBORN = """
import numpy as np
from reactor_runtime import VideoModel, command, get_ctx, model


@model(name="stubborn")
class Stubborn(VideoModel):
    crash = False

    @command("crash")
    def crash_now(self):
        self.crash = True

    def start_session(self):
        while True:
            if self.crash:
                self.crash = False
                raise RuntimeError("the session is broken")
            get_ctx().emit_block(np.full((90, 160, 3), 120, np.uint8))
"""


def test_a_generation_1_session_that_ignores_being_stopped_is_ended_by_force(tmp_path: Path, page: Page) -> None:
    (tmp_path / "model.py").write_text(STUBBORN)
    with serving(tmp_path, "--stop-grace", "1") as server:
        watching(server, page)
        former = server.worker.pid
        assert httpx.post(f"{server.url}/stop_session", timeout=1).status_code == 200
        assert httpx.get(f"{server.url}/session", timeout=1).status_code == 200, "HTTP goes on meanwhile"
        eventually(lambda: server.health()["state"] == "READY", within=15, what="a fresh model")
        assert server.worker.pid != former
        assert "did not let go" in server.output


def test_a_generation_1_session_that_crashes_is_called_a_crash_and_the_next_runs(tmp_path: Path, page: Page) -> None:
    (tmp_path / "model.py").write_text(STUBBORN)
    with serving(tmp_path, "--stop-grace", "1") as server:
        viewer = watching(server, page)
        former = server.worker.pid
        viewer.send("crash")
        eventually(lambda: page.evaluate("window.reactor.state") == "ended", within=5, what="the session's end")
        assert "crashed" in viewer.text("overlay")
        assert "RuntimeError: the session is broken" in server.output
        page.get_by_test_id("restart").click()
        viewer.wait_moving()
        assert server.worker.pid == former, "the loaded instance serves on"
