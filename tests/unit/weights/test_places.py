"""A set is taken from the nearest place that has it, and named so that it stays below its root."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reactor_runtime import get_weights_path
from reactor_runtime.weights import places


@pytest.fixture
def spots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The set `vae` in every place there is, the nearest first; the last is the store."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REACTOR_WEIGHTS_PATH", str(tmp_path / "env"))
    monkeypatch.delenv("REACTOR_WEIGHTS_STORE", raising=False)
    monkeypatch.delenv("REACTOR_MODELS_BUCKET", raising=False)
    monkeypatch.setattr(places, "_latest", None)
    places.declare(tmp_path / "model", root=tmp_path / "manifest", store=f"file://{tmp_path}/store")
    roots = ["env", "manifest", "model/weights", "home/.cache/reactor_registry", "store"]
    made = [tmp_path / root / "vae" for root in roots]
    for folder in made:
        folder.mkdir(parents=True)
        (folder / "where.txt").write_text(str(folder))
    yield made
    places._surroundings.set(places.Surroundings())


@pytest.mark.parametrize("gone", range(5))
def test_each_place_wins_over_the_next(spots: list[Path], gone: int) -> None:
    for folder in spots[:gone]:
        (folder / "where.txt").unlink()
        folder.rmdir()
    assert (get_weights_path("vae") / "where.txt").read_text() == str(spots[gone])


def test_what_is_downloaded_goes_into_the_nearest_root(spots: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in spots[:4]:
        (folder / "where.txt").unlink()
        folder.rmdir()
    assert get_weights_path("vae") == spots[0]
    monkeypatch.delenv("REACTOR_WEIGHTS_PATH")
    assert get_weights_path() == spots[1].parent
    assert get_weights_path("vae") == spots[1]


def test_a_thread_that_the_author_started_looks_where_the_model_does(spots: list[Path]) -> None:
    found: list[Path] = []
    thread = threading.Thread(target=lambda: found.append(get_weights_path("vae")))
    thread.start()
    thread.join(10)
    assert found == [spots[0]]


def test_a_store_is_a_url_a_path_or_a_bucket() -> None:
    assert places.store_url("gs://b/x") == "gs://b/x"
    assert places.store_url("/mnt/w") == "file:///mnt/w"
    assert places.store_url("my-bucket") == "s3://my-bucket"


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("my_set-1", "my_set-1"),
        ("org/FLUX.1-dev", "org/FLUX.1-dev"),
        ("hf://org/repo@v1", "org/repo@v1"),
        ("s3://bucket/a/b/", "bucket/a/b"),
        ("https://host:8080/a%2Eb", "host_8080/a.b"),
    ],
)
def test_a_set_is_kept_under_its_name_or_where_it_comes_from(name: str, local: str) -> None:
    assert places.local_name(name) == local


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "/etc", "a//b", "a/../b", ".hidden", "x.part", "s3://b/../x", "s3://b/%2e%2e/x", "h://x?y=1"]
)  # fmt: skip
def test_a_name_that_could_leave_the_root_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name weights"):
        get_weights_path(name)
