"""The headless runtime over a model made of plain messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from reactor_runtime.authoring.contract import CommandSpec, Contract, TrackSpec
from reactor_runtime.config import Config, HeadlessConfig, SessionConfig
from reactor_runtime.errors import LoadError, OperatorError
from reactor_runtime.headless.play import Play
from reactor_runtime.worker import messages as pipe
from reactor_runtime.worker.supervisor import ModelDown, ModelUp, Supervisor

NUMBER = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}, "additionalProperties": False}
CONTRACT = Contract(
    "m", "reactor_model", (TrackSpec("main", "video"),), commands=(CommandSpec("go", schema=NUMBER),), fps=10.0
)


class FakeModel:
    """Stands in for a supervised model: answers what it is sent through `answer`, and keeps it."""

    def __init__(self, answer: Callable[[FakeModel, pipe.ToModel], None]) -> None:
        self.sent: list[pipe.ToModel] = []
        self.observe: Callable[[Any], None] = lambda _: None
        self._answer = answer
        self._stopped = asyncio.Event()
        self._slot = 0

    async def run(self) -> None:
        self.observe(pipe.Described(1, CONTRACT))
        self._answer(self, pipe.Setup(""))
        await self._stopped.wait()

    def send(self, message: pipe.ToModel, fd: int | None = None) -> None:
        self.sent.append(message)
        asyncio.get_running_loop().call_soon(self._answer, self, message)

    def pixels(self, _: pipe.SlotRef) -> npt.NDArray[np.uint8]:
        return np.full(16 * 16 * 3 // 2, 128, np.uint8)

    async def stop(self, _: float) -> None:
        self._stopped.set()

    def frames(self, count: int, epoch: int = 0) -> None:
        for _ in range(count):
            self._slot += 1
            self.observe(pipe.Slice(epoch, 0, 1, {"main": pipe.SlotRef(0, self._slot, 16, 16)}))

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.sent if isinstance(message, kind)]


def obedient(model: FakeModel, message: pipe.ToModel) -> None:
    match message:
        case pipe.Setup():
            model.observe(pipe.Loaded(0.1))
            model.observe(ModelUp(CONTRACT, restarted=False))
        case pipe.ClientJoined():
            model.frames(10)
        case pipe.Invoke():
            model.observe(pipe.Replied(message.command_id, {"did": message.arguments}))
        case pipe.SessionEnding():
            model.observe(pipe.SessionClosed())


async def play(
    tmp_path: Path, lines: list[str], answer: Callable[[FakeModel, pipe.ToModel], None] = obedient, **goal: Any
) -> tuple[int, FakeModel]:
    model = FakeModel(answer)

    def make(observe: Callable[[Any], None]) -> Supervisor:
        model.observe = observe
        return cast(Supervisor, model)

    async def typed() -> AsyncIterator[str]:
        for line in lines:
            yield line

    config = Config(headless=HeadlessConfig(output=tmp_path / "out", **goal), session=SessionConfig(stop_grace=0.2))
    async with asyncio.timeout(20):
        status = await Play(config, make, typed(), prompt=False).run()
    return status, model


def pngs(folder: Path) -> int:
    return len(list(folder.glob("*.png")))


async def test_a_session_is_begun_joined_and_ended_in_order(tmp_path: Path) -> None:
    status, model = await play(tmp_path, ["start", "cmd go", "@frame 10 stop"])
    told = [type(m).__name__ for m in model.sent if not isinstance(m, pipe.Released | pipe.Played)]
    assert status == 0
    assert told == ["SessionBegan", "ClientJoined", "Invoke", "SessionEnding"]


async def test_every_frame_taken_is_written_and_its_slot_freed(tmp_path: Path) -> None:
    _, model = await play(tmp_path, ["start", "@frame 10 stop"])
    assert pngs(tmp_path / "out") == 10
    freed = [slot for message in model.of(pipe.Released) for slot in message.slots]
    assert freed == list(range(1, 11))


@pytest.mark.parametrize(("goal", "count"), [({"frames": 4}, 4), ({"seconds": 0.5}, 5)])
async def test_a_goal_starts_by_itself_and_is_met_exactly(goal: dict[str, Any], count: int, tmp_path: Path) -> None:
    status, model = await play(tmp_path, [], **goal)
    assert status == 0
    assert pngs(tmp_path / "out") == count
    # What came beyond the goal is not kept from the model.
    assert len(model.of(pipe.Released)) == 10


async def test_a_reply_is_a_result_and_a_message_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def talkative(model: FakeModel, message: pipe.ToModel) -> None:
        if isinstance(message, pipe.Invoke):
            model.observe(pipe.Said({"heard": 3}))
            model.observe(pipe.Said({"x": 1}, name="state"))
        obedient(model, message)

    await play(tmp_path, ["start", 'cmd go {"n": 3}', "quit"], talkative)
    out = capsys.readouterr().out
    assert "[OK] Command 'go' dispatched\n" in out
    assert '[RESULT] {"did": {"n": 3}}\n' in out
    assert '[MESSAGE] {"heard": 3}\n[MESSAGE] {"type": "state", "data": {"x": 1}}\n' in out


async def test_schema_and_capabilities_can_be_asked_for_without_a_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await play(tmp_path, ["cmd requestCapabilities {}", "cmd requestSchema {}", "quit"])
    results = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[RESULT] ")]
    assert "main" in results[0]
    assert "openapi" in results[1]


async def test_without_a_session_commands_and_stop_only_warn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, model = await play(tmp_path, ["cmd go", "stop", "quit"])
    out = capsys.readouterr().out
    assert status == 0
    assert "[WARN] Cannot send command in state READY." in out
    assert "[WARN] Cannot stop session in state READY." in out
    assert model.sent == []


@pytest.mark.parametrize("line", ["cmd nope", 'cmd go {"n": 10}', "gibberish", "cmd go {"])
async def test_a_refused_line_is_an_error_but_no_failure_at_the_prompt(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, model = await play(tmp_path, ["start", line, "quit"])
    assert status == 0
    assert "[ERROR] " in capsys.readouterr().out
    assert model.of(pipe.Invoke) == []


async def test_a_refused_command_fails_a_script(tmp_path: Path) -> None:
    script = tmp_path / "s.txt"
    assert (await play(tmp_path, ["cmd nope"], script=script))[0] == 1
    assert (await play(tmp_path, ["cmd go"], script=script))[0] == 0


async def test_a_command_that_the_model_refuses_fails_a_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stubborn(model: FakeModel, message: pipe.ToModel) -> None:
        if isinstance(message, pipe.Invoke):
            model.observe(pipe.Replied(message.command_id, error_code="no_way", error_message="not today"))
        else:
            obedient(model, message)

    status, _ = await play(tmp_path, ["cmd go"], stubborn, script=tmp_path / "s.txt")
    assert status == 1
    assert "[ERROR] go: not today" in capsys.readouterr().out


async def test_a_script_is_run_to_its_end_before_a_goal_ends_the_run(tmp_path: Path) -> None:
    status, model = await play(tmp_path, ["@frame 8 cmd go"], script=tmp_path / "s.txt", frames=3)
    assert status == 0
    assert len(model.of(pipe.Invoke)) == 1
    assert pngs(tmp_path / "out") >= 8


async def test_a_step_waits_on_the_clock_while_the_model_makes_nothing(tmp_path: Path) -> None:
    def silent(model: FakeModel, message: pipe.ToModel) -> None:
        if not isinstance(message, pipe.ClientJoined):
            obedient(model, message)

    status, model = await play(tmp_path, ["@0.05 cmd go"], silent, script=tmp_path / "s.txt")
    assert (status, len(model.of(pipe.Invoke))) == (0, 1)


async def test_two_sessions_write_to_two_places(tmp_path: Path) -> None:
    await play(tmp_path, ["start", "@frame 10 stop", "start", "@frame 10 stop", "quit"])
    assert (pngs(tmp_path / "out"), pngs(tmp_path / "out-2")) == (10, 10)


async def test_what_a_flush_overtook_is_not_written(tmp_path: Path) -> None:
    def flushing(model: FakeModel, message: pipe.ToModel) -> None:
        if isinstance(message, pipe.ClientJoined):
            model.frames(2)
            model.observe(pipe.Flushed(1))
            model.frames(3)
            model.frames(4, epoch=1)
        else:
            obedient(model, message)

    _, model = await play(tmp_path, ["start", "@frame 6 stop"], flushing)
    assert pngs(tmp_path / "out") == 6
    assert len(model.of(pipe.Released)) == 9


def failing(*facts: Any, at: type[Any] = pipe.ClientJoined) -> Callable[[FakeModel, pipe.ToModel], None]:
    def answer(model: FakeModel, message: pipe.ToModel) -> None:
        if isinstance(message, at):
            for fact in facts:
                model.observe(fact)
        else:
            obedient(model, message)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        failing(pipe.Failed("run", "summary", "RuntimeError: broken", "Traceback"), ModelDown("broken", False)),
        failing(pipe.Failed("load", "summary", "no weights"), ModelDown("no weights", True), at=pipe.Setup),
        failing(ModelDown("the model process was killed by SIGKILL", False)),
        failing(pipe.SessionEnded("it raised", crashed=True)),
        failing(at=pipe.SessionEnding),
    ],
    ids=["raises in run", "raises in load", "dies", "crashes its session", "does not let go"],
)
async def test_a_model_that_fails_ends_the_run_with_1(
    answer: Callable[[FakeModel, pipe.ToModel], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = await play(tmp_path, ["start", "@frame 10 quit"], answer)
    assert status == 1
    out = capsys.readouterr().out
    assert "[ERROR] " in out or "[RUNTIME] it raised" in out


async def test_code_that_cannot_be_imported_is_a_load_error(tmp_path: Path) -> None:
    answer = failing(pipe.Failed("import", "summary", "No @model decorated class"), at=pipe.Setup)
    with pytest.raises(LoadError, match="No @model decorated class"):
        await play(tmp_path, [], answer, frames=1)


async def test_a_session_that_the_model_ends_lets_another_start(tmp_path: Path) -> None:
    answer = failing(pipe.SessionEnded("done"))
    status, model = await play(tmp_path, ["start", "@0.02 start", "quit"], answer)
    assert status == 0
    assert len(model.of(pipe.SessionBegan)) == 2


async def test_output_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OperatorError, match="cannot write"):
        await play(tmp_path, [], frames=4)
