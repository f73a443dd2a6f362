"""The journal as server-sent events, literally."""

from __future__ import annotations

from reactor_runtime.session.journal import Journal


def test_a_fact_is_written_as_published_clients_read_it() -> None:
    journal = Journal()
    journal.add("connection_opened", 1795285029000, state="STREAMING")
    fact = journal.add("command", 1795285029305, name="set_color", args={"g": 30.0}, conn_id=6984)
    assert fact.sse() == (
        "id: 2\n"
        'data: {"type":"transition","event":"command","from":"streaming","to":"streaming","ts":1795285029305,'
        '"detail":{"name":"set_color","args":{"g":30.0},"conn_id":6984}}\n'
        "\n"
    )
