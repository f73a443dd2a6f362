"""`reactor weights` on a model's folder, and a model that downloads its weights while its worker loads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from reactor_runtime.worker.local_port import LocalPort
from reactor_runtime.worker.messages import Described, Failed, Loaded, Progress, Setup
from reactor_runtime.worker.piped_port import PipedPort
from reactor_runtime.worker.process_port import ProcessPort
from tests.loopback.stores import content, finished, reactor, read_back, serving_files, sums_of, written
from tests.loopback.worker_models import Watched

FILES = {"model.bin": content(3_000_000), "config.json": b"{}"}
MODEL = """
from reactor_runtime import VideoModel, model

@model("weighty", weights=["diffusion", "vae"])
class Weighty(VideoModel):
    def __init__(self, config):
        self.folder = VideoModel.weights("diffusion")
        print("found", sorted(path.name for path in self.folder.iterdir()))

    def start_session(self):
        pass
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's folder, and a home of its own."""
    for name in ("REACTOR_WEIGHTS_PATH", "REACTOR_WEIGHTS_STORE", "REACTOR_MODELS_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return written(tmp_path / "project", {"weighty.py": MODEL.encode()})


def store_of(tmp_path: Path) -> str:
    """Return the path of a store that has every set of the model."""
    for name in ("diffusion", "vae"):
        written(tmp_path / "store" / name, {**FILES, "SHA256SUMS": sums_of(FILES)})
    return str(tmp_path / "store")


def weights(folder: Path, *argv: str) -> tuple[int, str]:
    return finished(reactor("weights", *argv, "-p", str(folder)))


def listed(folder: Path, *argv: str) -> dict[str, list[str]]:
    status, told = weights(folder, "list", *argv)
    assert status == 0, told
    return {line.split()[0]: line.split()[1:] for line in told.splitlines()}


def test_what_the_model_declares_is_pulled_listed_and_verified(folder: Path, tmp_path: Path) -> None:
    store = store_of(tmp_path)
    root = tmp_path / ".cache/reactor_registry"
    assert listed(folder)["vae"] == ["missing", "no", "store", "is", "set"]
    assert listed(folder, "--store", store)["vae"] == ["missing", f"file://{store}/vae"]
    assert weights(folder, "pull", "--store", store) == (0, f"diffusion: {root}/diffusion\nvae: {root}/vae\n")
    written(folder / "weights/by-hand", {"a.bin": b"a"})
    written(root / "begun.part", {"a.bin": b"a"})
    shown = listed(folder)
    assert shown["diffusion"] == ["complete", "3.0", "MB", f"{root}/diffusion"]
    assert shown["vae"] == ["complete", "3.0", "MB", f"{root}/vae"]
    assert shown["by-hand"][0] == "unchecked"
    assert shown["begun"][0] == "partial"
    assert weights(folder, "verify") == (0, f"diffusion: whole ({root}/diffusion)\nvae: whole ({root}/vae)\n")


def test_verify_finds_a_changed_byte_and_list_a_missing_file(folder: Path, tmp_path: Path) -> None:
    weights(folder, "pull", "--store", store_of(tmp_path))
    root = tmp_path / ".cache/reactor_registry"
    with (root / "vae/model.bin").open("r+b") as file:
        file.seek(1_000_000)
        file.write(bytes([FILES["model.bin"][1_000_000] ^ 1]))
    status, told = weights(folder, "verify")
    assert status == 1
    assert "Error: vae: model.bin: damaged (sha256 " in told
    assert f"diffusion: whole ({root}/diffusion)" in told
    (root / "diffusion/config.json").unlink()
    assert listed(folder)["diffusion"][0] == "incomplete"
    status, told = weights(folder, "push", "vae", "--store", str(tmp_path / "other"))
    assert status == 2
    assert "(model.bin) and was not pushed" in told


def test_pull_says_that_a_set_which_lies_here_is_not_whole(folder: Path, tmp_path: Path) -> None:
    assert weights(folder, "pull", "--store", store_of(tmp_path))[0] == 0
    place = tmp_path / ".cache/reactor_registry/vae"
    (place / "config.json").unlink()
    status, told = weights(folder, "pull", "vae")
    assert (status, told) == (
        2,
        f"Error: vae: files of {place} are missing or of another size; delete it and pull again\n",
    )


def test_push_writes_nowhere_but_below_the_store(folder: Path, tmp_path: Path) -> None:
    store = store_of(tmp_path)
    status, told = weights(folder, "push", f"{store}/vae", "--store", str(tmp_path / "other"), "--as", "../elsewhere")
    assert status == 2
    assert told.startswith("Error: '../elsewhere' cannot name weights")
    assert not (tmp_path / "elsewhere").exists()


def test_a_name_that_nobody_knows_is_one_line(folder: Path) -> None:
    for argv in (("verify", "lost"), ("push", "lost", "--store", "/nowhere"), ("pull", "lost"), ("pull", "../x")):
        status, told = weights(folder, *argv)
        assert (status, told.count("\n")) == (2, 1), told


def test_a_store_in_the_manifest_is_relative_to_the_model(folder: Path, tmp_path: Path) -> None:
    store_of(tmp_path)
    (folder / "reactor.yaml").write_text(
        "runtime:\n  import: weighty:Weighty\n  weights_path: kept\n  weights_store: ../store\n"
    )
    assert weights(folder, "pull", "vae") == (0, f"vae: {folder}/kept/vae\n")


@pytest_asyncio.fixture(params=[ProcessPort, LocalPort])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[PipedPort]:
    port = request.param()
    yield port
    await port.stop(5)


async def test_a_model_that_asks_for_missing_weights_reports_their_download_while_it_loads(
    port: PipedPort, folder: Path, tmp_path: Path
) -> None:
    watched = Watched()
    with serving_files({f"diffusion/{path}": data for path, data in FILES.items()}) as site:
        await port.start(Setup(str(folder), weights_store=site.url), watched.observe, watched.lose)
        await watched.first(Loaded)
    steps = [item for item in watched.seen if not isinstance(item, Described)]
    told = [item for item in steps if isinstance(item, Progress)]
    assert isinstance(steps[-1], Loaded)
    assert told[0] == Progress(f"asking {site.url}/diffusion")
    assert told[-1] == Progress("downloading diffusion: 3.0 MB of 3.0 MB", 1.0)
    fractions = [item.fraction for item in told if item.fraction is not None]
    assert fractions == sorted(fractions)
    assert read_back(tmp_path / ".cache/reactor_registry/diffusion") == FILES


async def test_weights_that_are_nowhere_fail_the_load_and_name_the_places(
    port: PipedPort, folder: Path, tmp_path: Path
) -> None:
    watched = Watched()
    await port.start(Setup(str(folder)), watched.observe, watched.lose)
    failed = await watched.first(Failed)
    assert failed.where == "load"
    assert f"{folder}/weights/diffusion, {tmp_path}/.cache/reactor_registry/diffusion" in failed.error
    assert "REACTOR_WEIGHTS_STORE" in failed.error
