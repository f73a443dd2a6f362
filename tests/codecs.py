"""The codecs that tests try, those skipped that this process may not make."""

from __future__ import annotations

import pytest

from reactor_runtime.codec.formats import Codec, may_make


def each(*codecs: Codec) -> list[object]:
    """Return one parameter for each codec."""
    without = {codec: pytest.mark.skipif(not may_make(codec), reason=f"{codec} needs root here") for codec in codecs}
    return [pytest.param(codec, marks=mark, id=codec) for codec, mark in without.items()]
