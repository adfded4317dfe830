"""`gitconfigmgr restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.history import committing

if TYPE_CHECKING:
    from gitconfigmgr.cli.editing import How


@click.command(
    "restore",
    epilog="""\b
Examples:
  gitconfigmgr restore acme/chat --dry-run
  gitconfigmgr restore acme/chat -m "Still used by the mobile app" """,
)
@click.argument("namespace", metavar="NS")
@options.rev
@committing.how
@click.pass_context
def command(ctx: click.Context, namespace: str, rev: str | None, how: How) -> None:
    """Make one commit that brings a deleted namespace back, with all files it last had.

    Where layers above it have changed since, its documents are not what they were; that is said.
    """
    from gitconfigmgr.app.restore import restore

    work = committing.Work(options.state(ctx, rev), how)
    namespace = namespace.strip("/")
    change = restore(work.repository, work.reopen, work.chronicle(), namespace, others=how.force)
    work.finish(change, f"Restore {namespace}")
