"""The journal: order, bounds and the text that goes over HTTP."""

from __future__ import annotations

import json

from reactor_runtime.session.journal import MAX_DETAIL, MAX_LINE, MAX_TRACEBACK, Journal


def test_ids_count_up_and_a_follower_gets_what_it_has_not_seen() -> None:
    journal = Journal()
    facts = [journal.add("metric", ms) for ms in range(5)]
    assert [fact.id for fact in facts] == [1, 2, 3, 4, 5]
    assert journal.since(0) == facts
    assert journal.since(3) == facts[3:]
    assert journal.since(5) == []
    assert journal.since(99) == []


def test_the_oldest_facts_fall_out_and_ids_go_on() -> None:
    journal = Journal(capacity=3)
    for ms in range(10):
        journal.add("metric", ms)
    assert [fact.id for fact in journal.since(0)] == [8, 9, 10]
    assert [fact.id for fact in journal.since(9)] == [10]


def test_a_transition_tells_where_from_and_where_to_in_lower_case() -> None:
    journal = Journal()
    journal.add("initialization_success", 1, state="READY")
    fact = journal.add("start_session", 2, state="WAITING", reason="")
    assert (fact.before, fact.after) == ("ready", "waiting")


def test_any_other_fact_stays_in_the_state_it_happened_in() -> None:
    journal = Journal()
    journal.add("connection_opened", 1, state="STREAMING")
    fact = journal.add("command", 2, name="set_color", args={"g": 30.0}, conn_id=6984)
    assert (fact.before, fact.after) == ("streaming", "streaming")
    assert fact.detail == {"name": "set_color", "args": {"g": 30.0}, "conn_id": 6984}


def test_the_text_is_one_event_whatever_the_detail_holds() -> None:
    journal = Journal()
    text = journal.add("error", 7, message="line\n\nbreak ✓", value=float("nan")).sse()
    head, body, *rest = text.split("\n")
    assert head == "id: 1"
    assert rest == ["", ""]
    assert json.loads(body.removeprefix("data: "))["detail"] == {"message": "line\n\nbreak ✓", "value": None}


def test_of_a_long_part_the_beginning_is_kept() -> None:
    journal = Journal()
    journal.add("command", 1, name="paint", args={"prompt": "x" * 100_000}, conn_id=5000)
    (fact,) = journal.since(0)
    assert (fact.detail["name"], fact.detail["conn_id"]) == ("paint", 5000)
    assert fact.detail["args"].startswith('{"prompt":"xxx')
    assert fact.detail["args"].endswith("… (100013 bytes)")
    assert len(fact.detail["args"]) < MAX_DETAIL + 30


def test_what_the_model_says_has_its_place_among_the_facts_and_leaves_the_state_alone() -> None:
    journal = Journal()
    journal.add("state", 1, state="STREAMING")
    line = journal.quote("log", 2, "step 7", level="info", logger="model")
    journal.add("connection_opened", 3)
    assert [fact.id for fact in journal.since(0)] == [1, 2, 3]
    assert journal.since(1)[0] == line
    assert (line.kind, line.detail) == ("log", {"level": "info", "logger": "model", "text": "step 7"})
    assert (line.before, line.after) == ("streaming", "streaming")


def test_a_chatty_model_pushes_out_only_its_own_lines() -> None:
    journal = Journal(lines=3)
    journal.add("state", 1, state="READY")
    journal.quote("traceback", 2, "KeyError: 1", where="load", error="KeyError: 1")
    for ms in range(3, 100):
        journal.quote("log", ms, "again", level="info", logger="model")
    assert [fact.name for fact in journal.since(0)] == ["state", "traceback", "log", "log", "log"]
    assert [fact.id for fact in journal.since(97)] == [98, 99]


def test_of_a_long_line_the_beginning_is_kept_and_of_a_long_traceback_the_end() -> None:
    journal = Journal()
    line = journal.quote("log", 1, "begin" + "x" * 100_000)
    trace = journal.quote("traceback", 1, "x" * 100_000 + "KeyError: 1")
    assert line.detail["text"].startswith("begin")
    assert len(line.detail["text"]) == MAX_LINE + 1
    assert trace.detail["text"].endswith("xKeyError: 1")
    assert len(trace.detail["text"]) == MAX_TRACEBACK + 1


def test_the_text_of_a_line_tells_what_it_is() -> None:
    text = Journal().quote("log", 7, "hot ✓\n\n", level="warning", logger="model").sse()
    head, body, *rest = text.split("\n")
    assert (head, rest) == ("id: 1", ["", ""])
    data = json.loads(body.removeprefix("data: "))
    assert (data["type"], data["event"], data["ts"]) == ("log", "log", 7)
    assert data["detail"]["text"] == "hot ✓\n\n"
