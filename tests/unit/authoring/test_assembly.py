"""Chunks of several tracks: complete ones go at once, a silent track holds nothing up, nothing piles up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor_runtime.authoring.assembly import PATIENCE, Assembly


def emit(assembly: Assembly, *parts: str) -> list[str]:
    """Emit `v0` on track `v`, `a1#7` on track `a` as chunk 7, ...; return the chunks as they went out."""
    out = []
    for part in parts:
        payload, _, number = part.partition("#")
        due = assembly.put(part[0], payload, int(number) if number else None)
        out += [" ".join(str(value) for value in chunk.values()) for chunk in due]
    return out


def test_a_chunk_goes_out_once_every_track_gave_its_part() -> None:
    assembly = Assembly("va")
    assert emit(assembly, "v0", "a0", "a1", "v1", "v2", "a2") == ["v0 a0", "a1 v1", "v2 a2"]
    assert assembly.waiting == 0


def test_a_track_that_the_model_never_emits_on_holds_up_one_chunk_and_then_none() -> None:
    assembly = Assembly("va")
    assert emit(assembly, "v0") == []
    assert emit(assembly, "v1") == ["v0", "v1"]
    assert [emit(assembly, f"v{n}") for n in range(2, 5)] == [["v2"], ["v3"], ["v4"]]


def test_a_track_that_starts_late_joins_the_others_and_stalls_nobody_when_it_stops() -> None:
    assembly = Assembly("va")
    emit(assembly, "v0", "v1", "v2")
    assert emit(assembly, "a0", "v3", "a1", "v4") == ["a0 v3", "a1 v4"]
    assert emit(assembly, "v5") == []
    assert emit(assembly, "v6") == ["v5", "v6"]
    assert emit(assembly, "a2", "v7", "v8", "v9") == ["a2 v7", "v8", "v9"]


def test_a_track_that_was_in_step_may_fall_behind_by_a_few_chunks() -> None:
    assembly = Assembly("va")
    emit(assembly, "v0", "a0")
    assert emit(assembly, *(f"v{n}" for n in range(1, PATIENCE + 1))) == []
    assert emit(assembly, "a1", "a2") == ["v1 a1", "v2 a2"]
    assert emit(assembly, "v9", "v10") == []
    assert emit(assembly, "v11") == [f"v{n}" for n in range(3, 12)]


def test_a_track_that_went_on_to_a_later_chunk_is_not_waited_for() -> None:
    assembly = Assembly("va")
    assert emit(assembly, "v0", "a0", "v1", "v2", "a2#2") == ["v0 a0", "v1", "v2 a2"]


def test_numbered_parts_find_each_other_in_any_order_and_a_later_one_overwrites() -> None:
    assembly = Assembly("va")
    assert emit(assembly, "v0#0", "a0#0", "v1#1", "v1'#1", "a1#1") == ["v0 a0", "v1' a1"]
    # A model may number the chunks of each of its steps from 0.
    assert emit(assembly, "v0#0", "a0#0", "v1#1", "a1#1") == ["v0 a0", "v1 a1"]


def test_tracks_emitted_in_groups_stay_together_where_they_are_numbered() -> None:
    assembly = Assembly("va")
    first = emit(assembly, "v0#0", "v1#1", "v2#2", "a0#0", "a1#1", "a2#2")
    assert sorted(" ".join(first).split()) == ["v0", "v1", "v2"]
    second = emit(assembly, "v3#3", "v4#4", "v5#5", "a3#3", "a4#4", "a5#5")
    assert second == ["a0", "a1", "a2", "v3 a3", "v4 a4", "v5 a5"]


def test_a_single_track_waits_for_nothing_however_it_is_numbered() -> None:
    assembly = Assembly("v")
    assert emit(assembly, "v0", "v1#7", "v2#0", "v3#0") == ["v0", "v1", "v2", "v3"]


def test_what_waits_is_a_copy_and_what_cannot_be_kept_leaves_the_others_whole() -> None:
    def keep(track: str, payload: object) -> object:
        if payload == "bad":
            raise ValueError(f"{track}: {payload}")
        return f"copy of {payload}"

    assembly = Assembly("va", keep)
    assert emit(assembly, "v0", "a0") == ["copy of v0 a0"]
    with pytest.raises(ValueError, match="v: bad"):
        assembly.put("v", "bad")
    assert emit(assembly, "a1", "v2", "a2") == ["a1", "copy of v2 a2"]


@given(st.lists(st.tuples(st.sampled_from("vaw"), st.none() | st.integers(0, 20)), max_size=80))
def test_whatever_is_emitted_comes_out_once_or_waits_and_little_waits(
    parts: list[tuple[str, int | None]],
) -> None:
    assembly = Assembly("vaw")
    came: list[object] = []
    for serial, (track, number) in enumerate(parts):
        for chunk in assembly.put(track, serial, number):
            came += chunk.values()
        assert assembly.waiting <= 3 * (PATIENCE + 1)
    assert len(came) == len(set(came)) <= len(parts)
    for number in (10_000, 10_001, 10_002):  # chunks of all tracks bring out what waits
        for track in "vaw":
            came += [value for chunk in assembly.put(track, f"{track}{number}", number) for value in chunk.values()]
    overwritten = len(parts) - sum(isinstance(value, int) for value in came)
    assert assembly.waiting == 0
    assert overwritten == 0 or any(number is not None for _, number in parts)
