"""`gitconfigmgr secret rotate-key`."""

from __future__ import annotations

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "rotate-key",
    epilog="""\b
Examples:
  gitconfigmgr secret rotate-key configs/acme/chat/production.yaml
  gitconfigmgr secret rotate-key --all""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@session.all_files
@session.base
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], everything: bool, base: str | None) -> None:  # noqa: FBT001 - click passes flags so
    """Give files new data keys, for the recipients they have. Every value gets a new encrypted form."""
    from gitconfigmgr.app.secrets.keys import rotate_files

    bench, paths = session.Session(ctx, base).encrypted(files, everything=everything)
    for path in rotate_files(bench, paths):
        click.echo(f"rotated {path}")
