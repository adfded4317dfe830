"""`gitconfigmgr release show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "show",
    epilog="""\b
Examples:
  gitconfigmgr release show 12""",
)
@click.argument("number", type=click.IntRange(1))
@common.to
@common.keys
@click.pass_context
def command(ctx: click.Context, number: int, destinations: tuple[str, ...], keys: Path | None) -> None:
    """Show the receipt of a release, as JSON."""
    from gitconfigmgr.app.release.tending import receipt_of
    from gitconfigmgr.errors import UsageError

    found = receipt_of(common.tree_of(common.releasing(ctx, None, destinations, keys)), number)
    if found is None:
        raise UsageError(f"there is no release {number}", "see `gitconfigmgr release list`")
    options.print_json(found)
