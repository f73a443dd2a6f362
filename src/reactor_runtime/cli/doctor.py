"""`reactor doctor`: what works between here and a server, or on this machine, and why the rest does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

PATIENCE = 15.0
"""Seconds that one examination may take."""


class Verdict(StrEnum):
    """What was found of one thing."""

    WORKS = "ok"
    FAILS = "no"
    ABSENT = "--"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `is_vital`: without any that works, nothing does."""

    name: str
    verdict: Verdict
    told: str
    is_vital: bool = False

    def __str__(self) -> str:
        return f"{self.verdict:<3} {self.name:<22} {self.told}"


class Absent(Exception):
    """There is nothing to examine; the text says why."""


async def examined(name: str, work: Callable[[], Awaitable[str]], *, is_vital: bool = False) -> Finding:
    """Return what an examination tells, or why it failed."""
    try:
        async with asyncio.timeout(PATIENCE):
            return Finding(name, Verdict.WORKS, await work(), is_vital)
    except Absent as absent:
        return Finding(name, Verdict.ABSENT, str(absent))
    except TimeoutError:
        return Finding(name, Verdict.FAILS, f"nothing came of it within {PATIENCE:g} s", is_vital)
    except Exception as failed:  # noqa: BLE001 - whatever goes wrong is what the doctor is asked for
        return Finding(name, Verdict.FAILS, str(failed) or type(failed).__name__, is_vital)


def doctor(
    url: Annotated[
        str | None, typer.Argument(help="Address of a server; without it, this machine is looked at.", metavar="URL")
    ] = None,
) -> None:
    """Tell what works between here and a server, or on this machine, and why the rest does not."""
    raise typer.Exit(asyncio.run(_examine(url)))


async def _examine(url: str | None) -> int:
    from reactor_runtime.cli.machine import machine
    from reactor_runtime.cli.ways import DEFAULT_URL, ways

    findings = []
    if url is None:
        async for finding in machine():
            print(finding, flush=True)
            findings.append(finding)
        print(f"\nThe server at {DEFAULT_URL}:")
    # A machine may be well and nothing run on it yet.
    async for finding in ways(url or DEFAULT_URL):
        print(finding, flush=True)
        if url is not None:
            findings.append(finding)
    vital = [finding.verdict is Verdict.WORKS for finding in findings if finding.is_vital]
    return 0 if (any(vital) if url is not None else all(vital)) else 1
