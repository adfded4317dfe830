"""`gitconfigmgr secret install-git`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "install-git",
    epilog="""\b
Examples:
  gitconfigmgr secret install-git
  gitconfigmgr secret install-git 'secrets/*.env'

Git keeps such settings out of what it clones: run it once in every clone.""",
)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.pass_context
def command(ctx: click.Context, patterns: tuple[str, ...]) -> None:
    """Teach Git to merge encrypted files by their keys, and to show what changed in them.

    Writes a merge driver and a textconv into the configuration of this clone, and lines for the layers, for the encrypted
    files elsewhere and for each PATTERN into .gitattributes, which is to be committed.
    """
    from gitconfigmgr.wiring.folders import install_git

    done = install_git(Path(ctx.find_root().obj), patterns)
    for line in done:
        click.echo(line)
    if not done:
        click.echo("all is there already")
