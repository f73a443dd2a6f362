"""Nothing that goes wrong in a model is silent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from reactor_runtime import (
    ReactorModel,
    VideoModel,
    connected,
    event,
    get_ctx,
)
from reactor_runtime.errors import OutputError
from reactor_runtime.testing import CommandRefused, ModelHarness
from tests.running import eventually
from tests.unit.testing.authors import Counter, Levels, Picture, flat


def test_what_is_no_picture_fails_the_test_with_the_runtimes_own_words() -> None:
    class Wrong(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            await self.emit(Picture(main_video=np.zeros((3, 4, 4), np.int64)))

    with pytest.raises(OutputError, match=r"track 'main_video': got numpy.ndarray of shape"), ModelHarness(Wrong) as m:
        m.frames(1)


def test_a_refusal_raises_its_code_and_text() -> None:
    with ModelHarness(Counter) as m:
        for name, arguments, code, text in [
            ("jump", {"to": 201}, "invalid_command", "to"),
            ("jump", {"too": 1}, "invalid_command", "too"),
            ("nope", {}, "invalid_command", "this model has: fail, jump, refuse"),
            ("refuse", {}, "too_late", "the show is over"),
        ]:
            with pytest.raises(CommandRefused, match=text) as refused:
                m.command(name, **arguments)
            assert refused.value.code == code


def test_what_a_handler_raises_is_raised_where_it_was_called() -> None:
    with ModelHarness(Counter) as m:
        with pytest.raises(ValueError, match="a secret path") as raised:
            m.command("fail")
        assert "in a command handler" in raised.value.__notes__[0]
        assert m.command("jump", to=1).where == [1]


def test_an_error_that_nobody_looked_at_is_raised_at_the_end() -> None:
    class Clumsy(Counter):
        @connected
        def on_connect(self) -> None:
            raise KeyError("seat")

    with pytest.raises(KeyError, match="seat"), ModelHarness(Clumsy) as m:
        m.frames(1)
    with ModelHarness(Clumsy) as m:
        assert [type(error) for error in m.errors] == [KeyError]


def test_a_failing_test_is_told_what_the_model_had_raised() -> None:
    class Clumsy(Counter):
        @connected
        def on_connect(self) -> None:
            raise KeyError("seat")

    with pytest.raises(AssertionError) as failed, ModelHarness(Clumsy):
        raise AssertionError("wrong picture")
    assert failed.value.__notes__ == ["the model had raised KeyError('seat')"]


@pytest.mark.parametrize("where", ["construct", "load", "run"])
def test_what_the_model_raises_reaches_the_test(where: str) -> None:
    class Broken(ReactorModel):
        def __init__(self) -> None:
            if where == "construct":
                raise RuntimeError("no memory")

        def load(self, config: Any) -> None:
            if where == "load":
                raise RuntimeError("no memory")

        async def run(self) -> None:
            await self.connected.wait()
            raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"), ModelHarness(Broken) as m:
        m.message()


def test_a_model_that_hangs_is_named_with_the_line_it_stands_at() -> None:
    release = threading.Event()

    class Hangs(ReactorModel):
        async def run(self) -> None:
            await self.connected.wait()
            await self.wait_for_weather()

        async def wait_for_weather(self) -> None:
            await asyncio.Event().wait()  # the weather never comes

        @event(name="block")
        def block(self) -> None:
            release.wait(20)  # the handler blocks here

    try:
        with ModelHarness(Hangs, timeout=1.0) as m:
            with pytest.raises(TimeoutError, match=r"waited 0.2 s in vain for 2 frames of 'main_video'") as waited:
                m.frames(2, timeout=0.2)
            assert "the weather never comes" in str(waited.value)
            with pytest.raises(TimeoutError, match="in vain for an answer to 'block'") as waited:
                m.command("block")
            assert "the handler blocks here" in str(waited.value)
            release.set()
    finally:
        release.set()


def test_a_pipelines_generator_is_named_with_the_line_it_stands_at() -> None:
    class Waits(Levels):
        async def inference(self) -> AsyncIterator[Picture]:
            muse = asyncio.Event()
            releases.append(lambda: loop.call_soon_threadsafe(muse.set))
            loop = asyncio.get_running_loop()
            await muse.wait()  # for the muse
            yield Picture(main_video=flat(1))

    releases: list[Any] = []
    with ModelHarness(Waits) as m:
        eventually(lambda: releases)
        with pytest.raises(TimeoutError) as waited:
            m.frames(1, timeout=0.2)
        releases[0]()
    assert "for the muse" in str(waited.value)


def test_a_model_that_does_not_end_is_named_with_the_line_it_stands_at() -> None:
    release = threading.Event()

    class Stubborn(VideoModel):
        def start_session(self) -> None:
            get_ctx().emit_block(flat(1))
            release.wait(20)  # deaf to should_stop

    with (
        pytest.raises(TimeoutError, match="in vain for the model to end") as waited,
        ModelHarness(Stubborn, timeout=1.0) as m,
    ):
        m.frames(1)
    release.set()
    assert "deaf to should_stop" in str(waited.value)
