"""The command line that people and scripts of generations 1 and 2 know."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reactor_runtime.cli import split_overrides
from reactor_runtime.config import SETTINGS, load
from tests.conformance.facts import fact, table
from tests.conformance.staging import folder
from tests.running import REACTOR

ECHO = """
    import numpy as np

    from reactor_runtime import VideoModel, command, get_ctx, model

    @model(name="echo")
    class Echo(VideoModel):
        def __init__(self, config):
            self.level = config.get("level", 0)

        @command("set_level")
        def set_level(self, level: int):
            self.level = level
            return {"level": level}

        def start_session(self):
            get_ctx().send({"began": True})
            while not get_ctx().should_stop():
                get_ctx().emit_block(np.full((16, 16, 3), self.level, np.uint8))
"""


def reactor(*argv: str, cwd: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([REACTOR, *argv], cwd=cwd, input=typed, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a headless run prints that is steered by hand, as 1.x and 2.x were."""
    root = folder(tmp_path_factory.mktemp("echo"), model_py=ECHO)
    lines = (
        "cmd set_level {}",
        "start",
        'cmd set_level {"level": 7}',
        "cmd set_level {nonsense",
        "cmd",
        "cmd requestCapabilities {}",
        "stop",
        "quit",
    )
    done = reactor("run", "--runtime", "headless", "--output-root", "out", cwd=root, typed="\n".join(lines) + "\n")
    return done.stdout + done.stderr


@table(
    "8.2",
    "1, 2",
    "headless prints {}",
    "said",
    ("`[WARN] Cannot send command in state READY.` before `start`", "[WARN] Cannot send command in state READY."),
    ("`[INFO] Output directory: ...`", "[INFO] Output directory: "),
    ("`[INFO] Session started`", "[INFO] Session started"),
    ("`[OK] Command 'x' dispatched`", "[OK] Command 'set_level' dispatched"),
    ("`[MESSAGE]` and what the model sent", '[MESSAGE] {"began": true}'),
    ("`[ERROR] Invalid JSON: ...`", "[ERROR] Invalid JSON: "),
    ("`[ERROR] Usage: cmd <command_name> [json_args]`", "[ERROR] Usage: cmd <command_name> [json_args]"),
    ("`[RESULT]` and the capabilities for `cmd requestCapabilities {}`", "[RESULT] "),
    ("`[INFO] Session stopped. Total frames: N ...`", "[INFO] Session stopped. Total frames: "),
)
def test_the_headless_prompt_speaks_as_published(typed: str, said: str) -> None:
    assert said in typed


@table(
    "8.2",
    "1, 2",
    "`run {}` is taken",
    "flags, where, value",
    ("-p/--path", {"path": "x"}, "model.path", Path("x")),
    ("--orphan-timeout", {"orphan_timeout": "7"}, "session.orphan_timeout", 7.0),
    ("--host", {"host": "0.0.0.0"}, "http.host", "0.0.0.0"),
    ("--port", {"port": "9000"}, "http.port", 9000),
    ("--runtime headless", {"runtime": "headless"}, "runtime", "headless"),
    ("-v", {"verbose": True}, "verbose", True),
)
def test_a_published_flag_is_taken(flags: dict[str, Any], where: str, value: Any) -> None:
    found: Any = load(flags, {}, None)
    for name in where.split("."):
        found = getattr(found, name)
    assert found == value


@fact("3.1", "1, 2", "a session outlives its last client by 30 s")
def test_an_orphaned_session_waits_30_seconds() -> None:
    assert load({}, {}, None).session.orphan_timeout == 30


@fact("3.1", "2", "a client is gone after 20 s of silence")
def test_a_silent_client_is_gone_after_20_seconds() -> None:
    assert load({}, {}, None).session.ping_timeout == 20


@fact(
    "8.2",
    "1",
    "`--runtime` is headless by default",
    better="http: a person who types `reactor run` wants to see the page",
)
def test_run_serves_by_default() -> None:
    assert load({}, {}, None).runtime == "http"


@fact("2.1", "1", '`--model.fps 60` is "Unrecognized arguments", only `=` works', better="both work")
def test_a_model_value_may_stand_beside_its_key() -> None:
    assert split_overrides(["run", "--model.fps", "60", "--model.a.b=x"]) == (["run"], ["fps=60", "a.b=x"])


@fact("2.1", "1", "another unknown argument: \"Error: Unrecognized arguments: 60\\nRun 'reactor run --help' ...\"")
def test_an_unknown_argument_is_told(tmp_path: Path) -> None:
    done = reactor("run", "60", cwd=folder(tmp_path, model_py=ECHO))
    expected = "Error: Unrecognized arguments: 60\nRun 'reactor run --help' to see available options.\n"
    assert (done.returncode, done.stderr) == (2, expected)


@fact("8.2", "1", "`reactor capabilities -p DIR` prints the capabilities as JSON")
def test_capabilities_are_printed(tmp_path: Path) -> None:
    folder(tmp_path, model_py=ECHO)
    printed = json.loads(reactor("capabilities", "-p", ".", cwd=tmp_path).stdout)
    assert (printed["protocol_version"], printed["commands"][0]["name"]) == ("1.0", "set_level")


@fact("8.3", "2", "`schema -p DIR -v VERSION -o FILE` writes the OpenAPI document")
def test_the_schema_is_written_to_a_file(tmp_path: Path) -> None:
    folder(tmp_path, model_py=ECHO)
    done = reactor("schema", "-p", ".", "-v", "1.2.3", "-o", "schema.json", cwd=tmp_path)
    assert (done.returncode, json.loads((tmp_path / "schema.json").read_text())["info"]["version"]) == (0, "v1.2.3")


@fact(
    "8.3",
    "2",
    "a version that is none: \"--version 'abc' is not a release tag: format 'X.Y.Z' or 'X.Y.Z-g<hex>', ...\"",
)
def test_a_version_that_is_none_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, model_py=ECHO)
    done = reactor("schema", "-v", "abc", cwd=tmp_path)
    assert "'abc' is not a release tag: format 'X.Y.Z' or 'X.Y.Z-g<hex>', with an optional 'v' prefix" in done.stderr
    assert done.returncode != 0


@fact("8.2", "1", "`--webrtc-port-range min:max` keeps media to these ports")
def test_a_published_port_range_is_read() -> None:
    setting = next(row for row in SETTINGS if "--webrtc-port-range" in row.flags)
    found = load({setting.name: "50000:50100"}, {}, None).webrtc.udp_ports
    assert found is not None
    assert (found.low, found.high) == (50000, 50100)


@fact("8.3", "2", "`python -m reactor_runtime.serve {run,schema}` are the same commands (2.6)")
def test_the_module_is_the_command_line(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "reactor_runtime.serve", "schema"]
    folder(tmp_path, model_py=ECHO)
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout)["info"]["title"] == "echo"


@table(
    "8.3",
    "1, 2",
    "the environment says {}",
    "variable, value, where, expected",
    ("STUN_SERVERS", "STUN_SERVERS", "stun:a:1", "webrtc.ice_servers", ("stun:a:1",)),
    ("ICE_TRANSPORT_POLICY", "ICE_TRANSPORT_POLICY", "relay", "webrtc.ice_transport_policy", "relay"),
    ("WEBRTC_CLIENT_PING_TIMEOUT_SECONDS", "WEBRTC_CLIENT_PING_TIMEOUT_SECONDS", "9", "session.ping_timeout", 9.0),
    ("SIGTERM_GRACE_PERIOD", "SIGTERM_GRACE_PERIOD", "3", "session.stop_grace", 3.0),
)
def test_a_published_variable_is_read(variable: str, value: str, where: str, expected: Any) -> None:
    found: Any = load({}, {variable: value}, None)
    for name in where.split("."):
        found = getattr(found, name)
    assert found == expected
