"""Route of the figures: what the slots are doing, in the text that Prometheus reads. See docs/reference/metrics.md.

The figures are kept by the parts they are about and read here when asked for; nothing is counted twice, and nobody
pays while nobody asks. Labels are bounded: sessions by workers, commands, tracks and stages by the model's contract,
rungs by their place from the best down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

import reactor_runtime
from reactor_runtime.http.slots import Slot
from reactor_runtime.runtime.clock import now
from reactor_runtime.session.machine import State

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

QUANTILES = (0.5, 0.95, 0.99)
PAGE_BYTES = 4096
TRANSPORTS = ("webrtc", "socket", "http")
SUMS = ("bytes_sent", "packets_lost", "units_lost")
"""What connections count from their beginning; the rest of their figures are of the moment."""


def metrics_routes(slots: Mapping[str, Slot]) -> APIRouter:
    """Build the route over the slots, with a registry of its own."""
    router = APIRouter()
    traffic = {session: Traffic() for session in slots}
    registry: CollectorRegistry | None = None

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """Return the figures."""
        nonlocal registry
        # 80 ms to import, which a server that nobody asks need not pay.
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

        if registry is None:
            registry = CollectorRegistry(auto_describe=False)
            ProcessCollector(registry=registry)
            registry.register(Figures(slots, traffic))
        for session, slot in slots.items():
            traffic[session].note(await slot.acceptor.stats())
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class Traffic:
    """What the connections of one slot have sent in all; those that are gone count as they were last seen."""

    def __init__(self) -> None:
        self.live: dict[int, dict[str, float]] = {}
        self._gone = dict.fromkeys(SUMS, 0.0)

    def note(self, live: Mapping[int, dict[str, float]]) -> None:
        """Take what each live connection counts, by its id; one that closes while it is asked tells nothing new."""
        before = self.live
        self.live = {number: figures or before.get(number, {}) for number, figures in live.items()}
        for number, figures in before.items():
            # One that counts from the beginning again is another wire of the same client.
            if self.live.get(number, {}).get("bytes_sent", -1.0) < figures.get("bytes_sent", 0.0):
                for name in SUMS:
                    self._gone[name] += figures.get(name, 0.0)

    def total(self, name: str) -> float:
        """Return one of `SUMS`."""
        return self._gone[name] + sum(figures.get(name, 0.0) for figures in self.live.values())


class Figures:
    """Reads every slot; see `prometheus_client.registry.Collector`."""

    def __init__(self, slots: Mapping[str, Slot], traffic: Mapping[str, Traffic]) -> None:
        self._slots = slots
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        """Yield each family once, with all slots in it."""
        sheet = _Sheet()
        sheet.gauge("info", "The version that runs.", 1, version=reactor_runtime.__version__)
        for session, slot in self._slots.items():
            _session(sheet, session, slot)
            _stream(sheet, session, slot)
            _rungs(sheet, session, slot)
            _inputs(sheet, session, slot)
            _network(sheet, session, self._traffic[session])
            _commands(sheet, session, slot)
        yield from sheet.families.values()


class _Sheet:
    """Families in the order of their first sample."""

    def __init__(self) -> None:
        self.families: dict[str, Metric] = {}

    def gauge(self, name: str, text: str, value: float, **labels: str) -> None:
        self._family(name, text, "gauge").add_sample(f"reactor_{name}", labels, value)

    def counter(self, name: str, text: str, value: float, **labels: str) -> None:
        self._family(name, text, "counter").add_sample(f"reactor_{name}_total", labels, value)

    def summary(
        self, name: str, text: str, count: int, total: float, quantiles: Mapping[float, float], **labels: str
    ) -> None:
        family = self._family(name, text, "summary")
        for share, value in quantiles.items():
            family.add_sample(f"reactor_{name}", {**labels, "quantile": f"{share:g}"}, value)
        family.add_sample(f"reactor_{name}_count", labels, count)
        family.add_sample(f"reactor_{name}_sum", labels, total)

    def _family(self, name: str, text: str, kind: str) -> Metric:
        from prometheus_client.metrics_core import Metric

        if name not in self.families:
            self.families[name] = Metric(f"reactor_{name}", text, kind)
        return self.families[name]


def _session(sheet: _Sheet, session: str, slot: Slot) -> None:
    runtime = slot.runtime
    for state in State:
        is_it = float(runtime.state is state)
        labels = {"session": session, "state": state.lower()}
        sheet.gauge("session_state", "1 for the state that the session is in.", is_it, **labels)
    sheet.counter("sessions", "Sessions begun.", runtime.sessions, session=session)
    sheet.gauge("clients", "Clients whose wire is ready.", runtime.clients, session=session)
    for transport in TRANSPORTS:
        count = runtime.transports[transport]
        sheet.gauge("clients_by_transport", "Those of them that came so.", count, session=session, transport=transport)
    sheet.gauge("connections", "Connections, those under negotiation too.", slot.acceptor.connections, session=session)
    sheet.counter("worker_restarts", "Times the model was loaded anew.", runtime.restarts, session=session)
    if runtime.worker_pid is not None and (resident := _resident(runtime.worker_pid)) is not None:
        sheet.gauge("worker_resident_memory_bytes", "Memory of the model's process.", resident, session=session)
    sheet.counter("uploads", "Files that came whole.", runtime.intake.uploads, session=session)
    sheet.counter("upload_bytes", "Bytes of these files.", runtime.intake.upload_bytes, session=session)


def _resident(pid: int) -> int | None:
    """Return the memory of a process, None where it is gone or the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return None


def _stream(sheet: _Sheet, session: str, slot: Slot) -> None:
    stream = slot.runtime.stream
    if stream is None:
        return
    sheet.counter("frames_generated", "Frames that the model emitted.", stream.generated, session=session)
    sheet.counter("frames_shown", "Frames that were shown at their time.", stream.shown, session=session)
    sheet.counter("frames_dropped", "Frames that never were.", stream.dropped, session=session)
    sheet.gauge("queued_frames", "Frames that wait for their time.", stream.queued, session=session)
    sheet.gauge("lead_seconds", "From when a frame is made to its time, of late.", stream.lead, session=session)
    sheet.gauge("frame_rate_hertz", "Frames per second that are played.", stream.rate, session=session)


def _rungs(sheet: _Sheet, session: str, slot: Slot) -> None:
    for track, ladder in slot.acceptor.ladders.items():
        for place, rung in enumerate(ladder.rungs):
            labels = {"session": session, "track": track, "rung": str(place)}
            sheet.gauge("rung_target_bits_per_second", "Rate that the rung keeps.", rung.bitrate_bps, **labels)
            sheet.gauge("rung_width_pixels", "Width of what it encodes.", rung.width, **labels)
            sheet.gauge("rung_height_pixels", "Height of what it encodes.", rung.height, **labels)
            sheet.gauge("rung_viewers", "Clients that get it.", rung.viewers, **labels)
            sheet.counter("rung_encoded_frames", "Frames it has encoded.", rung.encoded, **labels)
            sheet.counter("rung_dropped_frames", "Frames it had no time for.", rung.dropped, **labels)
            sheet.counter("rung_encode_seconds", "Time it took for them.", rung.encode_seconds, **labels)


def _inputs(sheet: _Sheet, session: str, slot: Slot) -> None:
    inputs = slot.runtime.inputs
    for track, taken in inputs.taken.items():
        labels = {"session": session, "track": track}
        sheet.counter("input_frames", "Pictures and runs of sound that the model was given.", taken, **labels)
        dropped = inputs.dropped[track]
        sheet.counter("input_dropped_frames", "Pictures that the busy model or server skipped.", dropped, **labels)


def _network(sheet: _Sheet, session: str, traffic: Traffic) -> None:
    sent, lost = traffic.total("bytes_sent"), traffic.total("packets_lost")
    sheet.counter("sent_bytes", "Bytes sent to clients, all tracks.", sent, session=session)
    sheet.counter("lost_packets", "Packets that did not reach a client.", lost, session=session)
    units = traffic.total("units_lost")
    sheet.counter("lost_access_units", "Encoded frames that the engine had no room for.", units, session=session)
    for name, key, text in (
        ("estimated_bits_per_second", "estimate_bps", "What clients' networks carry, by the engine's estimate."),
        ("round_trip_seconds", "rtt_s", "Round trip to clients."),
    ):
        values = [figures[key] for figures in traffic.live.values() if figures.get(key)]
        if values:
            sheet.gauge(name, text, min(values), session=session, of="lowest")
            sheet.gauge(name, text, max(values), session=session, of="highest")


def _commands(sheet: _Sheet, session: str, slot: Slot) -> None:
    runtime, at = slot.runtime, now()
    traces = runtime.latency.traces
    traces.give_up(at)
    for (command, outcome), count in runtime.intake.outcomes.items():
        labels = {"session": session, "command": command, "outcome": outcome}
        sheet.counter("commands", "Commands and what became of them.", count, **labels)
    for (command, stage), figure in traces.figures.items():
        sheet.summary(
            "command_latency_seconds",
            "Where the time of commands goes; total is from the client's hand to its screen.",
            figure.count,
            figure.sum,
            dict(zip(QUANTILES, figure.quantiles(QUANTILES, at), strict=True)),
            session=session,
            command=command,
            stage=stage,
        )
    unshown, unreported = traces.unshown, traces.unreported
    sheet.counter("commands_unshown", "Commands whose picture never went to their sender.", unshown, session=session)
    sheet.counter(
        "commands_unreported", "Commands whose sender did not say when it saw it.", unreported, session=session
    )
