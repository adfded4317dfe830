"""`gitconfigmgr init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "init",
    epilog="""\b
Examples:
  gitconfigmgr init my-config
  cd my-config && gitconfigmgr check""",
)
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, folder: Path) -> None:
    """Make a new config repository that passes check.

    Writes settings, a first namespace, a schema, a policy, a config test, a pre-commit hook and a CI workflow; replaces no
    file. The policy is left out where gitconfigmgr[policies] is not installed.
    """
    from gitconfigmgr.wiring.folders import create_repository

    place = Path(ctx.find_root().obj) / folder
    names = create_repository(place)
    for name in names:
        click.echo(f"wrote {name}")
    there = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"\nnext: {there}gitconfigmgr check")
    click.echo(f"      {there}gitconfigmgr explain acme/chat model.max_tokens -e production")
