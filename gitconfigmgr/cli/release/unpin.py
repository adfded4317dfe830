"""`gitconfigmgr release unpin`."""

from __future__ import annotations

from pathlib import Path

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common


@click.command(
    "unpin",
    epilog="""\b
Examples:
  gitconfigmgr release unpin acme/chat -e production -m 'incident 12 is over'""",
)
@click.argument("namespace")
@options.environment
@common.to
@common.reason
@common.keys
@click.pass_context
def command(
    ctx: click.Context,
    namespace: str,
    environment: str,
    destinations: tuple[str, ...],
    reason: str | None,
    keys: Path | None,
) -> None:
    """End a pin before its day; the next release publishes what the branch says."""
    from gitconfigmgr.release.rollout import Let

    work = common.releasing(ctx, None, destinations, keys)
    tend = common.tending(work, Path(ctx.find_root().obj), reason)
    publication, number = tend.change(options.selection((namespace,), (environment,)), Let())
    common.changed(publication, number, "pinned no more")
