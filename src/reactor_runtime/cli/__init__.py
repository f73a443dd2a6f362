"""The command line: its commands, the flags of `run` made from the settings table, and errors as one clear line."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from reactor_runtime import log
from reactor_runtime.cli import doctor, documents, scaffold, send, watch, weights
from reactor_runtime.cli.verdict import refuse, tell
from reactor_runtime.config import SETTINGS, Config, Setting, environment, load
from reactor_runtime.errors import AuthorError, OperatorError
from reactor_runtime.version import __version__

OVERRIDE = "--model."

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done or stopped on request, 1 the model failed, 2 something to set right."""
    try:
        rest, overrides = split_overrides(sys.argv[1:] if argv is None else argv)
        if overrides and rest[:1] != ["run"]:
            raise OperatorError(f"{OVERRIDE}{overrides[0]} only means something with 'reactor run'")
        app(args=rest, obj=overrides, prog_name="reactor")
    except (OperatorError, AuthorError) as error:
        sys.exit(tell(error))
    except KeyboardInterrupt:
        sys.exit(0)
    raise AssertionError("typer exits by itself")


def split_overrides(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments without `--model.a.b=value` and `--model.a.b value`, and those as `a.b=value`.

    Taken out before anything else parses, so that a value may be negative or hold spaces.

    Raises:
        OperatorError: A key has no value.
    """
    rest: list[str] = []
    overrides: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if not argument.startswith(OVERRIDE):
            rest.append(argument)
            continue
        key, given, value = argument.removeprefix(OVERRIDE).partition("=")
        if not given:
            value = next(arguments, OVERRIDE)
            if value.startswith("-") and not value[1:2].isdigit() and value[1:2] != "." and value != "-":
                raise OperatorError(f"{argument} needs a value: {argument}=VALUE")
        if not all(key.split(".")):
            raise OperatorError(f"{argument} names no key: write --model.KEY=VALUE")
        overrides.append(f"{key}={value}")
    return rest, overrides


def _version(asked: bool) -> None:
    if asked:
        print(f"reactor {__version__}")
        raise typer.Exit


@app.callback()
def reactor(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Turn a Python class into a live, interactive video model."""


def run(context: typer.Context, **flags: object) -> None:
    """Run the model in a folder: serve it over HTTP and WebRTC, or run it without a network.

    Values of the model's own configuration are set with --model.KEY=VALUE or --model.KEY VALUE.
    """
    if context.args:
        hint = "Run 'reactor run --help' to see available options."
        raise typer.Exit(refuse(f"Unrecognized arguments: {' '.join(context.args)}\n{hint}"))
    folder = documents.existing(Path(str(flags["path"] or ".")))
    config = load({**flags, "overrides": context.obj or None}, environment(), _manifest(folder / "reactor.yaml"))
    if config.model.config_path and not config.model.config_path.is_file():
        raise OperatorError(f"config file {config.model.config_path} not found (from --config)")
    if config.runtime == "http" and (
        unused := [row.flags[0] for row in SETTINGS if row.section == "headless" and flags.get(row.name) is not None]
    ):
        raise OperatorError(f"{', '.join(unused)} only means something with --runtime headless")
    log.configure(config.log.level, config.log.format)
    raise typer.Exit(_start(config))


def _start(config: Config) -> int:
    # Imported late: neither runtime costs the other its start, nor `--help` and `--version` theirs.
    if config.runtime == "headless":
        from reactor_runtime import headless

        return headless.run(config)
    from reactor_runtime import serve

    return serve.run(config)


def _manifest(path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    import yaml  # 30 ms that a model without a manifest need not pay

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    return content if isinstance(content, Mapping) else None


def _default(row: Setting) -> str:
    if row.default in (None, (), False):
        return ""
    value = f"{row.default:g}" if isinstance(row.default, float) else str(row.default)
    return f"{value} {row.unit}".strip()


def _help(row: Setting) -> str:
    facts = (
        f"one of {', '.join(row.choices)}" if row.choices else "",
        f"default {_default(row)}" if _default(row) else "",
        f"env {row.env}" if row.env else "",
    )
    told = ", ".join(fact for fact in facts if fact)
    return f"{row.doc} [{told}]" if told else row.doc


def _parameter(row: Setting) -> inspect.Parameter:
    kind: Any = bool | None if row.type is bool else list[str] | None if row.repeatable else str | None
    option = typer.Option(
        *row.flags, help=_help(row), show_default=False, metavar=None if row.type is bool else "VALUE"
    )
    return inspect.Parameter(row.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _register_run() -> None:
    """Give `run` one option per setting; text in, so that `config.load` reports all bad values together."""
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    options = [_parameter(row) for row in SETTINGS if row.flags and row.name != "overrides"]
    run.__signature__ = inspect.Signature([context, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (context, *options)}
    app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(run)


_register_run()
app.command()(documents.schema)
app.command()(documents.capabilities)
app.command()(scaffold.init)
app.command()(watch.watch)
app.command()(send.send)
app.command()(doctor.doctor)
app.add_typer(weights.app, name="weights")


@app.command()
def settings() -> None:
    """Print every setting with its flag, key in reactor.yaml, environment name and default, as Markdown."""
    print(settings_page(), end="")


def settings_page() -> str:
    """Return `docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Written by `reactor settings`; do not edit.",
        "",
        "A flag wins over the environment, the environment over `reactor.yaml`, `reactor.yaml` over the default. In",
        "`reactor.yaml` the keys stand under `runtime.server`. A flag for a list may be given several times. All bad",
        "values are reported together. `REACTOR_WEIGHTS_PATH` names the folder under which models find their weights.",
        "",
        "| flag | reactor.yaml | environment | default | what |",
        "|---|---|---|---|---|",
    ]
    for row in SETTINGS:
        cells = (
            ", ".join(f"`{flag}`" for flag in row.flags),
            f"`{row.name}`" if row.in_yaml else "",
            f"`{row.env}`" if row.env else "",
            _default(row),
            f"{row.doc} ({', '.join(row.choices)})" if row.choices else row.doc,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
