"""A command is followed to the frame that is the first to show it, and the client learns where the time went."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import webrtc
from prometheus_client.parser import text_string_to_metric_families

from reactor_runtime.media.pixels import to_rgb
from tests.loopback.published_client import until
from tests.loopback.watching import Watcher
from tests.models import PAINTER, write_model
from tests.running import serving

REDS = (220, 20) * 5
BUSY = PAINTER.replace(
    "await self.emit(Out(main_video=picture(self.colour, self.step)))",
    "made = picture(self.colour, self.step)\n"
    "                time.sleep(0.03)  # as a model that waits for its card\n"
    "                await self.emit(Out(main_video=made))",
)
AHEAD_MS = 77_000.0
"""The client's clock less the server's."""
STAGES = ["uplink", "wait", "compute", "convert", "pace", "encode", "network", "decode", "present", "added", "total"]


class Photographer(Watcher):
    """A client that takes part: it keeps each frame's redness by RTP timestamp, and tells when one was seen."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heard_of: list[dict[str, Any]] = []
        self.redness: dict[int, float] = {}
        self._seen: dict[int, dict[str, float]] = {}

    def now_ms(self) -> float:
        return time.monotonic() * 1000 + AHEAD_MS

    def paint(self, request_id: str, *, takes_part: bool = True, **arguments: int) -> None:
        said: dict[str, Any] = {"type": "set_colour", "data": arguments, "id": request_id}
        if takes_part:
            said["sent_at_ms"] = self.now_ms()
        self._channels["data"].send(json.dumps({"scope": "application", "data": said}))

    def traced(self) -> list[dict[str, Any]]:
        return [said["data"] for said in self.heard_of if said["type"] == "commandTraced"]

    def told(self) -> list[dict[str, Any]]:
        return [said["data"] for said in self.heard_of if said["type"] == "frameAnswers"]

    async def _watch(self, track: webrtc.MediaStreamTrack) -> None:
        async for frame in webrtc.MediaStreamTrackProcessor(webrtc.MediaStreamTrackProcessorInit(track, 30)).readable:
            came = self.now_ms()
            stamp = frame.metadata().rtp_timestamp
            packed = bytearray(frame.allocation_size())
            await frame.copy_to(packed)
            rgb = to_rgb(np.frombuffer(packed, np.uint8), frame.coded_width, frame.coded_height)
            self.redness[stamp] = float(rgb[:, -20:, 0].mean())
            self._seen[stamp] = {"received_at_ms": came - 1, "decode_ms": 1.0, "shown_at_ms": came}
            frame.close()
            self._report()

    def _on_message(self, event: Any) -> None:
        super()._on_message(event)
        frame = json.loads(event.data)
        if frame.get("scope") != "runtime":
            return
        said = frame["data"]
        if said["type"] in ("clock", "frameAnswers", "commandTraced"):
            self.heard_of.append(said)
        if said["type"] == "clock":
            self._tell("clock", {**said["data"], "client_at_ms": self.now_ms()})
        self._report()

    def _report(self) -> None:
        for told in self.told():
            if (seen := self._seen.pop(told["rtp_timestamp"], None)) is not None:
                self._tell("frameShown", {"command_ids": told["command_ids"], **seen})

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        self._channels["data"].send(json.dumps({"scope": "runtime", "data": {"type": kind, "data": data}}))


async def figures(url: str) -> dict[tuple[str, frozenset[str]], float]:
    """Return the samples about commands by name and what their labels say."""
    async with httpx.AsyncClient(base_url=url) as http:
        text = (await http.get("/metrics")).raise_for_status().text
    families = [f for f in text_string_to_metric_families(text) if f.name.startswith("reactor_command")]
    return {(s.name, frozenset(s.labels.values())): s.value for family in families for s in family.samples}


async def journalled(url: str, fact: str) -> dict[str, Any]:
    """Return the first fact of a name."""
    async with (
        asyncio.timeout(10),
        httpx.AsyncClient(base_url=url) as http,
        http.stream("GET", "/events") as events,
    ):
        async for line in events.aiter_lines():
            if line.startswith("data: ") and (found := json.loads(line[6:]))["event"] == fact:
                return dict(found["detail"])
    raise AssertionError(f"the journal ended without {fact}")


async def test_the_frame_that_is_named_is_the_first_that_shows_the_command(tmp_path: Path) -> None:
    with serving(write_model(tmp_path, BUSY)) as server:
        await asyncio.to_thread(server.wait_ready)
        client = Photographer(server.url)
        await client.connect()
        try:
            await until(lambda: len(client.redness) > 10, "pictures")
            for number, red in enumerate(REDS, 1):
                client.paint(f"c{number}", red=red, green=0, blue=0)
                await until(lambda n=number: len(client.traced()) == n, f"the trace of command {number}")
                seen = len(client.redness)
                await until(lambda n=seen: len(client.redness) > n, "one picture more, for another place in a step")
            stamps = list(client.redness)
            for told, red, before in zip(client.told(), REDS, (20, *REDS), strict=False):
                place = stamps.index(told["rtp_timestamp"])
                assert abs(client.redness[stamps[place]] - red) < 40
                assert abs(client.redness[stamps[place - 1]] - before) < 40
            for traced in client.traced():
                assert list(traced["stages_ms"]) == STAGES
                assert traced["command"] == "set_colour"
                parts = sum(traced["stages_ms"][stage] for stage in STAGES[:-2])
                assert abs(parts - traced["stages_ms"]["total"]) < 0.2
                assert traced["stages_ms"]["uplink"] > -5
            measured = await figures(server.url)
            for stage in STAGES:
                labels = {"local", "set_colour", stage}
                assert measured["reactor_command_latency_seconds_count", frozenset(labels)] == len(REDS)
                for quantile in ("0.5", "0.95", "0.99"):
                    assert measured["reactor_command_latency_seconds", frozenset({*labels, quantile})] >= 0
            assert measured["reactor_commands_total", frozenset({"accepted", "local", "set_colour"})] == len(REDS)
            assert measured["reactor_commands_unreported_total", frozenset({"local"})] == 0
            shown = await journalled(server.url, "command_shown")
            assert shown["stages_ms"]["total"] > 0
        finally:
            await client.close()


async def test_a_published_client_is_followed_to_the_network_and_hears_nothing_of_it(tmp_path: Path) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        await asyncio.to_thread(server.wait_ready)
        client = Photographer(server.url)
        await client.connect()
        try:
            await until(lambda: len(client.redness) > 10, "pictures")
            client.paint("c1", takes_part=False, red=220, green=0, blue=0)
            await until(lambda: max(client.redness.values()) > 180, "a red picture")
            measured = await figures(server.url)
            counted = "reactor_command_latency_seconds_count"
            assert measured[counted, frozenset({"encode", "local", "set_colour"})] == 1
            assert (counted, frozenset({"total", "local", "set_colour"})) not in measured
            assert client.heard_of == []
        finally:
            await client.close()
