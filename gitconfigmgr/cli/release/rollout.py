"""`gitconfigmgr release rollout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from gitconfigmgr.app.release.tending import Tending


@click.command(
    "rollout",
    epilog="""\b
Examples:
  gitconfigmgr release rollout 50 -e production -m 'error rate unchanged after an hour'
  gitconfigmgr release rollout 100 -n acme/chat -m done""",
)
@click.argument("percent", type=click.IntRange(1, 100))
@options.namespaces
@options.environments
@common.by_hand
def command(tend: Tending, percent: int, namespaces: tuple[str, ...], environments: tuple[str, ...]) -> None:
    """Give the release under way to PERCENT of the readers; 100 ends the rollout."""
    from gitconfigmgr.release.rollout import Widen

    selection = options.selection(namespaces, environments)
    publication, number = tend.change(selection, Widen(percent), only_rolling=True)
    common.changed(publication, number, f"reach {percent} percent of readers")
