"""The session machine: every edge, legal and illegal, and what each brings about."""

from __future__ import annotations

from pathlib import Path

import pytest

from reactor_runtime.errors import IllegalInput
from reactor_runtime.session.diagram import page
from reactor_runtime.session.machine import (
    AnnounceClient,
    AnnounceGone,
    BeginSession,
    Cleaned,
    ClientConnected,
    ClientGone,
    CloseConnections,
    Effect,
    EndSession,
    Entered,
    GiveUp,
    Input,
    ModelEnded,
    ModelLost,
    ModelReady,
    RestartModel,
    ResumeSession,
    Session,
    Start,
    State,
    Stop,
    Terminate,
)

# Where each input leads from each state: a state, "." for no change, "-" for illegal. Client 7 is the one that is
# there in STREAMING and in RECOVERING; client 8 is a stranger.
MATRIX = """
                     CREATED     READY       WAITING     STREAMING   ORPHANED    CLOSING     RECOVERING  TERMINATED
model ready          READY       -           -           -           -           -           STREAMING   .
model lost           .           CREATED     RECOVERING  RECOVERING  RECOVERING  CREATED     .           .
give up              .           CREATED     CREATED     CREATED     CREATED     CREATED     CREATED     .
start                -           WAITING     .           .           .           -           .           -
7 connected          -           -           STREAMING   .           STREAMING   -           .           -
8 connected          -           -           STREAMING   .           STREAMING   -           .           -
7 gone               .           .           .           ORPHANED    .           .           .           .
8 gone               .           .           .           .           .           .           .           .
stop                 -           -           CLOSING     CLOSING     CLOSING     .           CREATED     -
model ended          .           -           CLOSING     CLOSING     CLOSING     .           .           .
cleaned              .           -           -           -           -           READY       -           .
terminate            TERMINATED  TERMINATED  TERMINATED  TERMINATED  TERMINATED  TERMINATED  TERMINATED  .
"""
INPUTS: dict[str, Input] = {
    "model ready": ModelReady(),
    "model lost": ModelLost("killed"),
    "give up": GiveUp("load raised"),
    "start": Start(),
    "7 connected": ClientConnected(7),
    "8 connected": ClientConnected(8),
    "7 gone": ClientGone(7),
    "8 gone": ClientGone(8),
    "stop": Stop("enough"),
    "model ended": ModelEnded("done"),
    "cleaned": Cleaned(),
    "terminate": Terminate("shutting down"),
}
WAY: dict[State, list[Input]] = {
    State.CREATED: [],
    State.READY: [ModelReady()],
    State.WAITING: [ModelReady(), Start()],
    State.STREAMING: [ModelReady(), Start(), ClientConnected(7)],
    State.ORPHANED: [ModelReady(), Start(), ClientConnected(7), ClientGone(7)],
    State.CLOSING: [ModelReady(), Start(), ClientConnected(7), Stop("first")],
    State.RECOVERING: [ModelReady(), Start(), ClientConnected(7), ModelLost("segfault")],
    State.TERMINATED: [Terminate("bye")],
}
NOW = 100.0


def cells() -> list[tuple[State, str, str]]:
    head, *rows = MATRIX.strip("\n").splitlines()
    states = [State(word) for word in head.split()]
    return [
        (state, row[:21].strip(), cell) for row in rows for state, cell in zip(states, row[21:].split(), strict=True)
    ]


def reach(state: State) -> Session:
    session = Session(orphan_timeout=30, stop_grace=5)
    for item in WAY[state]:
        session.handle(item, NOW)
    assert session.state is state
    return session


def snapshot(session: Session) -> tuple[object, ...]:
    return session.state, session.clients, session.reason, session.next_deadline()


def test_the_matrix_names_every_state_and_every_input() -> None:
    assert {(state, name) for state, name, _ in cells()} == {(state, name) for state in State for name in INPUTS}
    assert {type(item) for item in INPUTS.values()} == set(Input.__args__)


@pytest.mark.parametrize(("state", "name"), [(s, n) for s, n, cell in cells() if cell == "-"])
def test_an_illegal_input_raises_and_changes_nothing(state: State, name: str) -> None:
    session = reach(state)
    before = snapshot(session)
    with pytest.raises(IllegalInput, match=f"illegal while {state.lower()}"):
        session.handle(INPUTS[name], NOW + 1)
    assert snapshot(session) == before


@pytest.mark.parametrize(("state", "name", "cell"), [c for c in cells() if c[2] != "-"])
def test_a_legal_input_leads_where_the_matrix_says_and_tells_it_first(state: State, name: str, cell: str) -> None:
    session = reach(state)
    effects = session.handle(INPUTS[name], NOW + 1)
    if cell == ".":
        assert session.state is state
        assert not any(isinstance(effect, Entered) for effect in effects)
    else:
        assert session.state is State(cell)
        assert effects[0] == Entered(State(cell), session.reason)
        assert sum(isinstance(effect, Entered) for effect in effects) == 1


@pytest.mark.parametrize(
    ("state", "name", "effects"),
    [
        (State.READY, "start", [BeginSession()]),
        (State.WAITING, "7 connected", [AnnounceClient(7)]),
        (State.STREAMING, "8 connected", [AnnounceClient(8)]),
        (State.STREAMING, "7 gone", [AnnounceGone(7)]),
        (State.ORPHANED, "7 connected", [AnnounceClient(7)]),
        *[
            (state, name, [EndSession(reason), CloseConnections(reason)])
            for state in (State.WAITING, State.STREAMING, State.ORPHANED)
            for name, reason in (("stop", "enough"), ("model ended", "done"), ("terminate", "shutting down"))
        ],
        *[
            (state, "give up", [CloseConnections("load raised")])
            for state in (State.WAITING, State.STREAMING, State.ORPHANED, State.RECOVERING)
        ],
        *[
            (state, "terminate", [CloseConnections("shutting down")])
            for state in (State.CREATED, State.READY, State.CLOSING, State.RECOVERING)
        ],
        (State.RECOVERING, "model ready", [ResumeSession((7,))]),
        (State.RECOVERING, "stop", [CloseConnections("enough")]),
    ],
)
def test_an_edge_brings_its_effects(state: State, name: str, effects: list[Effect]) -> None:
    assert _without_entered(reach(state).handle(INPUTS[name], NOW)) == effects


def test_all_other_edges_bring_nothing_but_the_news_of_the_state() -> None:
    quiet = [
        (State.STREAMING, "7 connected"),  # its connection was remade
        (State.STREAMING, "8 gone"),
        (State.STREAMING, "start"),
        (State.STREAMING, "model lost"),
        (State.RECOVERING, "7 gone"),
        (State.RECOVERING, "8 connected"),
        (State.CLOSING, "cleaned"),
        (State.CLOSING, "model lost"),
        (State.CLOSING, "model ended"),
        (State.CLOSING, "stop"),
        (State.READY, "model lost"),
        (State.READY, "give up"),
        (State.CREATED, "model ready"),
    ]
    assert [_without_entered(reach(state).handle(INPUTS[name], NOW)) for state, name in quiet] == [[]] * len(quiet)


def test_only_the_last_client_to_leave_orphans_the_session() -> None:
    session = reach(State.STREAMING)
    session.handle(ClientConnected(8), NOW)
    assert session.handle(ClientGone(7), NOW) == [AnnounceGone(7)]
    assert session.clients == {8}
    assert session.handle(ClientGone(8), NOW) == [Entered(State.ORPHANED, ""), AnnounceGone(8)]


@pytest.mark.parametrize(("state", "reason"), [(State.WAITING, "nobody connected"), (State.ORPHANED, "everybody left")])
def test_a_session_without_clients_closes_at_its_deadline_and_not_before(state: State, reason: str) -> None:
    session = reach(state)
    assert session.next_deadline() == (NOW + 30, reason)
    assert session.tick(NOW + 29.99) == []
    assert session.tick(NOW + 30) == [
        Entered(State.CLOSING, reason),
        EndSession(reason),
        CloseConnections(reason),
    ]


def test_joining_a_waiting_session_does_not_prolong_it() -> None:
    session = reach(State.WAITING)
    session.handle(Start(), NOW + 20)
    assert session.next_deadline() == (NOW + 30, "nobody connected")


def test_a_client_that_comes_back_disarms_the_orphan_timeout() -> None:
    session = reach(State.ORPHANED)
    session.handle(ClientConnected(7), NOW + 29)
    assert session.next_deadline() is None
    assert session.tick(NOW + 1000) == []


@pytest.mark.parametrize("timeout", [0, -1])
def test_an_orphan_timeout_of_zero_or_less_keeps_the_session_for_ever(timeout: float) -> None:
    session = Session(orphan_timeout=timeout, stop_grace=5)
    for item in WAY[State.ORPHANED]:
        session.handle(item, NOW)
    assert session.next_deadline() is None


def test_a_model_that_does_not_let_go_in_time_is_restarted_and_comes_back() -> None:
    session = reach(State.CLOSING)
    reason = "the model did not let go of the session within 5 s"
    assert session.next_deadline() == (NOW + 5, reason)
    assert session.tick(NOW + 5) == [Entered(State.CREATED, reason), RestartModel(reason)]
    assert session.handle(Cleaned(), NOW + 6) == []
    assert session.handle(ModelReady(), NOW + 7) == [Entered(State.READY, "")]


def test_a_second_stop_does_not_prolong_the_grace() -> None:
    session = reach(State.CLOSING)
    session.handle(Stop("again"), NOW + 4)
    assert session.next_deadline() == (NOW + 5, "the model did not let go of the session within 5 s")
    assert session.reason == "first"


def test_clients_come_and_go_while_the_model_recovers_and_the_fresh_one_hears_of_those_there() -> None:
    session = reach(State.RECOVERING)
    session.handle(ClientConnected(9), NOW)
    session.handle(ClientConnected(8), NOW)
    session.handle(ClientGone(7), NOW)
    assert session.handle(ModelReady(), NOW) == [Entered(State.STREAMING, ""), ResumeSession((8, 9))]
    assert session.clients == {8, 9}


@pytest.mark.parametrize("way", [[ClientGone(7)], []])
def test_a_session_recovered_without_clients_is_orphaned(way: list[Input]) -> None:
    session = reach(State.RECOVERING if way else State.WAITING)
    for item in way or [ModelLost("killed")]:
        session.handle(item, NOW)
    assert session.handle(ModelReady(), NOW + 3) == [Entered(State.ORPHANED, ""), ResumeSession(())]
    assert session.next_deadline() == (NOW + 33, "everybody left")


@pytest.mark.parametrize("state", [s for s in State if s not in (State.STREAMING, State.RECOVERING)])
def test_there_are_no_clients_outside_a_session_that_somebody_is_in(state: State) -> None:
    assert reach(state).clients == frozenset()


def test_bad_news_of_a_model_that_will_not_load_is_kept_as_the_reason() -> None:
    session = reach(State.CREATED)
    session.handle(ModelLost("killed by SIGKILL"), NOW)
    assert session.reason == "killed by SIGKILL"
    session.handle(GiveUp("out of memory, three times"), NOW)
    assert session.reason == "out of memory, three times"
    session.handle(ModelReady(), NOW)
    assert session.reason == ""


def test_the_end_of_the_process_is_final() -> None:
    session = reach(State.TERMINATED)
    session.handle(GiveUp("late"), NOW)
    assert snapshot(session) == (State.TERMINATED, frozenset(), "bye", None)


def test_a_whole_session_leaves_the_slot_as_it_was() -> None:
    session = reach(State.READY)
    before = snapshot(session)
    for item in (Start(), ClientConnected(7), ClientGone(7), ClientConnected(7), Stop(""), ClientGone(7), Cleaned()):
        session.handle(item, NOW)
    assert snapshot(session) == before


def test_the_drawn_page_is_the_table() -> None:
    drawn = Path(__file__).parents[3] / "docs/architecture/session.md"
    assert drawn.read_text() == page(), "run: python -m reactor_runtime.session.diagram > docs/architecture/session.md"


def _without_entered(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if not isinstance(effect, Entered)]
