"""`gitconfigmgr secret recipients`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session


@click.command(
    "recipients",
    epilog="""\b
Examples:
  gitconfigmgr secret recipients
  gitconfigmgr secret recipients --strict --format json""",
)
@click.option("--strict", is_flag=True, help="Status 1 where a key opens both protected and other environments.")
@options.output_format("text", "json")
@click.pass_context
def command(ctx: click.Context, strict: bool, format_: str) -> None:  # noqa: FBT001 - click passes flags so
    """Tell who can open which files, and which keys open protected environments beside others.

    A key that a developer needs for staging should not open production. `secret status` holds recipients against the
    rules.
    """
    from gitconfigmgr.app.secrets.overview import readers
    from gitconfigmgr.model.names import many

    here = session.Session(ctx)
    bench, _ = here.bench()
    found = readers(bench, here.protected())
    if format_ == "json":
        listed = [{"kind": item.recipient.kind, "recipient": str(item.recipient), "files": list(item.files),
                   "crosses_protection": item.crosses} for item in found]  # fmt: skip
        options.print_json({"recipients": listed})
    else:
        for item in found:
            click.echo(f"{session.safe(str(item.recipient))}  {many(len(item.files), 'file')}")
            for path in item.files:
                click.echo(f"    {session.safe(path)}")
            if item.crosses:
                click.echo(click.style("    opens protected environments and others: use a key for each", fg="yellow"))
    options.finish(1 if strict and any(item.crosses for item in found) else 0)
