"""`start_session`, `get_ctx()` and commands of generation 1."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import Field

from reactor_runtime import AudioOut, VideoModel, VideoOut, command, get_ctx
from reactor_runtime.testing import ModelHarness
from tests.conformance.facts import fact, table
from tests.conformance.staging import levels, picture, refusal
from tests.running import eventually


class Patient(VideoModel):
    """Waits until its session is over."""

    started = 0

    def __init__(self) -> None:
        self.made_on = threading.current_thread().name
        self.threads: list[threading.Thread] = []

    def start_session(self) -> None:
        self.threads.append(threading.current_thread())
        while not get_ctx().should_stop():
            threading.Event().wait(0.002)

    @command("where")
    def where(self) -> Any:
        return threading.current_thread().name

    @command("set_level", description="How bright")
    def set_level(self, level: int = Field(..., ge=0, le=9), note: str | None = Field(None, max_length=3)) -> Any:
        return [level, note]

    @command("fail")
    def fail(self) -> None:
        raise KeyError("a secret")


class Paints(VideoModel):
    """Emits what it was told to, then waits."""

    wide = VideoOut(default=True)
    side = VideoOut()
    voice = AudioOut(rate=16_000)

    def __init__(self) -> None:
        self.paint: Callable[[], Any] = lambda: None

    def start_session(self) -> None:
        self.paint()
        while not get_ctx().should_stop():
            threading.Event().wait(0.002)


def painting(paint: Callable[[], Any]) -> ModelHarness[Paints]:
    class One(Paints):
        def start_session(self) -> None:
            self.paint = paint
            super().start_session()

    return ModelHarness(One)


@fact("1.1", "1", "`__init__` runs at start-up, on the thread that commands run on")
def test_the_model_is_constructed_where_commands_run() -> None:
    with ModelHarness(Patient) as m:
        assert m.model.made_on == m.command("where")


@fact("1.1", "1", "`start_session` runs on a new thread named `model-session`, one per session")
def test_each_session_has_a_thread() -> None:
    with ModelHarness(Patient) as m:
        m.end_session()
        m.start_session()
        m.join()
        eventually(lambda: len(m.model.threads) == 2)
        first, second = m.model.threads
        assert (first.name, second.name) == ("model-session", "model-session")
        assert (first is second, first.is_alive(), second.is_alive()) == (False, False, True)


@fact("3.2", "1", "`start_session` is called when the first client connects")
def test_the_session_starts_with_the_first_client() -> None:
    with ModelHarness(Patient, clients=0) as m:
        m.command("where")
        assert m.model.threads == []
        m.join()
        eventually(lambda: m.model.threads)


@fact("3.2", "1", "it goes on while nobody is connected, and a reconnect does not restart it")
def test_a_reconnect_does_not_restart_the_session() -> None:
    with ModelHarness(Patient) as m:
        eventually(lambda: m.model.threads)
        m.client.leave()
        assert m.model.threads[0].is_alive()
        m.join()
        assert len(m.model.threads) == 1


@fact("3.2", "1", "`should_stop()` turns true when the session is stopped")
def test_should_stop_turns_true_with_the_stop() -> None:
    with ModelHarness(Patient) as m:
        [thread] = eventually(lambda: m.model.threads)
        m.end_session()
        assert not thread.is_alive()


@fact("3.2", "1", "returning from `start_session` ends the session")
def test_returning_ends_the_session() -> None:
    class Brief(VideoModel):
        def start_session(self) -> None: ...

    with ModelHarness(Brief) as m:
        assert eventually(lambda: m.ended) == "the model ended the session"


@fact("3.2", "1", "there is no reload: one instance serves all sessions")
def test_one_instance_serves_all_sessions() -> None:
    with ModelHarness(Patient) as m:
        first = m.model
        m.end_session()
        m.start_session()
        m.join()
        assert m.model is first


@fact("3.1", "1", "a model that ended its session takes the next one")
def test_a_model_that_ended_its_session_takes_the_next() -> None:
    class Brief(VideoModel):
        def start_session(self) -> None:
            get_ctx().send("again")

    with ModelHarness(Brief) as m:
        eventually(lambda: m.ended)
        m.end_session()
        m.start_session()
        m.join()
        assert eventually(lambda: m.messages if len(m.messages) == 2 else None) == ["again", "again"]


@fact("1.1", "1", "commands run while `start_session` does, one after another")
def test_commands_run_beside_the_session() -> None:
    with ModelHarness(Patient) as m:
        eventually(lambda: m.model.threads)
        assert m.command("where") != "model-session"


@fact("1.1", "1", "`pydantic.Field` gives constraints")
def test_constraints_of_pydantic_hold() -> None:
    with ModelHarness(Patient) as m:
        assert m.command("set_level", level=9) == [9, None]
        assert "level: Input should be less than or equal to 9, got 10" in refusal(m, "set_level", level=10)


@table(
    "4.2",
    "1",
    "{}",
    "sent, got",
    ("an int takes 2.0", {"level": 2.0}, [2, None]),
    ('an int takes "3"', {"level": "3"}, [3, None]),
    ("an int takes true", {"level": True}, [1, None]),
    ("an argument that nobody asked for is ignored", {"level": 1, "colour": "red"}, [1, None]),
    ("null passes the limits of an optional", {"level": 1, "note": None}, [1, None]),
)
def test_arguments_are_coerced_leniently(sent: dict[str, Any], got: Any) -> None:
    with ModelHarness(Patient) as m:
        assert m.command("set_level", **sent) == got


@fact("4.3", "1", "what a handler returns is sent to the client")
def test_what_a_handler_returns_is_its_reply() -> None:
    with ModelHarness(Patient) as m:
        assert m.command("set_level", level=1, note="abc") == [1, "abc"]


@fact(
    "1.1",
    "1",
    'an unknown command is logged as ValueError "Unknown command: {name}"',
    better="the client is told, and which commands there are",
)
def test_an_unknown_command_is_refused() -> None:
    with ModelHarness(Patient) as m:
        assert refusal(m, "jump").startswith("invalid_command: unknown command 'jump'; this model has: fail, set_level")


@fact(
    "1.1",
    "1",
    "a handler that raises is only logged",
    better="the client is told `internal_error`, without the author's text; the session goes on",
)
def test_a_handler_that_raises_leaves_the_session_running() -> None:
    with ModelHarness(Patient) as m:
        with pytest.raises(KeyError):
            m.command("fail")
        assert m.command("set_level", level=1) == [1, None]


@fact(
    "1.1",
    "1",
    '`get_ctx()` before a session: RuntimeError "Global context not set. ..."',
)
def test_there_is_no_context_before_a_session() -> None:
    with pytest.raises(
        RuntimeError, match=r"Global context not set. This should only be called during an active session\."
    ):
        get_ctx()


@fact("1.1", "1", "`send(dict)` reaches every client")
def test_the_context_sends_to_every_client() -> None:
    class Greets(Patient):
        @command("greet")
        def greet(self) -> None:
            get_ctx().send({"hello": [1, 2]})

    with ModelHarness(Greets, clients=0) as m:
        clients = [m.join(), m.join()]
        m.command("greet")
        assert [client.message() for client in clients] == [{"hello": [1, 2]}, {"hello": [1, 2]}]


@fact("1.1", "1", "`emit_block(frames)` emits on the default track (to 1.4.3)")
def test_emit_block_emits_on_the_default_track() -> None:
    class Old(VideoModel):
        def start_session(self) -> None:
            get_ctx().emit_block(picture(7, count=2))
            Patient.start_session(self)  # type: ignore[arg-type]

        threads: list[threading.Thread] = []

    with ModelHarness(Old) as m:
        assert levels(m.frames(2)) == [7, 7]


@fact("1.1", "1", "`get_track(name)` returns the named track, without a name the default one")
def test_the_context_finds_tracks_by_name() -> None:
    found: list[Any] = []

    def paint() -> None:
        found.extend([get_ctx().get_track(), get_ctx().get_track("voice")])
        with pytest.raises(ValueError, match=r"Unknown track 'depth'. This model has: wide, side, voice"):
            get_ctx().get_track("depth")

    with painting(paint):
        assert eventually(lambda: found) == [Paints.wide, Paints.voice]


@fact("1.1", "1", "`is_media_configured` tells whether a client is there")
def test_the_context_knows_whether_a_client_is_there() -> None:
    class Asks(Patient):
        @command("there")
        def there(self) -> Any:
            return get_ctx().is_media_configured

    with ModelHarness(Asks) as m:
        assert m.command("there") is True
        m.client.leave()
        assert m.command("there") is False


@fact("1.1", "1", "`enable_monitoring()` and `disable_monitoring()` may be called at any time of a session")
def test_monitoring_is_switched_at_any_time() -> None:
    def paint() -> None:
        get_ctx().disable_monitoring()
        Paints.wide.emit(picture(1))
        get_ctx().enable_monitoring()
        Paints.wide.emit(picture(2))

    with painting(paint) as m:
        assert levels(m.frames(2, "wide")) == [1, 2]


@fact("1.1", "1", "`profiler()` gives a profiler whose sections cost nothing while profiling is off")
def test_the_context_has_a_profiler() -> None:
    def paint() -> None:
        for level in (3, 4):
            with get_ctx().profiler().section("step"):
                Paints.wide.emit(picture(level))

    with painting(paint) as m:
        assert levels(m.frames(1, "wide")) == [3]


@fact("11", "1", "`get_ctx()._stop_evt` is the stop flag of very old models")
def test_the_stop_event_of_old_models_is_there() -> None:
    class Older(VideoModel):
        def start_session(self) -> None:
            get_ctx()._stop_evt.wait()

    with ModelHarness(Older) as m:
        m.end_session()


@fact("7.5", "1, 2", "`get_logger(name)` takes keyword fields")
def test_the_authors_logger_takes_fields(caplog: pytest.LogCaptureFixture) -> None:
    from reactor_runtime.utils.log import get_logger

    with caplog.at_level(logging.INFO):
        get_logger("mine").info("chunk done", frames=12)
    assert caplog.records[0].fields == {"frames": 12}  # type: ignore[attr-defined]
