"""`gitconfigmgr release rollout`."""

from __future__ import annotations

from pathlib import Path

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common


@click.command(
    "rollout",
    epilog="""\b
Examples:
  gitconfigmgr release rollout 50 -e production -m 'error rate unchanged after an hour'
  gitconfigmgr release rollout 100 -n acme/chat -m done""",
)
@click.argument("percent", type=click.IntRange(1, 100))
@common.to
@options.namespaces
@options.environments
@common.reason
@common.keys
@click.pass_context
def command(
    ctx: click.Context,
    percent: int,
    destinations: tuple[str, ...],
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    reason: str | None,
    keys: Path | None,
) -> None:
    """Give the release under way to PERCENT of the readers; 100 ends the rollout."""
    from gitconfigmgr.release.rollout import Widen

    work = common.releasing(ctx, None, destinations, keys)
    tend = common.tending(work, Path(ctx.find_root().obj), reason)
    selection = options.selection(namespaces, environments)
    publication, number = tend.change(selection, Widen(percent), only_rolling=True)
    common.changed(publication, number, f"reach {percent} percent of readers")
