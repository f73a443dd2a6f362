"""`reactor weights`: what a model's sets of weights are, where they lie, and moving them to and from a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from reactor_runtime.cli.documents import Folder, existing
from reactor_runtime.cli.verdict import refuse
from reactor_runtime.errors import LoadError, OperatorError
from reactor_runtime.weights import places
from reactor_runtime.weights.download import PART, Meter, size_text
from reactor_runtime.weights.places import Progress
from reactor_runtime.weights.record import RECORD, expected, files_below, problems, read_record

app = typer.Typer(help="List, pull, push and verify sets of weights.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Sets by name, or by URL.", metavar="[NAME]...")]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        "--bucket",
        "-b",
        help="URL of the store, or name of an S3 bucket [env REACTOR_WEIGHTS_STORE].",
        metavar="URL",
    ),
]


@app.command("list")
def show(path: Folder = Path(), store: StoreUrl = None) -> None:
    """Show the sets that the model declares and those that lie here, whole or not."""
    wanted = {places.local_name(name): name for name in _declared(path, store)}
    found = list(_sets())
    rows = [(name, state_of(place), _size(place), str(place)) for name, place in found]
    for local in wanted.keys() - {name for name, _ in found}:
        rows.append((local, "missing", "", places.source_of(wanted[local]) or "no store is set"))
    if not rows:
        print(f"no weights: none declared, none under {', '.join(str(root) for root in places.roots())}")
        return
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for name, state, size, where in sorted(rows):
        print(f"{name:<{widths[0]}}  {state:<{widths[1]}}  {size:>{widths[2]}}  {where}")


@app.command()
def pull(names: Names = None, path: Folder = Path(), store: StoreUrl = None) -> None:
    """Download sets that lie nowhere yet; without names, those that the model declares."""
    declared = _declared(path, store)
    wanted = names or declared
    if not wanted:
        raise OperatorError("the model declares no weights; name the sets to pull")
    for name in wanted:
        with _bar() as progress:
            places.report_to(progress)
            try:
                place = places.find(name)
            except (FileNotFoundError, ValueError) as error:
                raise OperatorError(str(error)) from None
        if state_of(place) == "incomplete":
            raise OperatorError(f"{name}: files of {place} are missing or of another size; delete it and pull again")
        print(f"{name}: {place}")


@app.command()
def push(
    name: Annotated[str, typer.Argument(help="A set by name, or its folder.")],
    path: Folder = Path(),
    store: StoreUrl = None,
    name_there: Annotated[str | None, typer.Option("--as", help="Name in the store.", metavar="NAME")] = None,
) -> None:
    """Upload a set and its checksums."""
    _declared(path, store)
    given = Path(name)
    folder = given if given.is_dir() else _lying(name)
    target = name_there or (given.resolve().name if given.is_dir() else name)
    try:
        places.local_name(target)
    except ValueError as error:
        raise OperatorError(str(error)) from None
    url = places.source_of(target)
    if url is None:
        raise OperatorError("no store to push to: give --store, or set REACTOR_WEIGHTS_STORE")
    from reactor_runtime.weights.upload import push

    with _bar() as progress:
        count = push(folder, url, progress)
    print(f"{name}: {count} files pushed to {url}")


@app.command()
def verify(names: Names = None, path: Folder = Path()) -> None:
    """Read sets whole and compare them with their checksums; without names, every set that has some."""
    _declared(path, None)
    chosen = [(name, _lying(name)) for name in names or ()] or [
        (name, place) for name, place in _sets() if place.suffix != PART and expected(place)
    ]
    if not chosen:
        print("no weights with checksums: nothing to verify")
    damaged = False
    for name, place in chosen:
        with _bar() as progress:
            meter = Meter(f"checking {name}", progress)
            meter.total = sum(file.stat().st_size for file in files_below(place).values())
            wrong = problems(place, meter.add)
        for line in wrong:
            refuse(f"{name}: {line}")
        damaged |= bool(wrong)
        if not wrong:
            print(f"{name}: whole ({place})")
    if damaged:
        raise typer.Exit(1)


def state_of(place: Path) -> str:
    """Return `complete`, `incomplete`, `partial` (a download broke off) or `unchecked` (there is no record of it)."""
    if place.suffix == PART:
        return "partial"
    record = read_record(place)
    if record is None:
        return "unchecked"
    here = files_below(place)
    whole = all(path in here and here[path].stat().st_size == file.size for path, file in record.files.items())
    return "complete" if whole else "incomplete"


def _size(place: Path) -> str:
    return size_text(sum(file.stat().st_size for file in files_below(place).values()))


def _declared(path: Path, store: str | None) -> tuple[str, ...]:
    """Make the model's folder and store those that places are looked for by; return the sets that it declares."""
    from reactor_runtime import loader
    from reactor_runtime.authoring.video_model import declaration_of

    folder = existing(path).resolve()
    try:
        cls = loader.find(folder, weights_store=store).cls
    except LoadError as error:
        if (folder / loader.MANIFEST).exists() or error.__cause__ is not None:
            raise
        return ()  # weights may be handled where no model is
    declaration = declaration_of(cls)
    return declaration.weights if declaration else ()


def _sets() -> Iterator[tuple[str, Path]]:
    """Yield name and folder of what lies under the roots: downloaded, on its way, or put there by hand."""
    for root in places.roots():
        known = {record.parent for record in root.rglob(RECORD)} if root.is_dir() else set()
        by_hand = {
            folder
            for folder in (root.iterdir() if root.is_dir() else ())
            if folder.is_dir() and folder not in known and not any(folder in place.parents for place in known)
        }
        for place in sorted(known | by_hand):
            yield place.relative_to(root).as_posix().removesuffix(PART), place


def _lying(name: str) -> Path:
    try:
        place = places.lying(name)
    except ValueError as error:
        raise OperatorError(str(error)) from None
    if place is None:
        raise OperatorError(f"no weights {name!r} under {', '.join(str(root) for root in places.roots())}")
    return place


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show progress as one bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(text: str, fraction: float | None) -> None:
            bar.update(task, description=text, total=None if fraction is None else 1.0, completed=fraction or 0.0)

        yield show
