"""Wrong input of every kind gets one clear line and a non-zero exit, or an error answer; nothing is lost."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from tests.models import HEAD, PAINTER, write_model
from tests.running import REACTOR, serving

VIDEO_MODEL = dedent("""
    import numpy as np
    from reactor_runtime import VideoModel, model, get_ctx


    @model(name="{name}"{extra})
    class {cls}(VideoModel):
        def start_session(self):
            get_ctx().emit_block(np.zeros((64, 64, 3), np.uint8))
""")


def run(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REACTOR, "run", "-p", str(folder), *flags],
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )


def refused(done: subprocess.CompletedProcess[str], line: str) -> None:
    assert done.returncode != 0, done.stdout + done.stderr
    errors = [text for text in done.stderr.splitlines() if text.startswith("Error: ")]
    assert len(errors) == 1, done.stderr
    assert line in errors[0]


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    refused(run(tmp_path, "--port", "0"), "No @model decorated class found in project.")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    refused(run(tmp_path / "nowhere", "--port", "0"), "nowhere")


def test_two_models_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(VIDEO_MODEL.format(name="model-a", cls="A", extra=""))
    (tmp_path / "b.py").write_text(VIDEO_MODEL.format(name="model-b", cls="B", extra=""))
    refused(run(tmp_path, "--port", "0"), "Multiple models found: ['model-a', 'model-b']")


def test_an_import_error_before_the_class_shows_its_real_cause(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("import no_such_package\n" + VIDEO_MODEL.format(name="m", cls="M", extra=""))
    done = run(tmp_path, "--port", "0")
    refused(done, "No @model decorated class found in project.")
    cause, verdict = done.stderr.find("No module named 'no_such_package'"), done.stderr.find("Error: No @model")
    assert 0 <= cause < verdict, done.stderr


def test_a_bad_model_name(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(VIDEO_MODEL.format(name="My Model!", cls="M", extra=""))
    done = run(tmp_path, "--port", "0")
    assert done.returncode != 0
    assert "My Model!" in done.stderr
    assert "lowercase letters" in done.stderr


@pytest.mark.parametrize(("text", "said"), [(None, "missing.yaml"), ("a: [1, 2", "missing.yaml")])
def test_a_config_file_that_is_missing_or_not_yaml(text: str | None, said: str, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(VIDEO_MODEL.format(name="m", cls="M", extra=', config="missing.yaml"'))
    if text is not None:
        (tmp_path / "missing.yaml").write_text(text)
    refused(run(tmp_path, "--port", "0"), said)
    refused(run(tmp_path, "--port", "0", "-c", str(tmp_path / "missing.yaml")), said)


def test_an_unknown_flag(tmp_path: Path) -> None:
    done = run(tmp_path, "--frobnicate")
    refused(done, "Unrecognized arguments: --frobnicate")


def test_a_headless_flag_without_the_headless_runtime(tmp_path: Path) -> None:
    refused(
        run(write_model(tmp_path, PAINTER), "--frames", "3"), "--frames only means something with --runtime headless"
    )


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(run(write_model(tmp_path, PAINTER), "--port", str(port)), f"port {port} on 127.0.0.1 is in use")


def emitting(folder: Path, frame: str) -> subprocess.CompletedProcess[str]:
    source = dedent(f"""
        class Wrong(ReactorModel):
            async def run(self):
                await self.connected.wait()
                await self.emit(Out(main_video={frame}))
                await asyncio.sleep(3600)
    """)
    return run(write_model(folder, source, name="Wrong", head=HEAD), "--runtime", "headless", "--frames", "2")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("np.zeros((10, 20, 30, 40, 3), np.uint8)", "(10, 20, 30, 40, 3)"),
        ("np.zeros((64, 64, 5), np.uint8)", "(64, 64, 5)"),
        ("np.zeros((64, 64, 3), np.int64)", "int64"),
        ("np.full((64, 64, 3), 200.0)", "float 0..1"),
        ("None", "None"),
        ("'a picture'", "str"),
    ],
)
def test_a_frame_that_is_no_picture_names_track_and_fault(frame: str, said: str, tmp_path: Path) -> None:
    done = emitting(tmp_path, frame)
    assert done.returncode == 1, done.stdout + done.stderr
    message = next(line for line in (done.stdout + done.stderr).splitlines() if "OutputError" in line)
    assert "main_video" in message
    assert said in message


@pytest.mark.parametrize(
    "frame",
    [
        "None",
        "np.random.rand(64, 64, 3).astype(np.float32)",
        "np.zeros((64, 64), np.uint8)",
        "np.zeros((64, 64, 4), np.uint8)",
        "__import__('PIL.Image').Image.new('RGB', (64, 64))",
        "np.zeros((2, 64, 64, 3), np.uint8)",
    ],
)
def test_generation_1_takes_what_is_a_picture(frame: str, tmp_path: Path) -> None:
    source = VIDEO_MODEL.format(name="m", cls="M", extra="").replace("np.zeros((64, 64, 3), np.uint8)", frame)
    (tmp_path / "m.py").write_text(source)
    done = run(tmp_path, "--runtime", "headless", "--frames", "1", "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "out").rglob("*.png"))


def test_http_answers_bad_requests_and_serves_on(tmp_path: Path) -> None:
    with serving(write_model(tmp_path, PAINTER)) as server:
        server.wait_ready()
        with httpx.Client(base_url=server.url, timeout=10) as http:
            not_json = http.post("/start_session", content=b"{nonsense", headers={"content-type": "application/json"})
            assert not_json.status_code == 400
            assert "JSON" in not_json.json()["detail"]
            assert http.post("/start_session", json=[1, 2]).status_code == 422

            base = "/sessions/local/transport/webrtc"
            early = http.post(f"{base}/sdp_params", json={"sdp_offer": "v=0", "track_mapping": []})
            assert early.status_code == 400
            assert early.json()["detail"] == "No session running"

            assert http.post("/start_session", json={}).status_code == 200
            connection = http.post(f"{base}/connections").json()["connection_id"]
            mapping = [{"mid": "0", "name": "main_video", "kind": "video", "direction": "recvonly"}]
            offer = {"sdp_offer": "this is no SDP", "track_mapping": mapping}
            path = f"{base}/connections/{connection}/sdp_params"
            posted = http.post(path, json=offer)
            answers = [posted, *(http.get(path) for _ in range(20))]
            assert any(a.status_code in (400, 422) and "SDP" in a.json()["detail"].upper() for a in answers), answers
            assert http.post("/sessions/other/transport/webrtc/connections").status_code == 404
            assert http.get(f"{base}/connections/4321/sdp_params").status_code == 404
            assert http.post("/start_session", content=b"x" * 3_000_000).status_code == 413
            assert http.get("/health").json()["status"] == "ready"
