"""The figures as Prometheus reads them: what they are called, what they tell, and that their labels are bounded."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reactor_runtime.codec.ladder import RungFigures
from reactor_runtime.http.app import make_app
from reactor_runtime.http.metrics import Traffic
from reactor_runtime.http.slots import Slot as Served
from reactor_runtime.media.frame import AccessUnit
from reactor_runtime.runtime.clock import now
from reactor_runtime.wire import messages as wire
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown, ModelUp
from tests.unit.runtime.scripted import Slot


class Ladder:
    rungs = (
        RungFigures("vp8", 4_000_000, 1280, 720, 2, encoded=90, dropped=1, encode_seconds=0.9),
        RungFigures("vp8", 600_000, 640, 360, 1, encoded=80, dropped=0, encode_seconds=0.2),
    )


class Network:
    """Stands where the acceptor stands: what the engine says is what the test says."""

    connections = 3

    def __init__(self) -> None:
        self.ladders = {"main_video": Ladder()}
        self.figures: dict[int, dict[str, float]] = {}

    async def stats(self) -> dict[int, dict[str, float]]:
        return dict(self.figures)


@pytest.fixture
async def slots() -> dict[str, Slot]:
    return {"local-1": Slot(), "local-2": Slot()}


@pytest.fixture
async def networks() -> dict[str, Network]:
    return {"local-1": Network(), "local-2": Network()}


@pytest.fixture
async def http(slots: dict[str, Slot], networks: dict[str, Network]) -> AsyncIterator[httpx.AsyncClient]:
    served: dict[str, Any] = {name: Served(slot.runtime, networks[name]) for name, slot in slots.items()}  # type: ignore[arg-type]
    app = make_app(served, page=None, max_body_bytes=4096)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host:1234") as client:
        yield client


class Read:
    """One reading."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}

    def __call__(self, sample: str, **labels: str) -> float | None:
        labels = {"session": "local-1", **labels}
        for family in self.families.values():
            for found in family.samples:
                if found.name == sample and found.labels == labels:
                    return float(found.value)
        return None


async def read(http: httpx.AsyncClient) -> Read:
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return Read(answer.text)


async def test_a_server_that_still_loads_has_figures_too(http: httpx.AsyncClient) -> None:
    figures = await read(http)
    assert figures("reactor_session_state", state="created") == 1
    assert figures("reactor_session_state", state="streaming") == 0
    assert figures("reactor_frames_shown_total") is None
    assert "process_resident_memory_bytes" in figures.families


async def test_the_session_its_clients_and_its_restarts_are_told(
    http: httpx.AsyncClient, slots: dict[str, Slot]
) -> None:
    slot = slots["local-1"]
    slot.streaming(5000, 5001)
    slot.model.observe(ModelDown("killed", False))
    slot.model.observe(ModelUp(slot.contract, True))
    figures = await read(http)
    assert figures("reactor_session_state", state="streaming") == 1
    assert figures("reactor_sessions_total") == 1
    assert figures("reactor_clients") == 2
    assert figures("reactor_connections") == 3
    assert figures("reactor_worker_restarts_total") == 1
    assert figures("reactor_clients", session="local-2") == 0


async def test_what_clients_send_is_counted_by_track(http: httpx.AsyncClient, slots: dict[str, Slot]) -> None:
    inputs = slots["local-1"].runtime.inputs
    inputs.taken["webcam"] += 5
    inputs.dropped["webcam"] += 2
    inputs.taken["mic"] += 100
    figures = await read(http)
    assert figures("reactor_input_frames_total", track="webcam") == 5
    assert figures("reactor_input_dropped_frames_total", track="webcam") == 2
    assert figures("reactor_input_frames_total", track="mic") == 100
    assert figures("reactor_input_dropped_frames_total", track="mic") == 0


async def test_what_becomes_of_commands_is_told_and_names_that_nobody_declared_are_one(
    http: httpx.AsyncClient, slots: dict[str, Slot]
) -> None:
    slot = slots["local-1"]
    (client,) = slot.streaming(5000)
    for error in (None, None, "busy"):
        slot.submit(client, n=1)
        invoke = slot.model.of(pipe.Invoke)[-1]
        slot.model.observe(pipe.Replied(invoke.command_id, error_code=error))
    slot.submit(client, n=99)
    for number in range(50):
        slot.submit(client, name=f"invented_{number}")
    slot.submit(client, n=1)
    slot.model.observe(ModelDown("killed", False))
    figures = await read(http)
    for outcome, count in (("accepted", 2), ("failed", 1), ("refused", 1), ("lost", 1)):
        assert figures("reactor_commands_total", command="set_n", outcome=outcome) == count
    assert figures("reactor_commands_total", command="unknown", outcome="refused") == 50
    assert len(figures.families["reactor_commands"].samples) == 5


async def test_a_commands_time_is_told_stage_by_stage_with_its_quantiles(
    http: httpx.AsyncClient, slots: dict[str, Slot]
) -> None:
    slot = slots["local-1"]
    (client,) = slot.streaming(5000)
    slot.runtime.submit(5000, wire.Command("set_n", {"n": 1}, "c1", {}, now() - 100))
    (invoke,) = slot.model.of(pipe.Invoke)
    at = now()
    slot.runtime.latency.hear(5000, wire.ClockTold(client.of(wire.AskClock)[0].asked_at, at - 100))
    times = {"began_at": at, "entered_at": at + 0.04, "converting_at": at + 0.04, "emitted_at": at + 0.05}
    slot.runtime.latency.made(pipe.Slice(0, 0, 1, answers=[invoke.command_id], **times))
    unit = AccessUnit(b"", 0, False, 2, 2, answers=(invoke.command_id,))
    slot.runtime.latency.sent(5000, "main_video", unit, 1)
    slot.runtime.latency.hear(5000, wire.FrameShown(["c1"], at - 100 + 0.08, at - 100 + 0.07, 0.004))
    figures = await read(http)
    latency = "reactor_command_latency_seconds"
    labels = {"command": "set_n", "stage": "compute"}
    assert figures(f"{latency}_count", **labels) == 1
    for quantile in ("0.5", "0.95", "0.99"):
        assert figures(latency, quantile=quantile, **labels) == pytest.approx(0.04)
    assert figures(f"{latency}_sum", **labels) == pytest.approx(0.04)
    total = figures(latency, command="set_n", stage="total", quantile="0.5")
    assert total is not None
    assert 0.08 <= total < 0.2


async def test_rungs_are_told_from_the_best_down(http: httpx.AsyncClient) -> None:
    figures = await read(http)
    for rung, rate, width, viewers, seconds in (("0", 4e6, 1280, 2, 0.9), ("1", 6e5, 640, 1, 0.2)):
        labels = {"track": "main_video", "rung": rung}
        assert figures("reactor_rung_target_bits_per_second", **labels) == rate
        assert figures("reactor_rung_width_pixels", **labels) == width
        assert figures("reactor_rung_viewers", **labels) == viewers
        assert figures("reactor_rung_encode_seconds_total", **labels) == seconds


async def test_what_was_sent_counts_on_when_a_connection_goes(
    http: httpx.AsyncClient, networks: dict[str, Network]
) -> None:
    network = networks["local-1"]
    network.figures = {
        5000: {"bytes_sent": 1000.0, "packets_lost": 3.0, "estimate_bps": 4e6, "rtt_s": 0.02},
        5001: {"bytes_sent": 500.0, "packets_lost": 0.0, "estimate_bps": 1e6, "rtt_s": 0.05},
    }
    figures = await read(http)
    assert figures("reactor_sent_bytes_total") == 1500
    assert figures("reactor_estimated_bits_per_second", of="lowest") == 1e6
    assert figures("reactor_estimated_bits_per_second", of="highest") == 4e6
    assert figures("reactor_round_trip_seconds", of="highest") == 0.05
    network.figures = {5001: {"bytes_sent": 700.0, "packets_lost": 1.0}}
    figures = await read(http)
    assert figures("reactor_sent_bytes_total") == 1700
    assert figures("reactor_lost_packets_total") == 4
    assert figures("reactor_estimated_bits_per_second", of="lowest") is None
    network.figures = {5001: {"bytes_sent": 50.0}}  # another wire of the same client
    assert (await read(http))("reactor_sent_bytes_total") == 1750
    network.figures = {}
    assert (await read(http))("reactor_sent_bytes_total") == 1750


def test_a_connection_that_closes_while_it_is_asked_takes_nothing_back() -> None:
    traffic = Traffic()
    for figures in ({"bytes_sent": 800.0}, {}):
        traffic.note({5000: figures})
    assert traffic.total("bytes_sent") == 800


async def test_names_follow_the_conventions(http: httpx.AsyncClient, slots: dict[str, Slot]) -> None:
    slots["local-1"].streaming(5000)
    figures = await read(http)
    for name, family in figures.families.items():
        assert re.fullmatch(r"(reactor|process)_[a-z_]+", name), name
        assert not re.search(r"_(ms|milliseconds|percent|kilobytes|kbps)$", name), name
        assert family.documentation, name


async def test_two_servers_in_one_process_keep_their_figures_apart(
    http: httpx.AsyncClient, slots: dict[str, Slot]
) -> None:
    other: dict[str, Any] = {"local-1": Served(Slot().runtime, Network())}  # type: ignore[arg-type]
    app = make_app(other, page=None, max_body_bytes=4096)
    slots["local-1"].streaming(5000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host:1234") as client:
        assert (await read(client))("reactor_clients") == 0
    assert (await read(http))("reactor_clients") == 1
