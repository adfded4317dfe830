"""`gitconfigmgr secret status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session

if TYPE_CHECKING:
    from gitconfigmgr.secrets.recipients import Status


@click.command(
    "status",
    epilog="""\b
Examples:
  gitconfigmgr secret status
  gitconfigmgr secret status configs/acme/chat/production.yaml --format json

Ends with status 1 where something is amiss.""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@options.output_format("text", "json")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], format_: str) -> None:
    """Tell of every encrypted file whether it is in order: values, recipients and code, against its rule.

    Also tells of files that a rule names by their path, and that are not encrypted. No key is needed.
    """
    from gitconfigmgr.app.secrets.overview import as_json, statuses

    here = session.Session(ctx)
    if files:
        bench, paths = here.files(files)
        found = statuses(bench, paths)
    else:
        found = statuses(here.bench()[0])
    amiss = sum(1 for item in found if not item.in_order)
    if format_ == "json":
        options.print_json({"files": [as_json(item) for item in found],
                            "summary": {"files": len(found), "in_order": len(found) - amiss}})  # fmt: skip
    else:
        for item in found:
            _show(item)
        click.echo(f"{len(found)} {'file' if len(found) == 1 else 'files'}, {amiss or 'nothing'} amiss")
    options.finish(1 if amiss else 0)


def _show(item: Status) -> None:
    from gitconfigmgr.app.secrets.overview import flaws
    from gitconfigmgr.model.names import many

    if item.encrypted and not item.problem:
        counts = f"{many(len(item.secrets), 'secret')}, {many(len(item.recipients), 'recipient')}"
        text = f"{counts}, changed {item.lastmodified}"
    else:
        text = "" if item.encrypted else "not encrypted"
    mark = click.style("ok", fg="green") if item.in_order else click.style("--", fg="red")
    click.echo(f"{mark}  {session.safe(item.path)}  {text}".rstrip())
    for flaw in [] if item.in_order else flaws(item):
        click.echo(f"      {session.safe(flaw)}")
