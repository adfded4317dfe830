"""`gitconfigmgr release prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "prune",
    epilog="""\b
Examples:
  gitconfigmgr release prune --dry-run
  gitconfigmgr release prune --to directory:published

Kept is what metadata leads to that has not ended, or ended in the last
release.keep_days days, what deltas begin at, and all records and receipts.""",
)
@common.to
@common.keys
@click.option("--dry-run", is_flag=True, help="List the files, remove none.")
@click.pass_context
def command(ctx: click.Context, destinations: tuple[str, ...], keys: Path | None, dry_run: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Remove from a published tree what no reader can ask for any more."""
    from gitconfigmgr.model.names import many

    tree = common.tree_of(common.releasing(ctx, None, destinations, keys))
    found = tree.prune(dry_run=dry_run)
    if dry_run:
        for path in found:
            click.echo(path)
    what = f"{many(len(found), 'file')}, with their compressed forms" if found else "nothing"
    click.echo(f"would remove {what}" if dry_run else f"removed {what}")
