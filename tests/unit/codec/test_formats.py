import os
from typing import NoReturn, get_args

import pytest

from reactor_runtime.codec.formats import Codec, may_make
from reactor_runtime.config import WebRtcConfig
from reactor_runtime.serve import _codecs


def refuse(*_: object) -> NoReturn:
    raise PermissionError


def test_av1_alone_is_not_made_where_threads_get_no_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert [codec for codec in get_args(Codec) if not may_make(codec)] == ["av1"]


def test_asking_whether_a_codec_may_be_made_leaves_the_own_rank() -> None:
    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    may_make("av1")
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before


def test_a_codec_that_may_not_be_made_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert _codecs(WebRtcConfig(codecs=("av1", "vp9"))) == ("vp9",)
    assert "av1 is not sent" in caplog.text
