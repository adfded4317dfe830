"""`gitconfigmgr release pin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from gitconfigmgr.app.release.tending import Tending


@click.command(
    "pin",
    epilog="""\b
Examples:
  gitconfigmgr release pin acme/chat -e production --owner oncall --until 2026-12-31 -m 'incident 12'""",
)
@click.argument("namespace")
@options.environment
@click.option("--owner", required=True, metavar="WHO", help="Who ends it.")
@click.option("--until", required=True, metavar="DATE", help="The last day.")
@click.option("--version", type=click.IntRange(1), metavar="N", help="Publish this older version again, and keep it.")
@common.by_hand
def command(tend: Tending, namespace: str, environment: str, owner: str, until: str, version: int | None) -> None:
    """Keep a target at its version: releases pass it over until the day is over."""
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.release.rollout import Hold, Pin

    pin = Pin(owner, common.day(until), tend.reason)
    if version is None:
        publication, number = tend.change(options.selection((namespace,), (environment,)), Hold(pin))
    else:
        publication, _, number = tend.rollback(Target(namespace, environment), version, pin)
    common.changed(publication, number, f"pinned until {pin.until}")
