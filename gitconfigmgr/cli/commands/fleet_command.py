"""`gitconfigmgr fleet`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.sync.fleet import Report

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(
    "fleet",
    epilog="""\b
Examples:
  gitconfigmgr fleet status --endpoint https://config.example.com/acme --token-file fleet.token
  gitconfigmgr fleet status --environment production --current
  gitconfigmgr fleet status --json""",
)
def command() -> None:
    """See what the agents of an endpoint run."""


@command.command("status")
@click.option(
    "--endpoint", "address", required=True, envvar="GITCONFIGMGR_ENDPOINT", metavar="URL",
    help="The address of the tenant; or GITCONFIGMGR_ENDPOINT.",
)  # fmt: skip
@click.option(
    "--token-file", type=FILE, required=True, envvar="GITCONFIGMGR_TOKEN_FILE", metavar="FILE",
    help="A token with the ability fleet; or GITCONFIGMGR_TOKEN_FILE.",
)  # fmt: skip
@click.option("--ca", type=FILE, metavar="FILE", help="Certificate authorities, where they are not the system's.")
@click.option("-e", "--environment", metavar="ENV", help="Only its agents.")
@click.option("--current", is_flag=True, help="Exit status 1 also while an agent is behind what is published.")
@click.option(
    "--quiet-after", type=click.FloatRange(min=0, min_open=True), default=900, show_default=True, metavar="SECONDS",
    help="When an agent that says nothing counts as lost.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def status(
    address: str, token_file: Path, ca: Path | None, environment: str | None, quiet_after: float,
    *, current: bool, as_json: bool,
) -> int:  # fmt: skip
    """List which agent runs what, since when, and why it does not follow.

    Exit status 1 unless there are agents, and all are ready or pinned and were heard lately.
    """
    import json

    from gitconfigmgr.errors import OutsideError
    from gitconfigmgr.sync.fleet import from_data
    from gitconfigmgr.wiring.endpoints import open_remote

    given = open_remote(address, token_file, ca).get("v1/fleet", {"environment": environment} if environment else None)
    try:
        released = int(given["release"])
        found = [(from_data(item), float(item["silence"])) for item in given["agents"]]
    except (KeyError, TypeError, ValueError) as error:
        raise OutsideError(f"the endpoint answers something else: {error}", "is it of this version?") from None
    rows = [_row(report, silence, released, quiet_after) for report, silence in found]
    if as_json:
        agents = [item | _judged(row) for item, row in zip(given["agents"], rows, strict=True)]
        click.echo(json.dumps({**given, "agents": agents}, indent=2))
    else:
        _print(rows, released)
    good = all(row["well"] and not (current and row["behind"]) for row in rows)
    return 0 if rows and good else 1


def _row(report: Report, silence: float, released: int, quiet_after: float) -> dict[str, Any]:
    from gitconfigmgr.sync.fleet import duration

    now = report.seen + silence
    return {
        "cells": (
            report.instance, report.environment, report.state, str(report.release), report.version,
            duration(now - report.since), f"{duration(silence)} ago",
            "yes" if report.quiet(now, quiet_after) or report.state in ("stale", "expired") else "",
            report.reason or _remark(report),
        ),
        "quiet": report.quiet(now, quiet_after),
        "well": report.well(now, quiet_after),
        "behind": report.release < released,
    }  # fmt: skip


def _remark(report: Report) -> str:
    if report.waiting:
        return "held back"
    own = sum(map(len, report.overrides.values()))
    return f"changed here: {own} key{'s' if own > 1 else ''}" if own else ""


def _judged(row: dict[str, Any]) -> dict[str, bool]:
    return {name: row[name] for name in ("quiet", "well", "behind")}


def _print(rows: Sequence[dict[str, Any]], released: int) -> None:
    if not rows:
        click.echo("no agent has told of itself")
        return
    head = ("INSTANCE", "ENVIRONMENT", "STATE", "RELEASE", "VERSION", "SINCE", "SEEN", "STALE", "REASON")
    lines = [head, *(row["cells"] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        bad = number > 0 and not rows[number - 1]["well"]
        click.echo(click.style(text, fg="red") if bad else click.style(text, bold=True) if number == 0 else text)
    well, behind = sum(row["well"] for row in rows), sum(row["behind"] for row in rows)
    click.echo(f"{well} of {len(rows)} follow, {behind} behind release {released}")
