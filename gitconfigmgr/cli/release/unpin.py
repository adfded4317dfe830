"""`gitconfigmgr release unpin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from gitconfigmgr.app.release.tending import Tending


@click.command(
    "unpin",
    epilog="""\b
Examples:
  gitconfigmgr release unpin acme/chat -e production -m 'incident 12 is over'""",
)
@click.argument("namespace")
@options.environment
@common.by_hand
def command(tend: Tending, namespace: str, environment: str) -> None:
    """End a pin before its day; the next release publishes what the branch says."""
    from gitconfigmgr.release.rollout import Let

    publication, number = tend.change(options.selection((namespace,), (environment,)), Let())
    common.changed(publication, number, "pinned no more")
