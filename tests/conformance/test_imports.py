"""Import paths and names that published models use."""

from __future__ import annotations

import importlib
import subprocess
import sys

import reactor_runtime
from tests.conformance.facts import fact, table

GENERATION_1 = "VideoModel model command get_ctx __version__"
GENERATION_1_TRACKS = "MediaBundle TrackDirection Track OutputTrack InputTrack VideoOut AudioOut VideoIn AudioIn"
GENERATION_2 = """
    ReactorConfig ClientInfo ReactorCore ReactorModel Event Connected Disconnected EVENT_REGISTRY ModelMessage
    MESSAGE_REGISTRY FieldInfo InputField InputFrame Output Input Video Audio OUTPUT_REGISTRY INPUT_REGISTRY
    OutputBuffer InputBuffer event connected disconnected get_profiler get_weights_path __version__
"""
INTERFACE = """
    ReactorModel ReactorPipeline InputState Idle UploadedFile FileUploaded file_uploaded MessageField PipelineExecutor
    StepResult BufferClosed ReadMode all_output_tracks all_input_tracks ClientInfo ReactorCore Event Connected
    Disconnected EVENT_REGISTRY ModelMessage MESSAGE_REGISTRY FieldInfo InputField InputFrame Output Input Video Audio
    OUTPUT_REGISTRY INPUT_REGISTRY OutputBuffer InputBuffer event connected disconnected get_profiler
"""


@table(
    "1.1",
    "1",
    "{}",
    "path, names",
    ("`reactor_runtime` has the names of 1.0: `" + GENERATION_1 + "`", "reactor_runtime", GENERATION_1),
    ("`reactor_runtime` has the tracks of 1.6: `" + GENERATION_1_TRACKS + "`", "reactor_runtime", GENERATION_1_TRACKS),
    ("`reactor_runtime.tracks` has the same tracks", "reactor_runtime.tracks", GENERATION_1_TRACKS),
)
def test_names_of_generation_1_can_be_imported(path: str, names: str) -> None:
    assert missing(path, names) == []


@table(
    "1.2",
    "2",
    "{}",
    "path, names",
    (
        "`reactor_runtime` has every name of its top level, `ReactorConfig` to `__version__`",
        "reactor_runtime",
        GENERATION_2,
    ),
    ("`reactor_runtime.interface` has every authoring name", "reactor_runtime.interface", INTERFACE),
    (
        "`reactor_runtime.profiling` has `BucketPreset`, `ChunkRangeProfiler`, `NoOpProfiler`",
        "reactor_runtime.profiling",
        "BucketPreset ChunkRangeProfiler NoOpProfiler",
    ),
    ("`reactor_runtime.utils.log` has `get_logger`", "reactor_runtime.utils.log", "get_logger"),
)
def test_names_of_generation_2_can_be_imported(path: str, names: str) -> None:
    assert missing(path, names) == []


@table(
    "11",
    "1, 2",
    "`{}` can be imported",
    "path, names",
    ("reactor_runtime.model_api.model", "reactor_runtime.model_api", "model VideoModel command get_ctx"),
    ("reactor_runtime.log.get_logger", "reactor_runtime.log", "get_logger"),
    ("reactor_runtime.interface.pipeline.idle._IdleType", "reactor_runtime.interface.pipeline.idle", "_IdleType"),
    ("reactor_runtime.schema", "reactor_runtime.schema", ""),
    ("reactor_runtime.serve", "reactor_runtime.serve", ""),
)
def test_paths_seen_in_published_models_can_be_imported(path: str, names: str) -> None:
    assert missing(path, names) == []


def missing(path: str, names: str) -> list[str]:
    module = importlib.import_module(path)
    return [name for name in names.split() if not hasattr(module, name)]


@fact("11", "1, 2", "`from reactor_runtime import *` brings every authoring name")
def test_a_star_import_brings_every_authoring_name() -> None:
    brought: dict[str, object] = {}
    exec("from reactor_runtime import *", brought)
    wanted = f"{GENERATION_1} {GENERATION_1_TRACKS} {GENERATION_2}".split()
    assert [name for name in wanted if name not in brought] == []


@fact("11", "2", "one name is one class, whichever path it is imported by")
def test_the_import_paths_lead_to_the_same_classes() -> None:
    interface = importlib.import_module("reactor_runtime.interface")
    pipeline = importlib.import_module("reactor_runtime.interface.pipeline")
    assert interface.ReactorPipeline is pipeline.ReactorPipeline is reactor_runtime.ReactorPipeline
    assert isinstance(interface.Idle, importlib.import_module("reactor_runtime.interface.pipeline.idle")._IdleType)


@fact("11", "1, 2", "importing the names warns of nothing and needs no torch, OpenCV or encoder")
def test_importing_warns_of_nothing_and_loads_nothing_heavy() -> None:
    code = "import sys, reactor_runtime.interface; print({'torch', 'cv2', 'av'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")


@fact(
    "1.2",
    "2",
    "`EVENT_REGISTRY`, `MESSAGE_REGISTRY`, `OUTPUT_REGISTRY` and `INPUT_REGISTRY` hold what models read from",
    better="they are views of what is declared; no contract is made from them",
)
def test_the_registries_show_what_is_declared() -> None:
    class Seen(reactor_runtime.ModelMessage): ...

    class Screen(reactor_runtime.Output):
        wall: reactor_runtime.Video

    class Eye(reactor_runtime.Input):
        lens: reactor_runtime.Video

    class Sim(reactor_runtime.ReactorModel):
        @reactor_runtime.event(name="blink")
        def blink(self) -> None: ...

    assert "blink" in reactor_runtime.EVENT_REGISTRY
    assert reactor_runtime.MESSAGE_REGISTRY["seen"] is Seen
    assert (reactor_runtime.OUTPUT_REGISTRY["Screen"], reactor_runtime.INPUT_REGISTRY["Eye"]) == (Screen, Eye)


@fact("1.2", "2", "`all_output_tracks()` and `all_input_tracks()` list the tracks of every declared class")
def test_all_tracks_are_listed() -> None:
    class Screen(reactor_runtime.Output):
        far_wall: reactor_runtime.Video

    class Eye(reactor_runtime.Input):
        left_lens: reactor_runtime.Video

    assert set(Screen._tracks) <= set(reactor_runtime.all_output_tracks())
    assert set(Eye.__tracks__.values()) <= set(reactor_runtime.all_input_tracks())
