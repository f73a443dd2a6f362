"""The command line says what is wrong in one line, and hands the rest on untouched."""

from __future__ import annotations

from pathlib import Path

import pytest

from reactor_runtime import cli
from reactor_runtime.config import Config
from reactor_runtime.errors import LoadError, OperatorError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Collect what would have been run."""
    configs: list[Config] = []

    def start(config: Config) -> int:
        configs.append(config)
        return 0

    monkeypatch.setattr(cli, "_start", start)
    monkeypatch.setattr(cli.log, "configure", lambda *_: None)
    return configs


def exit_status(*argv: str) -> object:
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    return caught.value.code


def test_flags_reach_the_configuration(started: list[Config], tmp_path: Path) -> None:
    assert exit_status(
        "run", "-p", str(tmp_path), "--host", "::1", "--port", "9", "--workers", "2", "--in-process", "-v",
        "--runtime", "headless", "--stun-server", "stun:a", "--stun-server", "stun:b", "--frames", "3",
    ) == 0  # fmt: skip
    [config] = started
    assert config.model.path == tmp_path
    assert (config.http.host, config.http.port) == ("::1", 9)
    assert (config.model.workers, config.model.in_process, config.verbose) == (2, True, True)
    assert config.webrtc.ice_servers == ("stun:a", "stun:b")
    assert (config.runtime, config.headless.frames) == ("headless", 3)


def test_model_values_may_be_negative_and_hold_spaces(started: list[Config], tmp_path: Path) -> None:
    argv = ("run", "--model.a.b", "-3", "-p", str(tmp_path), "--model.prompt", "a sunny meadow", "--model.x=--y")
    assert exit_status(*argv) == 0
    assert started[0].model.overrides == ("a.b=-3", "prompt=a sunny meadow", "x=--y")


@pytest.mark.parametrize("argv", [("--model.a",), ("--model.a", "--port", "1"), ("--model.a", "-v")])
def test_a_model_key_without_a_value_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(OperatorError, match=r"--model\.a needs a value"):
        cli.split_overrides(argv)


@pytest.mark.parametrize("argument", ["--model.=1", "--model.a..b=1", "--model.a.=1"])
def test_a_model_override_without_a_key_is_refused(argument: str) -> None:
    with pytest.raises(OperatorError, match="names no key"):
        cli.split_overrides([argument])


def test_an_unknown_flag_is_named_with_where_to_look(
    started: list[Config], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert exit_status("run", "-p", str(tmp_path), "--frobnicate", "60") == 2
    assert capsys.readouterr().err == (
        "Error: Unrecognized arguments: --frobnicate 60\nRun 'reactor run --help' to see available options.\n"
    )
    assert started == []


def test_bad_values_are_told_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert exit_status("run", "-p", str(tmp_path), "--port", "many", "--workers", "0") == 2
    assert capsys.readouterr().err == (
        "Error: --workers must be at least 1 (got '0'); --port must be a whole number (got 'many')\n"
    )


@pytest.mark.parametrize(("error", "status"), [(OperatorError("port 1 is in use"), 2), (LoadError("no model"), 1)])
def test_an_error_is_one_line_and_its_status_says_whether_the_command_or_the_model_is_wrong(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def start(_: Config) -> int:
        raise error

    monkeypatch.setattr(cli, "_start", start)
    monkeypatch.setattr(cli.log, "configure", lambda *_: None)
    assert exit_status("run", "-p", str(tmp_path)) == status
    assert capsys.readouterr().err == f"Error: {error}\n"


def test_a_model_value_means_nothing_to_another_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status("schema", "--model.fps=60") == 2
    assert capsys.readouterr().err == "Error: --model.fps=60 only means something with 'reactor run'\n"


def test_a_missing_folder_or_config_file_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert exit_status("run", "-p", str(tmp_path / "nowhere")) == 2
    assert "nowhere not found (from --path)" in capsys.readouterr().err
    assert exit_status("run", "-p", __file__) == 2
    assert "test_cli.py is a file; give its folder (from --path)" in capsys.readouterr().err
    assert exit_status("run", "-p", str(tmp_path), "-c", str(tmp_path / "no.yml")) == 2
    assert "no.yml not found (from --config)" in capsys.readouterr().err


def test_the_manifest_sets_the_server(started: list[Config], tmp_path: Path) -> None:
    (tmp_path / "reactor.yaml").write_text("runtime:\n  import: model:M\n  server:\n    port: 9000\n")
    assert exit_status("run", "-p", str(tmp_path)) == 0
    assert started[0].http.port == 9000


def test_a_manifest_that_is_not_yaml_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "reactor.yaml").write_text("runtime: [1, 2")
    assert exit_status("run", "-p", str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert "reactor.yaml is not YAML" in error
    assert error.count("\n") == 1


def test_the_version_is_the_built_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status("--version") == 0
    assert capsys.readouterr().out == "reactor 0.1.0\n"


@pytest.mark.parametrize("version", ["abc", "1.2", "1.2.3-rc1", "vv1.2.3", "1.2.3-gXYZ", "1.2.3\n", ""])
def test_a_version_that_is_no_release_tag_is_refused(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status("schema", "--version", version) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        f"Error: --version {version!r} is not a release tag: format 'X.Y.Z' or 'X.Y.Z-g<hex>', with an optional 'v' "
        "prefix, as in v1.2.3\n"
    )


def test_the_settings_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert written == cli.settings_page(), "run `reactor settings > docs/reference/settings.md`"


def test_a_new_model_is_written_under_its_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "models" / "sea-of-fog"
    assert exit_status("init", str(folder)) == 0
    assert f"reactor run -p {folder}" in capsys.readouterr().out
    assert "name: sea-of-fog" in (folder / "reactor.yaml").read_text()


def test_a_new_model_never_takes_the_place_of_something(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "model.py").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("kept", "file"):
        assert exit_status("init", str(tmp_path / name)) == 2
        assert capsys.readouterr().err == (
            f"Error: {tmp_path / name} exists and is not an empty folder; nothing was written\n"
        )
    assert [path.name for path in kept.iterdir()] == ["model.py"]
    assert (kept / "model.py").read_text() == (tmp_path / "file").read_text() == "mine"


def test_a_new_model_may_fill_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert exit_status("init", str(tmp_path / "empty")) == 0
    assert (tmp_path / "empty" / "model.py").is_file()


@pytest.mark.parametrize("name", ["My Model", "wave_1", "1-wave", "-wave-", ".", "..", "", "Wave"])
def test_a_name_that_no_model_may_have_is_refused(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_status("init", "--", name) == 2
    assert "lowercase letters, numbers and hyphens" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert exit_status("init", str(tmp_path / "file" / "wave")) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"Error: cannot write {tmp_path / 'file' / 'wave'}")


@pytest.mark.parametrize(
    "argv",
    [
        ("init",), ("init", "a", "--style", "opera"), ("frobnicate",), ("schema", "x"), ("schema", "--frobnicate"),
        ("capabilities", "-o", "x"), ("settings", "x"),
    ],
)  # fmt: skip
def test_a_command_line_that_makes_no_sense_ends_with_2(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_status(*argv) == 2
    assert capsys.readouterr().err


def test_the_page_of_commands_names_every_command() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    names = [command.name or command.callback.__name__ for command in cli.app.registered_commands if command.callback]
    names += [str(group.name) for group in cli.app.registered_groups]
    assert {"run", "schema", "init", "weights"} <= set(names)
    assert [name for name in names if f"`reactor {name}" not in page] == []
