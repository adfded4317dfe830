"""`gitconfigmgr secret finish`."""

from __future__ import annotations

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "finish",
    epilog="""\b
Examples:
  gitconfigmgr secret finish
  gitconfigmgr secret finish configs/acme/chat/production.yaml""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@session.base
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], base: str | None) -> None:
    """Make the message authentication codes that a merge without a key left open.

    You vouch for the readable values of these files: look at the merge first.
    """
    from gitconfigmgr.app.secrets.merging import finish_files

    here = session.Session(ctx, base)
    bench, paths = here.files(files) if files else (here.bench()[0], None)
    done = finish_files(bench, paths)
    for path in done:
        click.echo(f"finished {path}")
    if not done:
        click.echo("nothing waits to be finished")
