"""From the hand to the picture, as the browser sees it: on the page, in the figures, and true to the picture."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Viewer
from tests.models import PAINTER, write_model
from tests.running import eventually, serving

STAGES = ["uplink", "wait", "compute", "convert", "pace", "encode", "network", "decode", "present", "added", "total"]


def test_a_commands_latency_stands_below_the_picture_and_in_the_figures(tmp_path: Path, page: Page) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        server.wait_ready()
        viewer = Viewer(page, server.url)
        viewer.wait_moving()
        assert page.evaluate("window.reactor.latency()") is None
        assert viewer.send("set_colour", red=220)["ok"]

        def measured() -> Any:
            return page.evaluate("window.reactor.latency()")

        latency = eventually(measured, within=10, what="the command's way to the screen")
        stages = latency["last"]["stages"]
        assert latency["last"]["command"] == "set_colour"
        assert list(stages) == STAGES
        assert sum(stages[stage] for stage in STAGES[:-2]) == pytest.approx(stages["total"], abs=0.5)
        assert 0 < stages["total"] < 5000
        shown = page.get_by_test_id("latency")
        expect(shown).to_contain_text("answer")
        expect(shown).to_have_attribute("title", f"set_colour: {describe(stages)}")
        text = httpx.get(f"{server.url}/metrics").text
        labels = 'command="set_colour",quantile="0.95",session="local",stage="total"'
        assert f"reactor_command_latency_seconds{{{labels}}}" in text


def describe(stages: dict[str, float]) -> str:
    return ", ".join(f"{stage} {in_words(value)} ms" for stage, value in stages.items() if stage != "total")


def in_words(ms: float) -> Decimal:
    """Round as JavaScript's `toFixed`, a half up."""
    return Decimal(ms).quantize(Decimal("0.1"), ROUND_HALF_UP)
