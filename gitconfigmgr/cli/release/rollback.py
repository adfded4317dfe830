"""`gitconfigmgr release rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from gitconfigmgr.app.release.tending import Tending


@click.command(
    "rollback",
    epilog="""\b
Examples:
  gitconfigmgr release rollback acme/chat -e production -m 'answers in the wrong language'
  gitconfigmgr release rollback acme/chat -e production --to-version 4 -m 'as before the incident'""",
)
@click.argument("namespace")
@options.environment
@click.option("--to-version", "version", type=click.IntRange(1), metavar="N", help="Default: the one before.")
@common.by_hand
def command(tend: Tending, namespace: str, environment: str, version: int | None) -> None:
    """Publish an older version again, as a new version of a new release: readers never go back in number.

    The branch stays as it is, and so the next release publishes it: roll back in Git too, or use `release pin`.
    """
    from gitconfigmgr.model.names import Target

    publication, to, number = tend.rollback(Target(namespace, environment), version, None)
    common.changed(publication, number, f"has the content of version {to.number}")
    click.echo("note: the next release publishes the branch again: `gitconfigmgr rollback`, or `release pin`", err=True)
