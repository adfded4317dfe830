"""`gitconfigmgr resign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "resign",
    epilog="""\b
Examples:
  gitconfigmgr resign
  gitconfigmgr resign --to directory:published --force

Run it every day: a tree whose timestamp has ended is refused by everybody.""",
)
@common.to
@common.keys
@click.option("--force", is_flag=True, help="Renew the timestamp even before half of its life is over.")
@click.pass_context
def command(ctx: click.Context, destinations: tuple[str, ...], keys: Path | None, force: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Renew the metadata of a published tree that is past half of its life, and put rotated keys in force."""
    tree = common.tree_of(common.releasing(ctx, None, destinations, keys))
    found = tree.resign(force=force)
    for role in found.left:
        click.echo(f"warning: {role} is past half of its life, and its keys are not here", err=True)
    if found.dropped is not None:
        click.echo(f"note: release {found.dropped} waited for signatures of what was renewed: release again", err=True)
    click.echo(f"renewed {', '.join(found.roles)}" if found.roles else "nothing to renew")
