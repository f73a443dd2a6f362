from __future__ import annotations

from collections.abc import Callable

from reactor_runtime.authoring.contract import Contract, TrackSpec
from reactor_runtime.runtime.stream import Stream
from reactor_runtime.worker.messages import Slice


async def test_a_rate_pinned_for_a_while_is_measured_again_once_chunks_ask_for_none() -> None:
    contract = Contract("m", "video_model", tracks=(TrackSpec("voice", "audio", rate=48000),))
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731
    stream = Stream(contract, pixels=nothing, release=nothing, played=nothing)  # type: ignore[arg-type]
    try:
        stream.offer(Slice(0, 0, 1, fps=10.0, pinned=True))
        assert stream.rate == 10
        stream.offer(Slice(0, 0, 1, fps=20.0, pinned=False))
        assert stream.rate != 10
    finally:
        stream.close()
