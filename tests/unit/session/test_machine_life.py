"""The session machine under random lives: what the model was told is always what the session holds."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reactor_runtime.errors import IllegalInput
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

ids = st.integers(5000, 5003)
inputs: st.SearchStrategy[Input] = st.one_of(
    # Repeated, so that most lives get as far as a session.
    st.just(ModelReady()),
    st.just(ModelReady()),
    st.just(Start()),
    st.just(Start()),
    st.builds(ClientConnected, ids),
    st.builds(ClientConnected, ids),
    st.builds(ClientGone, ids),
    st.just(ModelLost("killed")),
    st.just(Stop("enough")),
    st.just(ModelEnded("done", crashed=True)),
    st.just(Cleaned()),
    st.just(GiveUp("load raised")),
)


class Life(RuleBasedStateMachine):
    """A session, and what its model and its clients' wires would believe from the effects alone."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(orphan_timeout=30, stop_grace=5)
        self.now = 0.0
        self.told: State = State.CREATED
        self.in_session = False
        self.announced: set[int] = set()
        self.wires: set[int] = set()

    @rule(item=inputs)
    def feed(self, item: Input) -> None:
        self.take(item)

    @rule()
    def terminate(self) -> None:
        self.take(Terminate("shutting down"))

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 29.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = self.session.next_deadline()
        effects = self.session.tick(self.now)
        assert bool(effects) == (due is not None and due[0] <= self.now)
        self.carry_out(effects)

    def take(self, item: Input) -> None:
        before = (self.session.state, self.session.clients, self.session.reason, self.session.next_deadline())
        try:
            effects = self.session.handle(item, self.now)
        except IllegalInput:
            assert before == (
                self.session.state,
                self.session.clients,
                self.session.reason,
                self.session.next_deadline(),
            )
            return
        if isinstance(item, ModelLost | GiveUp):
            self.in_session, self.announced = False, set()
        if isinstance(item, ClientConnected):
            self.wires.add(item.client_id)
        if isinstance(item, ClientGone):
            self.wires.discard(item.client_id)
        self.carry_out(effects)

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Entered(state):
                    self.told = state
                case BeginSession():
                    assert not self.in_session
                    self.in_session = True
                case ResumeSession(clients):
                    assert not self.in_session
                    self.in_session, self.announced = True, set(clients)
                case AnnounceClient(client_id):
                    assert self.in_session
                    assert client_id not in self.announced
                    self.announced.add(client_id)
                case AnnounceGone(client_id):
                    assert self.in_session
                    self.announced.remove(client_id)
                case EndSession() | RestartModel():
                    self.in_session, self.announced = False, set()
                case CloseConnections():
                    self.wires.clear()

    @invariant()
    def the_world_knows_the_state(self) -> None:
        assert self.told is self.session.state

    @invariant()
    def the_model_knows_of_the_session_and_its_clients(self) -> None:
        with_model = self.session.state in (State.WAITING, State.STREAMING, State.ORPHANED)
        assert self.in_session == with_model
        if with_model:
            assert self.announced == self.session.clients

    @invariant()
    def every_client_has_a_wire_and_every_wire_a_client(self) -> None:
        assert self.wires == self.session.clients

    @invariant()
    def somebody_is_there_exactly_while_streaming(self) -> None:
        if self.session.state is not State.RECOVERING:
            assert bool(self.session.clients) == (self.session.state is State.STREAMING)

    @invariant()
    def a_deadline_runs_exactly_where_something_is_waited_for(self) -> None:
        armed = self.session.state in (State.WAITING, State.ORPHANED, State.CLOSING)
        assert (self.session.next_deadline() is not None) == armed


Life.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
