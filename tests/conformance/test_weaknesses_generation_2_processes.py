"""What generation 2 got wrong that only a whole process shows, and what happens here instead."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import psutil

from tests.conformance.facts import fact
from tests.conformance.staging import folder, loaded
from tests.loopback.steering import steering
from tests.running import REACTOR, eventually, serving

PAINTER = """
    import numpy as np

    from reactor_runtime.interface import InputState, Output, ReactorPipeline, Video, event

    class Out(Output):
        main_video: Video

    class State(InputState):
        trouble: bool = False

    print("imported")

    class Painter(ReactorPipeline):
        state: State
        fps = 30

        def inference(self):
            while True:
                if self.state.trouble:
                    raise ValueError("the model is broken")
                yield Out(main_video=np.zeros((180, 320, 3), np.uint8))
"""


@fact(
    "10.2",
    "2",
    "5. an exception in run() or inference() ends the process, and no client is told",
    better="clients stay connected and are told; the model is started again",
)
async def test_a_crash_leaves_server_and_clients_standing(tmp_path: Path) -> None:
    root = folder(tmp_path, model_py=PAINTER, reactor_yaml="runtime: {import: 'model:Painter'}")
    with serving(root) as server:
        server.wait_ready()
        before = server.worker.pid
        async with steering(server.url) as client:
            client.command("set_trouble", {"trouble": True}, request_id="1")
            assert "ValueError" in (await client.fact("error"))["message"]
            client.command("set_nothing", {}, request_id="2")
            assert (await client.refused("2"))["id"] == "2"

        def restarted() -> bool:
            workers = [process.pid for process in psutil.Process(server.process.pid).children()]
            return workers not in ([], [before]) and server.health()["status"] == "ready"

        await asyncio.to_thread(eventually, restarted)


@fact(
    "10.2",
    "2",
    "14. `schema` on stdout is not valid JSON",
    better="stdout is the document alone, whatever the model prints",
)
def test_the_schema_on_stdout_is_json(tmp_path: Path) -> None:
    folder(tmp_path, model_py=PAINTER, reactor_yaml="runtime: {import: 'model:Painter'}")
    done = subprocess.run([REACTOR, "schema"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout)["openapi"] == "3.1.0"
    assert "imported" in done.stderr


@fact(
    "10.2",
    "2",
    "15. registries are process-global: two models mix their tracks and messages",
    better="each has what it can see",
)
def test_two_models_of_one_process_do_not_mix(project: Path) -> None:
    for name in ("one", "two"):
        (project / name).mkdir()
        source = PAINTER.replace("main_video", f"{name}_video")
        folder(project / name, model_py=source, reactor_yaml="runtime: {import: 'model:Painter'}")
    contracts = [loaded(project / name).contract for name in ("one", "two")]
    assert [[track.name for track in contract.tracks] for contract in contracts] == [["one_video"], ["two_video"]]


@fact(
    "10.2",
    "2",
    "17. needs GStreamer, has no headless mode and no local command line",
    better="`pip install` is all, and `reactor run --runtime headless` runs any model",
)
def test_a_pipeline_runs_without_a_network(tmp_path: Path) -> None:
    folder(tmp_path, model_py=PAINTER, reactor_yaml="runtime: {import: 'model:Painter'}")
    argv = [REACTOR, "run", "--runtime", "headless", "--frames", "3", "-o", "out"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, input="")
    assert (done.returncode, len(list((tmp_path / "out").glob("*.png")))) == (0, 3)
