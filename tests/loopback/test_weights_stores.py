"""Sets of weights come whole or not at all, from every kind of store; real servers and the stores' real clients."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from reactor_runtime.errors import OperatorError
from reactor_runtime.weights.download import pull
from reactor_runtime.weights.record import read_record
from tests.loopback.stores import (
    MIB,
    Files,
    Gate,
    Hub,
    content,
    finished,
    gated,
    reactor,
    read_back,
    serving_files,
    sums_of,
    written,
)
from tests.running import eventually

SIZE = 24 * MIB
HALF = 12 * MIB
REQUESTS = 256 * 1024
"""Bytes that are no file's or that nobody took: headers, listings, what a killed process left in the gate."""

LARGE: Files = {"model.safetensors": content(SIZE), "vae/config.json": b'{"scale": 2}'}
SMALL: Files = {"model.safetensors": content(3 * MIB), "vae/config.json": b'{"scale": 2}', "empty.txt": b""}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test, and the commands it starts, to its own folder."""
    for name in ("REACTOR_WEIGHTS_STORE", "REACTOR_MODELS_BUCKET", "HF_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("REACTOR_WEIGHTS_PATH", str(tmp_path / "root"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@dataclass
class Served:
    """A set in a store behind a gate: its URL, and the environment in which it is reached."""

    url: str
    gate: Gate
    env: dict[str, str]


def s3_client(port: int) -> Any:
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")


@contextmanager
def served(scheme: str, files: Files, limit: int, s3_port: int) -> Iterator[Served]:
    with ExitStack() as stack:
        if scheme == "s3":
            s3 = s3_client(s3_port)
            s3.create_bucket(Bucket="models")
            for path, data in files.items():
                s3.put_object(Bucket="models", Key=f"big/{path}", Body=data)
            stack.callback(s3.close)
            gate = stack.enter_context(gated(s3_port, limit))
            yield Served("s3://models/big", gate, {"AWS_ENDPOINT_URL": gate.url})
        elif scheme == "hf":
            hub = stack.enter_context(serving_files(files, kind=Hub))
            gate = stack.enter_context(gated(hub.port, limit))
            yield Served("hf://org/tiny", gate, {"HF_ENDPOINT": gate.url, "HF_HUB_DISABLE_TELEMETRY": "1"})
        else:
            site = stack.enter_context(serving_files({f"big/{path}": data for path, data in files.items()}))
            gate = stack.enter_context(gated(site.port, limit))
            yield Served(f"{gate.url}/big", gate, {})


def on_disk(folder: Path) -> int:
    """Return how much of the large file lies somewhere below, complete or not."""
    return max((path.stat().st_size for path in folder.rglob("model.safetensors")), default=0)


@pytest.mark.parametrize("scheme", ["s3", "hf", "http"])
def test_a_killed_download_never_looks_complete_and_goes_on_where_it_stopped(
    scheme: str, home: Path, s3_port: int
) -> None:
    with served(scheme, LARGE, HALF, s3_port) as store:
        killed = reactor("weights", "pull", store.url, **store.env)
        eventually(lambda: on_disk(home / "root") >= 8 * MIB, what="a third of the file")
        killed.kill()
        assert finished(killed)[0] == -9
        listing = finished(reactor("weights", "list", **store.env))[1]
        assert " partial " in listing
        assert "complete" not in listing

        there, passed = on_disk(home / "root"), store.gate.passed
        assert there < SIZE
        store.gate.open()
        status, told = finished(reactor("weights", "pull", store.url, **store.env))
        assert status == 0, told
        folder = Path(told.strip().rpartition(": ")[2])
        assert read_back(folder) == LARGE
        assert store.gate.passed - passed < SIZE - there + REQUESTS
        assert list((home / "root").rglob("*.part")) == []


@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_two_that_pull_at_once_download_once(scheme: str, home: Path, s3_port: int) -> None:
    with served(scheme, LARGE, HALF, s3_port) as store:
        both = [reactor("weights", "pull", store.url, **store.env) for _ in range(2)]
        eventually(lambda: on_disk(home / "root") >= 8 * MIB, what="a third of the file")
        store.gate.open()
        done = [finished(process) for process in both]
        assert [status for status, _ in done] == [0, 0], done
        assert done[0][1] == done[1][1]
        assert read_back(Path(done[0][1].strip().rpartition(": ")[2])) == LARGE
        assert store.gate.passed < SIZE + 2 * REQUESTS


def test_the_second_of_two_threads_says_that_it_waits(home: Path) -> None:
    with serving_files({f"big/{path}": data for path, data in LARGE.items()}) as site, gated(site.port, HALF) as gate:
        heard: list[str] = []

        def listen(text: str, fraction: float | None) -> None:
            heard.append(text)
            if text.startswith("waiting"):
                gate.open()

        with ThreadPoolExecutor(2) as pool:
            pulls = [pool.submit(pull, f"{gate.url}/big", home / "set", listen) for _ in range(2)]
            assert [each.result(30) for each in pulls] == [home / "set"] * 2
        assert "waiting for another download of set" in heard
        assert read_back(home / "set") == LARGE


@pytest.mark.parametrize("ranges", [True, False])
def test_what_a_killed_download_left_is_used_with_and_without_ranges(home: Path, ranges: bool) -> None:
    with serving_files(SMALL, ranges=ranges) as site:
        pull(site.url, home / "set")
        (home / "set").rename(home / "again.part")
        with (home / "again.part/model.safetensors").open("r+b") as half:
            half.truncate(MIB)
        site.asked.clear()
        pull(site.url, home / "again")
        assert read_back(home / "again") == SMALL
        assert [asked for path, asked in site.asked if path == "model.safetensors" and asked] == [f"bytes={MIB}-"]


def test_a_part_of_a_file_that_changed_since_is_not_used(home: Path) -> None:
    with serving_files(SMALL) as site:
        pull(site.url, home / "old")
        (home / "old").rename(home / "set.part")
    written(home / "set.part", {"removed.bin": b"no longer in the store"})
    newer = {**SMALL, "model.safetensors": content(3 * MIB, seed=1)}
    with serving_files(newer) as site:
        pull(site.url, home / "set")
        assert read_back(home / "set") == newer


def test_a_download_that_breaks_off_goes_on_by_itself(home: Path) -> None:
    with serving_files({f"big/{path}": data for path, data in LARGE.items()}) as site, gated(site.port, HALF) as gate:
        heard = [0.0]

        def cut_once(text: str, fraction: float | None) -> None:
            if fraction and fraction > 0.3 > heard[-1]:
                gate.cut()
                gate.open()
            heard.append(fraction or 0.0)

        pull(f"{gate.url}/big", home / "set", cut_once)
        assert read_back(home / "set") == LARGE
        assert heard == sorted(heard)
        assert heard[-1] == 1.0


def test_a_corrupted_byte_is_found_by_the_stores_checksums(home: Path) -> None:
    damaged = {**SMALL, "model.safetensors": b"\0" + SMALL["model.safetensors"][1:]}
    with serving_files({**damaged, "SHA256SUMS": sums_of(SMALL)}) as site:
        with pytest.raises(OperatorError, match=r"model\.safetensors is not what the store promised"):
            pull(site.url, home / "set")
        assert not (home / "set").exists()
        assert not (home / "set.part/model.safetensors").exists()


def test_a_file_that_the_checksums_name_and_the_store_lacks_is_told(home: Path) -> None:
    store = written(home / "store", {"a.bin": b"a", "SHA256SUMS": sums_of({"a.bin": b"a", "b.bin": b"b"})})
    with pytest.raises(OperatorError, match=r"is incomplete: SHA256SUMS names b\.bin"):
        pull(f"file://{store}", home / "set")


@pytest.mark.parametrize("path", ["../evil.bin", "/etc/evil.bin", "a/../../evil.bin", "a\\b"])
def test_checksums_that_name_a_path_outside_the_set_are_refused(home: Path, path: str) -> None:
    store = written(home / "store", {"a.bin": b"a", "SHA256SUMS": sums_of({path: b"a"})})
    with pytest.raises(OperatorError, match="cannot be part of a set of weights"):
        pull(f"file://{store}", home / "deep/set")
    assert not (home / "deep/set").exists()


def test_a_downloaded_set_that_was_copied_by_hand_is_a_store(home: Path) -> None:
    pull(f"file://{written(home / 'store', SMALL)}", home / "copied")
    pull(f"file://{home}/copied", home / "set")
    assert read_back(home / "set") == SMALL
    record = read_record(home / "set")
    assert record is not None
    assert record.source == f"file://{home}/copied"


@pytest.mark.parametrize("link", ["../../evil.bin", "%2e%2e/%2e%2e/evil.bin", "..%2fevil.bin"])
def test_a_page_that_links_outside_the_set_is_refused(home: Path, link: str) -> None:
    pages = {"set": f'<a href="{link}">x</a><a href="a.bin">a</a>'}
    files = {"set/a.bin": b"a", "evil.bin": b"evil"}
    with serving_files(files, pages=pages) as site, pytest.raises(OperatorError, match="cannot be part of a set"):
        pull(f"{site.url}/set", home / "deep/set")
    assert list(home.rglob("*evil*")) == []


def test_a_key_that_leads_outside_the_set_is_refused(home: Path, s3_port: int) -> None:
    s3 = s3_client(s3_port)
    s3.create_bucket(Bucket="hostile")
    for key in ("set/a.bin", "set/../../evil.bin"):
        s3.put_object(Bucket="hostile", Key=key, Body=b"evil")
    s3.close()
    env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}"}
    status, told = finished(reactor("weights", "pull", "s3://hostile/set", **env))
    assert status == 2
    assert "cannot be part of a set of weights: '../../evil.bin'" in told
    assert list(home.rglob("*evil*")) == []


@pytest.mark.parametrize("scheme", ["s3", "file"])
def test_what_was_pushed_comes_back_the_same(scheme: str, home: Path, s3_port: int) -> None:
    env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}"}
    written(home / "weights/mine", SMALL)
    if scheme == "s3":
        s3 = s3_client(s3_port)
        s3.create_bucket(Bucket="pushed")
        s3.close()
    store = "pushed" if scheme == "s3" else str(home / "store")  # a bare word is an S3 bucket's name
    status, told = finished(reactor("weights", "push", "mine", "--store", store, **env))
    assert (status, told.split(" to ")[0]) == (0, "mine: 3 files pushed"), told
    (home / "weights").rename(home / "away")
    status, told = finished(reactor("weights", "pull", "mine", "-b", store, **env))
    assert (status, told) == (0, f"mine: {home}/root/mine\n")
    assert read_back(home / "root/mine") == {**SMALL, "SHA256SUMS": sums_of(dict(sorted(SMALL.items())))}
    record = read_record(home / "root/mine")
    assert record is not None
    assert all(file.sha256 for file in record.files.values())


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("s3://b/x", "s3fs", "s3"),
        ("gs://b/x", "gcsfs", "gcs"),
        ("hf://o/x", "huggingface_hub", "hf"),
        ("https://h/x", "aiohttp", "https"),
    ],
)
def test_a_missing_extra_is_named(url: str, module: str, extra: str, home: Path) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from reactor_runtime.cli import main; main(sys.argv[1:])"
    process = reactor("weights", "pull", url, program=(sys.executable, "-c", code))
    status, told = finished(process)
    assert (status, told) == (
        2,
        f"Error: {url.partition('://')[0]}:// needs an extra: pip install 'reactor-runtime[{extra}]'\n",
    )


def test_a_store_that_cannot_be_reached_is_one_line(home: Path) -> None:
    with serving_files({}) as site:
        url = site.url
    status, told = finished(reactor("weights", "pull", f"{url}/x"))
    assert status == 2
    assert told.startswith(f"Error: {url}/x: ")
    assert told.count("\n") == 1


def test_a_set_that_the_store_lacks_is_told_with_every_place_looked_at(home: Path) -> None:
    with serving_files({"other/a.bin": b"a"}) as site:
        status, told = finished(reactor("weights", "pull", "lost", "--store", site.url))
    assert status == 2
    for place in (home / "root/lost", home / "weights/lost", home / ".cache/reactor_registry/lost", f"{site.url}/lost"):
        assert str(place) in told
