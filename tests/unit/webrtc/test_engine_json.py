"""What the engine writes that is no JSON."""

from __future__ import annotations

import msgspec
import pytest

from reactor_runtime.webrtc.engine_report import decoded


@pytest.mark.parametrize("number", ["nan", "-nan", "inf", "-inf"])
def test_a_figure_that_is_no_number_is_not_known_and_the_others_are(number: str) -> None:
    entry = decoded(f'[{{"id":"a","type":"t","timestamp":1.5,"jitterBufferDelay":{number},"framesSent":7}}]')["a"]
    assert (entry.jitter_buffer_delay, entry.frames_sent) == (0, 7)


def test_what_cannot_be_read_at_all_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        decoded('[{"id":')
