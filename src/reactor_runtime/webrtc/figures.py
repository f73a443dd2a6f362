"""What one client is told of the stream and of its own connection, when it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reactor_runtime.runtime.clock import now
from reactor_runtime.version import __version__
from reactor_runtime.wire.messages import Figures, RungTold

if TYPE_CHECKING:
    from reactor_runtime.codec.ladder import RungFigures
    from reactor_runtime.runtime.stream import Stream


def figures(
    stream: Stream,
    rungs: Mapping[str, tuple[int, Sequence[RungFigures]]],
    network: Mapping[str, float],
    request_id: str | None,
) -> Figures:
    """Put the figures of one connection together.

    Args:
        stream: What it watches.
        rungs: Track to the rungs that it could get, the best first, and the place of the one that it does.
        network: See `Peer.stats`.
        request_id: The client's word for its request.
    """
    return Figures(
        at=now(),
        version=__version__,
        generated=stream.generated,
        shown=stream.shown,
        dropped=stream.dropped,
        queued=stream.queued,
        rate=stream.rate,
        lead=stream.lead,
        rungs={track: _told(place, of) for track, (place, of) in rungs.items()},
        estimate_bps=network.get("estimate_bps") or None,
        units_lost=int(network.get("units_lost", 0)),
        request_id=request_id,
    )


def _told(place: int, of: Sequence[RungFigures]) -> RungTold:
    rung = of[place]
    return RungTold(place, len(of), rung.codec, rung.width, rung.height, rung.bitrate_bps, rung.viewers)
