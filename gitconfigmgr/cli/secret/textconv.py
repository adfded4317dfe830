"""`gitconfigmgr secret textconv`."""

from __future__ import annotations

from pathlib import Path

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "textconv",
    epilog="""\b
Examples:
  gitconfigmgr secret textconv configs/acme/chat/production.yaml
  git config diff.gitconfigmgr.textconv 'gitconfigmgr secret textconv'""",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.pass_context
def command(ctx: click.Context, file: Path) -> None:
    """Show a file as `git diff` compares it: keys, types, and marks that change with the values. No key is needed.

    Files that are not encrypted are shown as they are.
    """
    from gitconfigmgr.app.secrets.merging import show_file

    place = Path(ctx.find_root().obj) / file
    session.write_output(show_file(file.name, place.read_bytes()).encode("utf-8", "surrogateescape"))
