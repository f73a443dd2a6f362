"""Commands that wait for files: held in order, refused in time, dropped with their client."""

from __future__ import annotations

from reactor_runtime.runtime.commands import HOLD, Commands
from reactor_runtime.wire.messages import Command

NOW = 50.0


class Line:
    """Commands and the files that are there."""

    def __init__(self) -> None:
        self.commands = Commands()
        self.there: set[str] = set()

    def submit(self, client: int, name: str, *uploads: str, at: float = NOW) -> None:
        self.commands.submit(client, Command(name, {}), uploads, at)

    def take(self, now: float = NOW) -> tuple[list[str], list[str]]:
        ready, late = self.commands.take(self.there.__contains__, now)
        return [entry.command.name for entry in ready], [entry.command.name for entry in late]


def test_a_command_waits_for_all_its_files_and_the_same_clients_later_ones_behind_it() -> None:
    line = Line()
    line.submit(1, "first")
    line.submit(1, "with_files", "a", "b")
    line.submit(1, "after")
    line.submit(2, "of_another")
    assert line.take() == (["first", "of_another"], [])
    line.there = {"a"}
    assert line.take() == ([], [])
    line.there = {"a", "b"}
    assert line.take() == (["with_files", "after"], [])
    assert line.take() == ([], [])


def test_a_command_whose_files_do_not_come_lets_the_next_ones_go() -> None:
    line = Line()
    line.submit(1, "late", "a")
    line.submit(1, "next", at=NOW + 1)
    line.submit(1, "also_late", "b", at=NOW + 2)
    assert line.commands.next_deadline() == NOW + HOLD
    assert line.take(NOW + HOLD - 0.1) == ([], [])
    assert line.take(NOW + HOLD) == (["next"], ["late"])
    assert line.commands.next_deadline() == NOW + 2 + HOLD
    assert line.take(NOW + 2 + HOLD) == ([], ["also_late"])
    assert line.commands.next_deadline() is None


def test_a_client_that_leaves_takes_its_waiting_commands_with_it() -> None:
    line = Line()
    line.submit(1, "held", "a")
    line.submit(2, "of_another", "a")
    line.commands.forget(1)
    line.there = {"a"}
    assert line.take() == (["of_another"], [])


def test_a_closing_session_tells_the_model_no_more() -> None:
    line = Line()
    line.submit(1, "held", "a")
    line.commands.drop_lines()
    line.there = {"a"}
    assert line.take() == ([], [])
    assert line.commands.next_deadline() is None


def test_a_lost_model_leaves_what_waited_to_be_answered_and_told_to_nobody() -> None:
    line = Line()
    line.submit(1, "held", "a")
    assert [entry.command.name for entry in line.commands.lose_model(NOW)] == ["held"]
    line.there = {"a"}
    assert line.take() == ([], [])


def test_files_stay_in_use_while_a_model_may_read_them() -> None:
    line = Line()
    line.submit(1, "set_image", "a")
    assert line.commands.uploads() == {"a"}
    line.commands.settle(1, accepted=True)
    assert line.commands.uploads() == {"a"}, "a fresh model is told of it"
    line.submit(1, "set_image", "b")
    line.commands.settle(2, accepted=True)
    assert line.commands.uploads() == {"b"}
    line.submit(1, "set_image", "c")
    line.commands.settle(3, accepted=False)
    assert line.commands.uploads() == {"b"}
